"""`salesnav transform`: builds the models of the dbt package in the warehouse that dlt's configuration names."""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesnav_source.cli.grammar import add_where_marts_are, database_of, dataset_of, exit_codes
from salesnav_source.cli.terminal import say, show
from salesnav_source.run.exit_codes import COMPLETE, INCOMPLETE
from salesnav_source.settings.installed import how_to_install, of_extra
from salesnav_source.warehouse import destinations

if TYPE_CHECKING:
    from salesnav_source.exceptions import ConfigurationError

_PACKED = Path(__file__).parents[1] / "marts" / "dbt_package"

PACKAGE = _PACKED if _PACKED.is_dir() else Path(__file__).parents[2] / "dbt"
"""The dbt package that comes with this one: packed into the wheel, or beside this package in the repository."""

TARGET = Path("target") / "salesnav"
"""Where dbt writes compiled models, logs and the docs."""

_SECRET = "DBT_ENV_SECRET_SALESNAV"
"""First part of the names of variables with secrets. dbt keeps the values of such variables out of its logs."""

ADAPTERS = ("duckdb", "postgres", "bigquery", "snowflake")
"""Warehouses on which the models are tried. Each is called as its adapter of dbt is."""

OLDEST = (1, 10)
"""The oldest dbt that reads the package."""

UNUSABLE = 2
"""What dbt exits with where it could not begin."""

MEMORY = "300MB"
"""What DuckDB may take for a build. Measured: enough for a first build of 20 million activities, one model at a time. What does
not fit waits in files beside the database. Without a limit DuckDB takes most of the machine's memory, and is no faster."""

_QUICK = {"DBT_WRITE_JSON": "false", "DBT_LOG_LEVEL_FILE": "info"}

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Builds the models of the dbt package in the warehouse of dlt's configuration, with the installed dbt."
    )
    parser.epilog = exit_codes(
        _0="built and tested",
        _2="nothing was built",
        _3="a model or a test failed, or dbt could not connect; dbt says which",
    )
    add_where_marts_are(parser, "build on")
    parser.add_argument("--dbt", metavar="PATH", help="the dbt to use; default the one that is installed")
    parser.add_argument("--docs", action="store_true", help="make the docs too, as one HTML file")
    parser.add_argument(
        "--full-refresh", action="store_true", help="build all from nothing, not only what loads have touched"
    )
    parser.add_argument(
        "--full-tests", action="store_true", help="test all rows, not only those of days that loads have touched"
    )
    parser.add_argument("--vars", metavar="JSON", help="variables of the package")
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="models built at a time; default 4, or 1 in DuckDB, which uses all cores",
    )
    parser.add_argument(
        "--memory-limit",
        default=MEMORY,
        metavar="SIZE",
        help="how much memory DuckDB may take, e.g. 2GB; default %(default)s. Other warehouses do not heed it",
    )
    parser.add_argument("--target-path", metavar="DIR", help="where dbt writes; default target/salesnav")
    parser.add_argument(
        "--dbt-options",
        default="",
        metavar="TEXT",
        help="more options for dbt build: --dbt-options='--select salesnav__seats+'",
    )


def uses_dlt(options: argparse.Namespace) -> bool:
    """True if dlt's configuration says where the warehouse is. To import dlt takes longer than dbt does to read the package."""
    return bool(options.destination != "duckdb")


def run(options: argparse.Namespace) -> int:
    """Builds the models.

    Raises:
        ConfigurationError: if there is no dbt, or no warehouse.
    """
    if options.destination not in ADAPTERS:
        raise _mistake(
            f"The models were not tried on {options.destination}, so that this command does not build them there. It knows"
            f" {', '.join(ADAPTERS)}; for another warehouse, use the package in dbt/ with a profile of your own."
        )
    given = _variables(options.vars)
    more = _split(options.dbt_options)
    output, secrets = profile(options)
    variables = {"salesnav_schema": dataset_of(options), "salesnav_semantic_models": True}
    if options.full_tests:
        variables["salesnav_full_tests"] = True
    if options.sandbox and options.destination == "duckdb":
        variables |= _paperwork(Path(output["path"]), dataset_of(options))
    variables |= given
    output["schema" if output["type"] != "bigquery" else "dataset"] = options.schema
    dbt = find_dbt(options.dbt, output["type"])
    target = Path(options.target_path or TARGET).absolute()
    with tempfile.TemporaryDirectory() as folder:
        # JSON is YAML
        profiles = {"salesnav": {"target": "salesnav", "outputs": {"salesnav": output}}}
        (Path(folder) / "profiles.yml").write_text(json.dumps(profiles), encoding="utf-8")
        common = [
            *("--project-dir", str(PACKAGE)),
            *("--profiles-dir", folder),
            *("--target-path", str(target)),
            *("--vars", json.dumps(variables)),
        ]
        # unit tests prove the package, not these rows
        command = [
            "build",
            "--exclude-resource-type",
            "unit_test",
            *(["--full-refresh"] if options.full_refresh else []),
        ]
        done = _dbt(dbt, [*command, *more], common, target, {**_quick(), **secrets})
        if done == UNUSABLE:
            require(dbt, output["type"])
        if options.docs:
            done = _docs(dbt, common, target, secrets) or done
    return INCOMPLETE if done else COMPLETE


_NOT_FOR_DBT = re.compile(r"PYTHONPATH|(SOURCES|DESTINATION|CREDENTIALS|LOAD|PIPELINE)(__.*)?|.*__CREDENTIALS(__.*)?")
_SECRETS = re.compile(r".*(TOKEN|SECRET|PASSW|PRIVATE_KEY|API_?KEY|PSEUDONYM).*")
_OF_DBT = re.compile(r"(DBT|AWS|GOOGLE|SNOWFLAKE|DATABRICKS|PG).*")


def environment_of_dbt(given: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment for dbt: without what other tools have set for Python, and without secrets that are not its own.

    Settings of dlt are left out, as they hold tokens of LinkedIn's; so is what is called a secret, unless it is called after
    dbt or a warehouse.
    """

    def is_for_dbt(name: str) -> bool:
        return not _NOT_FOR_DBT.fullmatch(name) and (not _SECRETS.fullmatch(name) or bool(_OF_DBT.fullmatch(name)))

    return {name: value for name, value in given.items() if is_for_dbt(name.upper())}


def _paperwork(database: Path, dataset: str) -> dict[str, Any]:
    """Writes the sandbox's teams and terms beside its tables; returns the variables that name them."""
    from salesnav_source.sandbox import World, paperwork

    paperwork.write(database, dataset, World())
    return {"salesnav_contract_terms": f"{dataset}.{paperwork.TERMS}"}


def _docs(dbt: str, common: list[str], target: Path, secrets: Mapping[str, str]) -> int:
    """Makes the docs, and says where they are or that they were not made."""
    page = target / "static_index.html"
    page.unlink(missing_ok=True)
    done = _dbt(dbt, ["docs", "generate", "--static"], common, target, secrets)
    if page.exists():
        show(f"The docs are in {page}")
        return done
    say("The docs were not made: this dbt has no page in one file. dbt-core before 2 makes it.")
    return done or 1


def _dbt(dbt: str, command: list[str], common: list[str], target: Path, secrets: Mapping[str, str]) -> int:
    whole = [dbt, "--log-path", str(target / "logs"), *command, *common]
    return subprocess.run(whole, env={**_environment(), **secrets}, check=False).returncode


def _quick() -> dict[str, str]:
    """Returns settings of dbt that save a tenth of its time: it writes no files about its work that nobody here reads."""
    return {name: value for name, value in _QUICK.items() if name not in os.environ}


def _environment() -> dict[str, str]:
    environment = environment_of_dbt(os.environ)
    environment.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    return environment


def find_dbt(given: str | None, adapter: str) -> str:
    """Returns the path of dbt: the given one, the one beside this Python, or the one on PATH.

    Raises:
        ConfigurationError: if there is none, with what to install.
    """
    beside = Path(sys.executable).parent / "dbt"
    found = shutil.which(given) if given else str(beside) if beside.exists() else shutil.which("dbt")
    if found is None:
        raise _mistake(f"There is no dbt{f' at {given}' if given else ''}. {_install(adapter)}")
    # not resolved: an environment's program is a link
    return str(Path(found).absolute())


def require(dbt: str, adapter: str) -> None:
    """Asks a dbt that could not begin what it is: to ask each time would take seconds.

    Raises:
        ConfigurationError: if it is too old or does not know the warehouse, with what to install.
    """
    version, adapters = _told(dbt)
    if version is None:
        raise _mistake(f"{dbt} --version tells no version, so it is no dbt. {_install(adapter)}")
    if version[:2] < OLDEST:
        raise _mistake(f"{dbt} is dbt {'.'.join(map(str, version))}, which is too old. {_install(adapter)}")
    # dbt 2 brings its adapters along, and names none
    if version[0] < 2 and adapter not in adapters:
        raise _mistake(f"{dbt} does not know {adapter}. {_install(adapter)}")


def _install(adapter: str) -> str:
    # dbt-core 1.12 wants a parser that fetches from outside of a package index while it is installed
    return (
        "Install it apart from this package, and name it:\n\n"
        f'    python3 -m venv dbt-env && dbt-env/bin/pip install "dbt-core>=1.10.8,<1.12" dbt-{adapter}\n'
        "    salesnav transform --dbt dbt-env/bin/dbt …\n\n"
        + (f"or beside it:\n\n    {how_to_install(*of_extra('dbt'))}\n" if adapter == "duckdb" else "")
    )


def _told(dbt: str) -> tuple[tuple[int, ...] | None, set[str]]:
    """Returns the version of a dbt and its adapters, as it tells itself; None if it tells no version."""
    try:
        asked = subprocess.run([dbt, "--version"], env=_environment(), capture_output=True, text=True, check=False)
    except OSError:
        return None, set()
    said = _COLOUR.sub("", asked.stdout + asked.stderr)
    # "- installed: 1.11.16" under Core, or "dbt 2.0.0-preview.196" in one line
    found = re.search(r"installed:\s*(\d+(?:\.\d+)*)", said) or re.search(r"^dbt\S*\s+v?(\d+(?:\.\d+)*)", said, re.M)
    plugins = said.partition("Plugins:")[2]
    version = tuple(int(part) for part in found.group(1).split(".")) if found and not asked.returncode else None
    return version, set(re.findall(r"^\s*-\s*(\w+):", plugins, re.M))


def profile(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns dbt's profile of the warehouse, and the variables of the environment with the secrets in it.

    Raises:
        ConfigurationError: if there is no such warehouse, or dbt could not log in as dlt does.
    """
    is_duckdb = options.destination == "duckdb"
    output: dict[str, Any] = {"type": options.destination, "threads": options.threads or (1 if is_duckdb else 4)}
    if is_duckdb:
        return output | _duckdb_file(options), {}
    credentials, config = _credentials(options)
    secrets: dict[str, str] = {}

    def secret(name: str, value: Any) -> str:
        secrets[f"{_SECRET}_{name}"] = str(value)
        return f"{{{{ env_var('{_SECRET}_{name}') }}}}"

    if options.destination == "postgres":
        output |= {"host": credentials.host, "port": credentials.port or 5432, "user": credentials.username}
        output |= {"password": secret("PASSWORD", credentials.password), "dbname": credentials.database}
        sslmode = (credentials.query or {}).get("sslmode")
        output |= {"sslmode": sslmode} if sslmode else {}
    elif options.destination == "snowflake":
        output |= {"account": credentials.host, "user": credentials.username, "database": credentials.database}
        output |= {"warehouse": credentials.warehouse, "role": credentials.role}
        if credentials.password:
            output["password"] = secret("PASSWORD", credentials.password)
        if credentials.private_key:
            output["private_key"] = secret("KEY", credentials.private_key)
        if credentials.private_key_passphrase:
            output["private_key_passphrase"] = secret("KEY_PASSPHRASE", credentials.private_key_passphrase)
        if credentials.authenticator:
            output["authenticator"] = credentials.authenticator
    else:
        output |= {"project": config.project_id or credentials.project_id, "location": config.location}
        output |= _bigquery_login(credentials, secret)
    return {name: value for name, value in output.items() if value is not None}, secrets


def _duckdb_file(options: argparse.Namespace) -> dict[str, Any]:
    path = database_of(options).absolute()
    if not path.exists():
        raise _mistake(f"There is no DuckDB file {path}. Load into it first, or name one with --database.")
    # the file is brought up to date once, at the end, and not after each few models
    settings = {"preserve_insertion_order": "false", "checkpoint_threshold": "256MB"}
    return {"path": str(path), "config_options": {"memory_limit": options.memory_limit, **settings}}


def _bigquery_login(credentials: Any, secret: Any) -> dict[str, Any]:
    if getattr(credentials, "private_key", None):
        return {
            "method": "service-account-json",
            "keyfile_json": {
                "type": "service_account",
                "project_id": credentials.project_id,
                "private_key": secret("KEY", credentials.private_key),
                "client_email": credentials.client_email,
                "token_uri": credentials.token_uri,
            },
        }
    if getattr(credentials, "refresh_token", None):
        return {
            "method": "oauth-secrets",
            "client_id": credentials.client_id,
            "client_secret": secret("CLIENT", credentials.client_secret),
            "refresh_token": secret("REFRESH", credentials.refresh_token),
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    return {"method": "oauth"}


def _credentials(options: argparse.Namespace) -> tuple[Any, Any]:
    """Returns dlt's credentials for the destination, and the rest of its configuration."""
    import dlt

    destinations.require(options.destination)
    named = {"credentials": {"database": options.database}} if options.database else {}
    if options.destination == "bigquery":
        named = {"project_id": options.database} if options.database else {}
    destination = getattr(dlt.destinations, options.destination)(**named)
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "salesnav_transform", pipelines_dir=folder, destination=destination, dataset_name=dataset_of(options)
        )
        config: Any = pipeline.destination_client().config
        return config.credentials, config


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise _mistake(f"--dbt-options cannot be read ({error}): {text}") from None


def _variables(text: str | None) -> dict[str, Any]:
    try:
        given = json.loads(text or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise _mistake(f"--vars takes a JSON object, not {text}")
    return given


def _mistake(message: str) -> "ConfigurationError":
    # it is imported with dlt
    from salesnav_source.exceptions import ConfigurationError

    return ConfigurationError(message)

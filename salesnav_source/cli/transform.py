"""`salesnav transform`: builds the models of the dbt package in the warehouse that dlt's configuration names."""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dlt

from salesnav_source import destinations
from salesnav_source.cli.terminal import COMPLETE, INCOMPLETE
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.installed import how_to_install, of_extra
from salesnav_source.names import DATASET, DEFAULT_PIPELINE, SANDBOX_PIPELINE

PACKAGE = Path(__file__).parents[1] / "dbt_package"
"""The dbt package, as it comes with this one."""

TARGET = Path("target") / "salesnav"
"""Where dbt writes what it has compiled, its logs and the docs."""

_SECRET = "DBT_ENV_SECRET_SALESNAV"
"""Begins the names of variables that hold secrets; dbt keeps values of such variables out of its logs."""

_ADAPTERS = {"duckdb": "duckdb", "postgres": "postgres", "bigquery": "bigquery", "snowflake": "snowflake"}


def run(options: argparse.Namespace) -> int:
    """Builds the models.

    Raises:
        ConfigurationError: if there is no dbt, or no warehouse.
    """
    variables = {"salesnav_schema": _dataset(options), "salesnav_semantic_models": True, **_variables(options.vars)}
    more = _split(options.dbt_options)
    output, secrets = profile(options)
    output["schema" if output["type"] != "bigquery" else "dataset"] = options.schema
    dbt = find_dbt(options.dbt, output["type"])
    target = Path(options.target_path or TARGET).absolute()
    # without what other tools have set for Python, which would lead dbt to packages that are not its own
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    with tempfile.TemporaryDirectory() as folder:
        # JSON is YAML
        profiles = {"salesnav": {"target": "salesnav", "outputs": {"salesnav": output}}}
        (Path(folder) / "profiles.yml").write_text(json.dumps(profiles), encoding="utf-8")
        common = [
            *("--project-dir", str(PACKAGE.resolve())),
            *("--profiles-dir", folder),
            *("--target-path", str(target)),
            *("--vars", json.dumps(variables)),
        ]
        command = ["build", *(["--full-refresh"] if options.full_refresh else []), *more]
        done = _dbt(dbt, command, common, target, environment | secrets)
        if options.docs:
            done = _dbt(dbt, ["docs", "generate", "--static"], common, target, environment | secrets) or done
            print(f"The docs are in {target / 'static_index.html'}")
    return INCOMPLETE if done else COMPLETE


def _dbt(dbt: str, command: list[str], common: list[str], target: Path, environment: Mapping[str, str]) -> int:
    whole = [dbt, "--log-path", str(target / "logs"), *command, *common]
    return subprocess.run(whole, env=environment, check=False).returncode


def find_dbt(given: str | None, adapter: str) -> str:
    """Returns the path of dbt: the given one, the one beside this Python, or that on the path.

    Raises:
        ConfigurationError: if there is none, or none that knows the warehouse, with what to install.
    """
    beside = Path(sys.executable).parent / "dbt"
    found = shutil.which(given) if given else str(beside) if beside.exists() else shutil.which("dbt")
    install = (
        "Install it apart from this package, and name it:\n\n"
        f'    python3 -m venv dbt-env && dbt-env/bin/pip install "dbt-core>=1.10.8,<1.13" dbt-{adapter}\n'
        "    salesnav transform --dbt dbt-env/bin/dbt …\n\n"
        + (f"or beside it:\n\n    {how_to_install(*of_extra('dbt'))}\n" if adapter == "duckdb" else "")
    )
    if found is None:
        raise ConfigurationError(f"There is no dbt{f' at {given}' if given else ''}. {install}")
    # not resolved: an environment's python is a link
    python = Path(found).absolute().parent / "python"
    if python.exists():
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        check = [str(python), "-c", f"import dbt.adapters.{_ADAPTERS[adapter]}"]
        if subprocess.run(check, env=environment, capture_output=True, check=False).returncode:
            raise ConfigurationError(f"{found} does not know {adapter}. {install}")
    return str(Path(found).absolute())


def profile(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns dbt's profile of the warehouse, and the variables of the environment with the secrets in it.

    Raises:
        ConfigurationError: if the warehouse is not there, or dbt could not log in as dlt does.
    """
    credentials, config = _credentials(options)
    secrets: dict[str, str] = {}

    def secret(name: str, value: Any) -> str:
        secrets[f"{_SECRET}_{name}"] = str(value)
        return f"{{{{ env_var('{_SECRET}_{name}') }}}}"

    output: dict[str, Any] = {"type": options.destination, "threads": options.threads}
    if options.destination == "duckdb":
        path = Path(credentials.database)
        if not path.exists():
            raise ConfigurationError(
                f"There is no DuckDB file {path}. Load into it first, or name one with --database."
            )
        output["path"] = str(path.absolute())
    elif options.destination == "postgres":
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
    """Returns the credentials that dlt would load with, and the rest of its configuration of the destination."""
    if options.destination == "duckdb":
        name = SANDBOX_PIPELINE if options.sandbox else DEFAULT_PIPELINE
        destination: Any = dlt.destinations.duckdb(str(Path(options.database or f"{name}.duckdb").absolute()))
    else:
        destinations.require(options.destination)
        named = {"credentials": {"database": options.database}} if options.database else {}
        if options.destination == "bigquery":
            named = {"project_id": options.database} if options.database else {}
        destination = getattr(dlt.destinations, options.destination)(**named)
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "salesnav_transform", pipelines_dir=folder, destination=destination, dataset_name=_dataset(options)
        )
        config: Any = pipeline.destination_client().config
        return config.credentials, config


def _dataset(options: argparse.Namespace) -> str:
    if options.dataset:
        return str(options.dataset)
    return SANDBOX_PIPELINE if options.sandbox and options.destination != "duckdb" else DATASET


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigurationError(f"--dbt-options cannot be read ({error}): {text}") from None


def _variables(text: str | None) -> dict[str, Any]:
    try:
        given = json.loads(text or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ConfigurationError(f"--vars takes a JSON object, not {text}")
    return given

"""What a stranger meets in the first hour: each sentence, exit code and file, in a process of its own."""

import argparse
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from runs.house import ROOT

import salesnav_source
from salesnav_source.cli import COMMANDS, command_parser
from salesnav_source.cli.display import Lane, render_lanes, render_sum
from salesnav_source.run.layout import fitted
from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.sandbox.faults import content, internal_error
from salesnav_source.sandbox.transforms import compose, drop_columns, extra_columns
from salesnav_source.schema import EXPORTS
from salesnav_source.settings.installed import of_extra
from salesnav_source.warehouse.destinations import DESTINATIONS

pytestmark = pytest.mark.long(
    "each starts the command in a process of its own, 2.4 s of CPU; tests/test_cli.py calls it in its own process",
    but=(
        "test_version_and_help_answer_at_once",
        "test_the_version_is_the_project_s",
        "test_every_command_and_option_says_what_it_does",
        "test_init_makes_a_project_that_loads_and_overwrites_nothing",
        "test_the_starter_is_what_the_repository_has",
        "load duckdb --plan",
        "test_a_plan_leaves_nothing_in_the_folder",
        "nowhere/x.duckdb",
        "test_a_locked_file_is_said_plainly",
        "test_what_an_extra_needs_can_be_installed_from_anywhere",
        "postgres",
        "test_quiet_says_nothing_if_all_is_well",
        "complete",
        "refused",
        "80",
        "100",
        "140",
        "None",
        "test_lanes_tell_what_is_at_linkedin_and_when_the_end_comes",
        "test_ctrl_c_leaves_a_clean_terminal",
        "test_an_old_python_is_told_before_anything_is_installed",
    ),
)

COMMAND = [sys.executable, "-m", "salesnav_source"]
PREFIX = "SOURCES__SALESNAV__"
ONE, TWO = "urn:li:contract:1", "urn:li:contract:2"
SMALL = ("--contract", "urn:li:contract:210003", "--export", "seats")

TRun = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder of a stranger's."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def environment(place: Path, **variables: str) -> dict[str, str]:
    given = ("SOURCES__", "DESTINATION__", "DLT_", "RUNTIME__", "PROGRESS", "CREDENTIALS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(given)}
    path = os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")])
    return {**kept, "HOME": str(place), "DLT_DATA_DIR": str(place.parent / "data"), "PYTHONPATH": path, **variables}


@pytest.fixture
def run(place: Path) -> TRun:
    """Runs the command; what it prints has no stack trace."""

    def command(*argv: str, cwd: Path = place, **variables: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [*COMMAND, *argv], cwd=cwd, env=environment(place, **variables), capture_output=True, text=True, timeout=120
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    return command


@pytest.fixture
def served() -> Iterator[Sandbox]:
    specs = (ContractSpec(ONE, "One", seats=2), ContractSpec(TWO, "Two", seats=2))
    with Sandbox(World(contracts=specs, activities_per_seat=2), job_seconds=(0, 0.05)) as sandbox:
        yield sandbox


def asks(sandbox: Sandbox, **variables: str) -> dict[str, str]:
    return {
        f"{PREFIX}BASE_URL": sandbox.base_url,
        f"{PREFIX}CREDENTIALS__ACCESS_TOKEN": sandbox.access_token,
        f"{PREFIX}POLL_INTERVAL": "0.05",
        f"{PREFIX}START_DATE": yesterday(),
        **variables,
    }


def yesterday() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))


def test_version_and_help_answer_at_once(run: TRun) -> None:
    assert run("--version").stdout == f"salesnav-source {salesnav_source.__version__}\n"
    heavy = (
        "import sys, salesnav_source.cli as c; c.command_parser('load'); heavy = {'dlt', 'pyarrow', 'requests', 'oauthlib',"
        " 'tomlkit', 'webbrowser', 'http.server', 'salesnav_source.sandbox'}; print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_the_version_is_the_project_s() -> None:
    assert f'version = "{salesnav_source.__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("name", list(DESTINATIONS))
def test_help_is_right_for_each_destination(run: TRun, name: str) -> None:
    said = " ".join(run("load", name, "--help").stdout.split())
    assert ("salesnav_to_duckdb.duckdb" in said) == (name == "duckdb")
    assert f"into {name}, dataset salesnav" in said
    path = ROOT / f"pipelines/salesnav_to_{name}.py"
    if path.exists():
        script = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True)
        assert " ".join(script.stdout.split()) == said


def test_every_command_and_option_says_what_it_does() -> None:
    def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for one in action.choices.values():
                    yield from commands(one)

    for parser in commands(command_parser(*COMMANDS)):
        assert parser.description, parser.prog
        for action in parser._actions:
            assert action.help or isinstance(action, argparse._SubParsersAction), f"{parser.prog} {action.dest}"


def test_init_makes_a_project_that_loads_and_overwrites_nothing(run: TRun, place: Path) -> None:
    assert run("init", "project").returncode == 0
    project = place / "project"
    names = {".dlt/config.toml", ".dlt/secrets.toml.example", "salesnav_to_duckdb.py", ".gitignore"}
    assert {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()} == names
    (project / ".gitignore").write_text("mine")
    (project / "salesnav_to_duckdb.py").write_text("# mine")
    assert run("init", "project").stdout.count("is there") == 3
    assert (project / "salesnav_to_duckdb.py").read_text() == "# mine"
    assert (project / ".gitignore").read_text().startswith("mine\n") and ".dlt/secrets.toml" in (
        project / ".gitignore"
    ).read_text()
    (project / "salesnav_to_duckdb.py").unlink()
    run("init", "project")
    done = subprocess.run(
        [sys.executable, "salesnav_to_duckdb.py", "--sandbox", *SMALL, "--start-date", yesterday()],
        cwd=project,
        env=environment(place),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (project / "salesnav_sandbox.duckdb").exists()


def test_the_starter_is_what_the_repository_has() -> None:
    for name in ("config.toml", "secrets.toml.example"):
        assert (ROOT / ".dlt" / name).read_text() == (ROOT / "salesnav_source/cli/starter" / name).read_text()


def test_init_where_nothing_can_be_written(run: TRun, place: Path) -> None:
    (place / "file").write_text("")
    done = run("init", "file/project")
    assert done.returncode == 2 and "cannot be written" in done.stderr


def test_the_message_names_the_folder_and_the_right_one(run: TRun, place: Path) -> None:
    project = place / "project"
    (project / ".dlt").mkdir(parents=True)
    (project / "deep").mkdir()
    done = run("load", "duckdb", cwd=project / "deep")
    assert done.returncode == 2 and f"{project}/deep/.dlt/secrets.toml, which does not exist" in done.stderr
    (project / ".dlt/secrets.toml").write_text("")
    done = run("load", "duckdb", cwd=project / "deep")
    assert f"There is one in {project}/.dlt: run the command in {project}" in done.stderr


@pytest.mark.parametrize(
    "given", [ONE, f"{ONE}, {TWO}", f'["{ONE}"]', f"{ONE},"], ids=["one", "commas", "json", "comma"]
)
def test_contracts_in_the_environment(run: TRun, served: Sandbox, given: str) -> None:
    planned = run("load", "duckdb", "--plan", **asks(served, **{f"{PREFIX}CONTRACTS": given}))
    assert planned.returncode == 0, planned.stderr
    assert (TWO in planned.stdout) == (TWO in given)


def test_contracts_as_text_in_toml(run: TRun, served: Sandbox, place: Path) -> None:
    (place / ".dlt").mkdir()
    (place / ".dlt/config.toml").write_text(f'[sources.salesnav]\ncontracts = "{TWO}"\n')
    planned = run("load", "duckdb", "--plan", **asks(served))
    assert TWO in planned.stdout and ONE not in planned.stdout


@pytest.mark.parametrize("command", [("load", "duckdb", "--plan"), ("check",), ("contracts",)], ids=" ".join)
def test_misspelt_settings_are_told(run: TRun, served: Sandbox, place: Path, command: tuple[str, ...]) -> None:
    (place / ".dlt").mkdir()
    (place / ".dlt/config.toml").write_text("[sources.salesnav]\nlookback = 3\nschema_contract = 'evolve'\n")
    done = run(*command, **asks(served, **{f"{PREFIX}STARTDATE": "2026-01-01"}))
    said = done.stdout + done.stderr
    assert done.returncode == 0
    assert "config.toml sets lookback, which is no setting and has no effect. Did you mean lookback_days?" in said
    assert f"Did you mean {PREFIX}START_DATE?" in said
    assert said.count("no setting") == 2


@pytest.mark.parametrize("token", ["Bearer {}", "bearer  {} ", "Authorization: Bearer {}"])
def test_a_token_is_taken_with_what_came_before_it(run: TRun, served: Sandbox, token: str) -> None:
    name = f"{PREFIX}CREDENTIALS__ACCESS_TOKEN"
    assert run("contracts", **asks(served, **{name: token.format(served.access_token)})).returncode == 0


def test_credentials_as_json(run: TRun, served: Sandbox) -> None:
    variables = asks(served)
    del variables[f"{PREFIX}CREDENTIALS__ACCESS_TOKEN"]
    name = f"{PREFIX}CREDENTIALS"
    given = json.dumps({"access_token": served.access_token})
    assert run("contracts", **variables, **{name: given}).returncode == 0
    for wrong in ('{"token": "S3cret"}', '{"access_token": "S3cret"'):
        done = run("contracts", **variables, **{name: wrong})
        assert done.returncode == 2 and "credentials" in done.stderr and "S3cret" not in done.stderr


def test_a_start_in_the_future_is_told(run: TRun, served: Sandbox) -> None:
    done = run("load", "duckdb", "--start-date", "2999-01-01", **asks(served))
    assert done.returncode == 2 and "No day is wanted: start_date 2999-01-01" in done.stderr
    assert not served.requests


def test_a_plan_tells_of_contracts_that_are_not_listed(run: TRun, served: Sandbox) -> None:
    done = run("load", "duckdb", "--plan", "--contract", "urn:li:contract:9", **asks(served))
    assert done.returncode == 2 and "does not list this contract" in done.stderr
    done = run("load", "duckdb", "--plan", "--contract", "urn:li:contract:9", "--contract", ONE, **asks(served))
    assert "does not list this contract" in done.stdout and "3 jobs to create" in done.stdout
    assert not served.jobs


def test_a_plan_leaves_nothing_in_the_folder(run: TRun, served: Sandbox, place: Path) -> None:
    assert run("load", "duckdb", "--plan", **asks(served)).returncode == 0
    assert not list(place.iterdir())


@pytest.mark.parametrize("database", [":memory:", "", "md:mine", "nowhere/x.duckdb", "."])
def test_what_is_no_file_is_refused(run: TRun, served: Sandbox, place: Path, database: str) -> None:
    done = run("load", "duckdb", "--database", database, **asks(served))
    assert done.returncode == 2 and done.stderr.startswith("--database") and done.stderr.count("\n") == 1
    assert not served.requests and not list(place.iterdir())


def test_a_collector_that_does_not_exist(run: TRun, served: Sandbox) -> None:
    done = run("load", "duckdb", **asks(served, PROGRESS="1"))
    assert done.returncode == 2
    assert done.stderr.startswith("progress = '1' is none of log, tqdm, enlighten, alive_progress.")


def test_a_data_folder_that_cannot_be_written(run: TRun, served: Sandbox, place: Path) -> None:
    (place / "file").write_text("")
    done = run("load", "duckdb", **asks(served, DLT_DATA_DIR=str(place / "file/data")))
    assert done.returncode == 2 and "DLT_DATA_DIR" in done.stderr and done.stderr.count("\n") == 1
    assert not served.jobs


def test_a_locked_file_is_said_plainly(run: TRun, served: Sandbox, place: Path) -> None:
    hold = "import duckdb, sys; c = duckdb.connect('x.duckdb'); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold], cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "open\n"
    done = run("load", "duckdb", "--database", "x.duckdb", **asks(served))
    holder.communicate("")
    assert done.returncode == 2 and not served.jobs
    assert (
        f"x.duckdb is open in another program, {sys.base_prefix}" in done.stderr or f"PID {holder.pid}" in done.stderr
    )
    assert done.stderr.count("\n") == 1


def test_a_file_of_a_newer_duckdb_is_said_plainly(run: TRun, served: Sandbox, place: Path) -> None:
    duckdb.connect(str(place / "newer.duckdb")).execute("CREATE TABLE t (a INTEGER)").close()
    file = bytearray((place / "newer.duckdb").read_bytes())
    file[12:20] = struct.pack("<Q", 10_000)  # the version of the format
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", file[8:4096]):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    file[:8] = struct.pack("<Q", checksum)
    (place / "newer.duckdb").write_bytes(file)
    done = run("load", "duckdb", "--database", "newer.duckdb", **asks(served))
    assert done.returncode == 2 and not served.jobs
    assert f"was made by a newer DuckDB than {duckdb.__version__}" in done.stderr and "STORAGE_VERSION" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["bigquery", "snowflake", "postgres"])
def test_missing_settings_of_a_warehouse_are_one_line(run: TRun, served: Sandbox, place: Path, name: str) -> None:
    done = run("load", name, **asks(served))
    assert done.returncode == 2 and done.stderr.count("\n") <= 4
    if "not installed" not in done.stderr:
        assert done.stderr.startswith("Settings are missing: ")
        assert f"{place}/.dlt/secrets.toml" in done.stderr
        assert f"DESTINATION__{name.upper()}__CREDENTIALS__" in done.stderr
    assert not served.jobs


def test_what_an_extra_needs_can_be_installed_from_anywhere() -> None:
    assert all(not one.startswith("salesnav") for one in of_extra("snowflake"))
    assert of_extra("nothing") == ["dlt[nothing]"]


def test_status_fails_for_monitors(run: TRun, served: Sandbox, place: Path) -> None:
    served.add_fault(internal_error().where(export="seats", contract=TWO, times=None))
    assert run("load", "duckdb", "--quiet", **asks(served)).returncode == 3
    variables = asks(served)
    assert run("status", **variables).returncode == 0
    assert run("status", "--fail-on", "failed", **variables).returncode == 3
    served.clear_faults()
    assert run("load", "duckdb", **variables).returncode == 0
    for kind in ("failed", "open"):
        assert run("status", "--fail-on", kind, **variables).returncode == 0
    earlier = {**variables, f"{PREFIX}START_DATE": "2026-01-01"}
    assert run("status", "--fail-on", "failed", **earlier).returncode == 0
    assert run("status", "--fail-on", "open", **earlier).returncode == 3
    (file,) = place.glob("*.duckdb")
    file.write_bytes(b"not a database")
    unread = run("status", "--fail-on", "failed", **variables)
    assert unread.returncode == 3 and "could not be read" in unread.stdout
    file.unlink()
    for kind in ("failed", "open"):
        assert run("status", "--fail-on", kind, **variables).returncode == 3


def test_a_monitor_is_told_that_no_contract_is_known(run: TRun) -> None:
    assert run("load", "duckdb", "--sandbox", "--contract", "none").returncode == 2
    assert run("status", "--sandbox", "--fail-on", "failed").returncode == 0
    assert run("status", "--sandbox", "--fail-on", "open").returncode == 3


def test_invented_contracts_are_not_chosen_for_real_ones(run: TRun, served: Sandbox, place: Path) -> None:
    done = run("contracts", "--choose", **asks(served))
    assert done.returncode == 2 and "its contracts are invented" in done.stderr and not done.stdout
    assert not list(place.iterdir())


def test_quiet_says_nothing_if_all_is_well(run: TRun, served: Sandbox) -> None:
    done = run("load", "duckdb", "--quiet", **asks(served))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    served.add_fault(internal_error().where(export="seats", contract=TWO, times=None))
    done = run("load", "duckdb", "--quiet", "--full-refresh", **asks(served))
    assert done.returncode == 3 and "Failed:" in done.stdout


def test_telemetry_is_off_unless_it_is_configured(place: Path) -> None:
    code = (
        "from salesnav_source.run.errors import keep_to_ourselves; keep_to_ourselves(); import dlt;"
        "print(dlt.config.get('runtime.dlthub_telemetry', bool))"
    )
    for given, expected in (({}, "False"), ({"RUNTIME__DLTHUB_TELEMETRY": "true"}, "True")):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=place, env=environment(place, **given), capture_output=True, text=True
        )
        assert done.stdout.strip() == expected, done.stderr


def test_attach_reads_the_file_that_was_loaded(run: TRun, served: Sandbox, place: Path) -> None:
    assert run("load", "duckdb", "--database", "mine.duckdb", **asks(served)).returncode == 0
    code = "import dlt; print(dlt.attach('salesnav_to_duckdb').dataset()(\"SELECT count(*) FROM seats\").fetchall())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place.parent, env=environment(place), capture_output=True, text=True
    )
    assert done.stdout.strip() == "[(4,)]", done.stderr
    assert {path.name for path in place.iterdir()} == {"mine.duckdb"}


def test_a_script_of_one_s_own_loads_into_its_own_file(run: TRun, place: Path) -> None:
    options = (*SMALL, "--sandbox", "--quiet", "--start-date", yesterday())
    assert run("load", "duckdb", *options, "--database", "mine.duckdb").returncode == 0
    (place / "own.py").write_text(
        "import sys, dlt\nfrom salesnav_source.cli.load import main\n"
        "sys.exit(main('salesnav_to_own', lambda options: dlt.destinations.duckdb(options.database)))\n"
    )
    command = [sys.executable, "own.py", *options, "--database", "own.duckdb"]
    done = subprocess.run(command, cwd=place, env=environment(place), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (place / "own.duckdb").exists()


def load_schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((ROOT / "docs/report.schema.json").read_text())
    return schema


def assert_fits(value: Any, schema: dict[str, Any], where: str = "report") -> None:
    """Holds a value against the part of JSON Schema that the report's schema uses."""
    schema = load_schema()["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "null": type(None)}
    types = schema.get("type", [])
    allowed = [types] if isinstance(types, str) else types
    assert not allowed or any(isinstance(value, kinds[one]) for one in allowed), f"{where}: {value!r}"
    assert value in schema.get("enum", [value]) and value == schema.get("const", value), f"{where}: {value!r}"
    if isinstance(value, dict):
        assert set(schema["required"]) <= set(value) <= set(schema["properties"]), where
        for name, inner in value.items():
            assert_fits(inner, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list):
        for number, inner in enumerate(value):
            assert_fits(inner, schema["items"], f"{where}[{number}]")


@pytest.mark.parametrize("kind", ["complete", "incomplete", "refused", "misconfigured", "plan"])
def test_the_report_for_machines(run: TRun, served: Sandbox, place: Path, kind: str) -> None:
    variables = asks(served)
    if kind == "refused":
        variables[f"{PREFIX}CREDENTIALS__ACCESS_TOKEN"] = "dead"
    if kind == "misconfigured":
        variables[f"{PREFIX}START_DATE"] = "yesterday"
    if kind == "incomplete":
        served.add_fault(internal_error().where(export="seats", contract=TWO, times=None))
    options = ("--plan",) if kind == "plan" else ()
    done = run("load", "duckdb", "--report-json", "out/report.json", *options, **variables)
    report = json.loads((place / "out/report.json").read_text())
    assert_fits(report, load_schema())
    assert report["exit_code"] == done.returncode == {"incomplete": 3, "refused": 2, "misconfigured": 2}.get(kind, 0)
    outcomes = {
        "complete": ["loaded"] * 6,
        "incomplete": ["failed"] + ["loaded"] * 5,
        "refused": [],
        "misconfigured": [],
        "plan": ["planned"] * 6,
    }
    assert sorted(one["outcome"] for one in report["windows"]) == outcomes[kind]
    if kind == "complete":
        with duckdb.connect(str(place / "salesnav_to_duckdb.duckdb"), read_only=True) as database:
            names = " UNION ALL ".join(f"SELECT 1 FROM salesnav.{name}" for name in EXPORTS)
            assert database.execute(f"SELECT count(*) FROM ({names})").fetchone() == (report["rows_loaded"],)
    if kind == "refused":
        assert "Get a new token" in report["message"]


def test_the_report_for_machines_tells_of_columns_that_have_changed(run: TRun, served: Sandbox, place: Path) -> None:
    variables = {**asks(served), "SOURCES__SALESNAV__CONTRACTS": ONE}
    assert run("load", "duckdb", "--export", "seats", "--report-json", "report.json", **variables).returncode == 0
    assert json.loads((place / "report.json").read_text())["columns_changed"] == []
    served.add_fault(content(compose(drop_columns("email"), extra_columns({"mood": "good"}))))
    options = ("--export", "seats", "--full-refresh", "--report-json", "report.json")
    assert run("load", "duckdb", *options, **variables).returncode == 0
    report = json.loads((place / "report.json").read_text())
    assert_fits(report, load_schema())
    (changed,) = report["columns_changed"]
    assert (changed["contract"], changed["export"], changed["first"]) == (ONE, "seats", yesterday())
    assert (changed["new"], changed["gone"]) == (["mood"], ["email"])


def test_the_report_for_machines_tells_of_a_bug(served: Sandbox, place: Path) -> None:
    code = (
        "import sys, salesnav_source.run.bookkeeping\n"
        "salesnav_source.run.bookkeeping.Books._add_columns = lambda *args: 1 / 0\n"
        "from salesnav_source.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "load", "duckdb", "--report-json", "report.json"]
    done = subprocess.run(command, cwd=place, env=environment(place, **asks(served)), capture_output=True, text=True)
    report = json.loads((place / "report.json").read_text())
    assert_fits(report, load_schema())
    assert report["exit_code"] == done.returncode == 1
    assert report["result"] == "incomplete" and "bug" in report["message"]
    assert {one["outcome"] for one in report["windows"]} == {"failed"}


def test_a_report_that_cannot_be_written_is_told_before_the_run(run: TRun, served: Sandbox, place: Path) -> None:
    (place / "file").write_text("")
    done = run("load", "duckdb", "--report-json", "file/report.json", **asks(served))
    assert done.returncode == 2 and "--report-json" in done.stderr and not served.requests


ROWS = [
    (f"urn:li:contract:21000{n}", "activity_outcomes", days, "90", "1,234,567", rejected, "12", opened, "-")
    for n in (1, 2)
    for days, rejected, opened in (
        ("2026-08-25 to 2026-11-22", "0", "-"),
        ("2026-08-25 to 2026-09-22, 2026-09-25 to 2026-10-01, 2026-11-22", "12", "3"),
    )
]
HEADS = ("contract", "export", "days loaded by now", "days read", "rows", "rejected", "files", "open", "failed")


@pytest.mark.parametrize("width", [80, 100, 140, None])
def test_tables_fit_and_lose_nothing(width: int | None) -> None:
    lines = fitted(HEADS, ROWS, width)
    assert max(map(len, lines)) <= (width or 1000)
    text = " ".join(lines)
    for row in ROWS:
        for cell in (*re.findall(r"\d{4}-\d\d-\d\d", row[2]), row[0], row[4]):
            assert cell in text


def test_lanes_tell_what_is_at_linkedin_and_when_the_end_comes() -> None:
    lanes = [
        Lane(ONE, "activities", 180, 90, 0, 2, 1, 1_234_567, 1, 1000.0, [120.0]),
        Lane(ONE, "seats", 90, 90, 0, 1, 1, 12, durations=[60.0]),
        Lane(TWO, "seats", 90, windows_wanted=1),
        Lane(TWO, "activities", 90, 60, 30, 3, 3, 5),
    ]
    lines = render_lanes(lanes, 1030.0, 79, 20)
    assert "90/180 days" in lines[0] and "at LinkedIn 0:30" in lines[0] and "~1:30 left" in lines[0]
    assert "1,234,567 rows" in lines[0] and "waits its turn" in lines[1]
    assert lines[2].endswith("done") and lines[3].endswith("30 days open or failed")
    assert max(map(len, lines)) <= 79
    assert render_lanes(lanes, 1030.0, 79, 2)[-1] == "and 3 more"
    for lane in lanes:
        lane.name = {ONE: "North", TWO: "A name that is longer\x1b[2J than anybody writes"}[lane.contract]
    assert render_lanes(lanes, 1030.0, 79, 20) == lines
    wide = render_lanes(lanes, 1030.0, 120, 20)
    assert wide[0].startswith("North (1) ") and " (2) " in wide[1]
    assert max(map(len, wide)) <= 120 and "\x1b" not in "".join(wide)
    assert render_sum(lanes) == "240/450 days loaded, 1,234,584 rows, 1 job at LinkedIn, 30 days open or failed"


def on_terminal(
    place: Path, sandbox: Sandbox, columns: int, stop_at: bytes | None = None, **variables: str
) -> tuple[int, str]:
    """Runs a load on a terminal; returns its exit code and what was written to the terminal."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    given = {
        name: value for name, value in environment(place, **asks(sandbox, **variables)).items() if name != "COLUMNS"
    }
    process = subprocess.Popen(
        [*COMMAND, "load", "duckdb"],
        cwd=place,
        env={**given, "TERM": "xterm"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    shown, deadline = b"", time.monotonic() + 300
    with contextlib.closing(os.fdopen(leader, "rb", buffering=0)) as terminal:
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    piece = os.read(terminal.fileno(), 65536)
                except OSError:
                    break
                if not piece:
                    break
                shown += piece
            if stop_at is not None and stop_at in shown:
                process.send_signal(signal.SIGINT)
                stop_at = None
    return process.wait(300), shown.decode()


def left_on(shown: str) -> str:
    """Returns what stays on a terminal, of the sequences that the display uses."""
    lines = [""]
    for part in re.split(r"(\x1b\[\d+F\x1b\[J|\r?\n)", shown):
        if part.startswith("\x1b"):
            lines = [*lines[: len(lines) - 1 - int(part[2 : part.index("F")])], ""]
        elif part.endswith("\n"):
            lines.append("")
        else:
            lines[-1] += part
    return "\n".join(lines)


def test_a_terminal_of_80_columns(place: Path) -> None:
    specs = (ContractSpec(ONE, "One", seats=2), ContractSpec(TWO, "Two", seats=2))
    with Sandbox(World(contracts=specs, activities_per_seat=2), job_seconds=(1, 2)) as sandbox:
        code, shown = on_terminal(place, sandbox, 80)
    assert code == 0 and "at LinkedIn 0:0" in shown and "0/1 days" in shown
    left = left_on(shown)
    assert "at LinkedIn" not in left and left.startswith("Sales Navigator to duckdb") and "\x1b" not in left
    assert max(map(len, left.splitlines())) <= 80


def test_ctrl_c_leaves_a_clean_terminal(place: Path) -> None:
    specs = (ContractSpec(ONE, "One", seats=2),)
    with Sandbox(World(contracts=specs, activities_per_seat=2), job_seconds=(60, 60)) as sandbox:
        code, shown = on_terminal(place, sandbox, 80, stop_at=b"at LinkedIn 0:01")
    assert code == 130
    assert left_on(shown).strip() == "Stopped. Jobs in flight are kept; a new run goes on from them."


@pytest.mark.parametrize("collector", ["tqdm", "log"])
def test_dlt_s_collectors_work_when_chosen(place: Path, served: Sandbox, collector: str) -> None:
    code, shown = on_terminal(place, served, 80, PROGRESS=collector)
    assert code == 0 and "at LinkedIn" not in shown and "activities windows" in shown


def test_an_old_python_is_told_before_anything_is_installed(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] || exit 7\n'
        f'exec {sys.executable} -c "import sys; sys.version_info = (3, 9, 1); exec(sys.argv[1])" "$2"\n'
    )
    old.chmod(0o755)
    for goal in ("demo", "test"):
        done = subprocess.run(
            ["make", f"PYTHON={old}", f"VENV={tmp_path}/venv", goal], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert "needs Python 3.10 or newer, and this is 3.9" in done.stderr and "Installing" not in done.stdout
        assert not (tmp_path / "venv").exists()

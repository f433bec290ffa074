"""The scripts of the warehouses: what they say, and how they end, where there is nothing to load into."""

import json
import os
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import dlt
import pytest
from emulators.servers import free_port
from runs.house import ROOT

from salesnav_source.cli import command_parser
from salesnav_source.cli import load as script
from salesnav_source.cli.load import script_parser
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.run.exit_codes import NOT_TRIED
from salesnav_source.warehouse import destinations
from salesnav_source.warehouse.requirements import require_replacing

from .conftest import KINDS, MODULES, TGetServer
from .warehouse import Server, environment

PIPELINES = ROOT / "pipelines"


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def run(name: str, folder: Path, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs a script in a process of its own; what it prints has no stack trace."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DESTINATION__", "SOURCES__"))}
    kept.update(variables, DLT_DATA_DIR=str(folder / "data"), RUNTIME__DLTHUB_TELEMETRY="false")
    command = [sys.executable, str(PIPELINES / f"salesnav_to_{name}.py"), "--sandbox", *options]
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, timeout=170)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


@pytest.mark.parametrize("name", ["bigquery", "snowflake"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    name: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = replace(destinations.DESTINATIONS[name], module="no_such_package.at_all")
    monkeypatch.setitem(destinations.DESTINATIONS, name, missing)
    monkeypatch.setattr(sys, "argv", [name, "--sandbox"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(PIPELINES / f"salesnav_to_{name}.py"), run_name="__main__")
    assert stopped.value.code == NOT_TRIED
    assert f'-m pip install "dlt[{name}]' in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bigquery", "snowflake"])
def test_missing_credentials_are_said_to_be_missing(name: str, own_folder: Path) -> None:
    pytest.importorskip(MODULES[name])
    done = run(name, own_folder)
    assert done.returncode == NOT_TRIED
    assert f"DESTINATION__{name.upper()}__CREDENTIALS" in done.stderr


def test_snowflake_out_of_reach_is_said(own_folder: Path) -> None:
    pytest.importorskip(MODULES["snowflake"])
    query = f"host=127.0.0.1&port={free_port()}&protocol=http&warehouse=WH&role=R"
    credentials = f"snowflake://fake:snow@fakesnow/DB?{query}"
    done = run("snowflake", own_folder, DESTINATION__SNOWFLAKE__CREDENTIALS=credentials)
    assert done.returncode == NOT_TRIED
    assert "snowflake" in done.stderr
    assert "Could not connect" in done.stderr


def test_bigquery_out_of_reach_is_said(own_folder: Path) -> None:
    pytest.importorskip(MODULES["bigquery"])
    done = run(
        "bigquery",
        own_folder,
        BIGQUERY_EMULATOR_HOST=f"http://127.0.0.1:{free_port()}",
        DESTINATION__BIGQUERY__RETRY_DEADLINE="2",
        DESTINATION__BIGQUERY__CREDENTIALS=json.dumps(
            {"project_id": "p", "client_id": "i", "client_secret": "s", "refresh_token": "r", "token": "t"}
        ),
    )
    assert done.returncode == NOT_TRIED, done.stderr
    assert "bigquery" in done.stderr
    assert "cannot be used" in done.stderr


def test_a_wrong_password_is_said(get_server: TGetServer, own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = get_server("postgres")
    address = f"postgresql://loader:wrong@127.0.0.1:{server.port}/postgres"
    with environment(server):
        code = script.main("salesnav_to_postgres", lambda options: dlt.destinations.postgres(address), ["--sandbox"])
    assert code == NOT_TRIED
    said = capsys.readouterr().err
    assert "postgres" in said
    assert "password authentication failed" in said
    assert "wrong" not in said


def test_database_is_the_project_or_the_snowflake_database(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MODULES:
        pytest.importorskip(MODULES[name])
    options = script_parser("salesnav_to_bigquery").parse_args(["--database", "elsewhere"])
    with environment(Server("duckdb")):
        monkeypatch.setenv("DESTINATION__SNOWFLAKE__CREDENTIALS", "snowflake://u:p@account/DB?warehouse=WH")
        options.destination = "snowflake"
        assert credentials_of(destinations.make(options)).database == "elsewhere"
        assert credentials_of(destinations.make(options)).warehouse == "WH"
    options.destination = "bigquery"
    assert destinations.make(options).config_params["project_id"] == "elsewhere"


def credentials_of(destination: Any) -> Any:
    pipeline = dlt.pipeline("credentials", destination=destination, dataset_name="salesnav")
    client = pipeline._get_destination_clients(dlt.Schema("salesnav"))[0]
    return client.config.credentials  # type: ignore[attr-defined]


def test_invented_rows_are_kept_apart_from_real_ones(own_folder: Path, get_server: TGetServer) -> None:
    server = get_server("postgres")
    server.create("apart")
    day = "2026-03-02"
    with environment(server):
        options = ["--sandbox", "--export", "seats", "--start-date", day, "--end-date", day]
        assert script.main("salesnav_to_postgres", lambda _: server.destination(own_folder, "apart"), options) == 0
        pipeline = dlt.attach("salesnav_sandbox_postgres", destination=server.destination(own_folder, "apart"))
        assert pipeline.dataset_name == "salesnav_sandbox"


def test_the_command_knows_what_dlt_can_replace_days_in() -> None:
    strategies = {}
    for name in set(dlt.destinations.__all__) - {"destination", "dummy", "filesystem"}:
        strategies[name] = getattr(dlt.destinations, name)()._raw_capabilities().supported_merge_strategies
    able = {name for name, known in strategies.items() if "delete-insert" in known}
    # Athena merges in tables of Iceberg alone
    assert set(destinations.DESTINATIONS) == able - {"athena"}
    assert {name for name, one in destinations.DESTINATIONS.items() if one.tried} >= set(KINDS) - {"mariadb"}


def test_sqlite_is_refused_by_what_is_true_of_it(own_folder: Path) -> None:
    pytest.importorskip("sqlalchemy")
    pipeline = dlt.pipeline("lite", destination=dlt.destinations.sqlalchemy("sqlite:///x.db"), dataset_name="salesnav")
    with pytest.raises(ConfigurationError, match="SQLite compares moments as text"):
        require_replacing(pipeline)


def test_a_lake_and_a_catalog_are_named_by_database(own_folder: Path) -> None:
    with environment(Server("duckdb")):
        options = command_parser("load").parse_args(["load", "ducklake", "--database", "lake"])
        assert credentials_of(destinations.make(options)).ducklake_name == "lake"

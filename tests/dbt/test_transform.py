"""What `salesnav transform` makes of dlt's configuration, and what it says where dbt or the warehouse is missing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from salesnav_source import cli
from salesnav_source.cli import command_parser
from salesnav_source.cli.transform import environment_of_dbt, profile, require
from salesnav_source.exceptions import ConfigurationError

SECRETS = {
    "DESTINATION__SNOWFLAKE__CREDENTIALS": "snowflake://loader:hidden@org-account/SALES?warehouse=WH&role=R",
    "DESTINATION__POSTGRES__CREDENTIALS": "postgresql://loader:hidden@db.example:5433/sales?sslmode=require",
    "DESTINATION__BIGQUERY__CREDENTIALS__PROJECT_ID": "sales",
    "DESTINATION__BIGQUERY__CREDENTIALS__PRIVATE_KEY": "hidden",
    "DESTINATION__BIGQUERY__CREDENTIALS__CLIENT_EMAIL": "loader@sales.example",
}
PROFILES = {
    "snowflake": {"account": "org-account", "user": "loader", "database": "SALES", "warehouse": "WH", "role": "R"},
    "postgres": {"host": "db.example", "port": 5433, "user": "loader", "dbname": "sales", "sslmode": "require"},
    "bigquery": {"project": "sales", "location": "US", "method": "service-account-json"},
}


@pytest.mark.parametrize("kind", PROFILES)
def test_dbt_logs_in_as_dlt_does_and_no_secret_is_in_its_profile(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    output, secrets = profile(command_parser("transform").parse_args(["transform", kind]))
    assert output.items() >= {"type": kind, **PROFILES[kind]}.items()
    assert "hidden" not in json.dumps(output)
    # dbt keeps what stands in variables of this name out of its logs
    assert any(name.startswith("DBT_ENV_SECRET") and "hidden" in value for name, value in secrets.items())


def test_a_duckdb_file_is_built_with_bounded_memory_one_model_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.duckdb").touch()
    output, _ = profile(command_parser("transform").parse_args(["transform", "--database", "own.duckdb"]))
    assert output["path"] == str(tmp_path / "own.duckdb")
    # several models at a time would share the memory, and fail
    assert output["threads"] == 1 and output["config_options"]["memory_limit"] == "300MB"
    given = ["transform", "--database", "own.duckdb", "--threads", "3", "--memory-limit", "2GB"]
    output, _ = profile(command_parser("transform").parse_args(given))
    assert output["threads"] == 3 and output["config_options"]["memory_limit"] == "2GB"


def test_a_duckdb_file_is_built_without_importing_dlt(tmp_path: Path) -> None:
    (tmp_path / "salesnav_to_duckdb.duckdb").touch()
    command = ["transform", "--dbt", fake_dbt(tmp_path, "")]
    program = f"import sys; from salesnav_source import cli; print(cli.main({command}), 'dlt' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-2:] == ["0", "False"]


def test_what_is_missing_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["transform"]) == 2
    assert "There is no DuckDB file" in capsys.readouterr().err
    Path("salesnav_to_duckdb.duckdb").touch()
    assert cli.main(["transform", "--dbt", "nowhere/dbt"]) == 2
    said = capsys.readouterr().err
    # by what the package was installed from, an extra of it may not be found
    assert "There is no dbt at nowhere/dbt" in said and '"dbt-duckdb' in said and "salesnav-source[" not in said
    for text in ("no json", "[1]"):
        assert cli.main(["transform", "--vars", text]) == 2
        assert "--vars takes a JSON object" in capsys.readouterr().err
    assert cli.main(["transform", "--dbt-options=--select 'x"]) == 2
    assert "--dbt-options cannot be read" in capsys.readouterr().err


TOLD = {
    "dbt-core": "Core:\n  - installed: 1.11.16\n  - latest:    1.12.6 - Update available!\n\nPlugins:\n  - duckdb: 1.11.1 - Up to date!\n",
    "in colours": "Core:\n  - installed: \x1b[32m1.10.9\x1b[0m\n\nPlugins:\n  - duckdb: 1.9.6\n",
    "dbt 2": "dbt-fusion 2.0.0-preview.196\n",
}


def fake_dbt(folder: Path, said: str, code: int = 0) -> str:
    """Makes a program that tells what a dbt would tell of itself."""
    program = folder / "dbt"
    (folder / "said").write_text(said)
    program.write_text(f'#!/bin/sh\ncat "{folder / "said"}"\nexit {code}\n')
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize("said", TOLD.values(), ids=TOLD)
def test_a_dbt_is_asked_itself_what_it_is(said: str, tmp_path: Path) -> None:
    require(fake_dbt(tmp_path, said), "duckdb")


@pytest.mark.parametrize(
    ("said", "adapter", "found"),
    [
        (TOLD["dbt-core"], "snowflake", "does not know snowflake"),
        ("Core:\n  - installed: 1.9.4\n\nPlugins:\n  - duckdb: 1.9.4\n", "duckdb", "is dbt 1.9.4, which is too old"),
        ("hello\n", "duckdb", "tells no version"),
    ],
)
def test_a_dbt_that_does_not_fit_is_named_with_what_to_install(
    said: str, adapter: str, found: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=found) as raised:
        require(fake_dbt(tmp_path, said), adapter)
    assert f'"dbt-core>=1.10.8,<1.12" dbt-{adapter}' in str(raised.value)


def test_docs_that_were_not_made_are_not_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("salesnav_to_duckdb.duckdb").touch()
    # one that does nothing, as dbt 2 with --static
    assert cli.main(["transform", "--docs", "--dbt", fake_dbt(tmp_path, "")]) == 3
    said = capfd.readouterr()
    assert "The docs were not made" in said.err and "The docs are in" not in said.out


def test_a_users_build_runs_no_unit_tests_and_tests_all_rows_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("salesnav_to_duckdb.duckdb").touch()
    program = tmp_path / "dbt"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    assert cli.main(["transform", "--dbt", str(program)]) == 0
    said = capfd.readouterr().out
    assert "--exclude-resource-type unit_test" in said and "salesnav_full_tests" not in said
    assert cli.main(["transform", "--full-tests", "--dbt", str(program)]) == 0
    assert '"salesnav_full_tests": true' in capfd.readouterr().out


def test_dbt_gets_no_settings_of_dlt_and_no_secrets_of_others() -> None:
    kept = {"PATH": "a", "DBT_PASSWORD": "b", "AWS_SECRET_ACCESS_KEY": "c", "HTTPS_PROXY": "d"}
    others = {"SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN": "x", "DESTINATION__POSTGRES__CREDENTIALS": "x"}
    others |= {"GITHUB_TOKEN": "x", "PYTHONPATH": "x", "SLACK_API_KEY": "x"}
    assert environment_of_dbt(kept | others) == kept

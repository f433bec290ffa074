"""What `salesnav transform` makes of dlt's configuration, and what it says where dbt or the warehouse is missing."""

import json
from pathlib import Path

import pytest

from salesnav_source import cli
from salesnav_source.cli.options import command_parser
from salesnav_source.cli.transform import profile

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
    output, secrets = profile(command_parser().parse_args(["transform", kind]))
    assert output.items() >= {"type": kind, **PROFILES[kind]}.items()
    assert "hidden" not in json.dumps(output)
    # dbt keeps what stands in variables of this name out of its logs
    assert any(name.startswith("DBT_ENV_SECRET") and "hidden" in value for name, value in secrets.items())


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

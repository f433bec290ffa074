"""The package in a project that installs it, and its metrics: on both versions of dbt, in two time zones."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dbt.package import PACKAGE, dbt, rows, run

pytestmark = pytest.mark.long("two versions of dbt are installed, and each builds the package")

SCHEMA = "salesnav_integration_tests"
ZONES = {"dbt": "Asia/Tokyo", "dbt-1.12": "America/Los_Angeles"}
METRICS = '{"salesnav_schema": "salesnav_integration_tests", "salesnav_semantic_models": true}'


@pytest.fixture(scope="module", params=ZONES)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of the package, with a project in it that installs it, built."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PACKAGE, folder / "dbt", ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    project = Project(folder, request.param)
    project.dbt("deps")
    project.dbt("seed")
    project.said = project.dbt("build", "--exclude", "resource_type:seed")
    return project


@pytest.fixture(scope="module")
def metrics(project: Any) -> Any:
    """The package itself, with its semantic models, which are read from dbt 1.12 on."""
    if project.version == "dbt":
        pytest.skip("one version has them")
    project.dbt("run", "--vars", METRICS, project=".", schema="salesnav_marts")
    return project


class Project:
    """The integration tests' project on a DuckDB file."""

    def __init__(self, folder: Path, version: str) -> None:
        self.package = folder / "dbt"
        self.database = folder / "seeds.duckdb"
        self.version = version
        self.said = ""

    def dbt(self, *command: str, project: str = "integration_tests", schema: str = SCHEMA) -> str:
        folder = self.package / project
        profile = {"type": "duckdb", "path": str(self.database), "schema": schema, "threads": 2}
        return dbt(folder, profile, *command, project=folder, version=self.version, TZ=ZONES[self.version])


def test_traps_in_seeds_do_not_mislead(project: Project) -> None:
    # types that are not known, and an outcome of nothing that is loaded, are named
    assert "WARN=2 ERROR=0" in project.said
    mart = f"{SCHEMA}.salesnav__inmails"
    assert rows(project.database, f"SELECT count(*) FROM {mart}") == [(6,)]


def test_a_wrong_value_would_be_found(project: Project) -> None:
    if project.version != "dbt":
        pytest.skip("one version is enough")
    test = project.package / "integration_tests" / "tests" / "other_outcomes_are_no_answers.sql"
    test.write_text(test.read_text().replace("'other': 1", "'other': 2"))
    with pytest.raises(AssertionError, match="Got 1 result, configured to fail"):
        project.dbt("test", "--select", "other_outcomes_are_no_answers")


def test_every_column_is_documented_and_there(metrics: Project) -> None:
    manifest = json.loads((metrics.package / "target" / "manifest.json").read_text())
    documented = {
        (node["name"], column)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["description"]
        for column in node["columns"]
        if node["columns"][column]["description"]
    }
    columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'salesnav_marts'"
    assert set(rows(metrics.database, columns)) == documented


def test_saved_queries_answer_by_the_marts(metrics: Project) -> None:
    names = ["what_inmails_bring", "does_use_hold", "does_the_ssi_move", "licences_to_take_back", "use_on_workdays"]
    names = [f"salesnav_{name}" for name in [*names, "what_is_done", "when_to_send"]]
    script = Path(__file__).with_name("saved_queries.py")
    run(metrics.version, metrics.package, str(script), *names, DBT_PROFILES_DIR=str(metrics.package))
    answers = {name.removeprefix("salesnav_"): answer(metrics.package / f"{name}.csv") for name in names}
    assert {row["contract"]: row["salesnav_acceptance_rate"] for row in answers["what_inmails_bring"]} == {
        "c1": 0.25,
        "c2": 0.0,
    }
    for question, metric, mart in (
        ("does_use_hold", "salesnav_stickiness", "SELECT contract, week, stickiness FROM {}.salesnav__adoption_weekly"),
        (
            "does_the_ssi_move",
            "salesnav_ssi",
            "SELECT contract, day, avg(ssi) FROM {}.salesnav__ssi_daily GROUP BY ALL",
        ),
    ):
        time = "metric_time__week" if question == "does_use_hold" else "metric_time__day"
        found = {(row["contract"], row[time][:10]): row[metric] for row in answers[question]}
        wanted = {(contract, str(day)): value for contract, day, value in rows(metrics.database, mart.format(SCHEMA))}
        assert found == {key: pytest.approx(value) for key, value in wanted.items()}
    licences = {
        row["contract__contract_name"]: row["salesnav_reclaimable_licences"] for row in answers["licences_to_take_back"]
    }
    assert licences == {"One": 3.0, "Two": 0.0}
    assert sum(row["salesnav_activities"] for row in answers["what_is_done"]) == 18
    assert sum(row["salesnav_accepted_inmails"] for row in answers["when_to_send"]) == 1
    share = "SELECT contract, avg(is_active::int) FROM {}.salesnav__seat_daily WHERE is_workday GROUP BY ALL"
    assert {row["contract"]: row["salesnav_workday_use"] for row in answers["use_on_workdays"]} == {
        contract: pytest.approx(value) for contract, value in rows(metrics.database, share.format(SCHEMA))
    }


def test_the_new_parser_reads_it(metrics: Project) -> None:
    said = metrics.dbt("parse", "--use-v2-parser", "--no-partial-parse", project=".", schema="salesnav_marts")
    assert "Finished 'parse' successfully" in said


def answer(path: Path) -> list[dict[str, Any]]:
    """Returns the rows of an answer, with numbers where they are."""
    with path.open(newline="") as file:
        return [{name: number(value) for name, value in row.items()} for row in csv.DictReader(file)]


def number(text: str) -> Any:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text

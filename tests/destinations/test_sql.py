"""What is sent to each warehouse: the layout of its tables, and merges that touch the days of a window only."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from dlt.destinations.sql_client import SqlClientBase
from runs.house import DAY, ONE
from sqlglot import exp

from salesnav_source.schema import EXPORTS
from salesnav_source.warehouse.tables import literal

from .conftest import TGetServer
from .life import StillHouse, still_house
from .warehouse import environment

KINDS = ("duckdb", "postgres", "snowflake", "bigquery")
"""Where dlt's scripts are text: SQLAlchemy makes those of MariaDB, and DuckLake's are DuckDB's."""

pytestmark = pytest.mark.long(
    "the emulators are installed first; each SQL is asserted by whole runs",
    but=(
        "postgres",
        "postgres-activities",
    ),
)

MIDNIGHT = r"00:00:00\.000000\+00:00"
PREDICATES = {
    "activities": "activity_date BETWEEN '{first}' AND '{last}'",
    "activity_outcomes": f"created_at >= '{{first}} {MIDNIGHT}' AND created_at < '{{after}} {MIDNIGHT}'",
    "seats": "snapshot_date BETWEEN '{first}' AND '{last}'",
}
LAYOUTS = {
    "bigquery": {
        "activities": "partition by activity_date cluster by contract, activity_type",
        "activity_outcomes": "partition by date(created_at) cluster by contract, activity_type",
        "seats": "partition by snapshot_date cluster by contract",
    },
    "snowflake": {
        "activities": "cluster by (contract,activity_date)",
        "activity_outcomes": "cluster by (contract)",
        "seats": "cluster by (contract,snapshot_date)",
    },
}


@dataclass
class Days:
    """Two days of a pipeline, with the statements that dlt sent on each in its scripts."""

    kind: str
    house: StillHouse
    first: list[str]
    second: list[str]


@pytest.fixture(scope="module", params=KINDS)
def days(
    request: pytest.FixtureRequest, get_server: TGetServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Days]:
    """A first load and the next day's, on each warehouse."""
    server, folder = get_server(request.param), tmp_path_factory.mktemp("sql")
    server.create(name := f"sql{server.kind}")
    sent: list[str] = []
    execute_many = SqlClientBase.execute_many

    def noting(client: Any, statements: Any, *args: Any, **options: Any) -> Any:
        statements = list(statements)
        sent.extend(re.sub(r"[`\"]", "", " ".join(statement.split())) for statement in statements)
        return execute_many(client, statements, *args, **options)

    with environment(server), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(SqlClientBase, "execute_many", noting)
        with still_house(folder, server.destination(folder, name), contracts=(ONE,)) as house:
            house.sync()
            first = list(sent)
            sent.clear()
            house.clock.next_day()
            house.sync()
            yield Days(server.kind, house, first, sent)


@pytest.mark.parametrize("export", EXPORTS)
def test_a_daily_run_deletes_by_literal_days_of_the_partition_column(days: Days, export: str) -> None:
    first, last = days.house.day(4), days.house.day(1)
    predicate = PREDICATES[export].format(first=first, last=last, after=last + DAY)
    deletes = [sql for sql in days.second if re.match(rf"DELETE FROM (\S*\.)?salesnav\.{export}\b", sql, re.I)]
    assert len(deletes) == 1, days.second
    condition = deletes[0].partition(" WHERE ")[2]
    days_alone = rf"\(contract = '{ONE}' AND {predicate}\)"
    if EXPORTS[export].key_holds_day:
        assert re.fullmatch(f"{days_alone};?", condition), condition
    else:
        # older rows with the keys of new ones go, too: those of activities within days that prune partitions
        near = rf"{EXPORTS[export].day_column} BETWEEN '\S+' AND '\S+' AND " if export == "activities" else ""
        assert re.fullmatch(rf"{near}\({days_alone} OR CONCAT\(contract, .* IN \(SELECT .*\)\);?", condition), condition


@pytest.mark.parametrize("export", EXPORTS)
def test_tables_are_laid_out_by_day_and_contract(days: Days, export: str) -> None:
    created = next(sql for sql in days.first if re.match(rf"CREATE TABLE \S*\b{export}\b", sql, re.I)).lower()
    found = re.search(r"(partition by|cluster by).*", created)
    assert (found[0].rstrip("; ") if found else None) == LAYOUTS.get(days.kind, {}).get(export)


def test_rows_go_to_warehouses_as_parquet(days: Days) -> None:
    trace = days.house.pipeline().last_trace
    assert trace is not None and trace.last_load_info is not None
    jobs = [job for package in trace.last_load_info.load_packages for job in package.jobs["completed_jobs"]]
    files = [Path(job.file_path) for job in jobs if job.job_file_info.table_name == "activities"]
    # dlt writes Arrow to PostgreSQL as CSV
    assert {"".join(path.suffixes[-1:]) for path in files} - {".sql"} == (
        {".csv"} if days.kind == "postgres" else {".parquet"}
    )


@pytest.mark.parametrize("text", ["plain", "it's", "back\\slash", "\\' or 1 = 1 --", "line\nbreak", "É 部", ""])
@pytest.mark.parametrize("dialect", KINDS)
def test_a_literal_means_the_same_in_every_dialect(text: str, dialect: str) -> None:
    read = sqlglot.parse_one(f"SELECT {literal(text)} AS it", read=dialect).selects[0]
    parts = [
        chr(int(part.expressions[0].this)) if isinstance(part, exp.Chr) else part.this
        for part in read.find_all(exp.Literal, exp.Chr)
        if isinstance(part, exp.Chr) or part.is_string
    ]
    assert sorted("".join(parts)) == sorted(text)
    assert not list(read.find_all(exp.Or, exp.EQ, exp.Column))
    with duckdb.connect() as database:
        assert database.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]

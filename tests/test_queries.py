"""The queries in docs/queries.md give what stands under them, and count each InMail once."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from runs.house import ROOT, Clock, House

from salesnav_source.sandbox import Sandbox, World

TEXT = (ROOT / "docs/queries.md").read_text(encoding="utf-8")
ASKED = re.findall(r"```sql\n(.*?)\n```\n```\n(.*?)\n```", TEXT, re.S)
TODAY = dt.date(2026, 9, 28)
"""The day after the last one that the page loads."""


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The four weeks of the sandbox that the page is about."""
    clock = Clock(TODAY)
    world = World(today=lambda: clock.today)
    contracts = [element["contract"] for element in world.contracts() if element["hasReportingAccess"]]
    folder: Path = tmp_path_factory.mktemp("queries")
    with Sandbox(world, clock=clock, job_seconds=(0.0, 0.05)) as sandbox:
        house = House(folder, sandbox, clock, 28, contracts)
        house.sync()
    with duckdb.connect(str(house.database), read_only=True) as opened:
        yield opened


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
def test_printed_answers_are_true(connection: duckdb.DuckDBPyConnection, zone: str) -> None:
    connection.execute(f"SET TimeZone = '{zone}'")
    assert len(ASKED) == 3
    for query, answer in ASKED:
        assert str(connection.sql(query)).strip() == answer


def test_each_inmail_is_counted_once(connection: duckdb.DuckDBPyConnection) -> None:
    sent = "FROM salesnav.activities a {} WHERE a.activity_type = 'INMAIL_SENT'"
    ((once,),) = connection.sql("SELECT count(*) " + sent.format("")).fetchall()
    joined = "LEFT JOIN salesnav.activity_outcomes o USING (contract, activity_id)"
    ((often,),) = connection.sql("SELECT count(*) " + sent.format(joined)).fetchall()
    assert f"({often} for {once} here)" in TEXT
    (query,) = [query for query, _ in ASKED if "acceptance_percent" in query]
    everything = re.sub(r" AND a.activity_date <= DATE '[\d-]+'", "", query)
    assert sum(inmails for _, inmails, *_ in connection.sql(everything).fetchall()) == once


def test_a_bare_cast_moves_as_many_rows_as_the_page_says(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET TimeZone = 'America/Los_Angeles'")
    moved = "avg((created_at::DATE <> (created_at AT TIME ZONE 'UTC')::DATE)::INT) * 100 FROM salesnav."
    shares = [
        connection.sql(f"SELECT {moved}{table}").fetchall()[0][0] for table in ("activities", "activity_outcomes")
    ]
    assert "it moves {:.0f} % of these activities and {:.0f} % of these outcomes".format(*shares) in TEXT

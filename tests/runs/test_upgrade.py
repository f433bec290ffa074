"""A warehouse and a journal that 0.2.0 has written are gone on with: no row is lost, and no job is created again."""

import gzip
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from salesnav_source.days.windows import Days, Window
from salesnav_source.schema import EXPORTS

from .house import DAY, ONE, TWO, House, house, windows

pytestmark = pytest.mark.long(
    "each goes on from the files of 0.2.0 by whole runs",
    but=("test_the_files_of_0_2_0_are_gone_on_with_without_a_job_too_many",),
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "v0_2_0"


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[House]:
    """The second morning of 0.2.0, as it left things: ten days are loaded, and six jobs are at LinkedIn."""
    with house(tmp_path, activities=2.0) as home:
        home.clock.next_day()
        (tmp_path / home.machine).mkdir()
        unpack("warehouse.duckdb.gz", tmp_path / "warehouse.duckdb")
        journal = tmp_path / home.machine / "house.salesnav.sqlite"
        unpack("journal.sqlite.gz", journal)
        point_to(home, journal)
        yield home


def unpack(name: str, target: Path) -> None:
    with gzip.open(FIXTURES / name) as packed, target.open("wb") as plain:
        shutil.copyfileobj(packed, plain)


def point_to(home: House, journal: Path) -> None:
    """Has the sandbox know the jobs of the journal, and the journal the sandbox's address."""
    with sqlite3.connect(journal) as db:
        db.execute("UPDATE jobs SET base_url = ?, created_at = ?", (home.sandbox.base_url, home.clock() - 60))
        for contract, export, first, last, entry in db.execute(
            "SELECT contract, export, first_day, last_day, entry FROM jobs ORDER BY entry"
        ).fetchall():
            window = Window(*(type(home.yesterday).fromisoformat(day) for day in (first, last)))
            made = requests.post(
                f"{home.sandbox.base_url}/salesAnalyticsExportJobs?action={EXPORTS[export].action}",
                json={"startAt": window.start_ms, "endAt": window.end_ms, "contract": contract},
                headers={
                    "Authorization": f"Bearer {home.sandbox.access_token}",
                    "X-Restli-Protocol-Version": "2.0.0",
                },
                timeout=10,
            )
            db.execute("UPDATE jobs SET job_id = ? WHERE entry = ?", (made.json()["value"]["id"], entry))


def old_rows(home: House, export: str, day: str) -> list[tuple[object, ...]]:
    return home.rows(f"SELECT * EXCLUDE (_dlt_load_id) FROM salesnav.{export} WHERE {day} < '2026-03-08' ORDER BY ALL")


def test_the_files_of_0_2_0_are_gone_on_with_without_a_job_too_many(upgraded: House) -> None:
    day_columns = {"activities": "activity_date", "seats": "snapshot_date"}
    before = {export: old_rows(upgraded, export, day) for export, day in day_columns.items()}
    assert all(before.values())
    seen = len(upgraded.posts())
    first = upgraded.first_day
    report = upgraded.sync(start_date=str(first))
    assert report.exit_code == 0 and report.jobs_created == 0
    assert upgraded.posts()[seen:] == []
    assert {export: old_rows(upgraded, export, day) for export, day in day_columns.items()} == before
    newest = [Window(upgraded.day(4), upgraded.yesterday)]
    for export, day in day_columns.items():
        found = upgraded.rows(f"SELECT count(*) FROM salesnav.{export} WHERE {day} >= '{newest[0].first}'")
        truth = sum(len(upgraded.world.rows(export, urn, newest[0].first, newest[0].last)) for urn in (ONE, TWO))
        assert found == [(truth,)]
    covered = {coverage.loaded for coverage in report.coverage.values()}
    assert covered == {Days((Window(first, upgraded.yesterday),))}
    assert upgraded.rows("SELECT count(*) > 0 FROM salesnav.export_columns") == [(True,)]


def test_the_morning_after_asks_for_a_day_and_the_looked_back_ones(upgraded: House) -> None:
    upgraded.sync(start_date=str(upgraded.first_day))
    upgraded.clock.next_day()
    seen = len(upgraded.posts())
    assert upgraded.sync(start_date=str(upgraded.first_day)).exit_code == 0
    asked = windows(upgraded.posts()[seen:])
    assert {export for export, _ in asked} == set(EXPORTS)
    for (export, _), days in asked.items():
        # where keys may come again, windows begin with a loaded day that is not replaced
        looked_back = 3 if export == "seats" else 4
        assert days == Days((Window(upgraded.yesterday - looked_back * DAY, upgraded.yesterday),))

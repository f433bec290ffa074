"""Days that are divided into other windows and runs end in the same tables, also where LinkedIn's days end at another hour."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from salesnav_source.days.windows import Window
from salesnav_source.run import items
from salesnav_source.run.sync import plan
from salesnav_source.run.text import render
from salesnav_source.run.upkeep.status import collect
from salesnav_source.sandbox import parse_fault
from salesnav_source.sandbox.data import TRow

from .house import DAY, ONE, House, Timer, house

NAMES = ("activities", "activity_outcomes")
DIVISIONS = {
    "at-once": [(12, 1)],
    "forward": [(12, 9), (8, 5), (4, 1)],
    "backward": [(3, 1), (8, 1), (12, 1)],
    "middle-first": [(9, 6), (12, 9), (12, 1)],
}


def add_repeated_keys(home: House) -> None:
    """Adds an activity and an outcome that stand on several days, with other values."""
    for back in (2, 6, 11):
        moment = dt.datetime.combine(home.day(back), dt.time(9), dt.timezone.utc)
        row = {"created_at": moment, "seat_id": back, "member_identity_key": f"member {back}"}
        home.world.add_row("activities", ONE, {"activity_id": "A1", "activity_type": "INMAIL_SENT", **row})
        home.world.add_row("activity_outcomes", ONE, {"activity_id": "A1", "activity_type": "INMAIL_REPLIED", **row})


def newest(rows: Sequence[TRow], key: Sequence[str]) -> Counter[tuple[Any, ...]]:
    found: dict[tuple[Any, ...], TRow] = {}
    for row in sorted(rows, key=lambda row: row["created_at"]):
        found[tuple(row[name] for name in key)] = row
    return Counter(
        (row["activity_id"], row["activity_type"], row["created_at"], row["seat_id"]) for row in found.values()
    )


def loaded(home: House, export: str) -> Counter[tuple[Any, ...]]:
    return Counter(home.rows(f"SELECT activity_id, activity_type, created_at, seat_id FROM salesnav.{export}"))


@pytest.mark.parametrize("runs", DIVISIONS.values(), ids=list(DIVISIONS))
def test_a_key_on_several_days_is_loaded_once(tmp_path: Path, runs: list[tuple[int, int]]) -> None:
    with house(tmp_path, days=12, activities=1.0, contracts=[ONE]) as home:
        add_repeated_keys(home)
        for first, last in runs:
            report = home.sync(exports=NAMES, start_date=str(home.day(first)), end_date=str(home.day(last)))
            assert report.exit_code == 0, render(report)
        again = home.sync(exports=NAMES)
        assert (again.exit_code, again.jobs_created) == (0, 0)
        for export, key in (("activities", ["activity_id"]), ("activity_outcomes", ["activity_id", "activity_type"])):
            assert loaded(home, export) == newest(home.world.rows(export, ONE, home.first_day, home.yesterday), key)


def with_a_key_on_two_days(home: House) -> None:
    for back in (95, 4):
        moment = dt.datetime.combine(home.day(back), dt.time(9), dt.timezone.utc)
        row = {
            "activity_id": "A1",
            "activity_type": "X",
            "created_at": moment,
            "seat_id": 1,
            "member_identity_key": None,
        }
        home.world.add_row("activities", ONE, row)


@pytest.mark.parametrize("large", [False, True])
def test_a_key_of_earlier_days_that_is_loaded_with_a_later_time_is_not_added(
    tmp_path: Path, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(items, "LARGE_ROWS", 1)
    with house(tmp_path, days=100, activities=0.3, contracts=[ONE]) as home:
        with_a_key_on_two_days(home)
        # the days between stay open, so the earlier ones are the only window of their run
        for first, last in ((50, 1), (100, 60)):
            report = home.sync(exports=["activities"], start_date=str(home.day(first)), end_date=str(home.day(last)))
            assert report.exit_code == 0, render(report)
        assert home.rows("SELECT activity_date FROM salesnav.activities WHERE activity_id = 'A1'") == [(home.day(4),)]


@pytest.mark.parametrize("large", [False, True])
def test_a_key_in_two_windows_of_a_load_is_loaded_once_and_noted(
    tmp_path: Path, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(items, "LARGE_ROWS", 1)
    with house(tmp_path, days=100, activities=0.3, contracts=[ONE]) as home:
        with_a_key_on_two_days(home)
        report = home.sync(exports=["activities"])
        assert (report.exit_code, report.jobs_created) == (0, 2), render(report)
        assert home.rows("SELECT activity_date FROM salesnav.activities WHERE activity_id = 'A1'") == [(home.day(4),)]
        notes = home.rows("SELECT note FROM salesnav.export_jobs WHERE note IS NOT NULL")
        assert len(notes) == 1 and "the file of another window" in notes[0][0]
        # another machine has not seen the load, and looks at what it has staged
        home.machine = "another"
        assert plan(home.pipeline(), home.settings(), ["activities"], clock=Timer(home.clock)).tasks == ()
        home.pipeline().sync_destination()
        (status,) = (
            one
            for one in collect("house", home.settings(), str(home.folder / "another"), home.clock())["exports"]
            if one["export"] == "activities"
        )
        assert (status["open"], status["failed"]) == ([], [])


@pytest.mark.parametrize("hour", [8, 3])
def test_days_that_end_at_another_hour_lose_nothing(tmp_path: Path, hour: int) -> None:
    with house(tmp_path, days=6, activities=25.0, contracts=[ONE]) as home:
        home.sandbox.add_fault(parse_fault(f"days-cut-at={hour}:always"))
        first_run, notes = home.first_day, []
        for _ in range(4):
            report = home.sync(exports=["activities"], start_date=str(first_run))
            assert report.exit_code == 0, render(report)
            notes += report.notes
            home.clock.next_day()
        settled = Window(first_run + DAY, home.day(3))
        truth = Counter(row["activity_id"] for row in home.world.rows("activities", ONE, settled.first, settled.last))
        found = home.rows(
            "SELECT activity_id FROM salesnav.activities"
            f" WHERE activity_date BETWEEN '{settled.first}' AND '{settled.last}'"
        )
        assert Counter(activity for (activity,) in found) == truth
        assert any("may not end at midnight" in note for note in notes)

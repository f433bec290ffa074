"""The life of a pipeline, step by step, the same on every warehouse: what LinkedIn has and what is run."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from runs.house import DAY, ONE, SPECS, TWO, Clock, House

from salesnav_source.run.result import RunReport
from salesnav_source.sandbox import Fault, Sandbox, World
from salesnav_source.sandbox.faults import content, forbidden
from salesnav_source.sandbox.transforms import extra_columns
from salesnav_source.schema import EXPORTS

TODAY = dt.date(2026, 3, 11)
AWKWARD = "Zoë “O'Hara” \\n \\' \t% {x} 李 👩‍💻 \u202e\nsecond \"line\"\\"
"""What text may hold: quotes, backslashes, braces, tabs, newlines, and letters from anywhere."""

TStep = Callable[["StillHouse"], RunReport]


class StillClock(Clock):
    """A clock that moves only when told, so that two runs of one life are equal to the microsecond."""

    def __call__(self) -> float:
        return self.now

    def turn(self, day: dt.date, at: dt.time = dt.time(9)) -> None:
        self.now = dt.datetime.combine(day, at, dt.timezone.utc).timestamp()

    def next_day(self, days: int = 1) -> None:
        self.now += 86400.0 * days


class StillHouse(House):
    """A house in which one job after another is run, so that their numbers are the same on every warehouse."""

    destination: Any = None

    def pipeline(self, name: str = "house", **options: Any) -> Any:
        return super().pipeline(name, destination=self.destination, **options)

    def settings(self, **changes: Any) -> Any:
        return super().settings(**{"max_concurrent_jobs": 1, **changes})


@contextlib.contextmanager
def still_house(
    folder: Path, destination: Any, days: int = 10, contracts: Sequence[str] = (ONE, TWO)
) -> Iterator[StillHouse]:
    """Serves a tiny world at a standing time."""
    clock = StillClock(TODAY)
    mix = {"PROFILE_VIEWED": 4, "SEARCH_PERFORMED": 3, "SAVED_ACCOUNT": 1, "INMAIL_SENT": 6}
    world = World(contracts=SPECS, activities_per_seat=3.0, today=lambda: clock.today, mix=mix)
    with Sandbox(world, clock=clock, job_seconds=(0.0, 0.0)) as sandbox:
        house = StillHouse(folder, sandbox, clock, days, contracts)
        house.destination = destination
        yield house


def first_load(house: StillHouse) -> RunReport:
    house.contracts = (ONE,)
    for export, row in awkward_rows(house.day(4)).items():
        house.world.add_row(export, ONE, row)
    return house.sync()


def second_contract(house: StillHouse) -> RunReport:
    house.contracts = (ONE, TWO)
    return house.sync()


def next_day_with_late_and_withdrawn_rows(house: StillHouse) -> RunReport:
    for export in EXPORTS:
        gone = next(iter(house.world.rows(export, ONE, house.day(2), house.day(1))), None)
        if gone is not None:
            house.world.withdraw(export, ONE, tuple(gone[name] for name in EXPORTS[export].key if name != "contract"))
    for export, row in awkward_rows(house.day(2)).items():
        house.world.add_row(export, TWO, row)
    house.clock.next_day()
    return house.sync()


def nothing_new(house: StillHouse) -> RunReport:
    return house.sync()


def earlier_start(house: StillHouse) -> RunReport:
    house.first_day -= 7 * DAY
    return house.sync()


def a_failed_window(house: StillHouse) -> RunReport:
    house.clock.next_day()
    # refused at once: what is tried again after a pause would come between the others at random
    house.sandbox.add_fault(forbidden().where(export="activities", contract=TWO, times=None))
    report = house.sync()
    assert [(window.export, window.contract) for window in report.failed] == [("activities", TWO)]
    house.sandbox.clear_faults()
    return report


def the_gap_filled(house: StillHouse) -> RunReport:
    return house.sync()


def a_new_column(house: StillHouse) -> RunReport:
    house.clock.next_day()
    new = content(extra_columns({"Manager's Name": "Zoë 🎉", "region": "EMEA"}))
    house.sandbox.add_fault(Fault(new.call, new.effect, export="seats", times=None))
    house.sandbox.add_fault(Fault(new.call, new.effect, export="activities", contract=ONE, times=None))
    return house.sync()


def another_machine(house: StillHouse) -> RunReport:
    house.machine = "another"
    house.clock.next_day()
    asked = len(house.sandbox.requests)
    report = house.sync()
    assert {first for _, _, first, _ in house.posts(asked)} == {house.day(4), house.day(5)}, (
        "the state did not come back"
    )
    return report


def full_refresh(house: StillHouse) -> RunReport:
    house.sandbox.clear_faults()
    house.world.withdraw("activities", ONE, lambda row: row["activity_date"] == house.day(9))
    return house.sync(full_refresh=True)


STEPS: tuple[TStep, ...] = (
    first_load,
    second_contract,
    next_day_with_late_and_withdrawn_rows,
    nothing_new,
    earlier_start,
    a_failed_window,
    the_gap_filled,
    a_new_column,
    another_machine,
    full_refresh,
)


def awkward_rows(day: dt.date) -> dict[str, dict[str, Any]]:
    """Returns a row per export whose values are at the edge of what types hold."""
    last_second = dt.datetime.combine(day, dt.time(23, 59, 59), dt.timezone.utc)
    activity = {
        "activity_id": f"late-{day}",
        "activity_type": AWKWARD,
        "created_at": last_second,
        "seat_id": 2**63 - 1,
        "member_identity_key": AWKWARD,
    }
    seat = {
        "seat_id": 2**53 + 1,
        "snapshot_date": day,
        "first_name": AWKWARD,
        "last_name": "NULL",
        "ssi": 0.1,
        "ssi_brand": 1e-2,
    }
    return {"activities": activity, "activity_outcomes": activity, "seats": {**seat, "total_connections": -1}}

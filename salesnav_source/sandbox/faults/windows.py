"""Faults of windows: which ones LinkedIn accepts, and which rows their files have."""

from collections.abc import Callable

from salesnav_source.sandbox import transforms as t
from salesnav_source.sandbox.faults.calls import respond
from salesnav_source.sandbox.faults.declaring import declared
from salesnav_source.sandbox.faults.effects import DayHour, Planned
from salesnav_source.sandbox.faults.files import content
from salesnav_source.sandbox.faults.model import Call, Fault, JobPlan, Stage
from salesnav_source.sandbox.interval import DAY_MS, Interval
from salesnav_source.sandbox.transforms import TTransform

_GROUP = "Windows and rows"
_SECOND_MS = 1_000


@declared(_GROUP, value="DAYS")
def retention(days: int = 60) -> Fault:
    """Jobs that begin more than 60 days before today are refused (400)."""
    return respond(400, "create", message="Invalid startAt").where(times=None, when=lambda call: call.reach > days)


def _end_refused(is_right: Callable[[Interval], bool]) -> Fault:
    def is_wrong(call: Call) -> bool:
        return call.interval is not None and not is_right(call.interval)

    return respond(400, "create", message="Invalid endAt").where(times=None, when=is_wrong)


@declared(_GROUP)
def end_at_midnight() -> Fault:
    """Jobs are refused (400) unless endAt is the midnight, UTC, that follows the last day."""
    return _end_refused(lambda interval: interval.end % DAY_MS == 0)


@declared(_GROUP)
def end_at_last_second() -> Fault:
    """Jobs are refused (400) unless endAt is 23:59:59.000, UTC, of the last day."""
    return _end_refused(lambda interval: interval.end % DAY_MS == DAY_MS - _SECOND_MS)


@declared(_GROUP)
def end_at_whole_days() -> Fault:
    """Jobs are refused (400) unless endAt is a whole number of days after startAt."""
    return _end_refused(lambda interval: (interval.end - interval.start) % DAY_MS == 0)


@declared(_GROUP, value="HOUR")
def days_cut_at(hour: int = 8) -> Fault:
    """The days of activities and outcomes begin at 08:00 UTC instead of midnight."""
    return Fault("create", DayHour(hour), times=None)


@declared(_GROUP)
def look_back_empty() -> Fault:
    """A job with a day that its lane has exported before is completed without a row."""
    return content(t.only_header, stage=Stage.ROWS).where(times=None, when=lambda call: call.again)


@declared(_GROUP)
def row_in_two_windows() -> Fault:
    """Files of activities and outcomes have the last row of the week before once more, dated to their first day."""
    return _added(lambda plan: t.redated(_last_row(plan), plan.interval.first_day)).where(when=_has_moments)


@declared(_GROUP)
def row_outside_window() -> Fault:
    """Files have the last row of the week before their first day, too."""
    return _added(_last_row)


@declared(_GROUP)
def outcome_in_two_files() -> Fault:
    """Files of outcomes repeat all outcomes of the week before their first day."""
    return _added(lambda plan: plan.before(7)).where(export="activity_outcomes")


def _last_row(plan: JobPlan) -> list[bytes]:
    """Returns a row of the latest day of the week before the window that has any."""
    for days in range(1, 8):
        if rows := list(plan.before(days)):
            return rows[-1:]
    return []


def _added(rows: Callable[[JobPlan], t.TRecords]) -> Fault:
    """Every file has further rows that are true."""

    def change(plan: JobPlan) -> TTransform:
        return t.append_rows(lambda: rows(plan))

    return Fault("create", Planned(change, Stage.ROWS), times=None)


def _has_moments(call: Call) -> bool:
    return call.export != "seats"

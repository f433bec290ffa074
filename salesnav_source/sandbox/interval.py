"""The time interval of an export job, and which rows of the world are in it.

LinkedIn documents a closed range, both ends included, and asks for boundaries of days; both of its sample jobs are whole
multiples of a day that begin at another hour. So any interval of at most 90 days is accepted here, and a file holds:

- activities and outcomes whose timestamp lies in the closed range;
- the snapshots of all days that the range touches. A range that ends at midnight does not touch the day that begins then.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from salesnav_source.sandbox.data import FILE_COLUMNS, World
from salesnav_source.schema import SEATS

DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_SECOND_MS = 1_000
_EPOCH = dt.date(1970, 1, 1)


class ExportFile(Protocol):
    """The file of an export job."""

    @property
    def row_count(self) -> int:
        """How many rows the file has, without its header."""

    def records(self) -> Iterator[bytes]:
        """Yields the file line by line, header first."""

    def chunks(self) -> Iterator[bytes]:
        """Yields the file in pieces of whole lines, header first."""


@dataclass(frozen=True)
class Interval:
    """A closed range of time, in milliseconds since the epoch."""

    start: int
    end: int

    @property
    def first_day(self) -> dt.date:
        """The day, UTC, in which it begins.

        Raises:
            OverflowError: if there is no such day in the calendar.
        """
        return day_of(self.start)

    @property
    def last_day(self) -> dt.date:
        """The last day, UTC, of which it has more than the first instant."""
        return max(self.first_day, day_of(self.end - (self.end % DAY_MS == 0)))

    @property
    def days(self) -> int:
        """How many days it touches."""
        return (self.last_day - self.first_day).days + 1

    @property
    def is_whole_days(self) -> bool:
        """True if it begins at a midnight and ends with the last second of a day."""
        return self.start % DAY_MS == 0 and self.end % DAY_MS >= DAY_MS - _SECOND_MS

    def later(self, hours: int) -> "Interval":
        """Returns the interval so many hours later."""
        return Interval(self.start + hours * _HOUR_MS, self.end + hours * _HOUR_MS)

    def overlaps(self, other: "Interval") -> bool:
        """Returns true if both touch the same day."""
        return self.first_day <= other.last_day and other.first_day <= self.last_day


class CutFile:
    """The rows of a file with a timestamp in an interval."""

    def __init__(self, file: ExportFile, export: str, interval: Interval) -> None:
        self._file = file
        self._column = list(FILE_COLUMNS[export]).index("createdAt")
        # timestamps have whole seconds
        self._first, self._last = (_sortable(second) for second in (-(-interval.start // 1000), interval.end // 1000))

    @cached_property
    def row_count(self) -> int:
        """How many rows the file has, without its header."""
        return sum(1 for _ in self.records()) - 1

    def records(self) -> Iterator[bytes]:
        """Yields the file line by line, header first."""
        records = iter(self._file.records())
        yield next(records)
        yield from filter(self._contains, records)

    def chunks(self) -> Iterator[bytes]:
        """Yields the file line by line, header first."""
        return self.records()

    def _contains(self, record: bytes) -> bool:
        # no column of activities and outcomes needs quotes
        stamp = record.split(b",")[self._column].rstrip(b"\n")
        return self._first <= stamp[6:10] + b"-" + stamp[:5] + stamp[10:] <= self._last


def export_file(world: World, export: str, contract: str, interval: Interval, day_hour: int = 0) -> ExportFile:
    """Returns the file of an export as the world is now.

    Args:
        world: What there is to export.
        export: Name of the export.
        contract: URN of the contract.
        interval: The time that is asked for.
        day_hour: The hour, UTC, at which the days of activities and outcomes begin.
    """
    if export == SEATS.name or (interval.is_whole_days and not day_hour):
        return world.file(export, contract, interval.first_day, interval.last_day)
    wanted = interval.later(day_hour)
    return CutFile(world.file(export, contract, wanted.first_day, day_of(wanted.end)), export, wanted)


def rows_before(world: World, export: str, contract: str, interval: Interval, days: int) -> Iterable[bytes]:
    """Returns the rows of the days before an interval, line by line, without a header."""
    last = interval.first_day - dt.timedelta(days=1)
    records = world.file(export, contract, last - dt.timedelta(days=days - 1), last).records()
    next(records)
    return records


def _sortable(second: int) -> bytes:
    """Returns a moment with the year first."""
    return f"{dt.datetime(1970, 1, 1) + dt.timedelta(seconds=second):%Y-%m-%d %H:%M:%S}".rjust(19, "0").encode()


def day_of(milliseconds: int) -> dt.date:
    """Returns the day, UTC, of a moment."""
    return _EPOCH + dt.timedelta(days=milliseconds // DAY_MS)

"""Days, windows and coverage: pure interval arithmetic over whole UTC days."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

MAX_WINDOW_DAYS = 90
"""The longest interval that LinkedIn exports in one job (documented)."""

ONE_DAY = timedelta(days=1)


class Window(NamedTuple):
    """Whole UTC days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days the window has."""
        return (self.last - self.first).days + 1

    @property
    def start_ms(self) -> int:
        """The first millisecond of the window, since the epoch."""
        return _midnight_ms(self.first)

    @property
    def end_ms(self) -> int:
        """The last millisecond of the window, since the epoch. LinkedIn's ranges include both ends (documented)."""
        return _midnight_ms(self.last + ONE_DAY) - 1

    def contains(self, other: "Window") -> bool:
        """Returns true if all days of `other` are in this window."""
        return self.first <= other.first and other.last <= self.last

    def halves(self) -> tuple["Window", "Window"]:
        """Returns the older and the newer half.

        Raises:
            ValueError: if the window is a single day.
        """
        if self.days < 2:
            raise ValueError(f"{self} is a single day")
        middle = self.first + timedelta(days=(self.days + 1) // 2 - 1)
        return Window(self.first, middle), Window(middle + ONE_DAY, self.last)

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def utc_day(epoch: float) -> date:
    """Returns the UTC day of a time in seconds since the epoch."""
    return datetime.fromtimestamp(epoch, timezone.utc).date()


def _midnight_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()) * 1000


@dataclass(frozen=True)
class Days:
    """A set of days, as sorted windows that neither overlap nor touch."""

    windows: tuple[Window, ...] = ()

    @staticmethod
    def of(windows: Iterable[Window]) -> "Days":
        """Returns the days of windows in any order; they may overlap."""
        joined: list[Window] = []
        for window in sorted(windows):
            if joined and window.first <= joined[-1].last + ONE_DAY:
                joined[-1] = Window(joined[-1].first, max(joined[-1].last, window.last))
            else:
                joined.append(window)
        return Days(tuple(joined))

    @staticmethod
    def of_days(days: Iterable[date]) -> "Days":
        """Returns the set of single days."""
        return Days.of(Window(day, day) for day in days)

    def __iter__(self) -> Iterator[Window]:
        return iter(self.windows)

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __len__(self) -> int:
        return sum(window.days for window in self.windows)

    def __or__(self, other: "Days") -> "Days":
        return Days.of((*self.windows, *other.windows))

    def __sub__(self, other: "Days") -> "Days":
        left = list(self.windows)
        for hole in other.windows:
            left = [piece for window in left for piece in _cut_out(window, hole)]
        return Days(tuple(left))

    def __and__(self, other: "Days") -> "Days":
        return self - (self - other)

    def contains(self, window: Window) -> bool:
        """Returns true if all days of the window are in the set."""
        return any(own.contains(window) for own in self.windows)

    def __str__(self) -> str:
        return ", ".join(map(str, self.windows)) or "none"


def _cut_out(window: Window, hole: Window) -> Iterator[Window]:
    if hole.last < window.first or window.last < hole.first:
        yield window
        return
    if window.first < hole.first:
        yield Window(window.first, hole.first - ONE_DAY)
    if hole.last < window.last:
        yield Window(hole.last + ONE_DAY, window.last)


@dataclass(frozen=True)
class Coverage:
    """Which days of one export of one contract are loaded, and which of them may still get late rows.

    Kept in dlt's state as a few intervals and at most `lookback_days` single days, however long the pipeline lives.
    """

    loaded: Days = Days()
    unsettled: Mapping[date, date] = field(default_factory=dict)
    """Loaded days that may still get late rows, each with the day on which LinkedIn made its file."""
    stale: Days = Days()
    """Loaded days that a full refresh has asked for again and not got yet."""

    def with_window(self, window: Window, read_on: date, lookback_days: int) -> "Coverage":
        """Returns the coverage after a window has been loaded.

        Args:
            window: the days loaded.
            read_on: the UTC day on which LinkedIn made the file.
            lookback_days: how many days back from `read_on` late rows are expected.
        """
        unsettled = {day: read for day, read in self.unsettled.items() if not window.first <= day <= window.last}
        day = max(window.first, read_on - timedelta(days=lookback_days))
        while day <= window.last:
            unsettled[day] = read_on
            day += ONE_DAY
        return Coverage(self.loaded | Days((window,)), unsettled, self.stale - Days((window,)))

    def __or__(self, other: "Coverage") -> "Coverage":
        """Returns what is loaded of either. A day that either would read again is read again."""
        return Coverage(self.loaded | other.loaded, {**self.unsettled, **other.unsettled}, self.stale | other.stale)

    def to_read_again(self, today: date, lookback_days: int) -> Days:
        """Returns the loaded days that are due to be read again: for late rows, or because a full refresh did not get them.

        A day is due if its file is from before today, and was made at most `lookback_days` after the day.
        """
        return self.stale | Days.of_days(
            day
            for day, read_on in self.unsettled.items()
            if read_on < today and (read_on - day).days <= lookback_days and self.loaded.contains(Window(day, day))
        )

    def to_state(self) -> dict[str, Any]:
        """Returns the coverage as JSON-able values for dlt's state."""
        state: dict[str, Any] = {
            "loaded": _ends(self.loaded),
            "unsettled": {day.isoformat(): read.isoformat() for day, read in sorted(self.unsettled.items())},
        }
        return {**state, "stale": _ends(self.stale)} if self.stale else state

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> "Coverage":
        """Returns the coverage that `to_state` wrote."""
        unsettled = {
            date.fromisoformat(day): date.fromisoformat(read) for day, read in state.get("unsettled", {}).items()
        }
        return Coverage(_days(state.get("loaded", [])), unsettled, _days(state.get("stale", [])))


def _ends(days: Days) -> list[list[str]]:
    return [[window.first.isoformat(), window.last.isoformat()] for window in days]


def _days(ends: Iterable[Sequence[str]]) -> Days:
    return Days.of(Window(date.fromisoformat(first), date.fromisoformat(last)) for first, last in ends)


def cut(window: Window, max_days: int = MAX_WINDOW_DAYS) -> list[Window]:
    """Cuts a window into windows of at most `max_days`, newest first."""
    pieces = []
    last = window.last
    while last >= window.first:
        first = last - timedelta(days=min(max_days - 1, (last - window.first).days))
        pieces.append(Window(first, last))
        if first == window.first:
            break
        last = first - ONE_DAY
    return pieces


def plan_windows(
    wanted: Days,
    coverage: Coverage,
    today: date,
    lookback_days: int,
    in_flight: Sequence[Window] = (),
    overlaps: bool = False,
) -> list[Window]:
    """Returns the windows to ask for, newest first: days wanted and not loaded, and days due to be read again.

    Args:
        wanted: the days that the user wants; days from `today` on are never asked for.
        coverage: the days that are loaded.
        today: the current UTC day.
        lookback_days: how many days back late rows are expected.
        in_flight: windows of jobs that an earlier run left at LinkedIn; those that are still of use are taken over as they
            are, and the rest is cut around them.
        overlaps: true if a window begins with a loaded day more, where there is one before it: days that LinkedIn cuts at
            another hour than midnight UTC are whole then, apart from that one, which is not replaced.
    """
    possible = wanted - Days((Window(today, date.max - ONE_DAY),))
    missing = (possible - coverage.loaded) | (possible & coverage.to_read_again(today, lookback_days))
    taken: list[Window] = []
    for window in sorted(in_flight, key=lambda w: (w.days, w.last), reverse=True):
        if missing.contains(_without_overlap(window, missing, coverage.loaded) if overlaps else window):
            taken.append(window)
            missing = missing - Days((window,))
    fresh = [piece for window in missing for piece in cut(window)]
    if overlaps:
        fresh = [_with_overlap(piece, coverage.loaded - missing - Days.of(taken)) for piece in fresh]
    return sorted(taken + fresh, key=lambda window: window.last, reverse=True)


def _with_overlap(window: Window, loaded: Days) -> Window:
    before = window.first - ONE_DAY
    if window.days < MAX_WINDOW_DAYS and loaded.contains(Window(before, before)):
        return Window(before, window.last)
    return window


def _without_overlap(window: Window, missing: Days, loaded: Days) -> Window:
    first = Window(window.first, window.first)
    if window.days > 1 and loaded.contains(first) and not missing.contains(first):
        return Window(window.first + ONE_DAY, window.last)
    return window


class Ask(NamedTuple):
    """A step of the search for the newest day that LinkedIn has data for. The step width doubles, then halves."""

    window: Window
    take_off: int
    """How many of its newest days to leave out next, if this window is delayed."""
    beyond: Window | None
    """Newer days that were left out without asking: open if this window is delayed, to be asked for if it is not."""


class DelayedDays(NamedTuple):
    """The next step after a window that LinkedIn answered with a data delay."""

    ask: Ask | None
    """What to ask for instead; None if no day is left."""
    open: list[Window]
    """Days that LinkedIn has no data for yet."""


def without_delayed(window: Window, take_off: int, beyond: Window | None) -> DelayedDays:
    """Leaves the newest days out of a delayed window, assuming that these are the days without data.

    The number of days doubles with each delay, so that a long delay costs few jobs.

    Args:
        window: the days whose job ended because of a data delay.
        take_off: how many of the newest days to leave out.
        beyond: newer days that were left out before.
    """
    open_days = [beyond] if beyond else []
    if window.days == 1:
        return DelayedDays(None, [*open_days, window])
    take_off = min(take_off, window.days - 1)
    kept = Window(window.first, window.last - timedelta(days=take_off))
    aside = Window(kept.last + ONE_DAY, window.last - ONE_DAY) if take_off > 1 else None
    return DelayedDays(Ask(kept, take_off * 2, aside), [*open_days, Window(window.last, window.last)])


def into(beyond: Window) -> Ask:
    """Returns the older half of the days left out, to ask for once the days before them have come."""
    if beyond.days == 1:
        return Ask(beyond, 1, None)
    older, newer = beyond.halves()
    return Ask(older, max(1, older.days // 2), newer)

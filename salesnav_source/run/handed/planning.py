"""Which days of which file are loaded: pure.

- Days that are loaded already stay as they are: LinkedIn may have made what is there later than the file. A full refresh
  replaces them.
- Of files with the same days none is loaded, as nothing shows which one LinkedIn has made later, unless their rows of these
  days are equal. With a full refresh the last one that was given counts.
- Days given are what the files stand for together: a day without a row counts as loaded.
- A day that was not over when the file was made stays open.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from salesnav_source.days.windows import ONE_DAY, Days, Window
from salesnav_source.jobs.results import WindowResult
from salesnav_source.jobs.task import HandedFile, Task
from salesnav_source.run.account import FileResult, TFileState
from salesnav_source.run.handed.looking import HOW_TO_TELL, Look

_NOT_OVER = "the day was not over when the file was made"


@dataclass(frozen=True)
class Lane:
    """What the files are said to be of."""

    contract: str
    export: str

    def __str__(self) -> str:
        return f"{self.export} of {self.contract}"


@dataclass(frozen=True)
class GivenDays:
    """The days that were given, as far as they were."""

    first: date | None = None
    last: date | None = None

    def __bool__(self) -> bool:
        return self.first is not None or self.last is not None

    def within(self, window: Window | None) -> Window | None:
        """Returns a window without days that are not among those given; None if none is left."""
        if window is None:
            return None
        first, last = max(window.first, self.first or window.first), min(window.last, self.last or window.last)
        return Window(first, last) if first <= last else None


@dataclass
class FilePlan:
    """What becomes of the files."""

    tasks: list[Task] = field(default_factory=list)
    """The files to load, each with its days."""
    failed: list[WindowResult] = field(default_factory=list)
    """Days that are not loaded, as two files have them."""
    open: list[WindowResult] = field(default_factory=list)
    """Days that were not over when a file was made."""
    files: list[FileResult] = field(default_factory=list)
    """Files that bring nothing, and why."""
    by_rows: list[str] = field(default_factory=list)
    """Files whose days are those of their rows."""


@dataclass(frozen=True)
class _Placed:
    """A file with the days that it stands for."""

    look: Look
    whole: Window
    """All of them."""
    window: Window
    """Those that were over when it was made."""
    made_on: date


def plan_files(
    lane: Lane,
    looks: Sequence[Look],
    given: GivenDays,
    loaded: Days,
    today: date,
    full_refresh: bool = False,
    all_read: bool = True,
    held: Mapping[date, int | None] | None = None,
) -> FilePlan:
    """Plans which days of which file are loaded.

    Args:
        lane: what the files are of.
        looks: the files that could be read, in the order in which they were given.
        given: the days that were given.
        loaded: the days of the contract's export that are loaded.
        today: the current UTC day.
        full_refresh: true if loaded days are replaced.
        all_read: false if a file could not be read: then days between two files are not known to be without rows.
        held: how many rows the loaded days have, None where jobs brought some; the files are not compared with them if None.
    """
    plan = FilePlan()
    distinct = _without_copies(lane, looks, plan)
    windows = _windows(distinct, given, all_read)
    placed = [
        one
        for look in distinct
        if (one := _place(lane, look, windows.get(look.digest), given, today, plan)) is not None
    ]
    refused = set() if full_refresh else _contradictions(lane, placed, plan)
    taken = Days()
    tasks = []
    for one in reversed(placed) if full_refresh else placed:
        if one.look.digest in refused:
            continue
        days = Days((one.window,)) - taken
        taken = taken | days
        if not full_refresh:
            plan.failed += _less_loaded(lane, one, days & loaded, held) if held is not None else ()
            days = days - loaded
        if not one.look.has_day_column and not days.contains(Window(one.whole.last, one.whole.last)):
            # its rows are of the last day alone
            days = Days()
        if not days:
            plan.files.append(FileResult(str(one.look.file), *_names(lane), "loaded_before", one.window))
            continue
        tasks.append(_task(lane, one, days, bool(given)))
    plan.tasks = tasks[::-1] if full_refresh else tasks
    by_rows = {task.handed.id for task in plan.tasks if task.handed} if not given else set()
    plan.by_rows = [str(one.look.file) for one in placed if file_id(lane, one.look) in by_rows]
    return plan


def _names(lane: Lane) -> tuple[str, str]:
    return lane.contract, lane.export


def _without_copies(lane: Lane, looks: Sequence[Look], plan: FilePlan) -> list[Look]:
    """Returns the files that hold something else than those before."""
    first: dict[bytes, Look] = {}
    for look in looks:
        other = first.setdefault(look.digest, look)
        if other is not look:
            reason = f"holds what {other.file} holds"
            plan.files.append(FileResult(str(look.file), *_names(lane), "repeated", look.window, reason))
    return list(first.values())


def _windows(looks: Sequence[Look], given: GivenDays, all_read: bool) -> Mapping[bytes, Window | None]:
    """Returns the days that each file stands for, by its digest.

    Where days are given, those without rows belong to the file before them, and the first ones to the first file.
    """
    if not given:
        return {look.digest: look.window for look in looks}
    if len(looks) == 1 and all_read:
        own = looks[0].window
        first = given.first or (own.first if own else None)
        last = given.last or (own.last if own else None)
        return {looks[0].digest: Window(first, last) if first and last and first <= last else None}
    own_days = {look.digest: given.within(look.window) for look in looks}
    if not all_read:
        return own_days
    return _stretched({digest: window for digest, window in own_days.items() if window is not None}, given)


def _stretched(windows: Mapping[bytes, Window], given: GivenDays) -> Mapping[bytes, Window | None]:
    """Returns windows that leave none of the days given out: those between two belong to the one before."""
    stretched: dict[bytes, Window | None] = dict(windows)
    if not windows:
        return stretched
    covered = Days.of(windows.values())
    span = Window(given.first or covered.windows[0].first, given.last or covered.windows[-1].last)
    for gap in Days((span,)) - covered:
        before = [digest for digest, window in windows.items() if window.last < gap.first]
        owner = (
            max(before, key=lambda digest: windows[digest].last)
            if before
            else min(windows, key=lambda one: windows[one])
        )
        own = stretched[owner] or gap
        stretched[owner] = Window(min(own.first, gap.first), max(own.last, gap.last))
    return stretched


def _place(
    lane: Lane, look: Look, window: Window | None, given: GivenDays, today: date, plan: FilePlan
) -> _Placed | None:
    """Returns a file with its days, without those that were not over when it was made; None if none is left."""
    if look.window is not None and look.window.last > today:
        reason = f"it has rows of {look.window.last}, a day that has not come. Its days may have the day first: {HOW_TO_TELL}"
        plan.files.append(FileResult(str(look.file), *_names(lane), "failed", look.window, reason))
        return None
    if window is None:
        state: TFileState = "failed" if look.rows else "without_rows"
        plan.files.append(FileResult(str(look.file), *_names(lane), state, None, _no_days(look)))
        return None
    written_on = look.file.written_on
    # a file may have been copied since, and a date before its last day is none
    made_on = min(today, written_on) if written_on >= window.last else today
    over = min(made_on - ONE_DAY, window.last)
    if over < window.last:
        left = Window(max(window.first, over + ONE_DAY), window.last)
        plan.open.append(WindowResult(*_names(lane), left, "open", _NOT_OVER, file=look.file.short_name))
    if over < window.first or (over < window.last and not look.has_day_column):
        return None
    return _Placed(look, window, Window(window.first, over), made_on)


def _no_days(look: Look) -> str:
    if not look.rows:
        return "it has no row"
    if look.window is not None:
        return f"its {look.rows:,} rows are of {look.window}, and none is of the days given"
    if look.has_day_column:
        return f"none of its {look.rows:,} rows is of the days given"
    return "it has no column with the day of its rows: import it alone, with its own --start-date and --end-date"


def _contradictions(lane: Lane, placed: Sequence[_Placed], plan: FilePlan) -> set[bytes]:
    """Returns the files that have days in common with another and other rows of them, and reports them."""
    refused: set[bytes] = set()
    in_order = sorted(placed, key=lambda one: one.window)
    for place, one in enumerate(in_order):
        for other in in_order[place + 1 :]:
            if other.window.first > one.window.last:
                break
            shared = Window(other.window.first, min(one.window.last, other.window.last))
            if one.look.agrees(other.look, shared):
                continue
            for mine, its in ((one, other), (other, one)):
                if mine.look.digest not in refused:
                    refused.add(mine.look.digest)
                    plan.failed.append(
                        WindowResult(
                            *_names(lane),
                            mine.window,
                            "failed",
                            _contradiction(its, shared),
                            file=mine.look.file.short_name,
                        )
                    )
    return refused


def _less_loaded(lane: Lane, one: _Placed, days: Days, held: Mapping[date, int | None]) -> Iterator[WindowResult]:
    """Yields the loaded days of which a file has more rows than the warehouse: those rows are not loaded.

    What a job brought may be newer than the file, and stays in any case.
    """
    more: dict[date, tuple[int, int]] = {}
    for day, rows in one.look.day_rows.items():
        before = held.get(day, 0) if days.contains(Window(day, day)) else None
        if before is not None and rows > before:
            more[day] = (rows, before)
    if more:
        rows, before = (sum(counts) for counts in zip(*more.values(), strict=True))
        reason = (
            f"it has {rows:,} rows of loaded days, which have {before:,}. Nothing shows which is newer, so these days stay"
            " as they are; --full-refresh replaces them"
        )
        yield WindowResult(*_names(lane), Window(min(more), max(more)), "failed", reason, file=one.look.file.short_name)


def _contradiction(other: _Placed, shared: Window) -> str:
    return (
        f"{other.look.file} has other rows of {shared}, and nothing shows which file LinkedIn made later. Import the later one"
        " alone, or both with --full-refresh, the later one last"
    )


def file_id(lane: Lane, look: Look) -> int:
    """Returns the number that stands in the rows of a file: negative, and small enough for tools that count in doubles."""
    digest = sha256(f"{lane.contract} {lane.export} ".encode() + look.digest).digest()
    return -1 - (int.from_bytes(digest[:8], "big") >> 12)


def _task(lane: Lane, one: _Placed, days: Days, are_given: bool) -> Task:
    file, number = one.look.file, file_id(lane, one.look)
    how = "its days were given" if are_given else "its days are those of its rows"
    note = f"the file {file.short_name}, export_job_id {number}; {how}"
    handed = HandedFile(file.path, file.member, file.short_name, number, one.made_on, one.whole, days, note)
    return Task(lane.contract, lane.export, Window(days.windows[0].first, days.windows[-1].last), handed=handed)

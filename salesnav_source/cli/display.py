"""How far a run has come, while it is at work: a line per contract and export on a terminal, a line for all in a log."""

import contextlib
import logging
import shutil
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import dlt
from dlt.common.runtime.collector import NullCollector

from salesnav_source.exceptions import ConfigurationError, SalesnavError
from salesnav_source.run.context import ExportRun
from salesnav_source.settings.redaction import clean
from salesnav_source.settings.urns import number_of

COLLECTORS = ("log", "tqdm", "enlighten", "alive_progress")
"""dlt's own, which can be chosen by `PROGRESS`."""

LONGEST_NAME = 24
"""Most characters of a contract's name in its line."""
_NUMBERS = (2, 3)
"""The cells that begin with a number: days and rows."""

REDRAW_SECONDS = 0.5
LOG_SECONDS = 10.0

TLane = tuple[str, str]
"""A contract and an export."""


class Display:
    """Shows how far a run has come by one of dlt's collectors."""

    def __init__(self, collector: Any) -> None:
        self.collector = collector

    def watch(self, run: ExportRun) -> None:
        """Shows a run from now on."""

    def close(self) -> None:
        """Shows nothing any more."""

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Keeps what is logged readable, and ends the display however the run ends."""
        tidy = _Tidy(self)
        log = logging.getLogger("dlt")
        log.addFilter(tidy)
        try:
            yield
        finally:
            log.removeFilter(tidy)
            self.close()

    def make_way(self) -> None:
        """Lets a line be printed."""


def chosen_display(quiet: bool = False) -> Display:
    """Returns what the user has chosen; else lines that are redrawn on a terminal, and lines for a log elsewhere.

    Raises:
        ConfigurationError: if what was chosen does not exist.
    """
    chosen = dlt.config.get("progress", str)
    if chosen is not None and chosen not in COLLECTORS:
        raise ConfigurationError(
            f"progress = {chosen!r} is none of {', '.join(COLLECTORS)}. Choose one of these, or take the setting out (in the"
            " environment: PROGRESS)."
        )
    if quiet:
        return Display(NullCollector())
    if chosen:
        return Display(chosen)
    if sys.stderr.isatty():
        return LaneDisplay(sys.stderr)
    return LogDisplay(sys.stderr)


_TRIES = ("w_run_job", "complete_jobs", "load_single_package")
"""Where dlt logs each try of a load job; what it comes to is said at the end."""


class _Tidy(logging.Filter):
    """Keeps stack traces and single tries out of what dlt logs, unless DEBUG asks for them, and has the display make way."""

    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets a record pass that a person has to know."""
        if not logging.getLogger(record.name).isEnabledFor(logging.DEBUG):
            if record.filename == "load.py" and record.funcName in _TRIES:
                return False
            said = record.getMessage()
            if "Traceback (most recent" in said:
                record.msg, record.args = said.partition("Traceback (most recent")[0].rstrip(), ()
            record.exc_info = record.exc_text = None
        self._display.make_way()
        return True


@dataclass
class Lane:
    """How far an export of a contract has come."""

    contract: str
    export: str
    days_wanted: int = 0
    days_done: int = 0
    days_missed: int = 0
    """Days that stay open or have failed."""
    windows_wanted: int = 0
    windows_ended: int = 0
    rows: int = 0
    jobs: int = 0
    """Jobs at LinkedIn."""
    since: float | None = None
    """When the oldest of them was asked for, seconds since the epoch."""
    durations: list[float] = field(default_factory=list)
    """Seconds from one window's end to the next."""
    files: bool = False
    """True if files were handed over, so that there are no jobs."""
    name: str = ""
    """The contract's name, where it is known."""

    @property
    def ended(self) -> bool:
        """Tells whether nothing more will come."""
        return self.days_done + self.days_missed >= self.days_wanted

    def seconds_left(self, others: Sequence[float]) -> float | None:
        """Returns how long the rest can be expected to take; LinkedIn works on one job of a lane at a time.

        Args:
            others: how long jobs of other lanes have taken, for a lane of which none has ended.
        """
        known = self.durations or others
        left = max(1, self.windows_wanted - self.windows_ended)
        return sum(known) / len(known) * left if known else None


class LaneDisplay(Display):
    """Lines on a terminal that are redrawn, one for each contract and export."""

    def __init__(self, terminal: TextIO, now: Callable[[], float] = time.time) -> None:
        # what dlt counts is passed over: the lanes tell more
        super().__init__(NullCollector())
        self._terminal = terminal
        self._now = now
        self._run: ExportRun | None = None
        self._lock = threading.RLock()
        self._drawn = 0
        self._ended: dict[TLane, list[float]] = defaultdict(list)
        """When windows of each lane were seen to have ended."""
        self._began = now()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._redraw, name="salesnav-display", daemon=True)
        self._pause = REDRAW_SECONDS

    def watch(self, run: ExportRun) -> None:
        """Starts to show a run."""
        self._run, self._began = run, self._now()
        self._thread.start()

    def close(self) -> None:
        """Takes the lines away."""
        self._closed.set()
        with self._lock:
            self.make_way()

    def make_way(self) -> None:
        """Takes the lines away until they are drawn again."""
        with self._lock:
            if self._drawn:
                self._terminal.write(f"\x1b[{self._drawn}F\x1b[J")
                self._terminal.flush()
                self._drawn = 0

    def _redraw(self) -> None:
        while not self._closed.wait(self._pause):
            with self._lock:
                if not self._closed.is_set():
                    self.draw()

    def draw(self) -> None:
        """Draws the lines as they are now."""
        size = shutil.get_terminal_size()
        lines = render_lanes(self.lanes(), self._now(), size.columns - 1, size.lines - 2)
        with self._lock:
            back = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
            self._terminal.write(back + "".join(f"{line}\n" for line in lines))
            self._terminal.flush()
            self._drawn = len(lines)

    def lanes(self) -> list[Lane]:
        """Returns how far each contract and export has come."""
        run = self._run
        if run is None:
            return []
        lanes: dict[TLane, Lane] = {}
        for task in run.plan.tasks:
            files, name = task.handed is not None, run.report.names.get(task.contract, "")
            lane = lanes.setdefault(task.lane, Lane(task.contract, task.export, files=files, name=name))
            lane.days_wanted += task.window.days
            lane.windows_wanted += 1
        for loaded in list(run.report.loaded):
            if (one := lanes.get((loaded.contract, loaded.export))) is not None:
                one.days_done += loaded.window.days
                one.windows_ended += 1
                one.rows += loaded.rows
        for missed in [*run.report.not_loaded, *run.runner.not_loaded]:
            if (one := lanes.get((missed.contract, missed.export))) is not None:
                one.days_missed += missed.window.days
                one.windows_ended += 1
        self._add_jobs(lanes, run)
        for key, lane in lanes.items():
            self._add_durations(key, lane)
        return sorted(lanes.values(), key=lambda lane: (lane.contract, lane.export))

    def _add_jobs(self, lanes: dict[TLane, Lane], run: ExportRun) -> None:
        try:
            jobs = run.context.journal.in_flight()
        except SalesnavError:  # it is closed
            return
        for job in jobs:
            if (lane := lanes.get((job.contract, job.export))) is not None:
                lane.jobs += 1
                lane.since = min(lane.since or job.created_at, job.created_at)

    def _add_durations(self, key: TLane, lane: Lane) -> None:
        seen = self._ended[key]
        seen += [self._now()] * (lane.windows_ended - len(seen))
        lane.durations = [end - start for start, end in zip([self._began, *seen], seen)]


class LogDisplay(LaneDisplay):
    """A line now and then for all contracts and exports together, where nothing can be redrawn."""

    def __init__(self, log: TextIO, now: Callable[[], float] = time.time) -> None:
        super().__init__(log, now)
        self._pause = LOG_SECONDS

    def watch(self, run: ExportRun) -> None:
        """Starts to show a run, at once."""
        super().watch(run)
        self.draw()

    def draw(self) -> None:
        """Writes how far all has come by now."""
        line = render_sum(self.lanes())
        with self._lock:
            self._terminal.write(f"{line}\n")
            self._terminal.flush()


def render_sum(lanes: Sequence[Lane]) -> str:
    """Returns a line for all lanes together."""
    done, wanted = sum(lane.days_done for lane in lanes), sum(lane.days_wanted for lane in lanes)
    rows, jobs = sum(lane.rows for lane in lanes), sum(lane.jobs for lane in lanes)
    line = f"{done:,}/{wanted:,} days loaded, {rows:,} rows, {jobs:,} job{'s' * (jobs != 1)} at LinkedIn"
    missed = sum(lane.days_missed for lane in lanes)
    return f"{line}, {missed:,} days open or failed" if missed else line


def render_lanes(lanes: Sequence[Lane], now: float, columns: int, most: int) -> list[str]:
    """Returns a line for each lane, those that have ended last, with contracts' names where they leave room for the rest.

    Args:
        lanes: how far they have come.
        now: seconds since the epoch.
        columns: how long lines may be.
        most: how many lines there may be.
    """
    others = [seconds for lane in lanes for seconds in lane.durations]
    shown = sorted(lanes, key=lambda lane: lane.ended)
    cells = [_cells(lane, now, others) for lane in shown]
    lines = _laid_out([(_named(lane), *row) for lane, row in zip(shown, cells)])
    if max(map(len, lines), default=0) > columns:
        lines = _laid_out([(number_of(lane.contract), *row) for lane, row in zip(shown, cells)])
    most = max(1, most)
    if len(lines) > most:
        lines[most - 1 :] = [f"and {len(lines) - most + 1} more"]
    return [line[:columns] for line in lines]


def _laid_out(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Returns lines whose cells stand below each other; those that begin with a number end below each other."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = (
            cell.rjust(width) if i in _NUMBERS else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return lines


def _named(lane: Lane) -> str:
    name = clean(lane.name, LONGEST_NAME)
    number = number_of(lane.contract)
    return f"{name} ({number})" if name else number


def _cells(lane: Lane, now: float, others: Sequence[float]) -> tuple[str, str, str, str, str]:
    """Returns what is told of a lane, after its contract."""
    days = f"{lane.days_done:,}/{lane.days_wanted:,} days"
    rows = f"{lane.rows:,} rows"
    if lane.ended:
        missed = f"{lane.days_missed:,} days open or failed" if lane.days_missed else "done"
        return lane.export, days, rows, missed, ""
    if lane.files:
        at_linkedin = f"{lane.windows_ended:,}/{lane.windows_wanted:,} files"
    elif lane.jobs and lane.since is not None:
        at_linkedin = f"at LinkedIn {_span(now - lane.since)}"
    else:
        at_linkedin = "waits its turn"
    left = lane.seconds_left(others)
    spent = now - lane.since if lane.since is not None else 0.0
    return lane.export, days, rows, at_linkedin, f"~{_span(max(0.0, left - spent))} left" if left else ""


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"

"""Files that were handed over, in the place of a runner of jobs: each window's file is there already, and is read."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from dlt.common import logger

from salesnav_source.exceptions import SalesnavError, one_line
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.fetch import OpenLoad, Reading, ends_with_line
from salesnav_source.jobs.results import WindowResult
from salesnav_source.jobs.task import HandedFile, ReceivedFile, Task
from salesnav_source.linkedin.spool import Spool
from salesnav_source.settings.configuration import TIntervalEnd

_UNENDED = "its last line has no end, so the file may be cut short"

TOpen = Callable[[HandedFile], Path | Spool]
"""Returns what a file holds, to be read."""


class HandedFiles:
    """The windows of files that were handed over, read one after the other while a load is open."""

    jobs_created = 0
    """LinkedIn is asked for nothing."""
    interval_end: TIntervalEnd | None = None
    """No job was created that would show one."""

    def __init__(self, tasks: Sequence[Task], reading: Reading, folder: Path, opened: TOpen, clock: Clock) -> None:
        """Reads nothing yet.

        Args:
            tasks: each with its file.
            reading: how files are read.
            folder: where typed rows are written; must exist.
            opened: opens a file.
            clock: the time.
        """
        self._tasks = deque(tasks)
        self._reading = reading
        self._folder = folder
        self._opened = opened
        self._clock = clock
        self._load: OpenLoad | None = None
        self._read = 0
        self.planned = Counter(task.export for task in tasks)
        """Windows there are, by export."""
        self.ended: Counter[str] = Counter()
        """Windows that have ended, by export."""
        self.not_loaded: list[WindowResult] = []
        """Windows whose file could not be read."""
        self.notes: list[str] = []
        """What is said of the run, apart from its windows."""

    def open_load(self, load: OpenLoad) -> None:
        """Lets files be read for a load from now on, which then has to take them."""
        self._load = load

    def close_load(self) -> None:
        """Lets no more files be read until another load is opened."""
        self._load = None

    def take(self, patience: float = 0.0) -> Task | None:
        """Reads the next file, and returns its window; None if no load is open or no file is left.

        Args:
            patience: seconds to wait if no load is open.
        """
        if self._load is None:
            self._clock.sleep(patience)
            return None
        while self._tasks:
            task = self._tasks.popleft()
            self.ended[task.export] += 1
            try:
                return replace(task, stage="ended", outcome="received", file=self._file_of(task, self._load))
            except (SalesnavError, OSError) as error:
                reason = one_line(error)
                logger.error(f"{task}: not loaded: {reason}")
                self.not_loaded.append(WindowResult.failed(task, reason))
        return None

    @property
    def finished(self) -> bool:
        """True if nothing more will come."""
        return not self._tasks

    @property
    def drained(self) -> bool:
        """True if no file waits to be taken: each is taken as it is read."""
        return True

    def describe(self, export: str) -> str:
        """Says how many files of an export are still to be read."""
        left = sum(task.export == export for task in self._tasks)
        return f"{left} files to read" if left else ""

    def _file_of(self, task: Task, load: OpenLoad) -> ReceivedFile:
        assert task.handed is not None  # a task of a run of files has one
        self._read += 1
        source = self._opened(task.handed)
        rows = self._folder / f"{task.export}-{self._read}.parquet"
        result = self._reading.read(task, source, rows, load)
        size = source.size if isinstance(source, Spool) else source.stat().st_size
        return ReceivedFile(rows, size, result if ends_with_line(source) else result.with_note(_UNENDED))

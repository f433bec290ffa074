"""The result of a window. Every report, record and table row is made from this value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from salesnav_source.days.windows import Window
from salesnav_source.jobs.task import NO_FILE, Task
from salesnav_source.linkedin.reader import ReadResult
from salesnav_source.settings.urns import in_words

TOutcome = Literal["loaded", "open", "failed", "not_available"]
"""`open`: LinkedIn has no data for these days yet. `failed`: the reason says why, and the next run retries.
`not_available`: the days are so far back that LinkedIn does not export them."""


@dataclass(frozen=True)
class WindowResult:
    """The result of a window of a contract's export."""

    contract: str
    export: str
    window: Window
    outcome: TOutcome
    reason: str = ""
    """Why the window was not loaded."""
    job_id: int | None = None
    row_count: int | None = None
    """How many rows LinkedIn announced."""
    load_id: str = ""
    """The load that has its rows."""
    exported_on: date | None = None
    """The UTC day on which LinkedIn made the file."""
    read: ReadResult = field(default=NO_FILE.result)
    """What its file held."""
    file: str | None = None
    """The name of the file that was handed over; None if LinkedIn was asked."""

    @staticmethod
    def loaded(task: Task, load_id: str, exported_on: date) -> "WindowResult":
        """Returns the result of a window whose rows are in a load."""
        return WindowResult(
            task.contract,
            task.export,
            task.window,
            "loaded",
            job_id=task.job.id if task.job else None,
            row_count=task.job.row_count if task.job else None,
            load_id=load_id,
            exported_on=exported_on,
            read=task.file.result if task.file else NO_FILE.result,
            file=task.handed.name if task.handed else None,
        )

    @staticmethod
    def failed(task: Task, reason: str) -> "WindowResult":
        """Returns the result of a window that could not be loaded."""
        name = task.handed.name if task.handed else None
        return WindowResult(task.contract, task.export, task.window, "failed", reason, file=name)

    @staticmethod
    def open(task: Task, window: Window, reason: str) -> "WindowResult":
        """Returns the result of days of a task for which LinkedIn has no data yet."""
        return WindowResult(task.contract, task.export, window, "open", reason)

    @staticmethod
    def not_available(task: Task, window: Window, reason: str) -> "WindowResult":
        """Returns the result of days of a task that LinkedIn does not export because they are too far back."""
        return WindowResult(task.contract, task.export, window, "not_available", reason)

    @property
    def rows(self) -> int:
        """How many rows were loaded."""
        return self.read.rows_loaded

    @property
    def rows_rejected(self) -> int:
        """How many rows could not be loaded."""
        return self.read.rows_rejected

    @property
    def values_rejected(self) -> int:
        """How many values could not be read and are null in their row."""
        return self.read.values_rejected

    def __str__(self) -> str:
        return self.in_words({})

    def in_words(self, names: Mapping[str, str]) -> str:
        """Returns file, export, contract and days for a person.

        Args:
            names: the known names of contracts, by URN.
        """
        before = f"{self.file}: " if self.file else ""
        return f"{before}{self.export} of {in_words(self.contract, names)}, {self.window}"

"""The account of a run: one value, filled as things happen. Text, JSON, exit code and Dagster's metadata are made from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any, Literal, NamedTuple

from salesnav_source.days.windows import Coverage, Window
from salesnav_source.jobs.received import Windows
from salesnav_source.jobs.results import WindowResult
from salesnav_source.jobs.task import Task
from salesnav_source.run.exit_codes import COMPLETE, INCOMPLETE
from salesnav_source.run.planning import Plan
from salesnav_source.settings.urns import in_words


@dataclass(frozen=True)
class Commit:
    """A load that is in the warehouse, for `sync(on_commit=…)`."""

    load_id: str
    """The value of `_dlt_load_id` in its rows."""
    windows: tuple[WindowResult, ...]
    """The windows of the load."""


@dataclass(frozen=True)
class ColumnsChange:
    """A file with other columns than the files before."""

    contract: str
    export: str
    window: Window
    gone: tuple[str, ...]
    come: tuple[str, ...]

    def __str__(self) -> str:
        told = ((self.gone, "gone"), (self.come, "new"))
        return "; ".join(f"{', '.join(names)} {what}" for names, what in told if names)


TFileState = Literal["failed", "loaded_before", "repeated", "without_rows"]
"""`failed`: it could not be read, or has none of the days given. `loaded_before`: all its days are loaded. `repeated`: another
file holds the same. `without_rows`: it has no row, and other files stand for its days."""


@dataclass(frozen=True)
class FileResult:
    """A file that was handed over and brings nothing. What became of the others say the windows."""

    file: str
    contract: str
    export: str
    state: TFileState
    window: Window | None = None
    """Its days, where they are known."""
    reason: str = ""

    def in_words(self, names: Mapping[str, str]) -> str:
        """Returns file, export, contract and days for a person.

        Args:
            names: the known names of contracts, by URN.
        """
        days = f", {self.window}" if self.window else ""
        return f"{self.file}: {self.export} of {in_words(self.contract, names)}{days}"


class Overlap(NamedTuple):
    """A loaded day with which a window began, and which the load did not replace."""

    contract: str
    export: str
    day: date
    load_id: str


@dataclass
class RunAccount:
    """What a run has done so far, from its start on."""

    pipeline: str = ""
    destination: str = ""
    """The destination, described for a person."""
    destination_name: str | None = None
    dataset: str = ""
    began_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    begun: bool = False
    """True once jobs may have been created."""
    dry_run: Sequence[Task] = ()
    """What a dry run would ask for."""
    planned: bool = False
    """True once it is known what to ask for."""
    tasks: int = 0
    """How many windows the run asked for."""
    loaded: list[WindowResult] = field(default_factory=list)
    """Windows whose rows are in a load."""
    not_loaded: list[WindowResult] = field(default_factory=list)
    """Windows that are open, have failed or are not available."""
    commits: list[Commit] = field(default_factory=list)
    """Loads with windows that were seen in the warehouse."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The known names of contracts, by URN."""
    columns_changed: list[ColumnsChange] = field(default_factory=list)
    coverage: dict[tuple[str, str], Coverage] = field(default_factory=dict)
    """Days loaded by now, by export and contract."""
    overlaps: list[Overlap] = field(default_factory=list)
    """Days that were asked for once more and not replaced."""
    jobs_created: int = 0
    files_given: int | None = None
    """Files that were handed over; None if LinkedIn was asked."""
    files: list[FileResult] = field(default_factory=list)
    """Those of them that bring nothing."""
    notes: list[str] = field(default_factory=list)

    def into(self, pipeline: Any) -> None:
        """Notes where the run loads."""
        self.pipeline = pipeline.pipeline_name
        self.dataset = pipeline.dataset_name or ""
        if pipeline.destination is not None:
            self.destination = pipeline.destination.destination_description
            self.destination_name = pipeline.destination.destination_name

    def take_plan(self, plan: Plan) -> None:
        """Notes what is asked for, what cannot be asked for, and how the contracts are called."""
        self.planned = True
        self.names = plan.names
        self.tasks = len(plan.tasks)
        self.not_loaded += (*plan.out_of_reach, *plan.not_available)

    def take_windows(self, runner: Windows) -> None:
        """Notes how many jobs were created, and which windows brought nothing."""
        self.jobs_created = runner.jobs_created
        self.not_loaded += runner.not_loaded
        self.notes += runner.notes

    def take_back(self, broken: Iterable[tuple[str, str]], reason: str) -> None:
        """Marks windows as failed if the rows of their load are not in the warehouse.

        Args:
            broken: exports and loads.
            reason: for the user.
        """
        lost = set(broken)
        for window in [one for one in self.loaded if (one.export, one.load_id) in lost]:
            self.loaded.remove(window)
            self.not_loaded.append(
                WindowResult(window.contract, window.export, window.window, "failed", reason, window.job_id)
            )

    def commit(self, earlier: set[str]) -> Commit | None:
        """Notes that the windows of the last load are in the warehouse. Returns them, None if there are none.

        Args:
            earlier: ids of the loads before.
        """
        windows = tuple(window for window in self.loaded if window.load_id not in earlier)
        if not windows:
            return None
        self.commits.append(Commit(windows[0].load_id, windows))
        return self.commits[-1]

    @property
    def failed(self) -> list[WindowResult]:
        """Windows that have failed."""
        return [window for window in self.not_loaded if window.outcome == "failed"]

    @property
    def open(self) -> list[WindowResult]:
        """Windows for which LinkedIn has no data yet."""
        return [window for window in self.not_loaded if window.outcome == "open"]

    @property
    def exit_code(self) -> int:
        """The exit code of a run that ended with this account."""
        return INCOMPLETE if self.failed or any(one.state == "failed" for one in self.files) else COMPLETE

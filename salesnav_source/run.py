"""One run of the source: contracts listed once, one plan, one runner, and the loads that take the files received.

A bare `pipeline.run(salesnav())` is a run with one load. `sync` divides a run into several loads, so that a long backfill is
committed in steps while LinkedIn goes on working.
"""

import shutil
import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from dlt.common import logger
from filelock import FileLock, Timeout

from salesnav_source.client import Client, Contract
from salesnav_source.exceptions import PipelineBusyError
from salesnav_source.exports import ExportRunner, OpenLoad, Policy, SystemTimer, Task, TTimer, WindowReport, audit_row
from salesnav_source.journal import Journal
from salesnav_source.plan import ADOPTABLE_SECONDS, Plan, list_contracts, make_plan, utc_today
from salesnav_source.settings import Settings
from salesnav_source.windows import Coverage

SPOOL_FOLDER = "salesnav_spool"


@dataclass(frozen=True)
class LoadLimits:
    """How much one load of a run may hold before it is committed."""

    rows: int
    seconds: float


@dataclass
class LoadedWindow:
    """A window whose rows are in a load."""

    task: Task
    read_on: date


@dataclass
class Load:
    """What one extract of the resources takes."""

    batch: str = field(default_factory=lambda: uuid4().hex)
    """Names the load in the pipeline's state and in the journal."""
    participants: set[str] = field(default_factory=set)
    """Resources of this extract that have not ended."""
    exports: tuple[str, ...] = ()
    """Exports among them, as selected."""
    first_taken_at: float = 0.0
    """When the first window was taken, seconds on the timer."""
    rows: int = 0
    windows: list[LoadedWindow] = field(default_factory=list)
    rejected: deque[Task] = field(default_factory=deque)
    """Windows whose rejected rows have not been fetched."""


class ExportRun:
    """The state that the resources of one run share."""

    def __init__(self, settings: Settings, timer: TTimer | None = None, limits: LoadLimits | None = None) -> None:
        """Prepares a run; nothing is opened or asked before `open`.

        Args:
            settings: what is wanted.
            timer: the time; the machine's own if None.
            limits: how much one load may hold; everything if None.
        """
        self.settings = settings
        self.timer = timer or SystemTimer()
        self.policy = Policy.of(settings)
        self.client = Client(settings, should_stop=lambda: self.runner is not None and self.runner.stopping)
        self.contracts: dict[str, Contract] = {}
        self.plan: Plan | None = None
        self.runner: ExportRunner | None = None
        self.journal: Journal | None = None
        self.loads: list[Load] = []
        self.list_again = False
        """Whether the contracts are written even if they are as they were."""
        self._limits = limits
        self._lock: FileLock | None = None
        self._spool: Path | None = None
        self._temporary: Path | None = None

    def lock(self, pipelines_dir: str, pipeline_name: str) -> None:
        """Keeps other runs of the same pipeline out until `close`.

        Raises:
            PipelineBusyError: if another run is at work.
        """
        if self._lock is not None:
            return
        path = Path(pipelines_dir) / f"{pipeline_name}.salesnav.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        # `salesnav status` holds the lock for a moment, to see whether a run is at work
        lock = FileLock(path, timeout=1.0)
        try:
            lock.acquire()
        except Timeout:
            raise PipelineBusyError(
                f"Another run of pipeline {pipeline_name} is at work (it holds {path}). Wait until it has ended;"
                " nothing was asked of LinkedIn."
            ) from None
        self._lock = lock

    def open(self, folder: Path | None, committed: str | None) -> None:
        """Opens the journal and a place for files.

        Args:
            folder: the pipeline's working directory; a temporary one if None.
            committed: the batch named in the pipeline's state.

        Raises:
            JournalError: if the journal cannot be written.
        """
        if self.journal is None:
            if folder is None:
                folder = self._temporary = Path(tempfile.mkdtemp(prefix="salesnav-"))
            self.journal = Journal(folder, self.settings.base_url)
            if self.journal.note:
                logger.warning(self.journal.note)
            self._spool = folder / SPOOL_FOLDER
            shutil.rmtree(self._spool, ignore_errors=True)
            self._spool.mkdir()
        self.journal.settle(committed)

    def make_plan(
        self, exports: Sequence[str], coverage: Callable[[str, str], Coverage], ask_contracts: bool = True
    ) -> Plan:
        """Lists the contracts and plans what to ask for; once a run.

        Args:
            exports: names of the exports wanted.
            coverage: what is loaded, by export and contract.
            ask_contracts: whether LinkedIn is asked for the contracts, or the configured ones are taken as they are.

        Raises:
            ApiError: if the contracts cannot be listed.
            ConfigurationError: if none of the contracts wanted can be exported.
        """
        assert self.journal is not None
        if self.plan is None:
            if ask_contracts:
                self.contracts = list_contracts(self.client, self.policy, self.timer)
            epoch = self.timer.epoch()
            self.plan = make_plan(
                self.settings,
                self.contracts if ask_contracts else None,
                exports,
                coverage,
                self.journal.in_flight(),
                utc_today(self.timer, self.client.server_time),
                epoch,
            )
        return self.plan

    def start(self) -> ExportRunner:
        """Starts to run the plan, once; returns the runner."""
        assert self.plan is not None and self.journal is not None and self._spool is not None
        if self.runner is None:
            self.journal.forget_unusable(self.timer.epoch() - ADOPTABLE_SECONDS)
            used = {task.entry for task in self.plan.tasks}
            self.journal.forget([job.entry for job in self.journal.in_flight() if job.entry not in used])
            for window in self.plan.out_of_reach:
                logger.error(f"{window.export} of {window.contract}, {window.window}: not loaded: {window.reason}")
                task = Task(window.contract, window.export, window.window)
                self.journal.keep_row(audit_row(task, self.timer.epoch(), window.reason))
            self.runner = ExportRunner(self.client, self.journal, self.policy, self._spool, self.timer)
            now = self.timer.now()
            self.runner.start(_waiting_from(task, now) for task in self.plan.tasks)
        return self.runner

    def open_load(self, load_id: str, compressed: bool, participants: Iterable[str], exports: Sequence[str]) -> Load:
        """Begins a load; from now on files are read for it, if any of its resources is an export.

        Args:
            load_id: what dlt calls it.
            compressed: whether rows are compressed, as they leave this machine.
            participants: names of the resources that are extracted.
            exports: names of the exports among them.
        """
        load = Load(participants=set(participants), exports=tuple(exports))
        self.loads.append(load)
        if exports:
            most = self._limits.rows if self._limits else float("inf")
            self.start().open_load(OpenLoad(load_id, compressed, most))
        return load

    def close_load(self) -> None:
        """Lets no more files be read for the load that was opened last."""
        if self.runner is not None:
            self.runner.close_load()

    def is_full(self, load: Load) -> bool:
        """Tells whether a load should be committed before it takes more."""
        if self._limits is None or not load.windows:
            return False
        return load.rows >= self._limits.rows or self.timer.now() - load.first_taken_at >= self._limits.seconds

    def note_loaded(self, load: Load, task: Task) -> date:
        """Notes that a load holds a window; returns the UTC day on which LinkedIn was asked for it."""
        assert self.journal is not None and self.plan is not None and task.file is not None
        now = self.timer.epoch()
        if task.entry is not None:
            self.journal.loaded(task.entry, audit_row(task, now), load.batch)
        read_on = self.plan.today - (_utc_day(now) - _utc_day(task.asked_at or now))
        if not load.windows:
            load.first_taken_at = self.timer.now()
        load.windows.append(LoadedWindow(task, read_on))
        load.rows += task.file.result.rows_loaded
        return read_on

    @property
    def finished(self) -> bool:
        """Tells whether every window of the plan has ended and was taken."""
        return self.runner is not None and all(self.runner.finished(export) for export in self.runner.planned)

    @property
    def not_loaded(self) -> list[WindowReport]:
        """Windows that stay open or have failed so far."""
        plan = list(self.plan.out_of_reach) if self.plan else []
        return plan + (list(self.runner.not_loaded) if self.runner else [])

    def close(self) -> None:
        """Ends all work; jobs in flight stay in the journal."""
        if self.runner is not None:
            self.runner.stop()
        if self.journal is not None:
            self.journal.close()
        for folder in (self._spool, self._temporary):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _waiting_from(task: Task, now: float) -> Task:
    return replace(task, waiting_since=now, due=now)


def _utc_day(epoch: float) -> date:
    return datetime.fromtimestamp(epoch, timezone.utc).date()


def read_coverage(resources_state: Mapping[str, Any], export: str, contract: str) -> Coverage:
    """Returns the coverage that the resources' state holds for an export of a contract."""
    return Coverage.from_state(resources_state.get(export, {}).get("coverage", {}).get(contract, {}))


def merge_windows(windows: Iterable[LoadedWindow]) -> dict[tuple[str, str], list[LoadedWindow]]:
    """Groups loaded windows by export and contract."""
    grouped: dict[tuple[str, str], list[LoadedWindow]] = defaultdict(list)
    for window in windows:
        grouped[window.task.export, window.task.contract].append(window)
    return grouped

"""One run's belongings as one context manager: lock, journal, spool, plan and the runner of its export jobs."""

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

from dlt.common import logger

from salesnav_source import dlt_compat
from salesnav_source.client import Client, Contract
from salesnav_source.files import make_private
from salesnav_source.job_records import job_record
from salesnav_source.jobs.clock import Clock, SystemClock
from salesnav_source.jobs.machine import Policy, Task
from salesnav_source.jobs.runner import ExportRunner, OpenLoad, WindowReport
from salesnav_source.journal import JobInFlight, Journal
from salesnav_source.journal_store import JournalStore
from salesnav_source.lock import PipelineLock
from salesnav_source.personal_data import TABLES_TO_DROP, require_same
from salesnav_source.planning import ADOPTABLE_SECONDS, Plan, Refresh, list_contracts, make_plan, utc_today
from salesnav_source.reader import reading_pool
from salesnav_source.settings import Settings
from salesnav_source.state import PERSONAL_DATA, FileColumns, Ledger, keys_of, read_ledger
from salesnav_source.warehouse import OpenWarehouse, Warehouse
from salesnav_source.windows import Days, Window

SPOOL_FOLDER = "salesnav_spool"
"""Where files are received, in dlt's working folder: they are a cache, too."""


@dataclass(frozen=True)
class LoadLimits:
    """How much one load of a run may hold before it is committed."""

    rows: float = float("inf")
    seconds: float = float("inf")

    def seconds_after(self, elapsed: float) -> float:
        """Returns how long a load may take rows in a run that has lasted a while: a tenth of that, up to ten times `seconds`.

        A crash then costs a tenth of the run at most, and a run of a day makes some 300 loads. BigQuery takes 1,500 per table
        and day (its documentation).

        Args:
            elapsed: seconds since the run began.
        """
        return max(self.seconds, min(elapsed / 10, 10 * self.seconds))


@dataclass(frozen=True)
class LoadedWindow:
    """A window whose rows are in a load."""

    task: Task
    read_on: date
    """The UTC day on which LinkedIn made the file."""
    load_id: str

    @property
    def contract(self) -> str:
        """URN of the contract."""
        return self.task.contract

    @property
    def export(self) -> str:
        """Name of the export, which is that of its table."""
        return self.task.export

    @property
    def window(self) -> Window:
        """The days."""
        return self.task.window

    @property
    def job_id(self) -> int | None:
        """Id of LinkedIn's export job."""
        return self.task.job.id if self.task.job else None

    @property
    def rows(self) -> int:
        """How many rows were loaded."""
        return self.task.file.result.rows_loaded if self.task.file else 0

    @property
    def rows_rejected(self) -> int:
        """How many rows could not be loaded."""
        return self.task.file.result.rows_rejected if self.task.file else 0

    @property
    def values_rejected(self) -> int:
        """How many values could not be read and are null in their row."""
        return self.task.file.result.values_rejected if self.task.file else 0


@dataclass(frozen=True)
class Commit:
    """A load that the warehouse holds, for `sync(on_commit=…)`."""

    load_id: str
    """Stands in its rows as `_dlt_load_id`."""
    windows: tuple[LoadedWindow, ...]
    """What it brought."""


def journal_path(pipeline: Any) -> Path:
    """Returns where a pipeline's journal is: beside dlt's working folder, which may be emptied at any time."""
    return Path(pipeline.pipelines_dir) / f"{pipeline.pipeline_name}.salesnav.sqlite"


class Session:
    """A run, from its lock to its last load.

    A bare `pipeline.run(salesnav())` is a session with one load. `sync` divides a session into several loads, so that a long
    backfill is committed in steps while LinkedIn goes on working.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, limits: LoadLimits | None = None) -> None:
        """Prepares a session; nothing is opened or asked before it is entered.

        Args:
            settings: what is wanted.
            clock: the time; the machine's own if None.
            limits: how much one load may hold; everything if None.
        """
        self.settings = settings
        self.clock = clock or SystemClock()
        self.limits = limits or LoadLimits()
        self._began = self.clock.now()
        self.policy = Policy.of(settings)
        self.client = Client(
            settings,
            should_stop=lambda: self.runner is not None and self.runner.stopping,
            before_post=lambda: self.journal.require_surely(),
        )
        self.contracts: dict[str, Contract] = {}
        self.ledger = Ledger()
        self.erased_seats: dict[str, frozenset[int]] = {}
        """Seats by contract of which no row is loaded."""
        self.missing_tables: list[str] = []
        """Tables that the state speaks of and that the warehouse lacked when the session began."""
        self.plan: Plan | None = None
        self.refresh: Refresh | None = None
        self.discards_packages = False
        """Whether a load that is killed is not gone on with, but made anew."""
        self.runner: ExportRunner | None = None
        self.loaded: list[LoadedWindow] = []
        self.committed: list[Commit] = []
        """Loads that the warehouse was seen to hold, those without windows left out."""
        self.failed_while_loading: list[WindowReport] = []
        """Windows that were received and could not be handed over, or that the warehouse did not take."""
        self.journal: Journal
        self.changed_columns: list[tuple[Task, FileColumns]] = []
        """Windows whose files had other columns than the files before."""
        self.warehouse: Warehouse | None = None
        self._spool: Path
        self._exports: set[str] = set()
        """Exports that are asked for."""
        self._lock: PipelineLock | None = None
        self._belongings = ExitStack()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what is under way, and closes the journal."""
        self._belongings.close()

    def lock(self, pipeline: Any, load_id: str | None = None) -> PipelineLock:
        """Keeps other runs of a pipeline out on this machine; the caller lets go of the lock.

        Args:
            pipeline: whose runs.
            load_id: the load that is being extracted, if one is.

        Raises:
            PipelineBusyError: if another run is at work.
        """
        self._lock = PipelineLock(pipeline.pipelines_dir, pipeline.pipeline_name).acquire(load_id)
        return self._lock

    def attach(self, pipeline: Any | None) -> None:
        """Opens journal and warehouse of a pipeline, or a journal for this session alone if there is no pipeline.

        Raises:
            JournalError: if the journal cannot be written.
            PipelineBusyError: if another worker writes the journal at `journal_url`.
            ConfigurationError: if no journal can be kept there.
        """
        if pipeline is None:
            folder = Path(tempfile.mkdtemp(prefix="salesnav-"))
            self._belongings.callback(shutil.rmtree, folder, ignore_errors=True)
            path, working_dir = folder / "journal.sqlite", folder
        else:
            path, working_dir = journal_path(pipeline), Path(pipeline.working_dir)
            self.warehouse = Warehouse(pipeline)
        self.journal = Journal(path, self.settings.base_url)
        self._belongings.callback(self.journal.close)
        if pipeline is not None and self._lock is not None and self.settings.journal_url:
            with self._lock.attaching:
                self._keep_journal_in(self.settings.journal_url, self._lock, pipeline)
        if self.journal.note:
            logger.warning(self.journal.note)
        make_private(working_dir)
        make_private(path)
        self._spool = working_dir / SPOOL_FOLDER

    def _keep_journal_in(self, url: str, lock: PipelineLock, pipeline: Any) -> None:
        store = lock.store or JournalStore(url, pipeline.pipeline_name)
        self.journal.keep_in(store)
        if lock.store is None:
            lock.store = store
            lock.on_release(store.release)
            lock.on_release(dlt_compat.before_commits(pipeline, store.require))

    @property
    def store_note(self) -> str | None:
        """What the user should be told of the place of the journal, if anything."""
        store = self._lock.store if self._lock is not None else None
        return store.note if store is not None else None

    def read_ledger(
        self, warehouse: OpenWarehouse | None, state: Mapping[str, Any], current_load: str | None = None
    ) -> Ledger:
        """Finds out what is loaded, and settles the journal by it.

        Args:
            warehouse: the warehouse, connected; None if there is none yet.
            state: the source's state, see `state.read_ledger`.
            current_load: a load that is being extracted.

        Raises:
            ConfigurationError: if what is loaded was loaded with other settings for personal data.
        """
        if warehouse is not None and self.runner is None:
            self._require_same_personal_data(warehouse, state)
            self.erased_seats = warehouse.erased_seats()
        name = self.warehouse.name if self.warehouse else ""
        unsettled = {load: count for load, count in self.journal.unsettled(name).items() if load != current_load}
        self.ledger = read_ledger(state, warehouse, unsettled, current_load, self.journal.verified(name))
        self.missing_tables = self.missing_tables or self.ledger.missing_tables
        for key, load_id in self.ledger.broken:
            logger.warning(
                f"The rows of {key} of load {load_id} are not in the warehouse as loaded; they are asked for again."
            )
        if warehouse is not None:
            self.journal.note_verified(name, self.ledger.holding)
        self.journal.settle(name, self.ledger.outcomes, keep=current_load)
        return self.ledger

    def _require_same_personal_data(self, warehouse: OpenWarehouse, state: Mapping[str, Any]) -> None:
        before, now = state.get(PERSONAL_DATA), self.settings.personal_data
        if before == now.record or not (before or keys_of(state)):
            return
        # where the tables are gone, everything is loaded anew
        if warehouse.missing(TABLES_TO_DROP) != set(TABLES_TO_DROP):
            require_same(now, before, warehouse.dataset)

    def make_plan(self, exports: Mapping[str, str], refresh: Refresh | None = None, ask_contracts: bool = True) -> Plan:
        """Lists the contracts and plans what to ask for.

        Args:
            exports: what stands for each export wanted in the state, by name.
            refresh: what is asked for anew although it is loaded.
            ask_contracts: whether LinkedIn is asked for the contracts, or the configured ones are taken as they are.

        Raises:
            ApiError: if the contracts cannot be listed.
            ConfigurationError: if none of the contracts wanted can be exported.
        """
        if ask_contracts:
            self.contracts = list_contracts(self.client, self.policy, self.clock)
        self.refresh = refresh
        self._exports = set(exports)
        self.plan = make_plan(
            self.settings,
            self.contracts if ask_contracts else None,
            exports,
            self.ledger,
            self.journal.in_flight(),
            utc_today(self.clock, self.client.server_time),
            self.clock.epoch(),
            refresh,
        )
        return self.plan

    def start(self) -> ExportRunner:
        """Starts to run the plan, once; returns the runner."""
        assert self.plan is not None
        if self.runner is not None:
            return self.runner
        shutil.rmtree(self._spool, ignore_errors=True)
        self._spool.mkdir(parents=True)
        make_private(self._spool)
        self._belongings.callback(shutil.rmtree, self._spool, ignore_errors=True)
        self.journal.forget_unusable(self.clock.epoch() - ADOPTABLE_SECONDS)
        used = {task.job.entry for task in self.plan.tasks if task.job}
        in_vain = [job.entry for job in self.journal.in_flight() if self._is_asked_for(job) and job.entry not in used]
        self.journal.forget(in_vain)
        for window in self.plan.out_of_reach:
            logger.error(f"{window.export} of {window.contract}, {window.window}: not loaded: {window.reason}")
            task = Task(window.contract, window.export, window.window)
            self.journal.keep_record(job_record(task, self.clock.epoch(), window.reason))
        pool = self._belongings.enter_context(reading_pool())
        self.runner = ExportRunner(
            self.client,
            self.journal,
            self.policy,
            self._spool,
            self.clock,
            pool,
            max_rejected=self.settings.max_rejected,
            personal_data=self.settings.personal_data,
            erased_seats=self.erased_seats,
        )
        self._belongings.callback(self.runner.stop)
        now = self.clock.now()
        self.runner.start(_known_from(task, now) for task in self.plan.tasks)
        return self.runner

    def _is_asked_for(self, job: JobInFlight) -> bool:
        """Tells whether a job is of an export and a contract of this run; those of others wait for a run of theirs."""
        return job.export in self._exports and job.contract in (self.settings.contracts or (job.contract,))

    @property
    def load_seconds(self) -> float:
        """How long the load that is open may take rows before it is committed."""
        return self.limits.seconds_after(self.clock.now() - self._began)

    def open_load(self, load: OpenLoad) -> list[str]:
        """Begins a load: from now on files are read for it.

        Returns:
            Earlier loads that were not completed, whose records this one replaces.
        """
        self.start().open_load(load)
        return self.journal.begin_load(load.id, self.warehouse.name if self.warehouse else "")

    def note_loaded(self, task: Task, load_id: str) -> LoadedWindow:
        """Notes that a load holds a window."""
        assert self.plan is not None and task.file is not None
        now = self.clock.epoch()
        asked_at = task.job.created_at if task.job else now
        if task.job is not None:
            self.journal.loaded(task.job.entry, job_record(task, now), load_id)
        read_on = self.plan.today - (_utc_day(now) - _utc_day(asked_at))
        window = LoadedWindow(task, read_on, load_id)
        self.loaded.append(window)
        return window

    def note_not_loaded(self, task: Task, reason: str) -> None:
        """Notes that a window that was received could not be handed over; its job stays in flight."""
        logger.error(f"{task}: not loaded: {reason}")
        self.failed_while_loading.append(WindowReport(task.export, task.contract, task.window, "failed", reason))
        self.journal.keep_record(job_record(replace(task, file=None), self.clock.epoch(), reason))

    def note_columns(self, key: str, task: Task, found: Sequence[str], day: date) -> None:
        """Notes which columns the file of a window has, and tells what has changed.

        Args:
            key: what stands for the export in the state.
            task: the window.
            found: the columns.
            day: the UTC day on which LinkedIn made the file.
        """
        changed = self.ledger.note_columns(key, task.contract, found, day)
        if changed is not None:
            self.changed_columns.append((task, changed))
            logger.warning(f"{task}: the columns of the file have changed: {changed}.")

    def take_back(self, broken: Sequence[tuple[str, str]], reason: str) -> None:
        """Takes windows of loads back that the warehouse does not hold.

        Args:
            broken: exports and loads.
            reason: what the user is told.
        """
        for window in [one for one in self.loaded if (one.task.export, one.load_id) in set(broken)]:
            self.loaded.remove(window)
            task = window.task
            self.failed_while_loading.append(WindowReport(task.export, task.contract, task.window, "failed", reason))

    @property
    def contract_rows(self) -> list[dict[str, Any]]:
        """The rows of `contracts`."""
        return [
            {
                "contract": contract.urn,
                "name": contract.name,
                "description": contract.description,
                "has_reporting_access": contract.has_reporting_access,
            }
            for contract in sorted(self.contracts.values(), key=lambda contract: contract.urn)
        ]

    @property
    def contracts_digest(self) -> str:
        """What changes when a contract does."""
        return sha256(json.dumps(self.contract_rows).encode()).hexdigest()

    @property
    def lists_contracts_anew(self) -> bool:
        """Whether the contracts are not in the warehouse as they are now."""
        return bool(self.contracts) and self.contracts_digest != self.ledger.listed

    @property
    def finished(self) -> bool:
        """Tells whether every window of the plan has ended and was taken."""
        return self.runner is not None and self.runner.finished

    @property
    def not_loaded(self) -> list[WindowReport]:
        """Windows that stay open or have failed so far."""
        planned = list(self.plan.out_of_reach) if self.plan else []
        return planned + (list(self.runner.not_loaded) if self.runner else []) + self.failed_while_loading

    def refreshed(self) -> dict[tuple[str, str], Days]:
        """Returns the days that a full refresh asks for anew and that have not come yet, by contract and export."""
        days: dict[tuple[str, str], list[Window]] = defaultdict(list)
        if self.refresh is not None and self.plan is not None:
            for task in self.plan.tasks:
                days[task.contract, task.export].append(task.window)
            for window in self.plan.out_of_reach:
                days[window.contract, window.export].append(window.window)
        come: dict[tuple[str, str], list[Window]] = defaultdict(list)
        for one in self.loaded:
            come[one.task.contract, one.task.export].append(one.window)
        return {key: Days.of(windows) - Days.of(come[key]) for key, windows in days.items()}


def _known_from(task: Task, now: float) -> Task:
    return replace(task, due=now, job=replace(task.job, known_since=now) if task.job else None)


def _utc_day(epoch: float) -> date:
    return datetime.fromtimestamp(epoch, timezone.utc).date()

"""Everything that a run owns. All of it is ready when the run begins, and nothing else changes it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from threading import Event
from typing import Any

from dlt.common import logger

from salesnav_source.days.windows import Days, Window
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.fetch import Reading
from salesnav_source.jobs.journal import JobInFlight, Journal
from salesnav_source.jobs.received import Windows
from salesnav_source.jobs.records import job_record
from salesnav_source.jobs.runner import ExportRunner
from salesnav_source.jobs.task import Policy, Task
from salesnav_source.linkedin.client import Client
from salesnav_source.linkedin.reader import reading_pool
from salesnav_source.run.contracts import ContractListing, list_contracts
from salesnav_source.run.planning import ADOPTABLE_SECONDS, Plan, Refresh, make_plan, utc_today
from salesnav_source.run.result import RunReport
from salesnav_source.schema import EXPORTS
from salesnav_source.settings.configuration import Settings
from salesnav_source.settings.files import make_private
from salesnav_source.warehouse.columns import KnownColumns
from salesnav_source.warehouse.connection import Warehouse
from salesnav_source.warehouse.replace import ReplaceScope
from salesnav_source.warehouse.state import Ledger


@dataclass(frozen=True)
class LoadLimits:
    """How much one load of a run may have before it is committed."""

    rows: float = float("inf")
    seconds: float = float("inf")

    def seconds_after(self, elapsed: float) -> float:
        """Returns how long a load may stay open: a tenth of the run's duration, between `seconds` and ten times that.

        So a crash costs at most a tenth of the run, and a run of a day makes some 300 loads. BigQuery allows 1,500 per table
        and day (its documentation).

        Args:
            elapsed: seconds since the run began.
        """
        return max(self.seconds, min(elapsed / 10, 10 * self.seconds))


@dataclass(frozen=True)
class RunContext:
    """What `prepare` opens for a run: the pipeline is locked, and the loaded days are known."""

    pipeline: Any
    """None if rows are only looked at."""
    clock: Clock
    journal: Journal
    warehouse: Warehouse | None
    """None if rows are only looked at."""
    folder: Path
    """Folder for the files received."""
    ledger: Ledger
    """What is loaded when the run begins."""
    erased_seats: Mapping[str, frozenset[int]]
    """Seats by contract whose rows are not loaded."""
    known_columns: KnownColumns
    """The columns of files so far."""
    resting: Mapping[tuple[str, str], Days] = field(default_factory=dict)
    """Days by contract and export that LinkedIn refused this week because they are too far back."""
    running: bool = False
    """True if another run of the pipeline is at work, in a mode that allows it."""
    notes: list[str] = field(default_factory=list)
    """Remarks about opening that are not errors."""

    @property
    def warehouse_name(self) -> str:
        """Identifies the dataset in the journal; empty if rows are only looked at."""
        return self.warehouse.name if self.warehouse is not None else ""


@dataclass(frozen=True)
class PlannedRun:
    """A run whose plan is made, and no job was created."""

    context: RunContext
    settings: Settings
    client: Client | None
    """None if files were handed over, so that LinkedIn is asked for nothing."""
    stopping: Event
    """Set when the run must end: downloads break off, and the load takes no more windows."""
    listing: ContractListing
    plan: Plan
    exports: tuple[str, ...]
    refresh: Refresh | None


@dataclass(frozen=True)
class ExportRun(PlannedRun):
    """A run whose windows are under way."""

    runner: Windows
    limits: LoadLimits
    report: RunReport
    began: float
    """Seconds on the clock."""
    discards_packages: bool
    """True if a load that is killed is made again, not continued."""

    @property
    def known_columns(self) -> KnownColumns:
        """The columns of files so far, including those of this run."""
        return self.context.known_columns

    @property
    def load_seconds(self) -> float:
        """How long the load may stay open before it is committed."""
        return self.limits.seconds_after(self.context.clock.now() - self.began)

    def refreshed(self) -> dict[tuple[str, str], Days]:
        """Returns the days of a full refresh that have not come yet, by contract and export."""
        days: dict[tuple[str, str], list[Window]] = defaultdict(list)
        if self.refresh is not None:
            for task in self.plan.tasks:
                days[task.contract, task.export].append(task.window)
            for one in self.plan.out_of_reach:
                days[one.contract, one.export].append(one.window)
        come: dict[tuple[str, str], list[Window]] = defaultdict(list)
        for loaded in self.report.loaded:
            come[loaded.contract, loaded.export].append(loaded.window)
        return {key: Days.of(windows) - Days.of(come[key]) for key, windows in days.items()}


def plan_run(
    context: RunContext, settings: Settings, exports: tuple[str, ...], refresh: Refresh | None = None
) -> PlannedRun:
    """Lists the contracts and plans what to ask for.

    Raises:
        ApiError: if the contracts cannot be listed.
        ConfigurationError: if no wanted contract can be exported.
    """
    stopping = Event()
    client = Client(settings, should_stop=stopping.is_set, before_post=context.journal.require_surely)
    listing = ContractListing(list_contracts(client, Policy.of(settings), context.clock))
    chosen = replace(settings, contracts=listing.urns_of(settings.contracts))
    plan = make_plan(
        chosen,
        listing.contracts,
        exports,
        context.ledger,
        context.journal.in_flight(),
        utc_today(context.clock, client.server_time),
        context.clock.epoch(),
        refresh,
        context.resting,
    )
    return PlannedRun(context, chosen, client, stopping, listing, plan, exports, refresh)


@contextmanager
def receiving(context: RunContext, settings: Settings) -> Iterator[Reading]:
    """Makes the folder for files that are received, and gives how they are read; removes the folder when it is left."""
    with ExitStack() as belongings:
        rmtree(context.folder, ignore_errors=True)
        context.folder.mkdir(parents=True)
        make_private(context.folder)
        belongings.callback(rmtree, context.folder, ignore_errors=True)
        yield Reading(
            belongings.enter_context(reading_pool()),
            settings.max_rejected,
            settings.personal_data,
            context.erased_seats,
            context.known_columns.names,
        )


@contextmanager
def started(
    planned: PlannedRun, report: RunReport, limits: LoadLimits | None = None, discards_packages: bool = False
) -> Iterator[ExportRun]:
    """Starts the jobs of a plan, and gives the run. When the context ends, everything that still runs is stopped.

    Args:
        planned: what to ask for.
        report: filled as things happen.
        limits: how much one load may have; no limit if None.
        discards_packages: true if a load that is killed is made again, not continued.
    """
    context, settings = planned.context, planned.settings
    assert planned.client is not None  # jobs take one
    began = context.clock.now()
    report.begun = True
    with ExitStack() as belongings:
        reading = belongings.enter_context(receiving(context, settings))
        _settle_journal(planned)
        runner = ExportRunner(
            planned.client,
            context.journal,
            Policy.of(settings),
            context.folder,
            context.clock,
            replace(reading, kept_days=partial(_kept_days, planned)),
            interval_end=context.ledger.interval_end,
            holds_rows=_never if planned.refresh is not None else partial(_holds_rows, context),
        )
        belongings.callback(report.take_windows, runner)
        belongings.callback(runner.stop)
        belongings.callback(planned.stopping.set)
        runner.start(_known_from(task, began) for task in planned.plan.tasks)
        yield ExportRun(
            **vars(planned),
            runner=runner,
            limits=limits or LoadLimits(),
            report=report,
            began=began,
            discards_packages=discards_packages,
        )


def _never(contract: str, export: str, window: Window) -> bool:
    return False


def _kept_days(planned: PlannedRun, contract: str, export: str) -> Days:
    """Returns the days of a contract's export that are loaded or asked for."""
    asked_for = planned.plan.windows.get((contract, export), ())
    return planned.context.ledger.coverage(export, contract).loaded | Days.of(asked_for)


def _holds_rows(context: RunContext, contract: str, export: str, window: Window) -> bool:
    """True if the warehouse has rows of a window's days, which a file without rows must not replace."""
    if not context.ledger.coverage(export, contract).loaded & Days((window,)):
        return False
    # its own connection: this runs in the thread of the runner
    warehouse = Warehouse(context.pipeline)
    condition = ReplaceScope(EXPORTS[export], {contract: [window]}).of_days()
    with warehouse.opened() as opened:
        return not opened.holds_none(context.ledger.tables.get(export, export), condition)


def _settle_journal(planned: PlannedRun) -> None:
    """Drops jobs that this plan does not need, and records windows that cannot be asked for."""
    journal, now = planned.context.journal, planned.context.clock.epoch()
    journal.forget_unusable(now - ADOPTABLE_SECONDS)
    used = {task.job.entry for task in planned.plan.tasks if task.job}
    of_no_use = [job.entry for job in journal.in_flight() if _is_asked_for(planned, job) and job.entry not in used]
    journal.forget(of_no_use)
    for window in planned.plan.out_of_reach:
        logger.error(f"{window}: not loaded: {window.reason}")
        journal.keep_record(job_record(Task(window.contract, window.export, window.window), now, window.reason))


def _is_asked_for(planned: PlannedRun, job: JobInFlight) -> bool:
    """True if a job is for an export and a contract of this run. Other jobs wait for another run."""
    return job.export in planned.exports and job.contract in (planned.settings.contracts or (job.contract,))


def _known_from(task: Task, now: float) -> Task:
    return replace(task, due=now, job=replace(task.job, known_since=now) if task.job else None)

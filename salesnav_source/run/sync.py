"""`sync`: a run from the plan to the report, committed in checkpoints.

The truth is in the warehouse, and each run starts from it. Before that, dlt's working folder is emptied: what a killed run has
left there is not repaired. Its files are fetched again from the jobs in the journal.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dlt
from dlt.extract import DltResource

from salesnav_source.exceptions import DestinationError
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.task import Task
from salesnav_source.run.account import Commit
from salesnav_source.run.context import ExportRun, LoadLimits, PlannedRun, RunContext, plan_run, started
from salesnav_source.run.destination import run_on_destination
from salesnav_source.run.extraction import Extraction
from salesnav_source.run.load import load_items
from salesnav_source.run.overlaps import notes_on_overlaps
from salesnav_source.run.planning import Plan, Refresh
from salesnav_source.run.prepare import Mode, Wishes, confirm, prepare
from salesnav_source.run.remarks import of_columns
from salesnav_source.run.resources import resources
from salesnav_source.run.result import RunReport
from salesnav_source.schema import CONTRACTS, EXPORT_COLUMNS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS
from salesnav_source.settings.configuration import SECTION, Settings
from salesnav_source.settings.files import make_private
from salesnav_source.warehouse import dlt_compat
from salesnav_source.warehouse.connection import note_database
from salesnav_source.warehouse.state import Ledger

CHECKPOINT = LoadLimits(rows=2_000_000, seconds=30.0)
"""A load is committed once it has this many rows, or has had some for this long."""

LISTINGS, LISTING_PAUSE = 5, 0.5
"""Most tries to write the contracts while two pipelines do so at once, and most seconds of the first pause."""

TAKEN_BACK = "the warehouse did not accept all of its rows; the next run loads it again"

_JOBS_ARE_KEPT = "The jobs are kept at LinkedIn for 7 days, and the next run fetches their files again."
_IMPORT_AGAIN = "Import the files again: days that are loaded by then are left out."


def plan(
    pipeline: dlt.Pipeline,
    settings: Settings,
    exports: Sequence[str] = tuple(EXPORTS),
    full_refresh: Refresh | bool = False,
    clock: Clock | None = None,
) -> Plan:
    """Returns what `sync` would ask for, without creating a job. Refuses what `sync` refuses.

    LinkedIn is asked for the contracts, to find wanted ones that it does not list.

    Args:
        pipeline: where `sync` would load.
        settings: what is wanted.
        exports: names of the exports wanted.
        full_refresh: as for `sync`.
        clock: the time; this machine's if None.

    Raises:
        SalesnavError: if the plan cannot be made.
    """
    with prepare(pipeline, Mode.PLAN, Wishes.of(settings), clock) as context:
        return plan_run(context, settings, tuple(exports), Refresh.of(full_refresh)).plan


def sync(
    pipeline: dlt.Pipeline,
    settings: Settings,
    exports: Sequence[str] = tuple(EXPORTS),
    full_refresh: Refresh | bool = False,
    limits: LoadLimits = CHECKPOINT,
    clock: Clock | None = None,
    on_commit: Callable[[Commit], object] | None = None,
    on_start: Callable[[ExportRun], object] | None = None,
    report: RunReport | None = None,
) -> RunReport:
    """Loads the wanted days of the exports into the pipeline's destination.

    The destination says what is loaded. The pipeline's working folder is emptied and restored.

    Args:
        pipeline: where to load.
        settings: what is wanted.
        exports: names of the exports wanted.
        full_refresh: true to export everything wanted or loaded again, or a range of days to which that is limited. Each day
            is replaced once its new rows are there. Nothing is dropped beforehand.
        limits: how much is loaded before it is committed.
        clock: the time; this machine's if None.
        on_commit: called after each load with windows, once it was seen in the destination. If it raises, the run ends, and
            what is loaded stays loaded.
        on_start: called once the first jobs are running.
        report: filled as things happen, so that it can be used even if the run breaks off; a new one if None.

    Returns:
        What was loaded and what was not.

    Raises:
        ConfigurationError: if the destination cannot be used, or the pipeline has packages of other sources to load.
        PipelineBusyError: if another run of the pipeline is at work.
        LeaseLostError: if another worker has taken over because this one was stalled.
        DestinationError: if the destination cannot be reached or fails.
        SalesnavError: if nothing could be loaded.
    """
    report = report if report is not None else RunReport()
    report.into(pipeline)
    with dlt_compat.stops_at_once(pipeline), prepare(pipeline, Mode.LOAD, Wishes.of(settings), clock) as context:
        report.notes += context.notes
        planned = plan_run(context, settings, tuple(exports), Refresh.of(full_refresh))
        load_planned(planned, report, started(planned, report, limits, discards_packages=True), on_commit, on_start)
    return report


def load_planned(
    planned: PlannedRun,
    report: RunReport,
    starting: AbstractContextManager[ExportRun],
    on_commit: Callable[[Commit], object] | None = None,
    on_start: Callable[[ExportRun], object] | None = None,
) -> None:
    """Loads what is planned, in checkpoints, from an emptied working folder.

    Args:
        planned: what is to be loaded.
        report: filled as things happen.
        starting: starts the run, and ends what is under way when it is left.
        on_commit: called after each load that brought windows.
        on_start: called once the first windows are under way.
    """
    context = planned.context
    report.take_plan(planned.plan)
    restored = _empty_working_folder(context)
    ledger = context.ledger
    if _has_work(planned):
        with starting as run, _says_what_follows(planned.plan.tasks):
            if on_start is not None:
                on_start(run)
            ledger = _load_all(run, on_commit or (lambda commit: None))
    elif not restored:
        run_on_destination(context.pipeline, context.pipeline.sync_destination)
    conclude(report, planned, ledger)


@contextmanager
def _says_what_follows(tasks: Sequence[Task]) -> Iterator[None]:
    """Adds to an error of the destination what becomes of the windows that are under way."""
    try:
        yield
    except DestinationError as error:
        if not tasks:
            raise
        follows = _IMPORT_AGAIN if tasks[0].handed is not None else _JOBS_ARE_KEPT
        raise DestinationError(f"{error}\n{follows}", in_vain=False) from error


def drop_working_folder(pipeline: dlt.Pipeline) -> None:
    """Empties dlt's working folder, and makes it accessible to its owner only."""
    pipeline.drop()
    make_private(Path(pipeline.working_dir))


def _empty_working_folder(context: RunContext) -> bool:
    """Empties dlt's working folder, which is a cache. Returns true if it was filled again.

    The first load restores state and schemas from the warehouse. If tables are missing, they are needed at once.
    """
    pipeline, warehouse = context.pipeline, context.warehouse
    assert warehouse is not None  # a run of `sync` has a pipeline
    drop_working_folder(pipeline)
    note_database(pipeline, warehouse)
    if not context.ledger.missing_tables:
        return False
    run_on_destination(pipeline, pipeline.sync_destination)
    with pipeline.destination_client() as client:
        client.update_stored_schema(force=True)
    return True


def _has_work(planned: PlannedRun) -> bool:
    plan, ledger = planned.plan, planned.context.ledger
    lists_contracts = bool(planned.listing) and planned.listing.digest != ledger.listed
    return bool(plan.tasks or plan.out_of_reach or lists_contracts or not ledger.settled)


def _load_all(run: ExportRun, on_commit: Callable[[Commit], object]) -> Ledger:
    """Loads until nothing more comes. Returns what is loaded then."""
    names = [CONTRACTS.name, *run.exports, EXPORT_JOBS.name, REJECTED_ROWS.name, EXPORT_COLUMNS.name]
    ledger = run.context.ledger
    while True:
        is_last = run.runner.finished
        listed = ledger.listed
        earlier = {window.load_id for window in run.report.loaded}
        ledger = _load_once(run, names, ledger)
        if ledger.listed != listed:
            ledger = _list_once(run, ledger)
        commit = run.report.commit(earlier)
        if commit is not None:
            on_commit(commit)
        # a window that failed after the load was closed has a record that no load has taken
        if is_last or (run.runner.finished and not run.context.journal.has_records()):
            return ledger


def _load_once(run: ExportRun, names: Sequence[str], ledger: Ledger) -> Ledger:
    """Runs one load, and checks its claims in the warehouse. Returns what is loaded then."""
    pipeline, warehouse = run.context.pipeline, run.context.warehouse
    assert warehouse is not None  # a run of `sync` has a pipeline
    source = _source(run, ledger).with_resources(*names)
    file = warehouse.file
    is_new = file is not None and not file.exists()
    run_on_destination(pipeline, lambda: pipeline.run(source))
    if is_new and file is not None:
        make_private(file)
    dlt_compat.remove_packages(pipeline, pipeline.list_completed_load_packages())
    with warehouse.opened() as opened:
        loaded = confirm(run.context.journal, warehouse.name, opened, _state_of(pipeline))
        run.report.notes += notes_on_overlaps(run.report, loaded, opened)
        opened.forget_equal_schemas()
        opened.describe_columns()
    run.report.overlaps.clear()
    run.report.take_back(set(loaded.broken) - set(ledger.broken), TAKEN_BACK)
    return loaded


@dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
def _source(run: ExportRun, ledger: Ledger) -> list[DltResource]:
    def load() -> Iterator[Any]:
        return load_items(run, Extraction.current(dlt_compat.active_pipeline()), ledger)

    return resources(load)


def _state_of(pipeline: dlt.Pipeline) -> dict[str, Any]:
    sources: Mapping[str, Any] = pipeline.state.get("sources", {})
    return dict(sources.get(SECTION, {}))


def _list_once(run: ExportRun, ledger: Ledger) -> Ledger:
    """Writes the contracts again as long as they are there twice. Returns what is loaded then.

    All pipelines of a dataset write them. If two do that at the same moment, neither sees the rows of the other. The last one
    finds both.
    """
    for attempt in range(LISTINGS):
        with run.context.pipeline.sql_client() as client:
            table = client.make_qualified_table_name(CONTRACTS.name)
            if not client.execute_sql(f"SELECT contract FROM {table} GROUP BY contract HAVING count(*) > 1"):
                return ledger
        run.context.clock.sleep(LISTING_PAUSE * 2**attempt * random.random())
        ledger = _load_once(run, [CONTRACTS.name], replace(ledger, listed=None))
    return ledger


def conclude(report: RunReport, planned: PlannedRun, ledger: Ledger) -> None:
    """Notes in the report what is loaded by now, and what is worth saying of the run."""
    context = planned.context
    report.notes += [
        f"The table {name} was no longer in the warehouse; its rows were loaded again."
        for name in context.ledger.missing_tables
    ]
    report.notes += of_columns(report)
    if planned.client is not None:
        report.notes += planned.client.notes + planned.client.tokens.notes
    report.notes += context.journal.notes
    report.coverage = {
        (export, contract): coverage
        for export in planned.exports
        for contract, coverage in ledger.settled.get(export, {}).items()
    }

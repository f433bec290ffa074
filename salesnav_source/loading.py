"""`sync` and `plan`: pipeline runs from the plan to the report, in checkpoints.

The truth is in the warehouse. Each run starts from what it holds, and dlt's working folder is emptied before: what a killed
run has left there is not repaired, it is fetched again from the jobs that the journal knows.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dlt
from dlt.common.pipeline import LoadInfo
from dlt.extract import DltResource
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.helpers import retry_schema_update
from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_random_exponential

from salesnav_source import destinations, dlt_compat
from salesnav_source.exceptions import ConfigurationError, DestinationError, SalesnavError, causes
from salesnav_source.files import make_private
from salesnav_source.jobs.runner import WindowReport
from salesnav_source.load import Load
from salesnav_source.personal_data import PersonalData
from salesnav_source.planning import Plan, Refresh
from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS
from salesnav_source.session import Commit, LoadedWindow, LoadLimits, Session
from salesnav_source.settings import SECTION, Settings
from salesnav_source.source import resources, run_load
from salesnav_source.state import Ledger, StateWriter
from salesnav_source.warehouse import database_file
from salesnav_source.windows import Coverage

CHECKPOINT = LoadLimits(rows=2_000_000, seconds=30.0)
"""A load is committed once it holds this many rows, or has held some for this long."""

RACES = 5
"""How often a load is tried while another pipeline makes the same tables or columns at the same moment."""
RACE_PAUSE = 0.5
"""Seconds up to which the first pause between such tries lasts."""

INTERRUPTED_HINT = "The jobs are kept at LinkedIn for 7 days, and the next run fetches their files again."


@contextmanager
def opened(run: Session, pipeline: dlt.Pipeline) -> Iterator[Session]:
    """Gives a session that has the pipeline to itself and knows what is loaded.

    Raises:
        ConfigurationError: if the destination cannot be used, or the pipeline holds packages of other sources to load.
        PipelineBusyError: if another run of the pipeline is at work.
        DestinationError: if the destination cannot be reached.
    """
    with run:
        lock = run.lock(pipeline)
        try:
            destinations.require_replacing(pipeline)
            refuse_packages_of_others(pipeline)
            destinations.own_staging(pipeline)
            destinations.spare_compression(pipeline)
            run.attach(pipeline)
            _read_warehouse(run, pipeline)
            yield run
        finally:
            # what is still under way notes its end before another run may begin
            run.close()
            lock.release()


@dataclass
class Report:
    """What a run has done, for `report.render`."""

    destination: str
    dataset: str
    plan: Plan | None = None
    coverage: dict[tuple[str, str], Coverage] = field(default_factory=dict)
    """Days loaded by now, by export and contract."""
    loaded: list[LoadedWindow] = field(default_factory=list)
    not_loaded: list[WindowReport] = field(default_factory=list)
    jobs_created: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[WindowReport]:
        """Windows that have failed."""
        return [window for window in self.not_loaded if window.kind == "failed"]


def plan(
    pipeline: dlt.Pipeline,
    settings: Settings,
    exports: Sequence[str] = tuple(EXPORTS),
    full_refresh: Refresh | bool = False,
    session: Session | None = None,
) -> Plan:
    """Returns what `sync` would ask for, without asking for a job.

    LinkedIn is asked for the contracts, to tell which of those wanted it does not list.

    Args:
        pipeline: where `sync` would load.
        settings: what is wanted.
        exports: names of the exports wanted.
        full_refresh: as for `sync`.
        session: a prepared session, to hand in another clock.

    Raises:
        SalesnavError: if the plan cannot be made.
    """
    with session or Session(settings) as run:
        lock = run.lock(pipeline)
        try:
            run.attach(pipeline)
            _read_warehouse(run, pipeline)
            return run.make_plan(_own(exports), _refresh(full_refresh))
        finally:
            lock.release()


def sync(
    pipeline: dlt.Pipeline,
    settings: Settings,
    exports: Sequence[str] = tuple(EXPORTS),
    full_refresh: Refresh | bool = False,
    limits: LoadLimits = CHECKPOINT,
    session: Session | None = None,
    on_commit: Callable[[Commit], object] | None = None,
) -> Report:
    """Brings the wanted days of the exports into the pipeline's destination.

    What is loaded is taken from the destination; the pipeline's working folder is emptied and restored.

    Args:
        pipeline: where to load.
        settings: what is wanted.
        exports: names of the exports wanted.
        full_refresh: whether all that is wanted or loaded is asked for anew, or the days to which that is limited. Each day
            is replaced when its new rows have come; nothing is dropped beforehand.
        limits: how much is loaded before it is committed.
        session: a prepared session, to hand in another clock.
        on_commit: called after each load that brought windows, once the destination was seen to hold it. What it raises ends
            the run; what is loaded stays loaded.

    Returns:
        What was loaded and what was not.

    Raises:
        ConfigurationError: if the destination cannot be used, or holds packages of other sources to load.
        PipelineBusyError: if another run of the pipeline is at work.
        LeaseLostError: if another worker has taken over, as this one stood still.
        DestinationError: if the destination cannot be reached or fails.
        SalesnavError: if nothing could be tried.
    """
    report = Report(pipeline.destination.destination_description, pipeline.dataset_name or "")
    with dlt_compat.stops_at_once(pipeline), opened(session or Session(settings, limits=limits), pipeline) as run:
        run.discards_packages = True
        restored = _empty_working_folder(run, pipeline)
        report.plan = run.make_plan(_own(exports), _refresh(full_refresh))
        if _has_work(run):
            run.start()
            _load_all(run, pipeline, exports, on_commit or (lambda commit: None))
        elif not restored:
            run_on_destination(pipeline, pipeline.sync_destination)
        _fill(report, run, exports)
    return report


def _own(exports: Sequence[str]) -> dict[str, str]:
    return {name: name for name in exports}


def _refresh(asked_for: Refresh | bool) -> Refresh | None:
    if isinstance(asked_for, Refresh):
        return asked_for
    return Refresh() if asked_for else None


def _read_warehouse(run: Session, pipeline: dlt.Pipeline) -> None:
    """Takes from the warehouse what is loaded.

    Raises:
        DestinationError: if it cannot be reached; nothing was changed then.
    """
    warehouse = run.warehouse
    assert warehouse is not None
    if not warehouse.exists:
        run.read_ledger(None, {})
        return
    try:
        with warehouse.opened() as opened:
            run.read_ledger(opened, opened.source_state())
    except SalesnavError:
        raise
    except Exception as error:
        raise DestinationError(
            f"{pipeline.destination.destination_description} cannot be used: {_say(error)}", in_vain=True
        ) from error


def refuse_packages_of_others(pipeline: dlt.Pipeline) -> None:
    """Makes sure that nothing of another source is lost when the working folder is emptied.

    Raises:
        ConfigurationError: if there are packages that wait to be loaded.
    """
    others = sorted(dlt_compat.pending_schemas(Path(pipeline.working_dir)) - {SECTION})
    if others:
        raise ConfigurationError(
            f"Pipeline {pipeline.pipeline_name} holds packages of other sources that wait to be loaded"
            f" ({', '.join(others)}), in {pipeline.working_dir}. Load them first, by pipeline.run() without data, or drop"
            f" them by `dlt pipeline {pipeline.pipeline_name} drop-pending-packages`; or use a pipeline name of its own for"
            " Sales Navigator. Nothing was asked of LinkedIn."
        )


def drop_working_folder(pipeline: dlt.Pipeline) -> None:
    """Empties dlt's working folder, and leaves it to its owner alone."""
    pipeline.drop()
    make_private(Path(pipeline.working_dir))


def _empty_working_folder(run: Session, pipeline: dlt.Pipeline) -> bool:
    """Empties dlt's working folder, which is a cache; tells whether it was filled again.

    The first load restores state and schemas from the warehouse; where tables are missing, they are needed at once.
    """
    drop_working_folder(pipeline)
    if not run.ledger.missing_tables:
        return False
    run_on_destination(pipeline, pipeline.sync_destination)
    with pipeline.destination_client() as client:
        client.update_stored_schema(force=True)
    return True


def _has_work(run: Session) -> bool:
    assert run.plan is not None
    return bool(run.plan.tasks or run.plan.out_of_reach or run.lists_contracts_anew or not run.ledger.settled)


def _load_all(
    run: Session, pipeline: dlt.Pipeline, exports: Sequence[str], on_commit: Callable[[Commit], object]
) -> None:
    names = [CONTRACTS.name, *exports, EXPORT_JOBS.name, REJECTED_ROWS.name]
    while True:
        listed = run.ledger.listed
        commit = _load_once(run, pipeline, names)
        if run.ledger.listed != listed:
            _list_once(run, pipeline)
        if commit is not None:
            on_commit(commit)
        if run.finished:
            break


def _load_once(run: Session, pipeline: dlt.Pipeline, names: Sequence[str]) -> Commit | None:
    """Runs one load, and looks whether the warehouse holds what it claims; returns the windows that it does hold."""
    before = set(run.ledger.broken)
    earlier = {window.load_id for window in run.loaded}
    source = _source(run).with_resources(*names)
    file = database_file(pipeline)
    is_new = file is not None and not file.exists()
    run_on_destination(pipeline, lambda: pipeline.run(source))
    if is_new and file is not None:
        make_private(file)
    dlt_compat.remove_packages(pipeline, pipeline.list_completed_load_packages())
    assert run.warehouse is not None
    with run.warehouse.opened() as opened:
        ledger = run.read_ledger(opened, _state_of(pipeline))
        opened.forget_equal_schemas()
    broken = sorted(set(ledger.broken) - before)
    run.take_back(broken, "the warehouse did not take all of its rows; the next run loads it again")
    windows = tuple(window for window in run.loaded if window.load_id not in earlier)
    if not windows:
        return None
    run.committed.append(Commit(windows[0].load_id, windows))
    return run.committed[-1]


def commit_state(pipeline: dlt.Pipeline, ledger: Ledger, personal_data: PersonalData | None = None) -> None:
    """Writes what the ledger says into the state that the warehouse keeps, by a load without rows.

    Args:
        pipeline: whose state; its working folder is emptied.
        ledger: what is loaded.
        personal_data: what became of personal data in what is loaded; as the state says if None.
    """
    pipeline.activate()
    drop_working_folder(pipeline)
    source = _state_alone(ledger, personal_data)
    run_on_destination(pipeline, lambda: pipeline.run(source))


@dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
def _state_alone(ledger: Ledger, personal_data: PersonalData | None) -> DltResource:
    def settled() -> Iterator[Any]:
        writer = StateWriter(dlt.current.source_state(), ledger, dlt_compat.current_load_id())
        writer.settle()
        if personal_data is not None:
            writer.note_personal_data(personal_data.record)
        yield from ()

    return dlt.resource(settled, name="_state")


def _state_of(pipeline: dlt.Pipeline) -> dict[str, Any]:
    sources: Mapping[str, Any] = pipeline.state.get("sources", {})
    return dict(sources.get(SECTION, {}))


def _list_once(run: Session, pipeline: dlt.Pipeline) -> None:
    """Writes the contracts again while they are there twice.

    All pipelines of a dataset write them, and where two do at the same moment neither sees the rows of the other. The one
    that was last finds both.
    """
    for attempt in range(RACES):
        with pipeline.sql_client() as client:
            table = client.make_qualified_table_name(CONTRACTS.name)
            if not client.execute_sql(f"SELECT contract FROM {table} GROUP BY contract HAVING count(*) > 1"):
                return
        time.sleep(RACE_PAUSE * 2**attempt * random.random())
        run.ledger.listed = None
        _load_once(run, pipeline, [CONTRACTS.name])


@dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
def _source(run: Session) -> list[DltResource]:
    def load() -> Iterator[Any]:
        return run_load(Load(run, dlt_compat.active_pipeline()))

    return resources(load)


def _fill(report: Report, run: Session, exports: Sequence[str]) -> None:
    report.loaded = run.loaded
    report.jobs_created = run.runner.jobs_created if run.runner else 0
    report.not_loaded = run.not_loaded
    report.notes += [
        f"The table {name} was not in the warehouse any more; what it held was loaded again."
        for name in run.missing_tables
    ]
    report.notes += _told_of_columns(run)
    report.notes += _told_of_columns_left_out(run)
    report.notes += run.client.notes + run.client.tokens.notes
    report.notes += filter(None, [run.journal.note, run.store_note])
    report.coverage = {
        (export, contract): coverage
        for export in exports
        for contract, coverage in run.ledger.settled.get(export, {}).items()
    }


def _told_of_columns(run: Session) -> list[str]:
    """Returns what is said of columns that have come or gone, the same of several contracts in one line."""
    contracts: dict[tuple[str, str], list[str]] = {}
    for task, changed in run.changed_columns:
        contracts.setdefault((task.export, str(changed)), []).append(task.contract)
    notes = [
        f"The columns of {export} have changed: {changed} ({', '.join(sorted(set(own)))})."
        for (export, changed), own in contracts.items()
    ]
    if any(changed.gone for _, changed in run.changed_columns):
        notes.append(
            "What is gone has no values from now on. Where it has only got another name, add that spelling to the column in"
            " schema.py, and load these days anew by --full-refresh."
        )
    return notes


def _told_of_columns_left_out(run: Session) -> list[str]:
    """Returns what is said of undocumented columns that were not loaded."""
    names: dict[str, set[str]] = {}
    for window in run.loaded:
        left_out = window.task.file.result.columns_left_out if window.task.file else ()
        names.setdefault(window.task.export, set()).update(left_out)
    return [
        f"Columns of {export} were left out, as undocumented columns may hold personal data: {', '.join(sorted(found))}."
        " keep_columns keeps them."
        for export, found in names.items()
        if found
    ]


def run_on_destination(pipeline: dlt.Pipeline, work: Callable[[], Any]) -> LoadInfo | None:
    """Does something that needs the destination, again where two pipelines get in each other's way.

    Raises:
        DestinationError: if the destination fails.
        SalesnavError: if the work fails for a reason of ours.
    """
    may_retry = retry_schema_update()

    def is_race(state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        return isinstance(error, PipelineStepFailed) and may_retry(error)

    tries = 0

    def attempt() -> Any:
        nonlocal tries
        tries += 1
        # what was extracted waits in the working folder
        return work() if tries == 1 else pipeline.run()

    retrying = Retrying(
        retry=is_race, stop=stop_after_attempt(RACES), wait=wait_random_exponential(RACE_PAUSE), reraise=True
    )
    try:
        info = retrying(attempt)
    except PipelineStepFailed as error:
        raise _plain(pipeline, error) from error
    return info if isinstance(info, LoadInfo) else None


def _plain(pipeline: dlt.Pipeline, error: PipelineStepFailed) -> BaseException:
    """Returns what a failed step of dlt comes down to: an error of ours, a stop, or what machine or destination said."""
    for cause in causes(error):
        if isinstance(cause, (SalesnavError, KeyboardInterrupt)):
            return cause
    if error.step not in ("sync", "load"):
        for cause in causes(error):
            if isinstance(cause, OSError):
                return SalesnavError(
                    f"This machine failed to keep what was received, in {pipeline.working_dir}: {_say(cause)}"
                )
        return error
    where = pipeline.destination.destination_description
    # a failed load job bears the destination's own exception; its own text quotes the stack trace
    said = _say(getattr(error.exception, "client_exception", error.exception))
    if error.step == "load":
        return DestinationError(f"{where} failed while loading: {said}\n{INTERRUPTED_HINT}", in_vain=False)
    return DestinationError(f"{where} cannot be used: {said}", in_vain=True)


def _say(error: object) -> str:
    return " ".join(str(error).split())

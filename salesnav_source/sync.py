"""Pipeline runs from plan to report: what is pending is loaded first, then LinkedIn is asked, in checkpoints."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import dlt
from dlt.common.pipeline import LoadInfo
from dlt.extract import DltResource
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.helpers import retry_schema_update

from salesnav_source import COMMITTED_BATCH, make_resources
from salesnav_source.exceptions import SalesnavError
from salesnav_source.exports import WindowReport
from salesnav_source.pending import secure_pending
from salesnav_source.plan import Plan
from salesnav_source.run import ExportRun, LoadedWindow, LoadLimits, read_coverage
from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS
from salesnav_source.settings import SECTION, Settings
from salesnav_source.warehouses import own_staging
from salesnav_source.windows import Coverage

CHECKPOINT = LoadLimits(rows=2_000_000, seconds=30.0)
"""A load is committed once it holds this many rows, or has held some for this long."""

RACE_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before a load is tried again because another pipeline made the same tables or columns at the same moment."""


class DestinationError(SalesnavError):
    """The destination refused or cannot be reached.

    Attributes:
        pending: whether data were received that the next run will load first.
    """

    def __init__(self, message: str, pending: bool) -> None:
        super().__init__(message)
        self.pending = pending


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
    loaded_pending: bool = False
    """Whether data that an earlier run had received were loaded first."""
    notes: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[WindowReport]:
        """Windows that have failed."""
        return [window for window in self.not_loaded if window.kind == "failed"]


def state_of(pipeline: dlt.Pipeline) -> dict[str, Any]:
    """Returns the state of the source in a pipeline."""
    sources: dict[str, Any] = dict(pipeline.state.get("sources", {}))
    return dict(sources.get(SECTION, {}))


def coverage_of(pipeline: dlt.Pipeline) -> Callable[[str, str], Coverage]:
    """Returns the coverage in a pipeline's state, by export and contract."""
    resources_state = state_of(pipeline).get("resources", {})
    return lambda export, contract: read_coverage(resources_state, export, contract)


def plan(
    pipeline: dlt.Pipeline, settings: Settings, exports: Sequence[str] = tuple(EXPORTS), full_refresh: bool = False
) -> Plan:
    """Returns what `sync` would ask for, without asking for a job.

    LinkedIn is asked for the contracts only if none are configured.

    Raises:
        SalesnavError: if the plan cannot be made.
    """
    run = ExportRun(settings)
    try:
        run.lock(pipeline.pipelines_dir, pipeline.pipeline_name)
        if not pipeline.has_pending_data:
            # where the dataset does not exist yet, this would drop what is pending
            _on_destination(pipeline, pipeline.sync_destination)
        return _open(run, pipeline, exports, full_refresh, ask_contracts=not settings.contracts)
    finally:
        run.close()


def sync(
    pipeline: dlt.Pipeline,
    settings: Settings,
    exports: Sequence[str] = tuple(EXPORTS),
    full_refresh: bool = False,
    limits: LoadLimits = CHECKPOINT,
    run: ExportRun | None = None,
) -> Report:
    """Brings the wanted days of the exports into the pipeline's destination.

    Args:
        pipeline: where to load.
        settings: what is wanted.
        exports: names of the exports wanted.
        full_refresh: whether tables and state are dropped and loaded anew.
        limits: how much is loaded before it is committed.
        run: a prepared run, to hand in another timer.

    Returns:
        What was loaded and what was not.

    Raises:
        SalesnavError: if nothing could be tried, or the destination failed.
    """
    run = run or ExportRun(settings, limits=limits)
    report = Report(pipeline.destination.destination_description, pipeline.dataset_name or "")
    try:
        run.lock(pipeline.pipelines_dir, pipeline.pipeline_name)
        own_staging(pipeline)
        _reach(pipeline)
        report.loaded_pending = load_pending(pipeline)
        report.plan = _open(run, pipeline, exports, full_refresh)
        run.start()
        _load_all(run, pipeline, exports, full_refresh, report)
    finally:
        run.close()
    report.jobs_created = run.runner.jobs_created if run.runner else 0
    report.not_loaded = run.not_loaded
    report.notes += run.client.tokens.notes
    if run.journal is not None and run.journal.note:
        report.notes.append(run.journal.note)
    covered = coverage_of(pipeline)
    report.coverage = {
        (export, contract): covered(export, contract)
        for export in exports
        for contract in state_of(pipeline).get("resources", {}).get(export, {}).get("coverage", {})
    }
    return report


def _load_all(
    run: ExportRun, pipeline: dlt.Pipeline, exports: Sequence[str], full_refresh: bool, report: Report
) -> None:
    names = [CONTRACTS.name, *exports, EXPORT_JOBS.name, REJECTED_ROWS.name]
    options: dict[str, Any] = {"refresh": "drop_sources"} if full_refresh else {}
    while True:
        listed = _listed(pipeline)
        source = _source(run).with_resources(*names)
        _on_destination(pipeline, partial(pipeline.run, source, **options))
        assert run.journal is not None
        run.journal.settle(state_of(pipeline).get(COMMITTED_BATCH))
        report.loaded += run.loads[-1].windows
        if _listed(pipeline) != listed:
            _list_once(run, pipeline)
        if run.finished:
            break
        options = {}


def _listed(pipeline: dlt.Pipeline) -> Any:
    return state_of(pipeline).get("resources", {}).get(CONTRACTS.name, {}).get("listed")


def _list_once(run: ExportRun, pipeline: dlt.Pipeline) -> None:
    """Writes the contracts anew while they are there twice.

    All pipelines of a dataset write them, and where two do at the same moment neither sees the rows of the other. The one
    that was last finds both.
    """
    for pause in RACE_PAUSES:
        with pipeline.sql_client() as client:
            table = client.make_qualified_table_name(CONTRACTS.name)
            if not client.execute_sql(f"SELECT contract FROM {table} GROUP BY contract HAVING count(*) > 1"):
                return
        run.list_again = True
        time.sleep(pause * random.random())
        _on_destination(pipeline, partial(pipeline.run, _source(run).with_resources(CONTRACTS.name)))
        run.list_again = False


@dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
def _source(run: ExportRun) -> list[DltResource]:
    return make_resources(lambda: run, keep_open=True)


def _open(
    run: ExportRun, pipeline: dlt.Pipeline, exports: Sequence[str], full_refresh: bool, ask_contracts: bool = True
) -> Plan:
    run.open(Path(pipeline.working_dir), state_of(pipeline).get(COMMITTED_BATCH))
    coverage = (lambda export, contract: Coverage()) if full_refresh else coverage_of(pipeline)
    return run.make_plan(exports, coverage, ask_contracts)


def _reach(pipeline: dlt.Pipeline) -> None:
    """Makes sure that BigQuery answers; Google's client would try the first query again for ten minutes.

    Raises:
        DestinationError: if it does not, within the destination's `retry_deadline`.
    """
    if not pipeline.destination.destination_type.endswith(".bigquery"):
        return
    with pipeline.destination_client() as client:
        try:
            client.is_storage_initialized()
        except Exception as error:
            where, said = pipeline.destination.destination_description, " ".join(str(error).split())
            raise DestinationError(f"{where} cannot be used: {said}", pipeline.has_pending_data) from error


def load_pending(pipeline: dlt.Pipeline) -> bool:
    """Restores the state from the destination and loads what an earlier run has received; tells whether there was any.

    Raises:
        DestinationError: if the destination fails.
    """
    pending = pipeline.has_pending_data
    secure_pending(pipeline)
    if pending:
        # not by run, which restores the state first and, where the dataset does not exist yet, drops what is pending
        _on_destination(pipeline, partial(_finish, pipeline))
    # the package may have brought newer state than the working directory holds
    _on_destination(pipeline, pipeline.run)
    return pending


def _finish(pipeline: dlt.Pipeline) -> LoadInfo | None:
    if pipeline.list_extracted_load_packages():
        pipeline.normalize()
    return pipeline.load()


def _on_destination(pipeline: dlt.Pipeline, work: Callable[[], Any]) -> LoadInfo | None:
    for pause in (*RACE_PAUSES, None):
        try:
            info = work()
        except PipelineStepFailed as error:
            if pause is None or not retry_schema_update()(error):
                raise _plain(pipeline, error) from error
            time.sleep(pause * (0.5 + random.random() / 2))
            # what was extracted waits in the pipeline's folder
            work = pipeline.run
        else:
            return info if isinstance(info, LoadInfo) else None
    raise AssertionError("the last try returns or raises")


def _plain(pipeline: dlt.Pipeline, error: PipelineStepFailed) -> BaseException:
    """Returns what a failed step of dlt comes down to: an error of ours, a stop, or what machine or destination said."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, (SalesnavError, KeyboardInterrupt)):
            return cause
    if error.step not in ("sync", "load"):
        for cause in causes:
            if isinstance(cause, OSError):
                said = " ".join(str(cause).split())
                return SalesnavError(
                    f"This machine failed to keep what was received, in {pipeline.working_dir}: {said}"
                )
        return error
    where = pipeline.destination.destination_description
    # a failed load job bears the destination's own exception; its own text quotes the stack trace
    said = " ".join(str(getattr(error.exception, "client_exception", error.exception)).split())
    if pipeline.has_pending_data:
        return DestinationError(
            f"{where} failed while loading: {said}\nWhat was received is kept, and the next run loads it first.",
            pending=True,
        )
    return DestinationError(f"{where} cannot be used: {said}", pending=False)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or getattr(cause, "exception", None)

"""dlt source for LinkedIn Sales Navigator analytics: who did what, what came of it, and who holds the seats.

import dlt
from salesnav_source import salesnav

pipeline = dlt.pipeline("sales", destination="duckdb", dataset_name="salesnav")
pipeline.run(salesnav())
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Optional

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ContextDefaultCannotBeCreated
from dlt.common.pipeline import PipelineContext
from dlt.common.storages.load_package import load_package_state
from dlt.extract import DltResource
from dlt.extract.exceptions import CurrentSourceNotAvailable

from salesnav_source import tables
from salesnav_source.exports import ExportRunner, Task
from salesnav_source.pending import secure_pending
from salesnav_source.reader import read_rejected, read_tables, remove
from salesnav_source.run import ExportRun, Load, read_coverage
from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS, Export, Table
from salesnav_source.settings import (
    BASE_URL,
    JOB_TIMEOUT,
    LOOKBACK_DAYS,
    MAX_CONCURRENT_JOBS,
    POLL_INTERVAL,
    POLL_MAX_INTERVAL,
    SECTION,
    SalesnavConfiguration,
    SalesnavCredentials,
    Settings,
)
from salesnav_source.warehouses import is_embedded, laid_out, row_search
from salesnav_source.windows import Days

__version__ = "0.1.0"
__all__ = ["SalesnavCredentials", "__version__", "salesnav"]

COMMITTED_BATCH = "batch"
"""Key in the source's state: the load that was committed with it."""


@dlt.source(name=SECTION, section=SECTION, spec=SalesnavConfiguration, max_table_nesting=0)
def salesnav(
    credentials: Optional[SalesnavCredentials] = dlt.secrets.value,
    base_url: str = BASE_URL,
    contracts: Optional[list[str]] = None,
    start_date: Optional[str] = None,
    end_date: Optional[str] = None,
    lookback_days: int = LOOKBACK_DAYS,
    max_concurrent_jobs: int = MAX_CONCURRENT_JOBS,
    poll_interval: float = POLL_INTERVAL,
    poll_max_interval: float = POLL_MAX_INTERVAL,
    job_timeout: float = JOB_TIMEOUT,
) -> list[DltResource]:
    """Loads LinkedIn Sales Navigator activities, their outcomes and seat summaries, contract by contract.

    Which days are loaded is kept in the pipeline's state, so each run asks LinkedIn for what is missing only, and once a
    day for the last few days again. A window that fails leaves a gap that the next run asks for; it is logged, and noted
    in the table `export_jobs`.

    Args:
        credentials: an access token, or what it takes to renew one.
        base_url: root of LinkedIn's API.
        contracts: URNs of the contracts to export; all with reporting access if None.
        start_date: first day wanted, `YYYY-MM-DD`, UTC; 90 days back if None.
        end_date: last day wanted, `YYYY-MM-DD`, UTC; yesterday if None, and at the latest.
        lookback_days: how many days are read again once a day, for late rows.
        max_concurrent_jobs: export jobs in flight at a time, over all exports and contracts.
        poll_interval: seconds before the first poll of a job.
        poll_max_interval: seconds at most between two polls of a job.
        job_timeout: seconds after which a job counts as timed out; the next run goes on waiting for it.

    Returns:
        The resources `contracts`, `activities`, `activity_outcomes`, `seats`, `export_jobs` and `rejected_rows`.

    Raises:
        ConfigurationError: if a setting is missing or wrong.
        ApiError: while loading, if LinkedIn cannot be reached or refuses the token, and nothing could be loaded.
    """
    pipeline = _active_pipeline()
    if pipeline is not None:
        secure_pending(pipeline)
    settings = Settings.check(
        SalesnavConfiguration(
            credentials=credentials,
            base_url=base_url,
            contracts=contracts,
            start_date=start_date,
            end_date=end_date,
            lookback_days=lookback_days,
            max_concurrent_jobs=max_concurrent_jobs,
            poll_interval=poll_interval,
            poll_max_interval=poll_max_interval,
            job_timeout=job_timeout,
        )
    )
    return make_resources(lambda: ExportRun(settings))


def make_resources(new_run: Callable[[], ExportRun], keep_open: bool = False) -> list[DltResource]:
    """Returns the resources of the source.

    Args:
        new_run: gives the run that the resources share, each time they are extracted.
        keep_open: whether the run goes on after the extract; closing it is then up to the caller.
    """
    shared = _Shared(new_run, keep_open)
    resources = [dlt.resource(_contracts, **tables.hints(CONTRACTS))(shared)]
    for export in EXPORTS.values():
        resource = dlt.resource(_export, **tables.hints(export))(shared, export)
        resources.append(laid_out(resource, export))
    resources.append(dlt.resource(_export_jobs, **tables.hints(EXPORT_JOBS))(shared))
    resources.append(dlt.resource(_rejected_rows, **tables.hints(REJECTED_ROWS))(shared))
    return resources


class _Shared:
    """Joins the resources of one extract to one run and one load."""

    def __init__(self, new_run: Callable[[], ExportRun], keep_open: bool) -> None:
        self._new_run = new_run
        self._keep_open = keep_open
        self.run: ExportRun
        self.load: Load | None = None
        self.holds_none: Callable[[str, str], bool]

    def enter(self, name: str) -> Load:
        """Joins a resource to the load at hand; the first one begins it."""
        if self.load is None or name not in self.load.participants:
            self._begin(name)
        assert self.load is not None
        return self.load

    def leave(self, name: str, failed: bool) -> None:
        """Takes a resource out of the load; with the last one the load is over."""
        if self.load is None:
            return
        self.load.participants.discard(name)
        if failed or not self.load.participants:
            self.load = None
            self.run.close_load()
            if not self._keep_open:
                self.run.close()

    def _begin(self, name: str) -> None:
        try:
            selected = list(dlt.current.source().resources.selected)
        except CurrentSourceNotAvailable:
            selected = [name]
        exports = [export for export in EXPORTS if export in selected]
        self.run = self._new_run()
        try:
            pipeline = _active_pipeline()
            if pipeline is not None:
                self.run.lock(pipeline.pipelines_dir, pipeline.pipeline_name)
            state = dlt.current.source_state()
            self.run.open(Path(pipeline.working_dir) if pipeline else None, state.get(COMMITTED_BATCH))
            resources_state = state.get("resources", {})
            self.run.make_plan(exports, lambda export, contract: read_coverage(resources_state, export, contract))
            self.holds_none = row_search(pipeline)
            self.load = self.run.open_load(_load_id(), not is_embedded(pipeline), selected, exports)
        except BaseException:
            if not self._keep_open:
                self.run.close()
            raise


def _contracts(shared: _Shared) -> Iterator[Any]:
    with _Participation(shared, CONTRACTS.name):
        rows = [
            {
                "contract": contract.urn,
                "name": contract.name,
                "description": contract.description,
                "has_reporting_access": contract.has_reporting_access,
            }
            for contract in sorted(shared.run.contracts.values(), key=lambda contract: contract.urn)
        ]
        state = dlt.current.resource_state()
        digest = sha256(json.dumps(rows).encode()).hexdigest()
        if rows and (shared.run.list_again or state.get("listed") != digest):
            yield tables.with_load_id(tables.arrow_table(CONTRACTS, rows), _load_id())
            state["listed"] = digest


def _export(shared: _Shared, export: Export) -> Iterator[Any]:
    with _Participation(shared, export.name) as load:
        runner, state = shared.run.start(), dlt.current.resource_state()
        scope = tables.Scope(export, is_embedded(_active_pipeline()), partial(shared.holds_none, export.name))
        progress = _Progress(export.name, runner)
        if not _table_exists(export.name):
            yield scope.mark(_no_rows(export))
        while True:
            full = shared.run.is_full(load)
            if full:
                shared.run.close_load()
            task = runner.take(export.name)
            progress.show()
            if task is not None:
                yield from _window(shared, load, export, task, scope, state)
            elif runner.finished(export.name) or (full and runner.drained(export.name)):
                break
            else:
                yield None
        progress.show(last=True)


def _window(
    shared: _Shared, load: Load, export: Export, task: Task, scope: tables.Scope, state: dict[str, Any]
) -> Iterator[Any]:
    """Yields the rows of a received window, and notes it as covered."""
    assert task.file is not None
    rows, count = task.file.rows, task.file.result.rows_loaded
    coverage = read_coverage({export.name: state}, export.name, task.contract)
    scope.add(task, task.file, loaded_before=bool(coverage.loaded & Days((task.window,))))
    if rows is None:
        yield scope.mark(_no_rows(export))
    elif count >= tables.LARGE_ROWS and _is_taken_as_it_is(export.name):
        yield scope.mark_file(rows, count)
    else:
        for number, table in enumerate(read_tables(rows)):
            # a mark holds for what follows
            yield table if number else scope.mark(table)
    read_on = shared.run.note_loaded(load, task)
    contracts = state.setdefault("coverage", {})
    covered = coverage.with_window(task.window, read_on, shared.run.settings.lookback_days)
    contracts[task.contract] = covered.to_state()
    dlt.current.source_state()[COMMITTED_BATCH] = load.batch
    if task.file.result.rows_rejected and REJECTED_ROWS.name in load.participants:
        load.rejected.append(task)
    elif rows is not None:
        remove(rows)


def _no_rows(table: Table) -> Any:
    return tables.with_load_id(tables.empty(table), _load_id())


def _rejected_rows(shared: _Shared) -> Iterator[Any]:
    with _Participation(shared, REJECTED_ROWS.name) as load:
        if not _table_exists(REJECTED_ROWS.name):
            yield tables.scoped_to_load(_no_rows(REJECTED_ROWS), _load_id())
        while _waits_for_exports(load) or load.rejected:
            if not load.rejected:
                yield None
                continue
            task = load.rejected.popleft()
            assert task.file is not None and task.file.rows is not None
            for batch in read_rejected(task.file.rows):
                table = tables.rejected(batch, task)
                yield tables.scoped_to_load(tables.with_load_id(table, _load_id()), _load_id())
            remove(task.file.rows)


def _export_jobs(shared: _Shared) -> Iterator[Any]:
    with _Participation(shared, EXPORT_JOBS.name) as load:
        while _waits_for_exports(load):
            yield None
        assert shared.run.journal is not None
        accounts = shared.run.journal.take_accounts(load.batch)
        if accounts:
            table = tables.with_load_id(tables.audit(accounts), _load_id())
            yield tables.scoped_to_load(table, _load_id(), tables.same_jobs(accounts))
            dlt.current.source_state()[COMMITTED_BATCH] = load.batch


def _waits_for_exports(load: Load) -> bool:
    return any(export in load.participants for export in load.exports)


class _Participation:
    """A resource's part in a load: it joins when it begins and leaves when it ends, however it ends."""

    def __init__(self, shared: _Shared, name: str) -> None:
        self._shared = shared
        self._name = name

    def __enter__(self) -> Load:
        return self._shared.enter(self._name)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._shared.leave(self._name, failed=kind is not None)


class _Progress:
    """Shows on dlt's collector how far the windows of an export have come."""

    def __init__(self, export: str, runner: ExportRunner) -> None:
        pipeline = _active_pipeline()
        self._collector = getattr(pipeline, "collector", None)
        self._export = export
        self._runner = runner
        self._ended = 0
        self._planned = 0
        self._said = ""

    def show(self, last: bool = False) -> None:
        """Shows what has changed since."""
        planned, ended = self._runner.planned[self._export], self._runner.ended[self._export]
        said = self._runner.describe(self._export)
        if self._collector is None or not planned or (said == self._said and ended == self._ended and not last):
            return
        more = planned - self._planned if self._planned else 0
        self._collector.update(
            f"{self._export} windows",
            inc=ended - self._ended,
            total=planned,
            inc_total=more or None,
            message=said or "all ended",
        )
        self._ended, self._planned, self._said = ended, planned, said


def _active_pipeline() -> Any:
    context = Container()[PipelineContext]
    return context.pipeline() if context.is_active() else None


def _is_taken_as_it_is(name: str) -> bool:
    """Tells whether what a resource yields goes to dlt as it is: no step and no transformer was added that wants rows."""
    try:
        resources = dlt.current.source().resources
    except CurrentSourceNotAvailable:
        return False
    own = resources.selected.get(name)
    if own is None or len(own._pipe) > 1:
        return False
    return all(other._pipe.parent is not own._pipe for other in resources.values())


def _table_exists(name: str) -> bool:
    try:
        return name in {table["name"] for table in dlt.current.source_schema().data_tables(seen_data_only=True)}
    except ContextDefaultCannotBeCreated:
        return False


def _load_id() -> str:
    return load_package_state()["load_id"]

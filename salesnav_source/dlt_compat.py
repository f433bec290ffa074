"""Every use of dlt that is not its documented API, each with its reason. `tests/test_dlt_compat.py` holds each promise."""

import functools
import json
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.common.storages.load_package import load_package_state
from dlt.common.versioned_state import decompress_state
from dlt.destinations.impl.duckdb.configuration import DuckDbConnectionPool
from dlt.extract.exceptions import CurrentSourceNotAvailable
from dlt.pipeline import trace as trace_module
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

SCOPE_HINT = "x-merge-destination-scope"
"""Where a table's schema keeps the rows that a merge replaces. `dlt.mark.with_hints` would set it too, but its hints are
passed on to the transformers of a user, whose tables have no such columns."""
DEDUPLICATED_HINT = "x-stage-data-deduplicated"
"""Where a table's schema says that no row is staged twice."""

_PACKAGE_FOLDERS = ("normalize/extracted", "load/normalized", "load/new")
"""Where packages lie that a run would load, or that a crash has left on the way there."""


def active_pipeline() -> Any:
    """Returns the pipeline that is active, None if there is none; `dlt.current.pipeline` raises or makes one up."""
    context = Container()[PipelineContext]
    return context.pipeline() if context.is_active() else None


def current_source() -> Any:
    """Returns the source that is being extracted; None where a resource is iterated by itself."""
    try:
        return dlt.current.source()
    except CurrentSourceNotAvailable:
        return None


def current_load_id() -> str:
    """Returns the id of the load that is being extracted, which dlt puts in rows only where they are not Arrow."""
    return str(load_package_state()["load_id"])


def has_own_steps(resource: Any) -> bool:
    """Tells whether a user has added steps, e.g. by `add_map`, to a resource that has none of its own.

    `dlt.current.pipe()` tells it only of the resource that is being evaluated.
    """
    return len(resource._pipe) > 1


def is_extracting() -> bool:
    """Tells whether a load is being extracted, and rows are not just being looked at."""
    return bool(_active_load_id())


def _active_load_id() -> str | None:
    """Returns the id of the load that is being extracted or loaded, None if there is none."""
    try:
        return str(load_package_state()["load_id"])
    except Exception:
        return None


def stored_state(pipeline: Any, client: Any) -> dict[str, Any] | None:
    """Returns the state that the pipeline's last complete load has left in the warehouse.

    `sync_destination` would install it only where its version is at least that of the state on this disk.
    """
    state = load_pipeline_state_from_destination(pipeline.pipeline_name, client)
    return dict(state) if state else None


LOCK_PATIENCE = 5.0
"""Seconds to try again to open a DuckDB file that another program has open: a dashboard has it for less than one."""


def wait_for_duckdb_files(sleep: Callable[[float], None] = time.sleep) -> None:
    """Lets dlt try again to open a DuckDB file that is open elsewhere, in place of failing the load at once.

    Args:
        sleep: waits for so many seconds.
    """
    if getattr(DuckDbConnectionPool.borrow_conn, "is_patient", False):
        return
    borrow = DuckDbConnectionPool.borrow_conn

    @functools.wraps(borrow)
    def patient(self: Any, *args: Any, **named: Any) -> Any:
        waited = 0.0
        while True:
            try:
                return borrow(self, *args, **named)
            except Exception as error:
                if "Could not set lock on file" not in str(error) or waited >= LOCK_PATIENCE:
                    raise
            sleep(0.25)
            waited += 0.25

    patient.is_patient = True  # type: ignore[attr-defined]
    DuckDbConnectionPool.borrow_conn = patient  # type: ignore[method-assign]


COPY_SETTINGS = {"memory_limit": "150MB", "preserve_insertion_order": "false"}
"""What DuckDB is given for a load that copies files. Measured: enough for 45 million rows, for ten copies at a time, and on
64 threads. Where it keeps the order of rows, it may use a single thread with so little memory, and take twice as long."""

_frugal_loads: set[str] = set()


def copy_with_little_memory(load_id: str) -> None:
    """Has DuckDB take little memory for a load, unless its memory is configured.

    It would keep what it writes until most of the machine's memory is full, and be no faster. Only for a load that copies
    files, and deletes: to merge by key takes more.
    """
    _frugal_loads.add(load_id)
    if hasattr(DuckDbConnectionPool.borrow_conn, "is_frugal"):
        return
    borrow, give_back = DuckDbConnectionPool.borrow_conn, DuckDbConnectionPool.return_conn

    @functools.wraps(borrow)
    def frugal(self: Any, *args: Any, **named: Any) -> Any:
        with self._conn_lock:
            connection = borrow(self, *args, **named)
            if self._conn_borrows == 1 and _active_load_id() in _frugal_loads and _may_limit_memory(self):
                self.settings_before = _set(connection, COPY_SETTINGS)
            return connection

    @functools.wraps(give_back)
    def restoring(self: Any, connection: Any) -> Any:
        with self._conn_lock:
            # the user's own connections of this process share the database, and its settings
            if self._conn_borrows == 1 and hasattr(self, "settings_before"):
                _set(connection, self.__dict__.pop("settings_before"))
            return give_back(self, connection)

    frugal.is_frugal = True  # type: ignore[attr-defined]
    DuckDbConnectionPool.borrow_conn = frugal  # type: ignore[method-assign]
    DuckDbConnectionPool.return_conn = restoring  # type: ignore[method-assign, assignment]


def _set(connection: Any, settings: Mapping[str, str | None]) -> dict[str, str | None]:
    """Changes settings of a DuckDB database, None to what DuckDB itself deems right; returns them as they were."""
    before = _settings(connection)
    for name, value in settings.items():
        connection.execute(f"RESET GLOBAL {name}" if value is None else f"SET GLOBAL {name} = '{value}'")
    # a size is told rounded, so that setting it again would change it
    return {name: None if value == _usual_settings()[name] else value for name, value in before.items()}


def _settings(connection: Any) -> dict[str, str]:
    return {name: connection.execute("SELECT current_setting(?)", [name]).fetchone()[0] for name in COPY_SETTINGS}


@functools.cache
def _usual_settings() -> dict[str, str]:
    import duckdb

    with duckdb.connect() as connection:
        return _settings(connection)


def _may_limit_memory(pool: Any) -> bool:
    """Tells whether the connections are dlt's own, and their user has not said how much memory they may take."""
    own = pool.credentials
    configured = [*(own.global_config or ()), *(own.local_config or ()), *(own.pragmas or ()), *(own.statements or ())]
    return bool(pool._conn_owner) and not any("memory" in setting.lower() for setting in configured)


def decoded_state(text: str) -> dict[str, Any]:
    """Returns a pipeline's state from what `_dlt_pipeline_state` holds of it."""
    return dict(decompress_state(text))


def forget_scopes(pipeline: Any, tables: list[str]) -> None:
    """Takes the rows that the last load has replaced out of the schema that the pipeline keeps.

    A package that a killed run has extracted is loaded with that schema: with an older scope, it would delete rows that
    are not in the package. Without a scope it is merged by key.
    """
    if "salesnav" not in pipeline.schemas:
        return
    schema = pipeline.schemas["salesnav"]
    stale = [name for name in tables if name in schema.tables and SCOPE_HINT in schema.tables[name]]
    for name in stale:
        del schema.tables[name][SCOPE_HINT]
        schema.tables[name].pop(DEDUPLICATED_HINT, None)
        schema.tables[name]["write_disposition"] = "merge"
    if stale:
        pipeline.schemas.save_schema(schema)


def lasting_schema(stored: str) -> dict[str, Any]:
    """Returns of a schema, as `_dlt_version` holds it, what does not change with the rows that a load replaces."""
    schema: dict[str, Any] = json.loads(stored)
    for name in ("version", "version_hash", "previous_hashes"):
        schema.pop(name, None)
    for table in schema["tables"].values():
        for hint in (SCOPE_HINT, DEDUPLICATED_HINT, "x-merge-strategy", "write_disposition"):
            table.pop(hint, None)
    return schema


def remove_packages(pipeline: Any, load_ids: Collection[str]) -> None:
    """Removes what dlt keeps in its folder of loads that are complete, their rows above all, unless it is told to keep that.

    dlt's `load.delete_completed_jobs` would remove rows of other sources in this process as well.
    """
    if dlt.config.get("load.delete_completed_jobs", bool) is False:
        return
    for load_id in set(load_ids) & set(pipeline.list_completed_load_packages()):
        shutil.rmtree(pipeline.get_load_package_info(load_id).package_path, ignore_errors=True)


def pending_schemas(working_dir: Path) -> set[str]:
    """Returns the names of the schemas of packages that wait to be loaded, however a crash has left them."""
    names = set()
    for folder in _PACKAGE_FOLDERS:
        for path in (working_dir / folder).glob("*/schema.json"):
            try:
                names.add(str(json.loads(path.read_text(encoding="utf-8"))["name"]))
            except (OSError, ValueError, KeyError, TypeError):
                # a package whose schema was not written whole cannot be loaded by anyone
                continue
    return names


@contextmanager
def stops_at_once(pipeline: Any) -> Iterator[None]:
    """Has dlt leave signals alone: it puts a stop off while it loads, and forgets one that comes late."""
    config = pipeline.runtime_config
    before = config.intercept_signals
    config.intercept_signals = False
    try:
        yield
    finally:
        config.intercept_signals = before


def before_commits(pipeline: Any, check: Callable[[bool], None]) -> Callable[[], None]:
    """Has a function called before a pipeline's loads change tables, and before each is noted as complete.

    An error of that function ends the load, and leaves it incomplete. dlt has no such event: its tracking modules are not
    heeded when they fail.

    Args:
        pipeline: whose loads they are.
        check: is told whether a load begins or is about to be noted; else another of its jobs does.

    Returns:
        A function that undoes this.
    """
    load, destination = pipeline.load, pipeline.destination
    make_client = destination.client
    loading: set[int] = set()

    def checked_load(*args: Any, **kwargs: Any) -> Any:
        check(True)
        loading.add(threading.get_ident())
        try:
            return load(*args, **kwargs)
        finally:
            loading.discard(threading.get_ident())

    def checked_client(*args: Any, **kwargs: Any) -> Any:
        # in a thread of its own, a job that fails before it begins would be waited for without end
        if threading.get_ident() in loading:
            check(False)
        client = make_client(*args, **kwargs)
        complete = client.complete_load

        def checked_complete(load_id: str) -> None:
            check(True)
            complete(load_id)

        client.complete_load = checked_complete
        return client

    def undo() -> None:
        pipeline.__dict__.pop("load", None)
        destination.__dict__.pop("client", None)

    pipeline.load = checked_load
    destination.client = checked_client
    return undo


class _EndOfRun:
    """Calls back when a pipeline's run has ended, as one of dlt's tracking modules."""

    def __init__(self, pipeline_name: str, callback: Callable[[], None]) -> None:
        self._pipeline_name = pipeline_name
        self._callback = callback
        self._last_step: tuple[str, bool] = ("", False)

    def on_start_trace(self, *args: Any) -> None:
        """Does nothing."""

    def on_start_trace_step(self, *args: Any) -> None:
        """Does nothing."""

    def on_end_trace_step(self, trace: Any, step: Any, pipeline: Any, step_info: Any, send_state: bool) -> None:
        """Remembers how the last step ended."""
        if pipeline.pipeline_name == self._pipeline_name:
            self._last_step = (step.step, step.step_exception is not None)

    def on_end_trace(self, trace: Any, pipeline: Any, send_state: bool) -> None:
        """Calls back, unless the load is still to come, as in `extract` called by itself."""
        name, failed = self._last_step
        if pipeline.pipeline_name == self._pipeline_name and (failed or name not in ("extract", "normalize")):
            # dlt is going through the list
            trace_module.TRACKING_MODULES = [module for module in _tracking_modules() if module is not self]
            self._callback()


def at_end_of_run(pipeline: Any, callback: Callable[[], None]) -> None:
    """Has a function called once, when the run of a pipeline that is under way has ended, its load included.

    A source is not told of what comes after its extract.
    """
    _tracking_modules().append(_EndOfRun(pipeline.pipeline_name, callback))


def _tracking_modules() -> list[Any]:
    modules: list[Any] = trace_module.TRACKING_MODULES
    return modules

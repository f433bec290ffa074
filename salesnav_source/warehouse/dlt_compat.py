"""Every use of dlt beyond its documented API, each with its reason. `tests/test_dlt_compat.py` checks each of them."""

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
from dlt.destinations.impl.duckdb.configuration import DuckDbConnectionPool
from dlt.extract.exceptions import CurrentSourceNotAvailable
from dlt.pipeline import trace as trace_module
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

SCOPE_HINT = "x-merge-destination-scope"
"""Hint of a table's schema with the rows that a merge replaces. `dlt.mark.with_hints` would set it too, but its hints are
passed on to a user's transformers, whose tables have no such columns."""
DEDUPLICATED_HINT = "x-stage-data-deduplicated"
"""Where a table's schema says that no row is staged twice."""
KEPT_HINT = "x-merge-source-filter"
"""Where a table's schema keeps the condition of the staged rows that a merge inserts."""
SORT_HINT = "dedup_sort"
"""Where a column's schema says which of the rows with one key a merge inserts."""

_PACKAGE_FOLDERS = ("normalize/extracted", "load/normalized", "load/new")
"""Folders of packages that a run would load, or that a crash has left on the way there."""


def active_pipeline() -> Any:
    """Returns the active pipeline, None if there is none. `dlt.current.pipeline` would raise or create one."""
    context = Container()[PipelineContext]
    return context.pipeline() if context.is_active() else None


def current_source() -> Any:
    """Returns the source that is being extracted; None if a resource is iterated by itself."""
    try:
        return dlt.current.source()
    except CurrentSourceNotAvailable:
        return None


def current_load_id() -> str:
    """Returns the id of the load that is being extracted. dlt does not add it to rows that come as Arrow."""
    return str(load_package_state()["load_id"])


def has_own_steps(resource: Any) -> bool:
    """Returns true if a user has added steps to a resource, e.g. by `add_map`.

    `dlt.current.pipe()` knows only the resource that is being evaluated.
    """
    return len(resource._pipe) > 1


def is_extracting() -> bool:
    """Returns true if a load is being extracted, and rows are not just being looked at."""
    return bool(_active_load_id())


def _active_load_id() -> str | None:
    """Returns the id of the load that is being extracted or loaded, None if there is none."""
    try:
        return str(load_package_state()["load_id"])
    except Exception:
        return None


def stored_state(pipeline: Any, client: Any) -> dict[str, Any] | None:
    """Returns the state in the warehouse after the pipeline's last complete load.

    `sync_destination` would use it only if its version is not lower than that of the state on this disk.
    """
    state = load_pipeline_state_from_destination(pipeline.pipeline_name, client)
    return dict(state) if state else None


LOCK_PATIENCE = 5.0
"""Seconds to retry opening a DuckDB file that another program has open. A dashboard has it open for less than one."""


def wait_for_duckdb_files(sleep: Callable[[float], None] = time.sleep) -> None:
    """Lets dlt retry opening a DuckDB file that is open elsewhere, instead of failing the load at once.

    Args:
        sleep: waits for a number of seconds.
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
"""DuckDB's settings for a load that copies files. Measured: enough for 45 million rows, for ten copies at a time, and on
64 threads. If it kept the order of rows, it could use only one thread with so little memory, and take twice as long."""

QUERY_SETTINGS = {**COPY_SETTINGS, "memory_limit": "200MB"}
"""Settings for looking up the keys of a file: four million take 3.2 s with 150 MB, and 1.3 s with 200. More use the disk."""

_frugal_loads: set[str] = set()


def copy_with_little_memory(load_id: str) -> None:
    """Limits DuckDB's memory for a load, unless its memory is configured.

    Otherwise it keeps what it writes until most of the machine's memory is full, and is no faster. This is only for a load that
    copies files and deletes: a merge by key needs more.
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


@contextmanager
def little_memory(client: Any) -> Iterator[None]:
    """Limits DuckDB's memory for some queries of a connected client of dlt, unless its memory is configured."""
    pool, connection = client.credentials.conn_pool, client.native_connection
    if not _may_limit_memory(pool):
        yield
        return
    before = _set(connection, QUERY_SETTINGS)
    try:
        yield
    finally:
        _set(connection, before)


def _set(connection: Any, settings: Mapping[str, str | None]) -> dict[str, str | None]:
    """Changes settings of a DuckDB database, None to DuckDB's default. Returns the settings before."""
    before = _settings(connection)
    for name, value in settings.items():
        connection.execute(f"RESET GLOBAL {name}" if value is None else f"SET GLOBAL {name} = '{value}'")
    # DuckDB returns a size rounded, so setting that again would change it
    return {name: None if value == _usual_settings()[name] else value for name, value in before.items()}


def _settings(connection: Any) -> dict[str, str]:
    return {name: connection.execute("SELECT current_setting(?)", [name]).fetchone()[0] for name in COPY_SETTINGS}


@functools.cache
def _usual_settings() -> dict[str, str]:
    import duckdb

    with duckdb.connect() as connection:
        return _settings(connection)


def _may_limit_memory(pool: Any) -> bool:
    """Returns true if the connections are dlt's own, and the user has not configured their memory."""
    own = pool.credentials
    configured = [*(own.global_config or ()), *(own.local_config or ()), *(own.pragmas or ()), *(own.statements or ())]
    return bool(pool._conn_owner) and not any("memory" in setting.lower() for setting in configured)


def forget_scopes(pipeline: Any, tables: list[str]) -> None:
    """Removes the scope of the last load from the schema that the pipeline keeps.

    A package that a killed run has extracted is loaded with that schema. With an older scope, it would delete rows that are
    not in the package. Without a scope it is merged by key.
    """
    if "salesnav" not in pipeline.schemas:
        return
    schema = pipeline.schemas["salesnav"]
    stale = [name for name in tables if name in schema.tables and SCOPE_HINT in schema.tables[name]]
    for name in stale:
        del schema.tables[name][SCOPE_HINT]
        schema.tables[name].pop(DEDUPLICATED_HINT, None)
        schema.tables[name].pop(KEPT_HINT, None)
        schema.tables[name]["write_disposition"] = "merge"
    if stale:
        pipeline.schemas.save_schema(schema)


def lasting_schema(stored: str) -> dict[str, Any]:
    """Returns the parts of a schema in `_dlt_version` that do not change with the rows that a load replaces."""
    schema: dict[str, Any] = json.loads(stored)
    for name in ("version", "version_hash", "previous_hashes"):
        schema.pop(name, None)
    for table in schema["tables"].values():
        for hint in (SCOPE_HINT, DEDUPLICATED_HINT, KEPT_HINT, "x-merge-strategy", "write_disposition"):
            table.pop(hint, None)
        for column in table["columns"].values():
            column.pop(SORT_HINT, None)
    return schema


def remove_packages(pipeline: Any, load_ids: Collection[str]) -> None:
    """Removes complete loads, with their rows, from dlt's folder, unless the user has configured dlt to keep them.

    dlt's `load.delete_completed_jobs` would also remove rows of other sources in this process.
    """
    if dlt.config.get("load.delete_completed_jobs", bool) is False:
        return
    for load_id in set(load_ids) & set(pipeline.list_completed_load_packages()):
        shutil.rmtree(pipeline.get_load_package_info(load_id).package_path, ignore_errors=True)


def pending_schemas(working_dir: Path) -> set[str]:
    """Returns the names of the schemas of packages that wait to be loaded, also of packages that a crash has damaged."""
    names = set()
    for folder in _PACKAGE_FOLDERS:
        for path in (working_dir / folder).glob("*/schema.json"):
            try:
                names.add(str(json.loads(path.read_text(encoding="utf-8"))["name"]))
            except (OSError, ValueError, KeyError, TypeError):
                # without a complete schema nobody can load the package
                continue
    return names


@contextmanager
def stops_at_once(pipeline: Any) -> Iterator[None]:
    """Keeps dlt from handling signals: it delays a stop while it loads, and forgets one that comes late."""
    config = pipeline.runtime_config
    before = config.intercept_signals
    config.intercept_signals = False
    try:
        yield
    finally:
        config.intercept_signals = before


def before_commits(pipeline: Any, check: Callable[[bool], None]) -> Callable[[], None]:
    """Calls a function before a pipeline's loads change tables, and before each load is marked as complete.

    If the function raises, the load ends and stays incomplete. dlt has no such event: its tracking modules cannot end a load.

    Args:
        pipeline: the pipeline of these loads.
        check: called with true before a load begins or is marked as complete, with false before each of its jobs.

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
        # in another thread, dlt would wait forever for a job that fails before it begins
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
    """A tracking module of dlt that calls back when a pipeline's run has ended."""

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
        """Calls back, unless the load is still to come, as after a single `extract`."""
        name, failed = self._last_step
        if pipeline.pipeline_name == self._pipeline_name and (failed or name not in ("extract", "normalize")):
            # a new list, because dlt is iterating over this one
            trace_module.TRACKING_MODULES = [module for module in _tracking_modules() if module is not self]
            self._callback()


def at_end_of_run(pipeline: Any, callback: Callable[[], None]) -> None:
    """Calls a function once, when the current run of a pipeline has ended, including its load.

    dlt does not tell a source what comes after its extract.
    """
    _tracking_modules().append(_EndOfRun(pipeline.pipeline_name, callback))


def _tracking_modules() -> list[Any]:
    modules: list[Any] = trace_module.TRACKING_MODULES
    return modules

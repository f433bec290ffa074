"""The one prologue: checks, locks and opens everything before a run does anything."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from dlt.common import logger

from salesnav_source.days.windows import Days, Window
from salesnav_source.exceptions import JournalError, PipelineBusyError
from salesnav_source.jobs.clock import Clock, SystemClock
from salesnav_source.jobs.journal import JobInFlight, Journal, JournalStore, StoredJournal, peek
from salesnav_source.jobs.task import JobStatus
from salesnav_source.run.context import RunContext
from salesnav_source.run.extraction import Extraction
from salesnav_source.run.lock import PipelineLock
from salesnav_source.schema import EXPORT_COLUMNS, EXPORT_JOBS, LOAD_ID
from salesnav_source.settings.configuration import Settings
from salesnav_source.settings.files import make_private
from salesnav_source.settings.names import SPOOL_FOLDER
from salesnav_source.settings.privacy import TABLES_TO_DROP, PersonalData, require_same
from salesnav_source.warehouse import dlt_compat, layout
from salesnav_source.warehouse import requirements as must
from salesnav_source.warehouse.columns import KnownColumns, as_day
from salesnav_source.warehouse.connection import OpenWarehouse, Warehouse
from salesnav_source.warehouse.state import (
    DIRECTORY,
    PERSONAL_DATA,
    Ledger,
    columns_of,
    exports_in,
    read_ledger,
    state_to_trust,
)
from salesnav_source.warehouse.tables import timestamp_literal


class Mode(Enum):
    """The purpose of a run. `CHECKS` has the checks of each mode."""

    LOAD = "load"
    """`sync`, `salesnav load`: jobs, in checkpoints."""
    PLAN = "plan"
    """A dry run: refuses what a load refuses."""
    BARE = "bare"
    """A user's own `pipeline.run(salesnav())`: one load, and dlt's folder is kept."""
    IMPORT = "import"
    """Files that were handed over."""
    MOVE = "move"
    """Contracts go to another pipeline."""
    ERASE = "erase"
    """Rows of a seat holder are removed."""
    STATUS = "status"
    """Nothing is changed, and another run may be at work."""


TCheck = Callable[[Any], None]

_LOADS: tuple[TCheck, ...] = (must.require_destination, must.require_replacing, must.require_restoring)
_EMPTIES: tuple[TCheck, ...] = (*_LOADS, must.require_rows_elsewhere, must.require_own_packages)

CHECKS: Mapping[Mode, tuple[TCheck, ...]] = {
    Mode.LOAD: _EMPTIES,
    Mode.PLAN: _EMPTIES,
    Mode.BARE: (*_LOADS, must.require_no_package),
    Mode.IMPORT: _EMPTIES,
    Mode.MOVE: _EMPTIES,
    Mode.ERASE: _EMPTIES,
    Mode.STATUS: (must.require_destination,),
}
"""Requirements of the pipeline, by mode. They are checked in this order, under the lock."""

STAGES_APART = frozenset({Mode.LOAD, Mode.PLAN, Mode.IMPORT, Mode.MOVE, Mode.ERASE, Mode.STATUS})
"""Modes that use, or look into, the pipeline's own staging dataset. A user's own run uses what the user has configured."""

SAME_PERSONAL_DATA = frozenset({Mode.LOAD, Mode.PLAN, Mode.BARE, Mode.IMPORT, Mode.MOVE})
"""Modes that refuse settings for personal data other than those with which the warehouse was loaded."""


REST_SECONDS = 7 * 86400.0
"""How long the days that LinkedIn refuses are not asked for again."""


@dataclass(frozen=True)
class Wishes:
    """The settings that preparing a run needs. There is no token among them."""

    base_url: str = ""
    """The API in use; jobs of other APIs are left alone."""
    journal_url: str | None = None
    personal_data: PersonalData | None = None
    """None if it does not matter."""

    @staticmethod
    def of(settings: Settings) -> "Wishes":
        """Returns the part of the settings that preparing a run needs."""
        return Wishes(settings.base_url, settings.journal_url, settings.personal_data)


@contextmanager
def prepare(
    pipeline: Any,
    mode: Mode,
    wishes: Wishes,
    clock: Clock | None = None,
    extraction: Extraction | None = None,
) -> Iterator[RunContext]:
    """Gives what a run owns: the locked pipeline, its journal, and what is loaded.

    Args:
        pipeline: the pipeline; None if rows are only looked at.
        mode: the purpose of the run.
        wishes: the settings that matter here.
        clock: the time; this machine's if None.
        extraction: the load that is being extracted, in a user's own run.

    Raises:
        ConfigurationError: if the pipeline cannot be used for this. Nothing was changed.
        PipelineBusyError: if another run of the pipeline is at work.
        JournalError: if the journal cannot be written.
        DestinationError: if the destination cannot be reached.
    """
    clock = clock or SystemClock()
    with ExitStack() as belongings:
        if pipeline is None:
            yield _looking_only(belongings, wishes, clock)
            return
        lock = PipelineLock(pipeline.pipelines_dir, pipeline.pipeline_name)
        must.require_destination(pipeline)
        must.require_credentials(pipeline)
        if mode in STAGES_APART:
            layout.own_staging(pipeline)
        if mode is Mode.STATUS:
            yield _observed(belongings, pipeline, wishes, clock, lock)
            return
        held = lock.acquire(extraction.load_id if extraction else None)
        if extraction is None:
            belongings.callback(lock.release)
        else:
            _release_at_end_of_run(pipeline, extraction, held)
        for check in CHECKS[mode]:
            check(pipeline)
        if mode in STAGES_APART:
            layout.spare_compression(pipeline)
        yield _opened(belongings, pipeline, mode, wishes, clock, held, extraction)


def _looking_only(belongings: ExitStack, wishes: Wishes, clock: Clock) -> RunContext:
    """Returns the context for rows that are only looked at: a temporary journal, and nothing is loaded."""
    folder = Path(mkdtemp(prefix="salesnav-"))
    belongings.callback(rmtree, folder, ignore_errors=True)
    journal = Journal(folder / "journal.sqlite", wishes.base_url)
    belongings.callback(journal.close)
    return RunContext(None, clock, journal, None, folder / SPOOL_FOLDER, Ledger(), {}, KnownColumns())


def _observed(belongings: ExitStack, pipeline: Any, wishes: Wishes, clock: Clock, lock: PipelineLock) -> RunContext:
    """Returns the context for `status`: a copy of the journal, and no lock.

    The caller reads what is loaded, because the warehouse may be out of reach or in use.
    """
    running, notes = _is_held(lock), list[str]()
    stored = _stored_journal(pipeline, wishes, notes)
    if stored is not None and not stored.released and not running:
        notes.append(f"Elsewhere, a run is at work or was killed: {stored.worker}.")
    jobs: list[JobInFlight] = []
    try:
        content = (stored.content if stored else {}) if wishes.journal_url is not None else None
        found = peek(journal_path(pipeline), content)
        jobs = [job for base_url, job in found if base_url == wishes.base_url]
        if len(found) > len(jobs):
            notes.append(f"{len(found) - len(jobs)} more jobs are in flight at another base_url.")
    except JournalError as error:
        notes.append(str(error))
    context = _looking_only(belongings, wishes, clock)
    context.journal.adopt(jobs)
    return replace(context, pipeline=pipeline, warehouse=Warehouse(pipeline), running=running, notes=notes)


def _is_held(lock: PipelineLock) -> bool:
    try:
        lock.check()
    except PipelineBusyError:
        return True
    return False


def _stored_journal(pipeline: Any, wishes: Wishes, notes: list[str]) -> StoredJournal | None:
    if wishes.journal_url is None:
        return None
    try:
        return JournalStore(wishes.journal_url, pipeline.pipeline_name).peek()
    except JournalError as error:
        notes.append(str(error))
        return None


def _release_at_end_of_run(pipeline: Any, extraction: Extraction, lock: PipelineLock) -> None:
    """Keeps the lock until dlt has loaded what is being extracted. dlt does not tell a source when that is."""
    ends = ExitStack()
    ends.callback(lock.release)
    ends.callback(dlt_compat.remove_packages, pipeline, [extraction.load_id])
    dlt_compat.at_end_of_run(pipeline, ends.close)


def _opened(
    belongings: ExitStack,
    pipeline: Any,
    mode: Mode,
    wishes: Wishes,
    clock: Clock,
    lock: PipelineLock,
    extraction: Extraction | None,
) -> RunContext:
    path, working_dir = journal_path(pipeline), Path(pipeline.working_dir)
    warehouse = Warehouse(pipeline)
    journal = Journal(path, wishes.base_url)
    belongings.callback(journal.close)
    if wishes.journal_url:
        store = _hold_store(wishes.journal_url, lock, pipeline)
        journal.keep_in(store)
    if journal.note:
        logger.warning(journal.note)
    make_private(working_dir)
    make_private(path)
    found = _read_warehouse(pipeline, mode, warehouse, journal, wishes, extraction, clock.epoch())
    return RunContext(pipeline, clock, journal, warehouse, working_dir / SPOOL_FOLDER, *found)


def _hold_store(url: str, lock: PipelineLock, pipeline: Any) -> JournalStore:
    def make() -> tuple[JournalStore, list[Callable[[], object]]]:
        store = JournalStore(url, pipeline.pipeline_name)
        return store, [store.release, dlt_compat.before_commits(pipeline, store.require)]

    return lock.store_of_run(make)


def _read_warehouse(
    pipeline: Any,
    mode: Mode,
    warehouse: Warehouse,
    journal: Journal,
    wishes: Wishes,
    extraction: Extraction | None,
    now: float,
) -> tuple[Ledger, dict[str, frozenset[int]], KnownColumns, dict[tuple[str, str], Days]]:
    """Returns the loaded days, the erased seats, the columns of files, and the days that LinkedIn refused this week.

    Raises:
        DestinationError: if it cannot be reached. Nothing was changed.
    """
    load_id = extraction.load_id if extraction else None
    if not warehouse.exists:
        return settle(journal, warehouse.name, read_ledger({}, None, {}, load_id), load_id), {}, KnownColumns(), {}
    with warehouse.opened() as opened:
        state = opened.source_state(extraction.source_name) if extraction else opened.source_state()
        if extraction is not None:
            state = state_to_trust(state, extraction.state, extraction.load_id)
        if mode in SAME_PERSONAL_DATA and wishes.personal_data is not None:
            _require_same_personal_data(opened, state, wishes.personal_data)
        ledger = confirm(journal, warehouse.name, opened, state, load_id)
        if extraction is not None:
            if ledger.missing_tables:
                opened.make_tables()
            opened.forget_equal_schemas()
            opened.describe_columns()
        return ledger, opened.erased_seats(), read_columns(opened, state), _resting(opened, now)


def confirm(
    journal: Journal, name: str, opened: OpenWarehouse, state: Mapping[str, Any], load_id: str | None = None
) -> Ledger:
    """Returns what is loaded, by the rows in the tables, and settles the journal by it.

    Args:
        journal: of the pipeline.
        name: identifies the dataset.
        opened: the open warehouse.
        state: the source's state there.
        load_id: a load that is being extracted.
    """
    unsettled = {load: count for load, count in journal.unsettled(name).items() if load != load_id}
    ledger = read_ledger(state, opened, unsettled, load_id, journal.verified(name))
    for export, load in ledger.broken:
        logger.warning(f"The rows of {export} of load {load} are not in the warehouse as loaded; they are retried.")
    journal.note_verified(name, ledger.holding)
    return settle(journal, name, ledger, load_id)


def settle(journal: Journal, name: str, ledger: Ledger, load_id: str | None = None) -> Ledger:
    """Settles the journal by the ledger, and returns the ledger."""
    journal.settle(name, ledger.outcomes, keep=load_id)
    return ledger


def read_columns(opened: OpenWarehouse, state: Mapping[str, Any]) -> KnownColumns:
    """Returns the columns of files, from the table `export_columns`, and from the state that 0.2.0 has written."""
    names = ", ".join(column.name for column in EXPORT_COLUMNS.columns)
    # an incomplete load may have left rows of files that are not loaded
    complete = f"{LOAD_ID} IN (SELECT load_id FROM {{}} WHERE status = 0)"
    rows = opened.rows(f"SELECT {names} FROM {{}} WHERE {complete}", EXPORT_COLUMNS.name, "_dlt_loads")
    return KnownColumns.of_rows(rows, columns_of(state))


def _resting(opened: OpenWarehouse, now: float) -> dict[tuple[str, str], Days]:
    """Returns the days that LinkedIn refused within a week, by contract and export."""
    since = timestamp_literal(datetime.fromtimestamp(now - REST_SECONDS, timezone.utc))
    rows = opened.rows(
        "SELECT contract, export, window_start, window_end FROM {}"
        f" WHERE status = '{JobStatus.NOT_AVAILABLE.value}' AND completed_at > {since}",
        EXPORT_JOBS.name,
    )
    windows: dict[tuple[str, str], list[Window]] = defaultdict(list)
    for contract, export, first, last in rows:
        windows[contract, export].append(Window(as_day(first), as_day(last)))
    return {lane: Days.of(own) for lane, own in windows.items()}


def _require_same_personal_data(opened: OpenWarehouse, state: Mapping[str, Any], now: PersonalData) -> None:
    before = state.get(PERSONAL_DATA)
    if before == now.record or not (before or exports_in(state) or state.get(DIRECTORY)):
        return
    # if the tables are gone, everything is loaded again
    if opened.missing(TABLES_TO_DROP) != set(TABLES_TO_DROP):
        require_same(now, before, opened.dataset)


def journal_path(pipeline: Any) -> Path:
    """Returns the path of a pipeline's journal: beside dlt's working folder, because that may be emptied at any time."""
    return Path(pipeline.pipelines_dir) / f"{pipeline.pipeline_name}.salesnav.sqlite"

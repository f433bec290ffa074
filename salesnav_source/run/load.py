"""One load: what an extract hands to dlt, in order."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from salesnav_source.jobs.received import Windows
from salesnav_source.jobs.runner import OpenLoad
from salesnav_source.jobs.task import Task
from salesnav_source.linkedin.reader import remove
from salesnav_source.run import items
from salesnav_source.run.bookkeeping import Books
from salesnav_source.run.context import ExportRun
from salesnav_source.run.dispositions import Dispositions
from salesnav_source.run.extraction import NAMES, ROOT, Extraction
from salesnav_source.run.items import Item, Opening, ReceivedWindows, TableRows, mapping_rows
from salesnav_source.schema import CONTRACTS, EXPORT_COLUMNS, EXPORT_JOBS, REJECTED_ROWS
from salesnav_source.warehouse import dlt_compat, job_rows
from salesnav_source.warehouse.connection import is_embedded
from salesnav_source.warehouse.replace import rows_of_loads
from salesnav_source.warehouse.state import Ledger, StateWriter

GATHERING_SECONDS = 0.25
"""How long received windows wait for others, to be handed over together."""

TItems = Iterator[Item | None]
"""None lets other resources run."""


def load_items(run: ExportRun, extraction: Extraction, ledger: Ledger) -> TItems:
    """Yields the items of a load, and writes its claims into state and schema.

    Args:
        run: the run; its jobs are running.
        extraction: the load.
        ledger: what is loaded when it begins.
    """
    load = _Load(run, extraction, Books(run, extraction, ledger))
    scopes: dict[str, str] = {}
    try:
        yield from load.items(scopes)
    finally:
        load.books.keys.close()
        if extraction.pipeline is not None:
            load.books.finish()
            made = Dispositions(run.context, extraction, ledger, run.discards_packages)
            made.of_exports(load.books.claims)
            made.of_records(scopes)


@dataclass(frozen=True)
class _Load:
    run: ExportRun
    extraction: Extraction
    books: Books

    def items(self, scopes: dict[str, str]) -> TItems:
        """Yields what there is to load as it comes; None while there is nothing new.

        Args:
            scopes: filled with the conditions of the rows that the load replaces in small tables, by resource.
        """
        extraction = self.extraction
        if extraction.pipeline is not None:
            dlt_compat.forget_scopes(extraction.pipeline, [extraction.table(name) for name in extraction.resources])
            if new := extraction.new_tables():
                yield from self._hand_over(Opening(extraction.load_id, set(extraction.resources), new_tables=new))
        yield from self._contracts()
        unfinished: list[str] = []
        if extraction.exports:
            compressed = not is_embedded(extraction.pipeline)
            self.run.runner.open_load(OpenLoad(extraction.load_id, compressed, self.run.limits.rows))
            unfinished = self.run.context.journal.begin_load(extraction.load_id, self.run.context.warehouse_name)
            try:
                yield from self._windows()
            finally:
                self.run.runner.close_load()
        yield from self._columns()
        yield from self._records(unfinished, scopes)

    def _windows(self) -> TItems:
        run, runner = self.run, self.run.runner
        progress = Progress(self.extraction.pipeline, self.extraction.exports, runner)
        self.books.refreshed()
        first_taken_at: float | None = None
        while True:
            if run.stopping.is_set():
                raise KeyboardInterrupt
            run.context.journal.require()
            full = self._is_full(first_taken_at)
            if full:
                runner.close_load()
            tasks = self._take()
            progress.show()
            kept = []
            for task, refusal in self.books.compared(tasks):
                if refusal is None:
                    kept.append(task)
                else:
                    self.books.failed(task, refusal)
                    _discard(task)
            if kept:
                received = ReceivedWindows(self.extraction.load_id, set(self.extraction.resources), tasks=kept)
                yield from self._hand_over(received)
                if first_taken_at is None:
                    first_taken_at = run.context.clock.now()
                for task in kept:
                    self.books.loaded(task)
                    _discard(task)
            elif tasks:
                continue
            elif runner.finished or (full and runner.drained):
                break
            else:
                yield None
        progress.show(last=True)

    def _take(self) -> list[Task]:
        """Returns the windows received by now, as many as may be handed over together."""
        runner, clock = self.run.runner, self.run.context.clock
        tasks: list[Task] = []
        rows, most = 0, min(items.LARGE_ROWS, self.run.limits.rows - self.books.rows)
        until = clock.now() + (0.0 if self.extraction.has_company else GATHERING_SECONDS)
        while (not tasks or rows < most) and not runner.finished:
            left = max(0.0, until - clock.now())
            task = runner.take(left)
            if task is None:
                if left:
                    continue
                break
            refusal = self.extraction.refusal(task)
            if refusal is None:
                tasks.append(task)
                rows += task.received.result.rows_loaded
            else:
                self.books.failed(task, refusal)
                _discard(task)
        return tasks

    def _is_full(self, first_taken_at: float | None) -> bool:
        """True if the load should be committed before more windows come."""
        if first_taken_at is None:
            return False
        held = self.run.context.clock.now() - first_taken_at
        return self.books.rows >= self.run.limits.rows or held >= self.run.load_seconds

    def _hand_over(self, item: Item) -> TItems:
        """Yields an item, and waits until all resources have finished with it."""
        item.waiting -= {ROOT}
        item.waiting &= NAMES
        yield item
        while item.waiting:
            yield None

    def _hand_over_rows(self, table: str, rows: Callable[[], Any], cleans: bool = False) -> TItems:
        if table in self.extraction.resources:
            extraction = self.extraction
            item = TableRows(extraction.load_id, set(extraction.resources), table, rows(), cleans)
            yield from self._hand_over(item)

    def _contracts(self) -> TItems:
        listing = self.run.listing
        if listing and listing.digest != self.books.ledger.listed and CONTRACTS.name in self.extraction.resources:
            load_id = self.extraction.load_id
            yield from self._hand_over_rows(CONTRACTS.name, lambda: mapping_rows(CONTRACTS, listing.rows, load_id))
            writer = StateWriter(self.extraction.state, self.books.ledger, load_id)
            writer.list_contracts(listing.digest, listing.names)

    def _columns(self) -> TItems:
        rows = self.books.columns.rows()
        if rows and self.extraction.pipeline is not None:
            load_id = self.extraction.load_id
            yield from self._hand_over_rows(EXPORT_COLUMNS.name, lambda: mapping_rows(EXPORT_COLUMNS, rows, load_id))

    def _records(self, unfinished: list[str], scopes: dict[str, str]) -> TItems:
        """Yields the records of jobs that have ended.

        Args:
            unfinished: earlier loads that were not completed; these records replace theirs.
            scopes: as in `_Load.items`.
        """
        load_id = self.extraction.load_id
        if self.extraction.pipeline is None or EXPORT_JOBS.name not in self.extraction.resources:
            return
        records = self.run.context.journal.take_records(load_id)
        if not (records or self.books.claims or unfinished):
            return
        loads = [load_id, *unfinished]
        scopes[EXPORT_JOBS.name] = rows_of_loads(loads, job_rows.same_rows(records))
        scopes[REJECTED_ROWS.name] = rows_of_loads(loads)
        rows = job_rows.as_table(records, load_id)
        yield from self._hand_over_rows(EXPORT_JOBS.name, lambda: rows, cleans=bool(unfinished))


def _discard(task: Task) -> None:
    if task.received.rows is not None:
        remove(task.received.rows)


class Progress:
    """Shows the progress of each export's windows on dlt's collector."""

    def __init__(self, pipeline: Any, exports: tuple[str, ...], runner: Windows) -> None:
        """Shows nothing yet."""
        self._collector = getattr(pipeline, "collector", None)
        self._exports = deque(exports)
        self._runner = runner
        self._shown: dict[str, tuple[int, int, str]] = {}

    def show(self, last: bool = False) -> None:
        """Shows what has changed since."""
        runner = self._runner
        if self._collector is None:
            return
        for export in self._exports:
            planned, ended, said = runner.planned[export], runner.ended[export], runner.describe(export)
            had_planned, had_ended, had_said = self._shown.get(export, (0, 0, ""))
            if not planned or ((planned, ended, said) == (had_planned, had_ended, had_said) and not last):
                continue
            more = planned - had_planned if had_planned else 0
            self._collector.update(
                f"{export} windows",
                inc=ended - had_ended,
                total=planned,
                inc_total=more or None,
                message=said or "all ended",
            )
            self._shown[export] = (planned, ended, said)

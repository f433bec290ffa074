"""The bookkeeping of one load: notes each window in the report, the journal, the claim, and dlt's state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from dlt.common import logger

from salesnav_source.days.windows import ONE_DAY, Days, Window, utc_day
from salesnav_source.jobs.records import job_record
from salesnav_source.jobs.results import WindowResult
from salesnav_source.jobs.task import Task
from salesnav_source.run import items
from salesnav_source.run.account import ColumnsChange, Overlap
from salesnav_source.run.context import ExportRun
from salesnav_source.run.extraction import Extraction
from salesnav_source.run.keys import SAMPLE, LoadedKeys, Shared, in_warehouse, sample_of
from salesnav_source.schema import EXPORTS, REJECTED_ROWS
from salesnav_source.warehouse.columns import HeaderSpan, KnownColumns
from salesnav_source.warehouse.connection import is_embedded
from salesnav_source.warehouse.replace import ReplaceScope
from salesnav_source.warehouse.state import Claim, ClaimedWindow, Ledger, StateWriter


@dataclass
class Books:
    """The windows of one load so far."""

    run: ExportRun
    extraction: Extraction
    ledger: Ledger
    claims: dict[str, Claim] = field(default_factory=dict)
    """By export."""
    columns: KnownColumns = field(default_factory=KnownColumns)
    """The columns of this load's files, joined with what was known about the same columns."""
    rows: int = 0
    keys: LoadedKeys = field(init=False)
    _sampled: set[str] = field(default_factory=set)
    """Exports of which some keys were looked for in the warehouse."""

    def __post_init__(self) -> None:
        self.keys = LoadedKeys(self.run.context.folder)

    @property
    def _writer(self) -> StateWriter:
        return StateWriter(self.extraction.state, self.ledger, self.extraction.load_id)

    def loaded(self, task: Task) -> None:
        """Notes that dlt has the rows of a window."""
        run, now = self.run, self.run.context.clock.epoch()
        exported_on = self._exported_on(task, now)
        if task.job is not None:
            run.context.journal.loaded(task.job.entry, job_record(task, now), self.extraction.load_id)
        else:
            run.context.journal.imported(job_record(task, now), self.extraction.load_id, now)
        run.report.loaded.append(WindowResult.loaded(task, self.extraction.load_id, exported_on))
        self.rows += task.received.result.rows_loaded
        self._add_to_claim(task, exported_on)
        self._add_columns(task)

    def compared(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, str | None]]:
        """Yields the received windows, noted where their keys stand in other places, too, and why one is not to be loaded.

        A window is not loaded if its keys tell no rows apart: its rows would take the place of others.
        """
        elsewhere = self._on_other_days(tasks)
        for task in tasks:
            found = [elsewhere[task]] if task in elsewhere else []
            keys = None
            if not EXPORTS[task.export].key_holds_day and self._has_neighbours(task):
                keys = self.keys.of(task)
                found.append(self.keys.shared(task.lane, keys))
            refusals = [one.refusal(self.run.settings.max_rejected) for one in found]
            refusal = next(filter(None, refusals), None)
            if refusal is None:
                task = self._noted(task, found)
                if keys is not None:
                    self.keys.keep(task.lane, keys)
            yield task, refusal

    def _noted(self, task: Task, found: Sequence[Shared]) -> Task:
        for one in found:
            claim = self._claim(task.export)
            if one.in_load:
                # where the same rows stand in two windows of a load, one of each is loaded
                claim.repeats |= bool(one.again)
            if one.note is not None:
                task = task.with_note(one.note)
        return task

    def _on_other_days(self, tasks: Sequence[Task]) -> dict[Task, Shared]:
        """Looks in the warehouse for some keys of the first windows of each export, on loaded days that they do not replace.

        Keys that come again each day come again in every window. So a sample shows it, before any row is replaced.
        """
        found: dict[Task, Shared] = {}
        for export in {task.export for task in tasks} - self._sampled:
            of_export = [task for task in tasks if task.export == export and task.received.rows is not None]
            beside = [task for task in of_export if self._has_loaded_days_beside(task)]
            if beside and not EXPORTS[export].key_holds_day:
                self._sampled.add(export)
                found |= self._sampled_elsewhere(export, beside)
        return found

    def _has_loaded_days_beside(self, task: Task) -> bool:
        return bool(self.ledger.coverage(task.export, task.contract).loaded - Days.of([task.window]))

    def _sampled_elsewhere(self, export: str, tasks: Sequence[Task]) -> dict[Task, Shared]:
        warehouse = self.run.context.warehouse
        if warehouse is None or not warehouse.exists:
            return {}
        scope, samples = ReplaceScope(EXPORTS[export]), {}
        for task in tasks[:SAMPLE]:
            scope.days.setdefault(task.contract, []).append(task.window)
            samples[task] = sample_of(task, max(1, SAMPLE // len(tasks)))
        wanted = [(task.contract, row["activity_id"]) for task, rows in samples.items() for row in rows]
        with warehouse.opened() as opened:
            rows = opened.rows_of_keys(self.extraction.table(export), scope, wanted)
        names = [name for name in EXPORTS[export].key if name != "contract"]
        return {
            task: in_warehouse(sample, [row for row in rows if row["contract"] == task.contract], names)
            for task, sample in samples.items()
        }

    def _has_neighbours(self, task: Task) -> bool:
        """True if another window of the lane may be in the same load."""
        return self.run.plan.windows.get(task.lane) != [task.window]

    def _may_stand_elsewhere(self, task: Task, days: Sequence[Window]) -> bool:
        """True if the warehouse may hold keys of a file on other days than those that it replaces.

        Keys of a large file are looked for. If there are none, its rows are added: a merge would take much memory.
        """
        warehouse, rows = self.run.context.warehouse, task.received.rows
        if warehouse is None or rows is None or not warehouse.exists:
            return False
        if not self.ledger.coverage(task.export, task.contract).loaded:
            return False
        if not is_embedded(self.extraction.pipeline) or task.received.result.rows_loaded < items.LARGE_ROWS:
            return True
        scope = ReplaceScope(EXPORTS[task.export], {task.contract: days})
        with warehouse.opened() as opened:
            return opened.holds_keys(self.extraction.table(task.export), scope, task.contract, str(rows))

    def failed(self, task: Task, reason: str) -> None:
        """Notes that a received window could not be handed over; its job stays in flight."""
        logger.error(f"{task}: not loaded: {reason}")
        self.run.report.not_loaded.append(WindowResult.failed(task, reason))
        record = job_record(replace(task, file=None), self.run.context.clock.epoch(), reason)
        self.run.context.journal.keep_record(record)

    def refreshed(self) -> None:
        """Notes the days that a full refresh asks for again. Later runs ask for those that it does not get."""
        writer = self._writer
        for (contract, export), days in self.run.refreshed().items():
            if export in self.extraction.exports:
                writer.mark_stale(export, contract, days)

    def finish(self) -> None:
        """Writes the claims of the load into the state that dlt commits with it."""
        writer = self._writer
        for export, claim in self.claims.items():
            writer.claim(export, claim)
        if self.claims:
            writer.note_personal_data(self.run.settings.personal_data.record)
            writer.note_interval_end(self.run.runner.interval_end)

    def _exported_on(self, task: Task, now: float) -> date:
        """Returns the UTC day on which LinkedIn made the file."""
        if task.handed is not None:
            return task.handed.made_on
        asked_at = task.job.created_at if task.job else now
        return self.run.plan.today - (utc_day(now) - utc_day(asked_at))

    def _add_to_claim(self, task: Task, exported_on: date) -> None:
        claim, result = self._claim(task.export), task.received.result
        claim.windows += [ClaimedWindow(task.contract, window, exported_on) for window in task.days]
        days = list(task.days)
        if not result.has_day_column:
            # rows without a day are stamped with the last one, so that is the only day of which the file speaks
            days = [Window(task.window.last, task.window.last)]
        export = EXPORTS[task.export]
        if export.strict_days:
            claim.shares_keys |= bool(result.rows_outside)
        elif result.rows_outside or result.rows_undated:
            claim.by_key.append(task.contract)
        if self._begins_with_overlap(task):
            first = task.window.first
            self.run.report.overlaps.append(Overlap(task.contract, task.export, first, self.extraction.load_id))
            days = list(Days.of(days) - Days.of_days([first]))
        if not export.key_holds_day:
            claim.shares_keys = claim.shares_keys or self._may_stand_elsewhere(task, days)
        if export.strict_days or not result.rows_outside:
            claim.days.setdefault(task.contract, []).extend(days)
        if claim.rows is not None:
            own_steps = self.extraction.has_own_steps(task.export)
            claim.rows = None if own_steps else claim.rows + result.rows_loaded
        if claim.rejected is not None:
            kept = self.extraction.loads(REJECTED_ROWS.name) and not self.extraction.has_own_steps(REJECTED_ROWS.name)
            claim.rejected = claim.rejected + result.rows_rejected + result.values_rejected if kept else None

    def _begins_with_overlap(self, task: Task) -> bool:
        """True if the first day of a window stays, and gets rows by key alone.

        LinkedIn's days may end at another hour than midnight UTC. The file lacks the first hours of its first day then, which
        the file of the day before has brought.
        """
        replaces_all = task.handed is not None or self.run.refresh is not None
        if replaces_all or EXPORTS[task.export].key_holds_day or task.window.days == 1:
            return False
        before = task.window.first - ONE_DAY
        return self.ledger.coverage(task.export, task.contract).loaded.contains(Window(before, before))

    def _claim(self, export: str) -> Claim:
        if export not in self.claims:
            lookback_days = self.run.settings.lookback_days
            earlier = self.ledger.under_way.get(export)
            self.claims[export] = earlier or Claim(self.extraction.table(export), lookback_days)
        return self.claims[export]

    def _add_columns(self, task: Task) -> None:
        result = task.received.result
        if not result.headers:
            return
        known = self.run.known_columns
        spans = [HeaderSpan.of(one, task.window) for one in result.headers]
        change = known.change(task.contract, task.export, spans)
        for span in known.add_file(task.contract, task.export, task.window, result.headers):
            self.columns.put(task.contract, task.export, span)
        if change is not None:
            changed = ColumnsChange(task.contract, task.export, task.window, *change)
            self.run.report.columns_changed.append(changed)
            logger.warning(f"{task}: the columns of the file have changed: {changed}.")

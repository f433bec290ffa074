"""One load: what an extract hands to dlt, and what is noted of it in dlt's state, in the schema and in the journal.

The rows reach dlt as items that the hidden root resource yields and the tables' resources turn into rows. Each item is taken
by all resources that are extracted; the root goes on once they have, as only then it is known that dlt has the rows.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dlt

from salesnav_source import dlt_compat, job_records, tables
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.jobs.machine import Task
from salesnav_source.jobs.runner import OpenLoad
from salesnav_source.reader import read_rejected, read_schema, read_tables, remove
from salesnav_source.replace import rows_of_loads
from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS, Table
from salesnav_source.session import Session
from salesnav_source.settings import SECTION
from salesnav_source.state import Claim, ClaimedWindow, StateWriter, state_to_trust
from salesnav_source.warehouse import is_embedded, is_postgres
from salesnav_source.windows import Days, Window

LARGE_ROWS = 200_000
"""Rows from which it pays to hand over a file as it is, and to ask whether there is anything to replace."""

GATHERING_SECONDS = 0.25
"""How long windows that have been received wait for others, to be handed over together."""

MERGE = "delete-insert"
TABLES = {*EXPORTS, CONTRACTS.name, EXPORT_JOBS.name, REJECTED_ROWS.name}
"""Names of the resources that are loaded."""


@dataclass
class Item:
    """Something that the root resource yields, and the resources that still have to take it."""

    load_id: str
    waiting: set[str]

    def taken_by(self, resource: str) -> None:
        """Notes that dlt has all rows that a resource makes of this."""
        self.waiting.discard(resource)


@dataclass
class Opening(Item):
    """The load begins: tables that are new are made."""

    new_tables: set[str] = field(default_factory=set)


@dataclass
class ContractList(Item):
    """The contracts of the token's owner."""

    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class ReceivedWindows(Item):
    """Windows whose files have been received and read. They come together, as each item costs dlt milliseconds."""

    tasks: list[Task] = field(kw_only=True)

    def rows(self, table: Table, whole: bool) -> Iterator[Any]:
        """Yields the typed rows: files as they are, or their rows for who wants to see them.

        Args:
            table: whose rows they are.
            whole: whether nobody does.
        """
        small: list[Any] = []
        for file in [task.file for task in self.tasks if task.export == table.name]:
            assert file is not None
            if file.rows is None:
                small.append(tables.no_rows(table, self.load_id))
            elif whole and file.result.rows_loaded >= LARGE_ROWS:
                schema = read_schema(file.rows)
                yield dlt.mark.with_file_import(
                    str(file.rows), "parquet", file.result.rows_loaded, schema.empty_table()
                )
            elif whole:
                small += read_tables(file.rows)
            else:
                yield from read_tables(file.rows)
        if whole and small:
            yield small
        else:
            yield from small

    def rejected_rows(self) -> Iterator[Any]:
        """Yields the rows that could not be loaded."""
        for task in self.tasks:
            if task.file is not None and task.file.rows is not None and task.job is not None:
                for batch in read_rejected(task.file.rows):
                    rows = tables.rejected(batch, task.export, task.contract, task.job.id)
                    yield tables.with_load_id(rows, self.load_id)


@dataclass
class JobRecords(Item):
    """The records of jobs that have ended."""

    records: list[dict[str, Any]] = field(default_factory=list)
    cleans: bool = False
    """Whether earlier loads that were not completed may have left rows."""

    def rows(self) -> Any:
        """Returns the rows of `export_jobs`."""
        return tables.with_load_id(job_records.as_table(self.records), self.load_id)


class Load:
    """One load of a session."""

    def __init__(self, session: Session, pipeline: Any | None) -> None:
        """Looks at what is extracted.

        Args:
            session: the run.
            pipeline: loads; None where rows are just looked at.
        """
        self._session = session
        self._pipeline = pipeline
        self._source = dlt_compat.current_source()
        self.id = dlt_compat.current_load_id() if pipeline is not None else "not loaded"
        resources: Any = self._source.resources if self._source is not None else None
        # the source may be one that dlt makes around a user's transformer, which is fed by ours
        self._source_name = self._source.name if self._source is not None else SECTION
        extracted = resources.extracted if resources else []
        self._resources = {resource.name: resource for resource in extracted}
        self._extracted = set(self._resources)
        self._schemas: dict[str, Any] = {}
        self._selected: set[str] = set(resources.selected) if resources else set()
        edges: list[tuple[str, str]] = resources.selected_dag if resources else []
        self._children = {name: sorted({child for parent, child in edges if parent == name}) for name in EXPORTS}
        self.exports = {name: self._key(name) for name in EXPORTS if name in self._extracted}
        """What stands for each export that is extracted in the state, by name."""
        self._state: dict[str, Any] = dlt.current.source_state() if pipeline is not None else {}
        self._writer = StateWriter(self._state, session.ledger, self.id)
        self._claims: dict[str, Claim] = {}
        self._dead_loads: list[str] = []
        self._rows = 0
        self._first_taken_at: float | None = None
        self._record_scopes: dict[str, str] = {}

    def _key(self, export: str) -> str:
        """Returns what stands for an export in the state: its name, or who is given its rows where its table is not loaded."""
        return export if export in self._selected else f"{export} for {', '.join(self._children[export])}"

    def table(self, resource: str) -> str:
        """Returns the name of a resource's table, which a user may have changed."""
        if self._source is None or resource not in self._resources:
            return resource
        name = self._resources[resource].table_name
        return self._source.schema.naming.normalize_table_identifier(name) if isinstance(name, str) else resource

    def check_hints(self) -> None:
        """Makes sure that what a user has told dlt of our tables can be kept to.

        Raises:
            ConfigurationError: if it cannot.
        """
        resources: dict[str, str] = {}
        for name in sorted(self._selected & TABLES):
            other = resources.setdefault(self.table(name), name)
            if other != name:
                raise ConfigurationError(
                    f"{other} and {name} would be loaded into one table, {self.table(name)}. Leave table_name out, or give"
                    f' it to one of them: source.{name}.apply_hints(table_name="…").'
                )
            if self._declared(name).get("x-merge-strategy") == "scd2":
                raise ConfigurationError(
                    f"{name} cannot be kept with the strategy scd2: days are replaced as they come. Leave the hint out; a dbt"
                    " snapshot on the table keeps what it was."
                )

    def find_loaded(self) -> None:
        """Finds out what is loaded, where a run of a user's own begins."""
        session, warehouse = self._session, self._session.warehouse
        if self._pipeline is None or warehouse is None:
            return
        if not warehouse.exists:
            session.read_ledger(None, {}, self.id)
        else:
            with warehouse.opened() as opened:
                state = state_to_trust(opened.source_state(self._source_name), self._state, self.id)
                ledger = session.read_ledger(opened, state, self.id)
                if ledger.missing_tables:
                    opened.make_tables()
                opened.forget_equal_schemas()
        self._writer = StateWriter(self._state, session.ledger, self.id)

    def items(self) -> Iterator[Item | None]:
        """Yields what there is to load as it comes; None while there is nothing new."""
        session = self._session
        schema = dlt.current.source_schema() if self._pipeline is not None else None
        if schema is not None:
            dlt_compat.forget_scopes(self._pipeline, [self.table(name) for name in self._extracted])
            known = {table["name"] for table in schema.data_tables(seen_data_only=True)}
            names = {REJECTED_ROWS.name, *self.exports} & self._extracted
            new = {name for name in names if self.table(name) not in known}
            if new:
                yield from self._hand_over(Opening(self.id, set(self._extracted), new_tables=new))
        yield from self._contracts()
        if self.exports:
            runner = session.start()
            limit = session.limits.rows
            self._dead_loads = session.open_load(OpenLoad(self.id, not is_embedded(self._pipeline), limit))
            try:
                yield from self._windows()
            finally:
                runner.close_load()
        yield from self._records()

    def _windows(self) -> Iterator[Item | None]:
        session, runner = self._session, self._session.start()
        progress = Progress(self._pipeline, list(self.exports), session)
        self._mark_refreshed()
        while True:
            session.journal.require()
            full = self._is_full()
            if full:
                runner.close_load()
            tasks = self._take()
            progress.show()
            if tasks:
                yield from self._hand_over(ReceivedWindows(self.id, set(self._extracted), tasks=tasks))
                for task in tasks:
                    self._note(task)
            elif runner.finished or (full and runner.drained):
                break
            else:
                yield None
        progress.show(last=True)

    def _take(self) -> list[Task]:
        """Returns the windows that have been received by now, as many as may be handed over together."""
        session, runner = self._session, self._session.start()
        tasks: list[Task] = []
        rows, most = 0, min(LARGE_ROWS, session.limits.rows - self._rows)
        # resources of the user's would be held up
        patience = 0.0 if self._has_company else GATHERING_SECONDS
        until = session.clock.now() + patience
        while (not tasks or rows < most) and not runner.finished:
            left = max(0.0, until - session.clock.now())
            task = runner.take(left)
            if task is None:
                if left:
                    continue
                break
            assert task.file is not None
            refusal = self._refusal(task)
            if refusal is None:
                tasks.append(task)
                rows += task.file.result.rows_loaded
            else:
                session.note_not_loaded(task, refusal)
                self._discard(task)
        return tasks

    @property
    def _has_company(self) -> bool:
        """Whether resources of the user's are extracted beside ours, which a wait would hold up."""
        return bool(self._extracted - TABLES - {"_exports"})

    def _hand_over(self, item: Item) -> Iterator[Item | None]:
        """Yields an item, and waits until all resources have taken it."""
        item.waiting -= {"_exports"}
        item.waiting &= TABLES
        yield item
        while item.waiting:
            yield None

    def _contracts(self) -> Iterator[Item | None]:
        session = self._session
        if CONTRACTS.name in self._extracted and session.lists_contracts_anew:
            yield from self._hand_over(ContractList(self.id, set(self._extracted), rows=session.contract_rows))
            names = {row["contract"]: row["name"] for row in session.contract_rows}
            self._writer.list_contracts(session.contracts_digest, names)

    def _records(self) -> Iterator[Item | None]:
        if self._pipeline is None or EXPORT_JOBS.name not in self._extracted:
            return
        records = self._session.journal.take_records(self.id)
        if not (records or self._claims or self._dead_loads):
            return
        loads = [self.id, *self._dead_loads]
        self._record_scopes = {
            EXPORT_JOBS.name: rows_of_loads(loads, job_records.same_rows(records)),
            REJECTED_ROWS.name: rows_of_loads(loads),
        }
        yield from self._hand_over(JobRecords(self.id, set(self._extracted), records, bool(self._dead_loads)))

    def _mark_refreshed(self) -> None:
        for (contract, export), days in self._session.refreshed().items():
            self._writer.mark_stale(self.exports[export], contract, days)

    def _is_full(self) -> bool:
        """Tells whether the load should be committed before it takes more."""
        session = self._session
        if self._first_taken_at is None:
            return False
        return self._rows >= session.limits.rows or session.clock.now() - self._first_taken_at >= session.load_seconds

    def _refusal(self, task: Task) -> str | None:
        """Returns why a window's rows would be discarded by the pipeline's schema contract, None if they are not."""
        assert task.file is not None
        if self._pipeline is None or task.file.rows is None or task.export not in self._selected:
            return None
        schema, name = dlt.current.source_schema(), self.table(task.export)
        # the table as it was stored may still have the contract of an earlier run
        declared = self._declared(task.export)
        contract: Mapping[str, Any] = schema.resolve_contract_settings_for_table(name, declared)
        is_known = name in {table["name"] for table in schema.data_tables(seen_data_only=True)}
        known = set(schema.tables[name]["columns"]) if is_known else set()
        columns = {schema.naming.normalize_identifier(column) for column in read_schema(task.file.rows).names}
        if contract["tables"].startswith("discard") and not is_known:
            return f"the schema contract of this pipeline discards new tables, and {name} is one; let tables evolve"
        if contract["columns"] == "discard_row" and known and columns - known:
            return (
                f"the file has new columns ({', '.join(sorted(columns - known))}), and the schema contract of this pipeline"
                " discards rows that have any; let columns evolve, or discard their values"
            )
        return None

    def _declared(self, resource: str) -> Any:
        if resource not in self._schemas:
            self._schemas[resource] = self._resources[resource].compute_table_schema()
        return self._schemas[resource]

    def _note(self, task: Task) -> None:
        """Notes that dlt has the rows of a window."""
        window = self._session.note_loaded(task, self.id)
        self._first_taken_at = self._first_taken_at if self._first_taken_at is not None else self._session.clock.now()
        assert task.file is not None
        result = task.file.result
        self._rows += result.rows_loaded
        claim = self._claim(task.export)
        if result.columns:
            found = (*result.columns, *result.extra_columns)
            self._session.note_columns(self.exports[task.export], task, found, window.read_on)
        claim.windows.append(ClaimedWindow(task.contract, task.window, window.read_on))
        days = task.window
        if not result.has_day_column:
            # rows without a day are stamped with the last one, so that is the only day of which the file speaks
            days = Window(days.last, days.last)
        if result.rows_outside or result.rows_undated:
            claim.by_key.append(task.contract)
        if not result.rows_outside:
            claim.days.setdefault(task.contract, []).append(days)
        if claim.rows is not None:
            claim.rows = None if self._has_own_steps(task.export) else claim.rows + result.rows_loaded
        if claim.rejected is not None:
            asked_for = REJECTED_ROWS.name in self._selected and not self._has_own_steps(REJECTED_ROWS.name)
            claim.rejected = claim.rejected + result.rows_rejected + result.values_rejected if asked_for else None
        self._discard(task)

    def _claim(self, export: str) -> Claim:
        key = self.exports[export]
        if key not in self._claims:
            earlier = self._session.ledger.under_way.get(key)
            self._claims[key] = earlier or Claim(self.table(export), self._session.settings.lookback_days)
        return self._claims[key]

    def _has_own_steps(self, resource: str) -> bool:
        """Tells whether the user has added steps to a resource, after which its rows may be others or fewer."""
        return dlt_compat.has_own_steps(self._resources[resource])

    def _discard(self, task: Task) -> None:
        if task.file is not None and task.file.rows is not None:
            remove(task.file.rows)

    def finish(self) -> None:
        """Writes into state and schema what the load holds and which rows it replaces."""
        if self._pipeline is None:
            return
        for key, claim in self._claims.items():
            self._writer.claim(key, claim)
        if self._claims:
            self._writer.note_personal_data(self._session.settings.personal_data.record)
        for export, key in self.exports.items():
            if key == export and key in self._claims:
                self._replace(self.table(export), **self._disposition(export, self._claims[key]))
        if (
            is_embedded(self._pipeline)
            and not self._has_company
            and not any(one.by_key for one in self._claims.values())
        ):
            dlt_compat.copy_with_little_memory(self.id)
        for resource, scope in self._record_scopes.items():
            if resource in self._selected:
                name = self.table(resource)
                before = str(dlt.current.source_schema().tables.get(name, {}).get(dlt_compat.SCOPE_HINT, ""))
                more = f" OR {before}" if f"'{self.id}'" in before else ""
                self._replace(name, scope=scope + more, deduplicated=True)

    def _disposition(self, export: str, claim: Claim) -> dict[str, Any]:
        # a merge copies every row twice, into a staging table and on; a large load that only adds is spared the first copy
        scope = claim.scope(EXPORTS[export])
        large = (claim.rows or 0) >= LARGE_ROWS
        if large and not claim.by_key and self._adds_only(claim, export):
            return {"scope": None, "deduplicated": False}
        # an embedded database copies each file once, unless a run of the user's own is killed and goes on with what it had
        # extracted; what is then there twice is noticed by the next run, see `state`
        once = is_embedded(self._pipeline) and not claim.by_key and (large or self._session.discards_packages)
        # PostgreSQL takes longer to look for rows that were staged twice than to merge them: it is told how many there are
        staged = claim.rows if large and not claim.by_key and self._is_counted else None
        return {"scope": scope.destination_scope(staged), "deduplicated": once or staged is not None}

    @property
    def _is_counted(self) -> bool:
        """Tells whether rows that are staged twice can be told by their number; the next run stages them anew then."""
        return self._session.discards_packages and is_postgres(self._pipeline)

    def _adds_only(self, claim: Claim, export: str) -> bool:
        warehouse = self._session.warehouse
        if warehouse is None or not is_embedded(self._pipeline):
            return False
        if any(self._was_loaded(export, contract, days) for contract, days in claim.days.items()):
            return False
        if not warehouse.exists:
            return True
        with warehouse.opened() as opened:
            return opened.holds_none(claim.table, claim.scope(EXPORTS[export]).of_days())

    def _was_loaded(self, export: str, contract: str, days: list[Window]) -> bool:
        settled = self._session.ledger.settled.get(self.exports[export], {}).get(contract)
        return settled is not None and bool(settled.loaded & Days.of(days))

    def _replace(self, table: str, scope: str | None, deduplicated: bool) -> None:
        """Says in the schema which rows of a table the load replaces; None if it only adds."""
        schema = dlt.current.source_schema().tables.get(table)
        if schema is None:
            return
        hints: dict[str, Any] = schema  # type: ignore[assignment]
        hints.pop(dlt_compat.SCOPE_HINT, None)
        hints.pop(dlt_compat.DEDUPLICATED_HINT, None)
        hints["write_disposition"] = "append" if scope is None else "merge"
        if scope is not None:
            hints["x-merge-strategy"] = MERGE
            hints[dlt_compat.SCOPE_HINT] = scope
            if deduplicated:
                hints[dlt_compat.DEDUPLICATED_HINT] = True


class Progress:
    """Shows on dlt's collector how far the windows of each export have come."""

    def __init__(self, pipeline: Any | None, exports: list[str], session: Session) -> None:
        """Shows nothing yet."""
        self._collector = getattr(pipeline, "collector", None)
        self._exports = deque(exports)
        self._session = session
        self._shown: dict[str, tuple[int, int, str]] = {}

    def show(self, last: bool = False) -> None:
        """Shows what has changed since."""
        runner = self._session.runner
        if self._collector is None or runner is None:
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

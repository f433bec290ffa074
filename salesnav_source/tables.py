"""What is handed to dlt: Arrow tables and Parquet files, hints, and which rows of the destination they replace."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa

from salesnav_source.exports import ReceivedFile, Task
from salesnav_source.reader import read_schema
from salesnav_source.reader.values import ARROW_TYPES
from salesnav_source.schema import EXPORT_JOBS, LOAD_ID, REJECTED_ROWS, Export, Table
from salesnav_source.windows import ONE_DAY, Days, Window


def hints(table: Table) -> dict[str, Any]:
    """Returns the arguments of `dlt.resource` for a table."""
    columns: dict[str, Any] = {column.name: column.hints() for column in table.columns}
    columns[LOAD_ID] = {"name": LOAD_ID, "data_type": "text", "nullable": False}
    return {
        "name": table.name,
        "columns": columns,
        "primary_key": list(table.key) or None,
        "write_disposition": {"disposition": "merge", "strategy": "delete-insert"},
    }


def schema_of(table: Table) -> pa.Schema:
    """Returns the Arrow schema of a table's declared columns."""
    return pa.schema([pa.field(column.name, ARROW_TYPES[column.type], column.nullable) for column in table.columns])


def arrow_table(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Returns rows of Python values as Arrow."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema_of(table))


def empty(table: Table) -> pa.Table:
    """Returns no row with all columns."""
    return schema_of(table).empty_table()


def with_load_id(table: pa.Table, load_id: str) -> pa.Table:
    """Adds the id of the load to every row; dlt leaves it to the source where rows come as Arrow."""
    return table.append_column(pa.field(LOAD_ID, pa.string(), False), _constant(load_id, table.num_rows))


def rejected(batch: pa.RecordBatch, task: Task) -> pa.Table:
    """Returns the rejected rows of a file with the job that they come from."""
    rows = batch.num_rows
    columns = {
        "export_job_id": pa.repeat(pa.scalar(task.job_id, pa.int64()), rows),
        "contract": _constant(task.contract, rows),
        "export": _constant(task.export, rows),
        **{name: batch.column(name) for name in ("line_number", "reason", "row")},
    }
    return pa.table([columns[column.name] for column in REJECTED_ROWS.columns], schema=schema_of(REJECTED_ROWS))


def audit(accounts: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Returns the rows of `export_jobs` from their JSON-able form, see `audit_row`."""
    rows = []
    for account in accounts:
        row = dict(account)
        for day in ("window_start", "window_end"):
            row[day] = datetime.fromisoformat(row[day]).date()
        for moment in ("created_at", "completed_at"):
            row[moment] = _moment(row[moment])
        rows.append(row)
    return arrow_table(EXPORT_JOBS, rows)


def same_jobs(accounts: Sequence[Mapping[str, Any]]) -> str:
    """Returns the condition of rows of `export_jobs` that tell of the same jobs, written when they were still running."""
    return " OR ".join(
        f"(job_id = {int(account['job_id'])} AND contract = {_literal(account['contract'])}"
        f" AND created_at = {_timestamp(_moment(account['created_at']))})"
        for account in accounts
        if account["job_id"] is not None and account["created_at"] is not None
    )


def scoped_to_load(table: pa.Table, load_id: str, replaced: str = "") -> Any:
    """Marks rows as appended: they replace what this very load may have written before, and `replaced`."""
    scope = f"{LOAD_ID} = {_literal(load_id)}" + (f" OR {replaced}" if replaced else "")
    return dlt.mark.with_hints(table, _replacing(scope, deduplicated=True))


LARGE_ROWS = 200_000
"""Rows from which it pays to hand over a file as it is, and to ask whether there is anything to replace."""


class Scope:
    """Which rows of an export's table a load replaces: the days of its windows, as literals, so that partitions prune."""

    def __init__(self, export: Export, copies_once: bool, holds_none: Callable[[str], bool]) -> None:
        """Begins with nothing to replace.

        Args:
            export: whose table it is.
            copies_once: whether the destination surely copies each file once, so that dlt need not look for repetitions;
                the reader has made sure that there is none in a file.
            holds_none: tells whether the destination surely has no row that fits a condition.
        """
        self._export = export
        self._copies_once = copies_once
        self._holds_none = holds_none
        self._days: dict[str, list[Window]] = {}
        self._by_key: set[str] = set()
        self._rows = 0
        self._only_new = True
        self._to_check: list[str] = []
        """Conditions of which it is not known yet whether the destination has rows that fit them."""

    def add(self, task: Task, file: ReceivedFile, loaded_before: bool) -> None:
        """Adds the days that a file stands for.

        Args:
            task: the window.
            file: what has come for it.
            loaded_before: whether this pipeline has loaded any of its days.
        """
        window = task.window
        self._rows += file.result.rows_loaded
        if not file.result.has_day_column:
            # rows without a day are stamped with the last one, so that is the only day of which the file speaks
            window = Window(window.last, window.last)
        if file.result.rows_outside or file.result.rows_undated:
            self._only_new = False
            self._by_key.add(task.contract)
            if file.result.rows_outside:
                return
        self._days.setdefault(task.contract, []).append(window)
        self._only_new = self._only_new and not loaded_before
        self._to_check.append(self._of_days(task.contract, window).format())

    def mark(self, table: pa.Table) -> Any:
        """Marks rows as replacing what has been added so far, or as added where there is nothing to replace."""
        return dlt.mark.with_hints(table, self._hints())

    def mark_file(self, path: Path, rows: int) -> Any:
        """Marks a Parquet file to be loaded as it is, in the same way."""
        # what dlt is given beside the file tells the columns
        item = dlt.mark.with_file_import(str(path), "parquet", rows, read_schema(path).empty_table())
        item.meta.hints = self._hints()
        return item

    def _hints(self) -> Any:
        # a merge copies every row twice, into a staging table and on; a large load that only adds is spared the first copy
        if self._rows >= LARGE_ROWS and self._adds_only():
            return dlt.mark.make_hints(write_disposition="append")
        return _replacing(str(self), deduplicated=self._copies_once and not self._by_key)

    def _adds_only(self) -> bool:
        while self._only_new and self._to_check:
            self._only_new = self._holds_none(self._to_check.pop())
        return self._only_new

    def __str__(self) -> str:
        conditions = [
            self._of_days(contract, window)
            for contract, windows in sorted(self._days.items())
            for window in Days.of(windows)
        ]
        conditions += [f"(contract = {_literal(contract)} AND {self._same_key()})" for contract in sorted(self._by_key)]
        return " OR ".join(conditions) or "1 = 0"

    def _of_days(self, contract: str, window: Window) -> str:
        column = self._export.column(self._export.day_column)
        if column.type == "date":
            days = f"{column.name} BETWEEN '{window.first}' AND '{window.last}'"
        else:
            first, after = _midnight(window.first), _midnight(window.last + ONE_DAY)
            days = f"{column.name} >= {_timestamp(first)} AND {column.name} < {_timestamp(after)}"
        return f"(contract = {_literal(contract)} AND {days})"

    def _same_key(self) -> str:
        parts = [name for name in self._export.key if name != "contract"]
        key = " || '|' || ".join(parts)
        return f"{key} IN (SELECT {key} FROM {{staging_table}})"


def _replacing(scope: str, deduplicated: bool) -> Any:
    disposition: Any = {
        "disposition": "merge",
        "strategy": "delete-insert",
        "destination_scope": scope,
        "deduplicated": deduplicated,
    }
    return dlt.mark.make_hints(write_disposition=disposition)


def _constant(value: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), rows)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"


def _timestamp(moment: datetime | None) -> str:
    assert moment is not None
    return f"'{moment.isoformat(sep=' ', timespec='microseconds')}'"


def _moment(seconds: float | None) -> datetime | None:
    if seconds is None:
        return None
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=round(seconds * 1_000_000))


def _midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)

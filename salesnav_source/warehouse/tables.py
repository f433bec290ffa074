"""Values for dlt: the hints of a table, rows as Arrow, and literals of SQL."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from typing import Any

import pyarrow as pa

from salesnav_source.linkedin.reader.values import ARROW_TYPES
from salesnav_source.schema import LOAD_ID, REJECTED_ROWS, Table


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


def no_rows(table: Table, load_id: str) -> pa.Table:
    """Returns an empty table with all columns, from which dlt creates the table."""
    return with_load_id(schema_of(table).empty_table(), load_id)


def with_load_id(table: pa.Table, load_id: str) -> pa.Table:
    """Adds the id of the load to every row. dlt does not do that for rows that come as Arrow."""
    return table.append_column(pa.field(LOAD_ID, pa.string(), False), _constant(load_id, table.num_rows))


def rejected(batch: pa.RecordBatch, export: str, contract: str, job_id: int) -> pa.Table:
    """Returns the rejected rows of a file, with the job of the file."""
    rows = batch.num_rows
    columns = {
        "export_job_id": pa.repeat(pa.scalar(job_id, pa.int64()), rows),
        "contract": _constant(contract, rows),
        "export": _constant(export, rows),
        **{name: batch.column(name) for name in ("line_number", "reason", "row")},
    }
    return pa.table([columns[column.name] for column in REJECTED_ROWS.columns], schema=schema_of(REJECTED_ROWS))


def literal(text: str) -> str:
    """Returns a text as a literal that means the same in every dialect of SQL.

    In some dialects a backslash begins an escape, and in others it does not. So a text that needs care is put together from
    parts without such characters.
    """
    parts = re.split(r"([\x00-\x1f'\\])", text)
    written = [f"CHR({ord(part)})" if number % 2 else f"'{part}'" for number, part in enumerate(parts) if part]
    return joined(written) if written else "''"


def joined(texts: Sequence[str]) -> str:
    """Returns expressions of SQL as one text."""
    # `||` is a logical "or" in MySQL, and takes no numbers in BigQuery
    return texts[0] if len(texts) == 1 else f"CONCAT({', '.join(texts)})"


def duckdb_literal(text: str) -> str:
    """Returns a text as DuckDB takes it in statements that allow no expression, such as COMMENT and ATTACH."""
    return "'" + text.replace("'", "''") + "'"


def timestamp_literal(moment: datetime) -> str:
    """Returns a time as a literal of SQL."""
    return f"'{moment.isoformat(sep=' ', timespec='microseconds')}'"


def midnight_literal(day: date) -> str:
    """Returns the first moment of a UTC day as a literal of SQL."""
    return timestamp_literal(datetime(day.year, day.month, day.day, tzinfo=timezone.utc))


def _constant(value: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), rows)

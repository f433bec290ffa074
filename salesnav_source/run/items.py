"""Items: the hidden root resource yields them, and the resources of the tables turn them into rows.

Every extracted resource gets each item. The root goes on once all have finished with it: only then dlt has the rows.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dlt
import pyarrow as pa

from salesnav_source.jobs.task import Task
from salesnav_source.linkedin.reader import read_rejected, read_schema, read_tables
from salesnav_source.schema import Table
from salesnav_source.warehouse import tables

LARGE_ROWS = 200_000
"""A file with so many rows is handed to dlt as a file, and it pays to ask whether there is anything to replace."""


@dataclass
class Item:
    """Something that the root resource yields, and the resources that have not finished with it."""

    load_id: str
    waiting: set[str]

    def taken_by(self, resource: str) -> None:
        """Notes that dlt has all rows that a resource makes from this item."""
        self.waiting.discard(resource)


@dataclass
class Opening(Item):
    """The load begins: new tables are created."""

    new_tables: set[str] = field(default_factory=set)


@dataclass
class TableRows(Item):
    """Rows of one of the small tables, such as `contracts` or `export_jobs`."""

    table: str = ""
    rows: Any = None
    """An Arrow table."""
    cleans: bool = False
    """True if an earlier load that was not completed may have left rows."""


@dataclass
class ReceivedWindows(Item):
    """Windows whose files have been received and read. Several come in one item, because each costs dlt milliseconds."""

    tasks: list[Task] = field(kw_only=True)

    def rows(self, table: Table, as_files: bool) -> Iterator[Any]:
        """Yields the typed rows of a table.

        Args:
            table: the table of these rows.
            as_files: true if no user step reads the rows, so that large files go to dlt as files.
        """
        small: list[Any] = []
        for file in [task.received for task in self.tasks if task.export == table.name]:
            if file.rows is None:
                small.append(tables.no_rows(table, self.load_id))
            elif as_files and file.result.rows_loaded >= LARGE_ROWS:
                schema = read_schema(file.rows)
                yield dlt.mark.with_file_import(
                    str(file.rows), "parquet", file.result.rows_loaded, schema.empty_table()
                )
            elif as_files:
                small += read_tables(file.rows)
            else:
                yield from read_tables(file.rows)
        yield from joined(small) if as_files else small

    def rejected_rows(self) -> Iterator[Any]:
        """Yields the rows that could not be loaded."""
        for task in self.tasks:
            if task.received.rows is not None:
                for batch in read_rejected(task.received.rows):
                    rows = tables.rejected(batch, task.export, task.contract, task.job_id)
                    yield tables.with_load_id(rows, self.load_id)


def joined(small: Sequence[Any]) -> Iterator[Any]:
    """Yields tables with those of the same columns in one: dlt makes a schema of each, which takes milliseconds."""
    by_columns: dict[Any, list[Any]] = defaultdict(list)
    for table in small:
        by_columns[table.schema.remove_metadata()].append(table)
    for alike in by_columns.values():
        yield pa.concat_tables(alike)


def mapping_rows(table: Table, rows: Sequence[Mapping[str, Any]], load_id: str) -> Any:
    """Returns rows of Python values as Arrow, with the id of the load."""
    return tables.with_load_id(tables.arrow_table(table, rows), load_id)

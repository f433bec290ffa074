"""The files that reading writes: the typed rows as Parquet at a target, the rejected rows beside it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from salesnav_source.linkedin.reader.header import Layout
from salesnav_source.linkedin.reader.rejections import Reason, Tally
from salesnav_source.linkedin.reader.typed import REJECTED_SCHEMA, TypedBlock

ROW_GROUP_ROWS = 122_880
"""Rows of a row group in DuckDB. With another size, DuckDB divides them again, in memory, when it closes the file."""

_DICTIONARY_BYTES = 32 << 10
"""How large the dictionary of a column may get in a row group. Columns with few values stay below. Others, such as ids, soon
get none, because looking up each value takes several times as long as writing it."""

_ROWS_FOR_THREADS = 10_000
"""Fewer rows are read faster by one thread than by several that wait for each other."""


def read_tables(target: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yields the typed rows that `read_export` wrote, a row group at a time; for no rows one empty table.

    Args:
        target: the file.
        columns: names of some columns; all if None.
    """
    names = None if columns is None else list(columns)
    with pq.ParquetFile(target) as file:
        # iter_batches holds many row groups at a time
        for number in range(file.num_row_groups):
            rows = file.metadata.row_group(number).num_rows
            yield file.read_row_group(number, columns=names, use_threads=rows >= _ROWS_FOR_THREADS)
        if not file.num_row_groups:
            empty = file.schema_arrow.empty_table()
            yield empty if names is None else empty.select(names)


def read_schema(target: Path) -> pa.Schema:
    """Returns the columns of the typed rows that `read_export` wrote."""
    return pq.read_schema(target)


def read_rejected(target: Path) -> Iterator[pa.RecordBatch]:
    """Yields the rejected rows of the file that `read_export` wrote to `target`: line_number, reason and row."""
    path = _rejected_path(target)
    if path.exists():
        with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as stream:
            yield from stream


def remove(target: Path) -> None:
    """Removes what was written to `target` and beside it."""
    target.unlink(missing_ok=True)
    _rejected_path(target).unlink(missing_ok=True)


def _rejected_path(target: Path) -> Path:
    return target.with_name(target.name + ".rejected")


class Writer:
    """Writes typed rows and, if there are any, rejected ones, and counts them."""

    def __init__(self, target: Path, layout: Layout, constants: Mapping[str, str | int], compressed: bool) -> None:
        """Makes the file of typed rows, and removes what was there.

        Args:
            target: where typed rows go.
            layout: the columns that the file brings.
            constants: the columns that it does not bring, each with the value for all rows.
            compressed: true if typed rows are compressed, which takes a third of the time of writing them.
        """
        self.loaded = self.outside = self.undated = self.headers = self.erased = self.other_days = 0
        self.mended = self.before = self.after = self.next_days = 0
        self.tally = Tally()
        self._target = target
        self._day_column = layout.export.day_column
        self._constants = {name: pa.array([value]) for name, value in constants.items()}
        self._order = layout.order(constants)
        self._waiting = layout.schema.empty_table()
        self._rejects: tuple[pa.NativeFile, pa.ipc.RecordBatchStreamWriter] | None = None
        remove(target)
        self._typed = pq.ParquetWriter(
            target,
            self._completed(self._waiting).schema,
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
            # loading a whole file needs no statistics, and they take a fifth of the time
            write_statistics=False,
            compression="snappy" if compressed else "none",
            # the constants are dictionaries only to be written fast
            store_schema=False,
        )

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and len(self._waiting):
                self._write(self._waiting)
        finally:
            self._typed.close()
            if self._rejects is not None:
                file, stream = self._rejects
                stream.close()
                file.close()

    def write(self, typed: TypedBlock) -> None:
        """Writes the rows of a block."""
        undated = typed.batch.column(self._day_column).null_count
        self.loaded += len(typed.batch)
        self.headers += typed.headers
        self.erased += typed.erased
        self.other_days += typed.other_days
        self.mended += typed.mended
        self.before += typed.before
        self.after += typed.after
        self.next_days += typed.next_days
        self.undated += undated
        self.outside += int(np.count_nonzero(typed.outside)) - undated
        self._waiting = pa.concat_tables([self._waiting, pa.Table.from_batches([typed.batch])])
        while len(self._waiting) >= ROW_GROUP_ROWS:
            self._write(self._waiting.slice(0, ROW_GROUP_ROWS))
            self._waiting = self._waiting.slice(ROW_GROUP_ROWS)
        rejected = typed.rejected()
        if rejected:
            self.tally.add((line, reason) for line, reason, _ in rejected)
            self._write_rejected(rejected)

    def _write(self, table: pa.Table) -> None:
        self._typed.write_table(self._completed(table), row_group_size=ROW_GROUP_ROWS)

    def _completed(self, table: pa.Table) -> pa.Table:
        """Returns rows with the constants added, in the order of the table's columns."""
        for name, value in self._constants.items():
            places = pa.repeat(pa.scalar(0, pa.int8()), len(table))
            column = pa.DictionaryArray.from_arrays(places, value)
            table = table.append_column(pa.field(name, column.type, False), column)
        return table.select(self._order)

    def _write_rejected(self, rejected: list[tuple[int, Reason, str | None]]) -> None:
        columns = [pa.array(column) for column in zip(*((line, _full(reason), row) for line, reason, row in rejected))]
        batch = pa.record_batch(columns, schema=REJECTED_SCHEMA)
        if self._rejects is None:
            file = pa.OSFile(str(_rejected_path(self._target)), "wb")
            self._rejects = file, pa.ipc.new_stream(file, REJECTED_SCHEMA)
        self._rejects[1].write_batch(batch)


def _full(reason: Reason) -> str:
    """Returns a reason as the table has it."""
    return str(reason) if reason.column is None else f"{reason} (the row is loaded without this value)"

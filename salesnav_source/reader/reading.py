"""Reading a file from end to end: once, and twice more if keys repeat in it."""

import os
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.personal_data import KEPT, PersonalData
from salesnav_source.reader.arrays import TWords
from salesnav_source.reader.blocks import header_and_blocks
from salesnav_source.reader.files import Writer, remove
from salesnav_source.reader.header import Layout, lay_out
from salesnav_source.reader.repetitions import NO_REPETITIONS, KeyHashes, Repetitions, Sightings, key_hashes
from salesnav_source.reader.rows import Block
from salesnav_source.reader.typed import TypedBlock, type_block
from salesnav_source.schema import Export
from salesnav_source.settings import MAX_REJECTED
from salesnav_source.spool import Spool

_WORKERS = min(2, os.cpu_count() or 1)
"""Blocks that are typed at the same time; more are hardly faster, as one thread cuts and writes them all."""


def reading_pool() -> ThreadPoolExecutor:
    """Returns threads that type blocks. One pool for all files of a run uses again the memory that a file has left."""
    return ThreadPoolExecutor(_WORKERS, "salesnav-reader")


@dataclass(frozen=True)
class ReadResult:
    """What a file held, in rows: each is loaded, rejected, repeated, or of a seat that was erased."""

    rows: int
    """Data rows of the file: neither the header nor blank lines."""
    rows_loaded: int
    rows_rejected: int
    rows_repeated: int
    """Rows left out because an equal row came before."""
    rows_outside: int
    """Loaded rows that are dated outside the days asked for."""
    rows_undated: int
    """Loaded rows without a date."""
    has_day_column: bool
    """Whether the file itself tells the day of its rows."""
    extra_columns: tuple[str, ...]
    """Names of the file's columns that the export does not declare, loaded or not."""
    values_rejected: int = 0
    """Values that could not be read, of loaded rows."""
    columns: tuple[str, ...] = ()
    """The declared columns that the file has; none where there is no file."""
    note: str | None = None
    """What is particular about the file."""
    rows_erased: int = 0
    """Rows left out as they are of seats that were erased."""
    columns_left_out: tuple[str, ...] = ()
    """Those of the columns not declared that are not loaded, as they may hold personal data."""


def read_export(
    source: Path | Spool,
    target: Path,
    export: Export,
    first_day: date,
    last_day: date,
    expected_rows: int | None,
    constants: Mapping[str, str | int],
    compressed: bool = True,
    pool: Executor | None = None,
    max_rejected: float = MAX_REJECTED,
    personal_data: PersonalData = KEPT,
    erased_seats: Collection[int] = (),
) -> ReadResult:
    """Reads a CSV file into typed rows at `target`, a Parquet file as the table has them, and its rejected rows beside it.

    Args:
        source: the CSV file, plain or compressed by gzip; read as far as it has come, if it is still being received.
        target: where to write; `read_tables` and `read_rejected` read it back.
        export: what the file is an export of.
        first_day: first of the days asked for.
        last_day: last of the days asked for.
        expected_rows: how many rows the file must hold, None if that is not known.
        constants: the columns of the table that the file does not bring, with the value that all its rows have.
        compressed: whether typed rows are compressed; they need not be if they stay on this machine.
        pool: types the blocks, see `reading_pool`; one for this file alone if None.
        max_rejected: share of the rows that may be rejected, or of the rows that may lack a value of one column.
        personal_data: what becomes of personal data.
        erased_seats: seats of which no row is loaded.

    Returns:
        How many rows the file held and what became of them.

    Raises:
        IncompleteFileError: if the file is no CSV, is cut short, or has another number of rows than expected.
        ReadError: if the file lacks a column without which its rows mean nothing, has more rows or values that cannot be
            read than it may, or cannot be read as CSV.
    """
    if pool is None:
        with reading_pool() as own:
            return read_export(
                source,
                target,
                export,
                first_day,
                last_day,
                expected_rows,
                constants,
                compressed,
                own,
                max_rejected,
                personal_data,
                erased_seats,
            )
    try:
        reading = _Reading(
            source, target, export, first_day, last_day, constants, compressed, pool, personal_data, erased_seats
        )
        return reading.run(expected_rows, max_rejected)
    except BaseException as error:
        remove(target)
        if isinstance(error, pa.ArrowInvalid):
            # what Arrow says of it may quote a row
            raise ReadError(f"The file of {export.name} cannot be read as CSV ({type(error).__name__})") from error
        raise


@dataclass(frozen=True)
class _Reading:
    """Reading one file."""

    source: Path | Spool
    target: Path
    export: Export
    first_day: date
    last_day: date
    constants: Mapping[str, str | int]
    compressed: bool
    pool: Executor
    personal_data: PersonalData
    erased_seats: Collection[int]

    def run(self, expected_rows: int | None, max_rejected: float) -> ReadResult:
        """Reads the file, and twice more if keys repeat in it."""
        with KeyHashes(self.target.parent) as hashes:
            layout, writer = self._write(NO_REPETITIONS, hashes)
            rows = writer.loaded + writer.erased + writer.tally.rows.total()
            note = self._check_count(rows, writer, expected_rows)
            # keys that occur again are no matter of form: where a file has no day, each seat is there once a day
            if expected_rows != 0:
                junk = max(0, rows - expected_rows) if expected_rows is not None else 0
                writer.tally.require_form(self.export, rows, writer.loaded + writer.erased, max_rejected, junk)
            repeated = hashes.repeated()
        if len(repeated):
            layout, writer = self._write(self._find_repetitions(repeated))
        tally = writer.tally
        rejected = tally.rows.total()
        return ReadResult(
            rows=rows,
            rows_loaded=writer.loaded,
            rows_rejected=rejected,
            rows_repeated=rows - writer.loaded - writer.erased - rejected,
            rows_outside=writer.outside,
            rows_undated=writer.undated,
            has_day_column=layout.has_day_column,
            extra_columns=(*layout.extras, *layout.left_out),
            values_rejected=tally.values.total(),
            columns=layout.found,
            note=note,
            rows_erased=writer.erased,
            columns_left_out=layout.left_out,
        )

    def _check_count(self, rows: int, writer: Writer, expected: int | None) -> str | None:
        """Makes sure that no row is missing, and tells of rows that are too much.

        A header that stands in the file once more may count as a row or not. What cannot be read may be no row, such as
        a footer.

        Raises:
            IncompleteFileError: if rows are missing, or there are more that can be read.
        """
        if expected is None or rows <= expected <= rows + writer.headers:
            return None
        announced = f"{rows:,} rows, but LinkedIn announced {expected:,}"
        if rows - writer.tally.unreadable <= expected < rows:
            return f"the file holds {announced}; what is too much cannot be read ({writer.tally.first})"
        raise IncompleteFileError(
            f"The file of {self.export.name} for {self.first_day} to {self.last_day} holds {announced}"
        )

    def _write(self, repetitions: Repetitions, hashes: KeyHashes | None = None) -> tuple[Layout, Writer]:
        """Writes what the file holds without what repeats, and adds the hash of each loadable row's key."""
        layout, blocks = self._open()

        def work(block: Block) -> tuple[TypedBlock, TWords | None]:
            typed = self._type(block, layout)
            return typed, key_hashes(typed.batch.select(layout.key)) if hashes is not None else None

        results = _in_order(self.pool, work, blocks)
        place = 0
        with Writer(self.target, layout, self.constants, self.compressed) as writer, closing(results):
            for typed, found in results:
                if hashes is not None and found is not None:
                    hashes.add(found)
                writer.write(repetitions.drop_from(typed, place))
                place += len(typed.numbers)
        return layout, writer

    def _find_repetitions(self, repeated_hashes: TWords) -> Repetitions:
        layout, blocks = self._open()
        sightings = Sightings(repeated_hashes)
        place = 0
        with closing(_in_order(self.pool, lambda block: self._type(block, layout), blocks)) as results:
            for typed in results:
                sightings.add(typed, layout.key, place)
                place += len(typed.numbers)
        return sightings.repetitions()

    def _open(self) -> tuple[Layout, Iterator[Block]]:
        """Returns the layout of the file, and its blocks."""
        header, blocks = header_and_blocks(self.source, self.export)
        return lay_out(header, self.export, self.personal_data), blocks

    def _type(self, block: Block, layout: Layout) -> TypedBlock:
        return type_block(block, layout, self.first_day, self.last_day, self.personal_data, self.erased_seats)


TItem = TypeVar("TItem")
TAnswer = TypeVar("TAnswer")


def _in_order(
    pool: Executor, work: Callable[[TItem], TAnswer], items: Iterable[TItem]
) -> Generator[TAnswer, None, None]:
    """Yields the answer to each item in their order, while a few of the next are worked on."""
    pending: deque[Future[TAnswer]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > _WORKERS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()

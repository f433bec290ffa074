"""Reads a file from end to end: once if it is as expected, again if its values show something else."""

import os
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from salesnav_source.days.windows import Days
from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.linkedin.reader.arrays import TWords
from salesnav_source.linkedin.reader.blocks import header_and_blocks
from salesnav_source.linkedin.reader.files import Writer, remove
from salesnav_source.linkedin.reader.header import BY_HEADER, HeaderColumn, Layout, lay_out
from salesnav_source.linkedin.reader.rejections import CONTRADICTED, Form, is_much
from salesnav_source.linkedin.reader.repetitions import (
    NO_REPETITIONS,
    KeyHashes,
    Repetitions,
    Sightings,
    key_hashes,
)
from salesnav_source.linkedin.reader.request import NO_COLUMNS, ReadRequest
from salesnav_source.linkedin.reader.rows import Block
from salesnav_source.linkedin.reader.seat_day import DaySearch, FoundDay, refuse
from salesnav_source.linkedin.reader.styles import DOCUMENTED, Clues, Style
from salesnav_source.linkedin.reader.typed import TypedBlock, type_block
from salesnav_source.linkedin.spool import Spool
from salesnav_source.schema import Export
from salesnav_source.settings.configuration import MAX_REJECTED
from salesnav_source.settings.privacy import KEPT, PersonalData

_WORKERS = min(2, os.cpu_count() or 1)
"""Blocks that are typed at the same time. More are hardly faster, because one thread cuts and writes them all."""


def reading_pool() -> ThreadPoolExecutor:
    """Returns threads that type blocks. One pool for all files of a run reuses the memory of earlier files."""
    return ThreadPoolExecutor(_WORKERS, "salesnav-reader")


@dataclass(frozen=True)
class ReadResult:
    """Counts of a file's rows. Each row is loaded, rejected, a repetition, or of an erased seat."""

    rows: int
    """Data rows of the file: neither the header nor blank lines."""
    rows_loaded: int
    rows_rejected: int
    rows_repeated: int
    """Rows left out because an equal row came before."""
    rows_outside: int
    """Loaded rows with a date outside the days asked for."""
    rows_undated: int
    """Loaded rows without a date."""
    has_day_column: bool
    """True if the file has the day of its rows."""
    extra_columns: tuple[str, ...]
    """Names of the undocumented columns of the file, loaded or not."""
    values_rejected: int = 0
    """Values that could not be read, of loaded rows."""
    columns: tuple[str, ...] = ()
    """The declared columns that the file has; none if there is no file."""
    note: str | None = None
    """What is unusual about the file: one sentence from each detector that noticed something."""
    rows_erased: int = 0
    """Rows left out because they are of erased seats."""
    columns_left_out: tuple[str, ...] = ()
    """Undocumented columns that are not loaded, because they may have personal data."""
    headers: tuple[HeaderColumn, ...] = ()
    """Every header of the file, and the declared columns that are missing; none if there is no file."""
    values_mended: int = 0
    """Names with bytes that are not text; they are loaded with a replacement mark."""
    rows_before: int = 0
    """Rows with a date before the days asked for, loaded or not."""
    rows_after: int = 0
    """Rows that are dated after them."""
    rows_of_other_days: int = 0
    """Rows left out as their days are not wanted of this file."""

    def with_note(self, note: str) -> "ReadResult":
        """Returns the counts with one more note."""
        return replace(self, note="; ".join(filter(None, (self.note, note))))


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
    known_columns: Mapping[str, str] = NO_COLUMNS,
    only: Days | None = None,
    kept_days: Days | None = None,
) -> ReadResult:
    """Reads a CSV file. Writes its rows as the table has them to a Parquet file, and the rejected rows beside it.

    Args:
        source: the CSV file, plain or compressed by gzip. If it is still being received, reading follows it.
        target: the Parquet file; `read_tables` and `read_rejected` read it back.
        export: what the file is an export of.
        first_day: first of the days asked for.
        last_day: last of the days asked for.
        expected_rows: how many rows the file must hold, None if that is not known.
        constants: the columns of the table that the file does not bring, with the value that all its rows have.
        compressed: true if typed rows are compressed; they need not be if they stay on this machine.
        pool: types the blocks, see `reading_pool`; one for this file alone if None.
        max_rejected: share of the rows that may be rejected, or of the rows that may lack a value of one column.
        personal_data: what becomes of personal data.
        erased_seats: seats of which no row is loaded.
        known_columns: the column that each header of the export led to before (`ReadResult.headers`), of all contracts that
            share the table; a header that is known keeps its column.
        only: the days whose rows are loaded; all of those asked for if None.
        kept_days: days that are loaded or asked for, too: rows dated on one of them right before or after the days asked for
            are loaded, where others are rejected.

    Returns:
        How many rows the file has, and how many of them were loaded, rejected and left out.

    Raises:
        IncompleteFileError: if the file is not CSV, is cut short, or has another number of rows than expected.
        ReadError: if a required column is missing, the day of the rows is not clear, too many rows or values cannot be read,
            or the file cannot be read as CSV.
    """
    request = ReadRequest(
        export, first_day, last_day, personal_data, erased_seats, known_columns, only, kept_days or Days()
    )
    try:
        with nullcontext(pool) if pool is not None else reading_pool() as threads:
            reading = _Reading(source, target, request, constants, compressed, threads, expected_rows, max_rejected)
            return reading.run().result
    except BaseException as error:
        remove(target)
        if isinstance(error, pa.ArrowInvalid):
            # Arrow's message may quote a row
            raise ReadError(f"The file of {export.name} cannot be read as CSV ({type(error).__name__})") from error
        raise


@dataclass(frozen=True)
class Findings:
    """The counts of a file, and what its values show about the guesses that reading it relies on."""

    result: ReadResult
    by_header: Layout
    """The columns as the header has them."""
    layout: Layout
    """The columns as they were read."""
    found: FoundDay | None
    """What the values show about the day, None if they were not searched."""
    clues: Clues
    styles: Mapping[str, Style]
    causes: Mapping[str, int]
    """How many rows and values were rejected, by cause."""


def examine(source: Path | Spool, target: Path, request: ReadRequest) -> Findings:
    """Reads a file however much of it has to be rejected, and returns what its values show.

    Args:
        source: the CSV file, plain or compressed by gzip.
        target: where to write its rows.
        request: the export and the days.

    Raises:
        IncompleteFileError: if the file is not CSV, or is cut short.
        ReadError: if a required column is missing, or the file cannot be read as CSV.
    """
    with reading_pool() as pool:
        return _Reading(source, target, request, {}, True, pool, None, MAX_REJECTED, tolerant=True).run()


@dataclass(frozen=True)
class _Pass:
    """The result of reading a file once, in some style."""

    layout: Layout
    writer: Writer
    styles: Mapping[str, Style]
    clues: Clues
    repeated: TWords
    """The hashes of keys that occur again."""

    @property
    def rows(self) -> int:
        """Data rows of the file, unless some are left out as they repeat others."""
        return self.readable + self.writer.tally.rows.total()

    @property
    def readable(self) -> int:
        """Rows that could be read, loaded or not."""
        return self.writer.loaded + self.writer.erased + self.writer.other_days


class _OtherStyleError(Exception):
    """The values read so far show that they must be read in another style."""

    def __init__(self, styles: Mapping[str, Style]) -> None:
        self.styles = styles


class _NotTheDayError(Exception):
    """The column under the header of the day has something else."""


@dataclass(frozen=True)
class _Reading:
    """Reading one file."""

    source: Path | Spool
    target: Path
    request: ReadRequest
    constants: Mapping[str, str | int]
    compressed: bool
    pool: Executor
    expected_rows: int | None
    max_rejected: float
    tolerant: bool = False
    """True if the file is read however many rows are rejected."""

    def run(self) -> Findings:
        """Reads the file: once if it is as expected."""
        header, _ = header_and_blocks(self.source, self.request.export)
        by_header = lay_out(header, self.request)
        found = None
        if self.request.export.guesses_day and not by_header.has_day_column and not self.request.is_one_day:
            found = self._find_day(by_header)
        try:
            return self._read_as(found, by_header)
        except _NotTheDayError:
            return self._read_as(self._find_day(by_header), by_header)

    def _read_as(self, found: FoundDay | None, by_header: Layout) -> Findings:
        """Reads the file, with the day where the header or the values say.

        Args:
            found: what the values show about the day, None if they have not been searched.
            by_header: the columns by the header.

        Raises:
            _NotTheDayError: if the column under the header is not the day, and the values have not been searched.
        """
        day = BY_HEADER if found is None else found.position
        read = self._read(by_header if day == BY_HEADER else lay_out(by_header.header, self.request, day))
        notes = [note for note in (self._check_count(read),) if note]
        if found is None and self._is_not_the_day(read):
            raise _NotTheDayError
        rows = read.rows
        self._require_form(read)
        if len(read.repeated):
            writer, _ = self._write(read.layout, read.styles, self._find_repetitions(read))
            read = replace(read, writer=writer)
        contradicted = read.writer.tally.rows[CONTRADICTED]
        if found is None and self._has_guessed_day(read) and is_much(contradicted, rows, self.max_rejected):
            raise _NotTheDayError
        if contradicted and not self.tolerant:
            read.writer.tally.require_keys(Form(self.request, rows, read.readable, self.max_rejected), read.layout.key)
        if found is not None:
            notes += found.notes(self.request, by_header)
        if self.request.next_days and (read.writer.next_days or read.writer.outside):
            notes.append(_of_next_days(read.writer))
        notes += read.clues.notes(read.styles, self.request.export.strict_days)
        if read.writer.mended:
            notes.append(
                f"{read.writer.mended:,} names have bytes that are not UTF-8, and are loaded with a mark in their place"
            )
        return _findings(read, rows, "; ".join(notes) or None, by_header, found)

    def _has_guessed_day(self, read: _Pass) -> bool:
        several_days = not self.request.is_one_day or read.layout.is_doubtful
        return self.request.export.guesses_day and read.layout.has_day_column and several_days

    def _is_not_the_day(self, read: _Pass) -> bool:
        """True if the values under the header of the day are not days asked for."""
        if not self.request.export.guesses_day or not read.layout.has_day_column or not read.rows:
            return False
        name = read.layout.day_field.name
        clues = read.clues.orders[name]
        inside = clues.inside[read.styles.get(name, DOCUMENTED).day_first]
        if read.layout.is_doubtful:
            return inside < clues.values
        return not inside or is_much(read.rows - inside, read.rows, self.max_rejected)

    def _find_day(self, by_header: Layout) -> FoundDay:
        """Searches the values for the column with the day.

        Raises:
            ReadError: if there is none, or more than one, and without a day different rows would have one key.
        """
        # the search reads what is left out of the loaded rows as well, and keeps nothing of it
        request = replace(self.request, personal_data=KEPT, only=None)
        layout = lay_out(by_header.header, request, None)
        _, blocks = header_and_blocks(self.source, request.export)
        with ExitStack() as files:
            search = DaySearch(layout, request, self.target.parent, files)
            with closing(_in_order(self.pool, lambda block: type_block(block, layout, request), blocks)) as results:
                for typed in results:
                    search.add(typed.batch)
            found = search.found()
        if found.position is None and found.seats_repeat and not request.is_one_day and not self.tolerant:
            raise refuse(request, layout, by_header, found)
        if found.position is None and by_header.has_day_column and not by_header.is_doubtful:
            # the usual checks say what is wrong with its values
            return replace(found, position=BY_HEADER)
        return found

    def _read(self, layout: Layout) -> _Pass:
        """Reads the file in the style that its values show."""
        styles: Mapping[str, Style] = {}
        for attempt in range(3):
            try:
                with KeyHashes(self.target.parent) as hashes:
                    writer, clues = self._write(layout, styles, NO_REPETITIONS, hashes, hurried=not attempt)
                    read = _Pass(layout, writer, styles, clues, hashes.repeated())
            except _OtherStyleError as error:
                styles = error.styles
                continue
            styles = clues.styles(self.request.export.strict_days)
            if styles == read.styles:
                break
        return read

    def _check_count(self, read: _Pass) -> str | None:
        """Makes sure that no row is missing, and returns a note about surplus rows.

        A repeated header may count as a row or not. A surplus row that cannot be read is not data, e.g. a footer.

        Raises:
            IncompleteFileError: if rows are missing, or surplus rows can be read.
        """
        rows, writer, expected = read.rows, read.writer, self.expected_rows
        if expected is None or rows <= expected <= rows + writer.headers:
            return None
        announced = f"{rows:,} rows, but LinkedIn announced {expected:,}"
        if rows - writer.tally.unreadable <= expected < rows:
            return f"the file has {announced}; the surplus rows cannot be read ({writer.tally.first})"
        raise IncompleteFileError(f"{self.request} has {announced}")

    def _require_form(self, read: _Pass) -> None:
        """Makes sure that enough of the rows can be read.

        Raises:
            ReadError: if not.
        """
        if self.expected_rows == 0 or self.tolerant:
            return
        junk = max(0, read.rows - self.expected_rows) if self.expected_rows is not None else 0
        writer = read.writer
        if writer.loaded > writer.outside:
            junk += writer.next_days
        form = Form(self.request, read.rows, read.readable, self.max_rejected, junk)
        writer.tally.require_form(form)

    def _write(
        self,
        layout: Layout,
        styles: Mapping[str, Style],
        repetitions: Repetitions,
        hashes: KeyHashes | None = None,
        hurried: bool = False,
    ) -> tuple[Writer, Clues]:
        """Writes the rows of the file without repetitions, and adds the hash of each loadable row's key.

        Raises:
            _OtherStyleError: if the first values show another style, so that reading on in this one is useless.
        """
        _, blocks = header_and_blocks(self.source, self.request.export)

        def work(block: Block) -> tuple[TypedBlock, TWords | None]:
            typed = type_block(block, layout, self.request, styles)
            return typed, key_hashes(typed.batch.select(layout.key)) if hashes is not None else None

        results = _in_order(self.pool, work, blocks)
        place, clues = 0, Clues()
        with Writer(self.target, layout, self.constants, self.compressed) as writer, closing(results):
            for typed, found in results:
                clues.add(typed.clues)
                if hurried and clues.shows_other_order(styles, self.request.export.strict_days):
                    raise _OtherStyleError(clues.styles(self.request.export.strict_days))
                if hashes is not None and found is not None:
                    hashes.add(found)
                writer.write(repetitions.drop_from(typed, place))
                place += len(typed.numbers)
        return writer, clues

    def _find_repetitions(self, read: _Pass) -> Repetitions:
        _, blocks = header_and_blocks(self.source, self.request.export)
        sightings = Sightings(read.repeated)
        place = 0

        def work(block: Block) -> TypedBlock:
            return type_block(block, read.layout, self.request, read.styles)

        with closing(_in_order(self.pool, work, blocks)) as results:
            for typed in results:
                sightings.add(typed, read.layout.key, place)
                place += len(typed.numbers)
        return sightings.repetitions()


def _of_next_days(writer: Writer) -> str:
    return (
        f"{writer.next_days + writer.outside:,} rows are dated on the day before or after those asked for, so LinkedIn's days"
        f" may not end at midnight UTC; {writer.outside:,} of them, of days that are wanted or loaded, are loaded by key"
    )


def _findings(read: _Pass, rows: int, note: str | None, by_header: Layout, found: FoundDay | None) -> Findings:
    layout, writer, tally = read.layout, read.writer, read.writer.tally
    rejected = tally.rows.total()
    result = ReadResult(
        rows=rows,
        rows_loaded=writer.loaded,
        rows_rejected=rejected,
        rows_repeated=rows - read.readable - rejected,
        rows_outside=writer.outside,
        rows_undated=writer.undated,
        has_day_column=layout.has_day_column,
        extra_columns=(*layout.extras, *layout.left_out),
        values_rejected=tally.values.total(),
        columns=layout.found,
        note=note,
        rows_erased=writer.erased,
        columns_left_out=layout.left_out,
        headers=layout.headers,
        values_mended=writer.mended,
        rows_before=writer.before,
        rows_after=writer.after,
        rows_of_other_days=writer.other_days,
    )
    causes = Counter(tally.rows)
    for (_, cause), count in tally.values.items():
        causes[cause] += count
    return Findings(result, by_header, layout, found, read.clues, read.styles, causes)


TItem = TypeVar("TItem")
TAnswer = TypeVar("TAnswer")


def _in_order(
    pool: Executor, work: Callable[[TItem], TAnswer], items: Iterable[TItem]
) -> Generator[TAnswer, None, None]:
    """Yields the result of each item in order, while the next few are already worked on.

    A single item is worked on here: most files are one block, and handing it to another thread takes longer than typing it.
    """
    rest = iter(items)
    first = list(islice(rest, 2))
    if len(first) == 1:
        yield work(first[0])
        return
    pending: deque[Future[TAnswer]] = deque()
    try:
        for item in chain(first, rest):
            pending.append(pool.submit(work, item))
            if len(pending) > _WORKERS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()

"""A spooled CSV file as Arrow: the typed rows, and the rows that cannot be typed, whole and with the reason.

The file is cut into blocks of whole rows, which a few threads type at the same time, column by column. What is exact
but slow (texts and lines of single rows) is looked up only in blocks that hold such rows.
"""

import gzip
import os
import re
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from dlt.common.normalizers.naming.snake_case import NamingConvention

from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.schema import Column, Export, TColumnType, simplify

TInts = npt.NDArray[np.int64]
TWords = npt.NDArray[np.uint64]
TBytes = npt.NDArray[np.uint8]
TMask = npt.NDArray[np.bool_]

_BLOCK_BYTES = 4 << 20
"""How much of the file is read, typed and written at a time; a row longer than that makes its block longer."""

_MAX_ROW_BYTES = 32 << 20
"""How long a row can be; a quote still open after that many bytes counts as one that is never closed."""

_WORKERS = min(2, os.cpu_count() or 1)
"""Blocks that are typed at the same time; more are hardly faster, as one thread cuts and writes them all."""

_BOM = b"\xef\xbb\xbf"
_QUOTE, _COMMA, _LINE_FEED, _CARRIAGE_RETURN = b'",\n\r'
_SHOWN_CHARACTERS = 100

_TYPES: dict[TColumnType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}

_DERIVED = {"activity_date": "created_at"}
"""Dates that the file does not bring, and the timestamps whose day they are."""

_REJECTED_SCHEMA = pa.schema([("line_number", pa.int64()), ("reason", pa.string()), ("row", pa.string())])


@dataclass(frozen=True)
class ReadResult:
    """What a file held, in rows: each is loaded, rejected or repeated."""

    rows: int
    """Data rows of the file: neither the header nor blank lines."""
    rows_loaded: int
    rows_rejected: int
    rows_repeated: int
    """Rows left out because an equal row came before."""
    rows_outside: int
    """Loaded rows that are dated outside the days asked for, or not at all."""
    has_day_column: bool
    """Whether the file itself tells the day of its rows."""
    extra_columns: tuple[str, ...]
    """Names of the file's columns that the export does not declare."""


def read_export(
    path: Path, target: Path, export: Export, first_day: date, last_day: date, expected_rows: int | None
) -> ReadResult:
    """Reads a CSV file into typed rows at `target`, and its rejected rows beside it.

    Args:
        path: the CSV file, plain or compressed by gzip.
        target: where to write; `read_batches` and `read_rejected` read it back.
        export: what the file is an export of.
        first_day: first of the days asked for.
        last_day: last of the days asked for.
        expected_rows: how many rows the file must hold, None if that is not known.

    Returns:
        How many rows the file held and what became of them.

    Raises:
        IncompleteFileError: if the file is no CSV, is cut short, or has another number of rows than expected.
        ReadError: if the file lacks a column without which its rows mean nothing, or cannot be read as CSV.
    """
    try:
        return _Reading(path, target, export, first_day, last_day).run(expected_rows)
    except BaseException as error:
        target.unlink(missing_ok=True)
        _rejected_path(target).unlink(missing_ok=True)
        if isinstance(error, pa.ArrowInvalid):
            raise ReadError(f"The file of {export.name} cannot be read as CSV: {error}") from error
        raise


def read_batches(target: Path) -> Iterator[pa.RecordBatch]:
    """Yields the typed rows that `read_export` wrote; at least one batch, if only to tell the columns."""
    with pa.OSFile(str(target), "rb") as file, pa.ipc.open_stream(file) as stream:
        yield from stream


def read_rejected(target: Path) -> Iterator[pa.RecordBatch]:
    """Yields the rejected rows of the file that `read_export` wrote to `target`: line_number, reason and row."""
    path = _rejected_path(target)
    if path.exists():
        yield from read_batches(path)


def _rejected_path(target: Path) -> Path:
    return target.with_name(target.name + ".rejected")


@dataclass(frozen=True)
class _Field:
    """A column of the typed rows, and where the file has it."""

    name: str
    type: TColumnType
    nullable: bool = True
    position: int | None = None
    """Where the file's header has it, None if it does not."""


@dataclass(frozen=True)
class _Layout:
    """What the columns of a file are, as its header tells."""

    export: Export
    width: int
    fields: tuple[_Field, ...]
    extras: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the typed rows."""
        return pa.schema([pa.field(field.name, _TYPES[field.type], field.nullable) for field in self.fields])

    @property
    def key(self) -> list[str]:
        """The columns of the key that are in the typed rows."""
        names = {field.name for field in self.fields}
        return [name for name in self.export.key if name in names]

    @property
    def has_day_column(self) -> bool:
        """Whether the file tells the day of its rows."""
        name = _DERIVED.get(self.export.day_column, self.export.day_column)
        return any(field.name == name and field.position is not None for field in self.fields)


def _lay_out(header: list[str], export: Export) -> _Layout:
    """Tells what the columns of a file with this header are.

    Raises:
        ReadError: if a column that is never null is not in the header.
    """
    matched = export.match(header)
    positions = {column.name: position for position, column in matched.items()}
    fields = []
    for column in export.columns:
        if column.from_file or column.name in _DERIVED:
            position = positions.get(column.name)
            if position is None and column.from_file and not column.nullable and column.name != export.day_column:
                raise ReadError(_missing_column(column, header, export))
            fields.append(_Field(column.name, column.type, column.nullable, position))
    extras = _name_extras(header, export, set(matched))
    fields += [_Field(name, "text", True, position) for position, name in extras.items()]
    return _Layout(export, len(header), tuple(fields), tuple(extras.values()))


def _missing_column(column: Column, header: list[str], export: Export) -> str:
    spellings = ", ".join(dict.fromkeys((*column.spellings, column.name)))
    return (
        f"The file of {export.name} has no column {column.name}: looked for {spellings} (in any case, with any"
        f" punctuation), found {_shorten(', '.join(header), 1000)}. If LinkedIn calls the column by another name now,"
        f" add that spelling to the column in schema.py"
    )


def _name_extras(header: list[str], export: Export, claimed: set[int]) -> dict[int, str]:
    """Returns by position how the file's undocumented columns are called: by their headers, made unique."""
    taken = {form for column in export.columns for form in _name_forms(column.name)}
    taken.update(form for position in claimed for form in _name_forms(header[position]))
    taken.update(form for name in ("_dlt_id", "_dlt_load_id") for form in _name_forms(name))
    names: dict[int, str] = {}
    for position, title in enumerate(header):
        if position in claimed:
            continue
        plain = title.strip() if simplify(title) else f"column_{position + 1}"
        name, count = plain, 1
        while taken & _name_forms(name):
            count += 1
            name = f"{plain}_{count}"
        taken |= _name_forms(name)
        names[position] = name
    return names


def _name_forms(name: str) -> set[str]:
    """Returns the forms of a name of which no two columns may have the same."""
    return {simplify(name), "snake " + NamingConvention().normalize_identifier(name)}


@dataclass(frozen=True)
class _Rows:
    """Where the rows of a block lie in its buffer; line ends and blank lines belong to none."""

    starts: TInts
    ends: TInts
    malformed: TMask
    """Rows whose quotes do not match, which are one line each."""


@dataclass(frozen=True)
class _Block:
    """A part of the file that begins and ends where rows do."""

    buffer: bytes
    start: int
    end: int
    line: int
    """The line on which the buffer begins."""
    known_rows: _Rows | None = None
    """The rows, where quotes are so irregular that they had to be told apart one by one."""

    @property
    def rows(self) -> _Rows:
        """The rows of the block."""
        return self.known_rows or _find_rows(self)

    def has(self, byte: bytes) -> bool:
        """Tells whether the block has this byte anywhere."""
        return self.buffer.find(byte, self.start, self.end) >= 0

    def lines(self, starts: TInts) -> TInts:
        """Returns the lines of the file on which these places in the buffer are."""
        data = _as_bytes(self.buffer, 0, self.end)
        line_ends = data == _LINE_FEED
        if self.buffer.find(b"\r", 0, self.end) >= 0:
            lone = data == _CARRIAGE_RETURN
            lone[:-1] &= data[1:] != _LINE_FEED
            line_ends |= lone
        return self.line + np.searchsorted(np.flatnonzero(line_ends), starts)


def _as_bytes(buffer: bytes, start: int, end: int) -> TBytes:
    return np.frombuffer(buffer, np.uint8, end - start, start)


def _find_rows(block: _Block) -> _Rows:
    """Returns the rows of a block whose quotes are regular."""
    data = _as_bytes(block.buffer, block.start, block.end)
    stops = np.flatnonzero((data == _LINE_FEED) | (data == _CARRIAGE_RETURN))
    if block.has(b'"'):
        stops = stops[np.searchsorted(np.flatnonzero(data == _QUOTE), stops) % 2 == 0]
    starts = np.concatenate(([0], stops + 1)) + block.start
    ends = np.concatenate((stops, [len(data)])) + block.start
    filled = ends > starts
    return _Rows(starts[filled], ends[filled], np.zeros(int(filled.sum()), np.bool_))


def _blocks(path: Path, export: Export) -> Iterator[_Block]:
    """Yields the file in blocks of whole rows.

    Raises:
        IncompleteFileError: if the file is compressed and damaged or cut short.
        ReadError: if a line is too long to be one of a CSV file.
    """
    buffer, line = b"", 1
    with closing(_open(path)) as file:
        _skip_mark(file, export)
        while True:
            chunk = _read(file, export, _BLOCK_BYTES)
            buffer = buffer + chunk if buffer else chunk
            while buffer:
                cut, rows = _cut(buffer, ended=not chunk)
                if not cut and len(buffer) >= _MAX_ROW_BYTES:
                    cut, rows = _give_up(buffer, line, export)
                if not cut:
                    break
                yield _Block(buffer, 0, cut, line, rows)
                line += _count_lines(buffer, cut)
                buffer = buffer[cut:]
            if not chunk:
                return


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path)) if compressed else path.open("rb")


def _skip_mark(file: BinaryIO, export: Export) -> None:
    """Goes past the byte order mark, if there is one."""
    if _read(file, export, len(_BOM)) != _BOM:
        file.seek(0)


def _read(file: BinaryIO, export: Export, size: int) -> bytes:
    try:
        return file.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IncompleteFileError(f"The compressed file of {export.name} is damaged or cut short: {error}") from error


def _count_lines(buffer: bytes, end: int) -> int:
    """Returns how many lines end before `end`."""
    step = 1 << 18
    data = _as_bytes(buffer, 0, end)
    count = sum(int(np.count_nonzero(data[at : at + step] == _LINE_FEED)) for at in range(0, end, step))
    if buffer.find(b"\r", 0, end) >= 0:
        count += buffer.count(b"\r", 0, end) - buffer.count(b"\r\n", 0, end)
    return count


def _cut(buffer: bytes, ended: bool) -> tuple[int, _Rows | None]:
    """Returns up to where the buffer, which begins with a row, holds whole rows; and these, if quotes are irregular."""
    if b'"' not in buffer:
        return (len(buffer) if ended else _after_last_line(buffer)), None
    data = _as_bytes(buffer, 0, len(buffer))
    quotes = np.flatnonzero(data == _QUOTE)
    cut = len(buffer)
    if not ended:
        stops = np.flatnonzero((data[:-1] == _LINE_FEED) | (data[:-1] == _CARRIAGE_RETURN))
        stops = np.append(stops, len(data) - 1) if data[-1] == _LINE_FEED else stops
        stops = stops[np.searchsorted(quotes, stops) % 2 == 0]
        cut = int(stops[-1]) + 1 if len(stops) else 0
    if _are_regular(data[:cut], quotes[: np.searchsorted(quotes, cut)]):
        return cut, None
    return _split(buffer, ended)


def _after_last_line(buffer: bytes) -> int:
    # a carriage return at the very end may be half of a line end
    return max(buffer.rfind(b"\n"), buffer.rfind(b"\r", 0, len(buffer) - 1)) + 1


_BESIDE_QUOTES = np.zeros(256, np.bool_)
_BESIDE_QUOTES[[_QUOTE, _COMMA, _LINE_FEED, _CARRIAGE_RETURN]] = True


def _are_regular(data: TBytes, quotes: TInts) -> bool:
    """Tells whether quotes only open fields, close them, or stand doubled in quoted fields."""
    if len(quotes) % 2:
        return False
    opening, closing_ = quotes[::2], quotes[1::2]
    opening = opening[1:] if len(opening) and opening[0] == 0 else opening
    closing_ = closing_[:-1] if len(closing_) and closing_[-1] == len(data) - 1 else closing_
    return bool(_BESIDE_QUOTES[data[opening - 1]].all() and _BESIDE_QUOTES[data[closing_ + 1]].all())


_LINE_END = re.compile(rb"[\r\n]")
_FIELD_END = re.compile(rb"[,\r\n]")
_OPEN, _MALFORMED = -1, -2


def _search(pattern: re.Pattern[bytes], buffer: bytes, start: int) -> int:
    found = pattern.search(buffer, start)
    return found.start() if found else len(buffer)


def _split(buffer: bytes, ended: bool, most: int | None = None) -> tuple[int, _Rows]:
    """Tells rows apart one by one, `most` of them, and returns where the last one ends.

    A row with a quote that is not closed, or is followed by text when it is, is malformed and ends with its line.
    """
    starts: list[int] = []
    ends: list[int] = []
    malformed: list[bool] = []
    start, cut = 0, 0
    while start < len(buffer) and (most is None or len(starts) < most):
        line_end = _search(_LINE_END, buffer, start)
        end = _row_end(buffer, start) if buffer.find(b'"', start, line_end) >= 0 else line_end
        if end == _OPEN and not ended:
            break
        stop = end if end >= 0 else line_end
        if not ended and (stop == len(buffer) or buffer[stop : stop + 2] == b"\r"):
            break
        if stop > start:
            starts.append(start)
            ends.append(stop)
            malformed.append(end < 0)
        start = cut = min(stop + 1, len(buffer))
    return cut, _Rows(np.array(starts, np.int64), np.array(ends, np.int64), np.array(malformed, np.bool_))


def _row_end(buffer: bytes, start: int) -> int:
    """Returns where the row ends, or what is wrong with its quotes."""
    while True:
        end = start
        if buffer[start : start + 1] == b'"':
            quote = _closing_quote(buffer, start + 1)
            if quote < 0:
                return _OPEN
            end = quote + 1
            if buffer[end : end + 1] not in (b"", b",", b"\r", b"\n"):
                return _MALFORMED
        else:
            end = _search(_FIELD_END, buffer, start)
        if buffer[end : end + 1] != b",":
            return end
        start = end + 1


def _closing_quote(buffer: bytes, start: int) -> int:
    """Returns where the quoted field whose text begins at `start` is closed, -1 if nowhere."""
    quote = buffer.find(b'"', start)
    while quote >= 0 and buffer[quote + 1 : quote + 2] == b'"':
        quote = buffer.find(b'"', quote + 2)
    return quote


def _give_up(buffer: bytes, line: int, export: Export) -> tuple[int, _Rows]:
    """Takes the first line of a buffer that holds no whole row for a malformed row.

    Raises:
        ReadError: if the line does not end either.
    """
    end = _search(_LINE_END, buffer, 0)
    if end >= len(buffer) - 1:
        raise ReadError(f"Line {line} of the file of {export.name} is longer than {_MAX_ROW_BYTES:,} bytes")
    return end + 1, _Rows(np.array([0]), np.array([end]), np.array([True]))


def _header_and_blocks(path: Path, export: Export) -> tuple[list[str], Iterator[_Block]]:
    """Returns the header of a file, and its data in blocks.

    Raises:
        IncompleteFileError: if the file has no header, or is a page or a message instead of a CSV file.
    """
    blocks = _blocks(path, export)
    for block in blocks:
        end, rows = _split(block.buffer[: block.end], ended=True, most=1)
        if len(rows.starts):
            row = block.buffer[rows.starts[0] : rows.ends[0]]
            if row.lstrip()[:1] in (b"<", b"{"):
                raise IncompleteFileError(
                    f"The file of {export.name} is not a CSV: it begins with {_shorten(_as_text(row))!r}"
                )
            return _fields(row), _after_header(block, end, blocks)
    raise IncompleteFileError(f"The file of {export.name} is empty: it has no header")


def _after_header(block: _Block, end: int, blocks: Iterator[_Block]) -> Iterator[_Block]:
    rows = block.known_rows
    if rows is not None:
        after = rows.starts >= end
        rows = _Rows(rows.starts[after], rows.ends[after], rows.malformed[after])
    yield _Block(block.buffer, end, block.end, block.line, rows)
    yield from blocks


def _fields(row: bytes) -> list[str]:
    """Returns the fields of a row, its quotes taken as well as can be."""
    fields = []
    start = 0
    while True:
        quote = _closing_quote(row, start + 1) if row[start : start + 1] == b'"' else -1
        if quote >= 0 and row[quote + 1 : quote + 2] in (b"", b","):
            end = quote + 1
            fields.append(_as_text(row[start + 1 : quote].replace(b'""', b'"')))
        else:
            end = row.find(b",", start) % (len(row) + 1)
            fields.append(_as_text(row[start:end]))
        if end >= len(row):
            return fields
        start = end + 1


def _as_text(raw: bytes) -> str:
    return raw.decode("utf-8-sig", "replace").replace("\0", "\ufffd")


def _shorten(text: str, most: int = _SHOWN_CHARACTERS) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


@dataclass(frozen=True)
class _Parsed:
    """The fields of a block's rows as text."""

    columns: list[pa.StringArray]
    numbers: TInts
    """Which of the block's rows these are."""
    reasons: dict[int, str]
    """Why the others cannot be read."""


def _parse(block: _Block, width: int) -> _Parsed:
    """Reads the rows of a block into one array of texts per column; null is an empty field without quotes."""
    reasons = _find_damage(block)
    data: bytes | memoryview = memoryview(block.buffer)[block.start : block.end]
    if reasons:
        data = _without(block, sorted(reasons))
    if data[: len(_BOM)] == _BOM:
        # at the start of the data it would be taken for a mark, not for text
        data = b"\n" + data
    wrong_width: list[tuple[int, int]] = []
    table = _parse_csv(data, width, wrong_width)
    numbers = np.arange(len(table) + len(wrong_width) + len(reasons))
    numbers = np.delete(numbers, sorted(reasons))
    for number, actual in wrong_width:
        reasons[int(numbers[number - 1])] = f"the row has {actual} fields, the header has {width}"
    numbers = np.delete(numbers, [number - 1 for number, _ in wrong_width])
    return _Parsed([_in_one(column) for column in table.columns], numbers, reasons)


def _parse_csv(data: bytes | memoryview, width: int, wrong_width: list[tuple[int, int]]) -> pa.Table:
    """Parses rows, and adds the number and width of each that has not as many fields as the header."""

    def skip(row: pa_csv.InvalidRow) -> str:
        wrong_width.append((row.number, row.actual_columns))
        return "skip"

    names = [str(position) for position in range(width)]
    if not len(data):
        return pa.table({name: pa.array([], pa.string()) for name in names})
    return pa_csv.read_csv(
        pa.BufferReader(pa.py_buffer(data)),
        pa_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        pa_csv.ConvertOptions(
            check_utf8=False,
            column_types={name: pa.string() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _in_one(column: pa.ChunkedArray) -> pa.StringArray:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _find_damage(block: _Block) -> dict[int, str]:
    """Returns which rows of a block cannot be parsed at all, and why."""
    damaged = {}
    if not _is_utf8(block):
        damaged.update(dict.fromkeys(_bad_encoding(block), "the row is not valid UTF-8"))
    if block.has(b"\0"):
        zeros = np.flatnonzero(_as_bytes(block.buffer, block.start, block.end) == 0) + block.start
        damaged.update(dict.fromkeys(_rows_at(block.rows, zeros), "the row has a NUL byte in it"))
    if block.known_rows is not None:
        malformed = np.flatnonzero(block.known_rows.malformed).tolist()
        damaged.update(dict.fromkeys(malformed, "a quote in the row is not closed, or has text after it"))
    return damaged


def _is_utf8(block: _Block) -> bool:
    size = block.end - block.start
    data = pa.py_buffer(block.buffer).slice(block.start, size)
    whole = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, size], np.int32)), data])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _bad_encoding(block: _Block) -> Iterator[int]:
    rows = block.rows
    beyond_ascii = np.flatnonzero(_as_bytes(block.buffer, block.start, block.end) >= 128) + block.start
    for number in _rows_at(rows, beyond_ascii):
        try:
            block.buffer[rows.starts[number] : rows.ends[number]].decode()
        except UnicodeDecodeError:
            yield number


def _rows_at(rows: _Rows, places: TInts) -> list[int]:
    """Returns which rows hold these places of the buffer."""
    numbers: list[int] = np.unique(np.searchsorted(rows.starts, places, "right") - 1).tolist()
    return numbers


def _without(block: _Block, numbers: list[int]) -> bytes:
    """Returns a block without the text of some of its rows."""
    rows = block.rows
    starts = [block.start, *rows.ends[numbers].tolist()]
    ends = [*rows.starts[numbers].tolist(), block.end]
    return b"".join(block.buffer[start:end] for start, end in zip(starts, ends, strict=True))


TTyped = tuple[pa.Array, TMask | None]
"""A typed column, and where texts stood that cannot be typed, None if nowhere."""


def _layout_of(texts: pa.StringArray) -> tuple[TInts, TBytes]:
    """Returns where each text of an array begins, and the last one ends, in their bytes."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.zeros(len(texts) + 1, np.int32), np.zeros(0, np.uint8)
    return np.frombuffer(offsets, np.int32, len(texts) + 1, 4 * texts.offset), np.frombuffer(data, np.uint8)


def _is_null(values: pa.Array) -> TMask:
    return cast(TMask, values.is_null().to_numpy(zero_copy_only=False))


def _empty_as_null(texts: pa.StringArray) -> pa.StringArray:
    """Returns the texts with null instead of empty text."""
    empty = pc.equal(pc.binary_length(texts), 0)
    return pc.if_else(empty, pa.scalar(None, pa.string()), texts) if pc.any(empty).as_py() else texts


def _type_text(texts: pa.StringArray) -> TTyped:
    return texts, None


def _type_bigint(texts: pa.StringArray) -> TTyped:
    offsets, data = _layout_of(texts)
    digits = data[offsets[0] : offsets[-1]] - np.uint8(ord("0"))
    if not len(digits) or (digits.max() <= 9 and np.diff(offsets).max() <= 18):
        return texts.cast(pa.int64()), None
    return _type_odd(texts, "^-?[0-9]{1,18}$", _to_int, pa.int64())


def _type_double(texts: pa.StringArray) -> TTyped:
    return _type_odd(texts, r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$", _to_float, pa.float64())


def _type_odd(
    texts: pa.StringArray, plain: str, convert: Callable[[str], int | float | None], type_: pa.DataType
) -> TTyped:
    """Casts the texts that are plainly written as a whole, and converts each of the others by itself."""
    is_plain = pc.fill_null(pc.match_substring_regex(texts, plain), True)
    values = pc.if_else(is_plain, texts, pa.scalar(None, pa.string())).cast(type_)
    if pc.all(is_plain).as_py() in (True, None):
        return values, None
    odd = texts.filter(pc.invert(is_plain)).dictionary_encode()
    converted = pa.array([convert(text) for text in odd.dictionary.to_pylist()], type_).take(odd.indices)
    values = pc.replace_with_mask(values, pc.invert(is_plain), converted)
    return values, _is_null(values) & ~_is_null(texts)


_INTEGER = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _to_int(text: str) -> int | None:
    found = _INTEGER.fullmatch(text.strip(" "))
    # the length is looked at first, as Python refuses to read thousands of digits
    if not found or len(found[1].lstrip("+-0")) > 19:
        return None
    value = int(found[1][:1].strip("0123456789") + (found[1].lstrip("+-0") or "0"))
    return value if -(2**63) <= value < 2**63 else None


def _to_float(text: str) -> float | None:
    if not _DECIMAL.fullmatch(text.strip(" ")):
        return None
    value = float(text)
    return value if abs(value) != float("inf") else None


_DAY_TEXT = (
    r"^([0-9]{2}-[0-9]{2}-[0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)


def _type_date(texts: pa.StringArray) -> TTyped:
    fits = pc.match_substring_regex(texts, _DAY_TEXT)
    days = pc.utf8_slice_codeunits(pc.if_else(fits, texts, pa.scalar(None, pa.string())), 0, 10).dictionary_encode()
    values = pa.array([_to_date(text) for text in days.dictionary.to_pylist()], pa.date32()).take(days.indices)
    wrong = _is_null(values) & ~_is_null(texts)
    return values, wrong if wrong.any() else None


def _to_date(text: str) -> date | None:
    american = text[2] == "-"
    year, month, day = (text[6:], text[:2], text[3:5]) if american else (text[:4], text[5:7], text[8:])
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


_TIMESTAMP_LENGTH = len("MM-DD-YYYY HH:MM:SS")


def _type_timestamp(texts: pa.StringArray) -> TTyped:
    offsets, data = _layout_of(texts)
    lengths = np.diff(offsets)
    if (lengths == _TIMESTAMP_LENGTH).all():
        seconds, right = _read_timestamps(data, int(offsets[0]), len(texts))
        wrong = None if right.all() else ~right
        return _as_timestamps(seconds, texts), wrong
    at = np.flatnonzero(lengths == _TIMESTAMP_LENGTH)
    fitting = texts.take(pa.array(at))
    found, right = _read_timestamps(_layout_of(fitting)[1], 0, len(at))
    seconds = np.zeros(len(texts), np.int64)
    seconds[at] = found
    wrong = ~_is_null(texts)
    wrong[at] = ~right
    return _as_timestamps(seconds, texts), wrong if wrong.any() else None


def _as_timestamps(seconds: TInts, texts: pa.StringArray) -> pa.Array:
    validity = texts.buffers()[0] if texts.null_count else None
    microseconds = pa.py_buffer(seconds * 1_000_000)
    return pa.Array.from_buffers(_TYPES["timestamp"], len(texts), [validity, microseconds])


def _month_starts() -> tuple[TInts, TInts]:
    months = np.arange("0001-01", "10000-02", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int64)
    none = np.zeros(13, np.int64)
    return np.concatenate((none, months)), np.concatenate((none, np.diff(months), [0]))


_MONTH_START, _MONTH_DAYS = _month_starts()
"""First day, from 1970, and number of days of each month, at 12 * year + month; no days in the year 0."""


_CACHED_ROWS = 1 << 14
"""How many timestamps are read at a time, so that what is computed on the way stays in the processor's cache."""


def _read_timestamps(data: TBytes, start: int, count: int) -> tuple[TInts, TMask]:
    """Reads timestamps of MM-DD-YYYY HH:MM:SS that lie one after the other.

    Returns:
        Seconds from 1970, and which of the timestamps are right.
    """
    seconds = np.empty(count, np.int64)
    right = np.empty(count, np.bool_)
    for first in range(0, count, _CACHED_ROWS):
        last = min(first + _CACHED_ROWS, count)
        at = start + first * _TIMESTAMP_LENGTH
        seconds[first:last], right[first:last] = _read_some_timestamps(data, at, last - first)
    return seconds, right


def _read_some_timestamps(data: TBytes, start: int, count: int) -> tuple[TInts, TMask]:
    def pick(type_: str, offset: int) -> TWords:
        return np.ndarray(count, type_, data, start + offset, (_TIMESTAMP_LENGTH,)).astype(np.uint64)

    month, day, century, right = _read_pairs(pick("<u8", 0), b"--")
    hour, minute, second, right_time = _read_pairs(pick("<u8", 11), b"::")
    # the last two digits of the year with what surrounds them, shaped like the other two
    year_word = pick("<u2", 8) | _word(b"\0\0-00-00")
    year, _, _, right_year = _read_pairs(year_word, b"--")
    right &= right_time & right_year & (pick("u1", 10) == ord(" "))
    month_number = np.where(right & (month >= 1) & (month <= 12), 12 * (100 * century + year) + month, 0)
    right &= (day >= 1) & (day <= _MONTH_DAYS[month_number]) & (hour < 24) & (minute < 60) & (second < 60)
    days = _MONTH_START[month_number] + day - 1
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return np.where(right, seconds, 0), right


def _read_pairs(words: TWords, marks: bytes) -> tuple[TInts, TInts, TInts, TMask]:
    """Reads three pairs of digits, with a mark between each two, out of words of eight bytes.

    Returns:
        The three numbers, and where all digits and marks are right.
    """
    words = words ^ _word(b"00%c00%c00" % tuple(marks))
    # a digit is its value now, a mark 0; adding 6 carries whatever is above 9 into the upper half of its byte
    above_nine = words | (words + _word(b"\6\6\0\6\6\0\6\6"))
    right = (above_nine & _word(b"\xf0\xf0\xff\xf0\xf0\xff\xf0\xf0")) == 0
    pairs = words * np.uint64(10) + (words >> np.uint64(8))
    numbers = [((pairs >> np.uint64(shift)) & np.uint64(0xFF)).astype(np.int64) for shift in (0, 24, 48)]
    return numbers[0], numbers[1], numbers[2], right


def _word(raw: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(raw, "little"))


_TYPE: dict[TColumnType, Callable[[pa.StringArray], TTyped]] = {
    "text": _type_text,
    "bigint": _type_bigint,
    "double": _type_double,
    "timestamp": _type_timestamp,
    "date": _type_date,
}

_KINDS: dict[TColumnType, str] = {
    "bigint": "an integer of 64 bits",
    "double": "a number",
    "timestamp": "a time of the form MM-DD-YYYY HH:MM:SS",
    "date": "a day of the form MM-DD-YYYY or YYYY-MM-DD",
}


@dataclass(frozen=True)
class _Typed:
    """The rows of a block, typed, and those that cannot be loaded."""

    block: _Block
    batch: pa.RecordBatch
    numbers: TInts
    """Which of the block's rows are in the batch."""
    reasons: dict[int, str]
    """Why the others are rejected."""
    outside: TMask
    """Which rows of the batch are dated outside the days asked for, or not at all."""

    def without(self, places: TInts, reasons: dict[int, str]) -> "_Typed":
        """Returns this without some rows of the batch, of which some are rejected instead."""
        stays = np.ones(len(self.numbers), np.bool_)
        stays[places] = False
        rejected = self.reasons | {int(self.numbers[place]): reason for place, reason in reasons.items()}
        return _Typed(
            self.block, self.batch.filter(pa.array(stays)), self.numbers[stays], rejected, self.outside[stays]
        )

    def rejected_batch(self) -> pa.RecordBatch:
        """Returns the rejected rows as they stand in the file."""
        numbers, rows = sorted(self.reasons), self.block.rows
        starts, ends = rows.starts[numbers], rows.ends[numbers]
        texts = [_as_text(self.block.buffer[start:end]) for start, end in zip(starts, ends, strict=True)]
        columns = [pa.array(self.block.lines(starts)), [self.reasons[number] for number in numbers], texts]
        return pa.record_batch(columns, schema=_REJECTED_SCHEMA)


def _type_block(block: _Block, layout: _Layout, first_day: date, last_day: date) -> _Typed:
    """Types the rows of a block."""
    parsed = _parse(block, layout.width)
    count = len(parsed.numbers)
    columns: dict[str, pa.Array] = {}
    faults: list[tuple[TMask, Callable[[int], str]]] = []
    for field in layout.fields:
        if field.name in _DERIVED:
            columns[field.name] = columns[_DERIVED[field.name]].cast(pa.date32())
        elif field.position is None:
            stamp = None if field.nullable else last_day
            columns[field.name] = pa.repeat(pa.scalar(stamp, _TYPES[field.type]), count)
        else:
            columns[field.name] = _type_field(field, parsed.columns[field.position], faults)
    outside = _find_outside(columns[layout.export.day_column], first_day, last_day)
    if layout.export.strict_days and outside.any():
        faults.append((outside, lambda row: "outside the days asked for"))
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    reasons = parsed.reasons
    numbers = parsed.numbers
    if faults:
        stays = ~np.logical_or.reduce([mask for mask, _ in faults])
        for row in np.flatnonzero(~stays).tolist():
            reasons[int(numbers[row])] = next(describe(row) for mask, describe in faults if mask[row])
        batch, numbers, outside = batch.filter(pa.array(stays)), numbers[stays], outside[stays]
    return _Typed(block, batch.cast(layout.schema), numbers, reasons, outside)


def _type_field(field: _Field, texts: pa.StringArray, faults: list[tuple[TMask, Callable[[int], str]]]) -> pa.Array:
    """Returns a column typed, and adds its faults."""
    given = texts if field.type == "text" and field.nullable else _empty_as_null(texts)
    if not field.nullable and given.null_count:
        faults.append((_is_null(given), lambda row: f"{field.name} is empty"))
    values, wrong = _TYPE[field.type](given)
    if wrong is not None:
        kind = _KINDS[field.type]
        faults.append((wrong, lambda row: f"{field.name} is not {kind}: {_shorten(texts[row].as_py())}"))
    return values


def _find_outside(dates: pa.Array, first_day: date, last_day: date) -> TMask:
    """Returns which dates or timestamps are null or not within the days."""
    days = dates if dates.type == pa.date32() else dates.cast(pa.date32())
    inside = pc.and_(pc.greater_equal(days, pa.scalar(first_day)), pc.less_equal(days, pa.scalar(last_day)))
    return cast(TMask, pc.invert(pc.fill_null(inside, False)).to_numpy(zero_copy_only=False))


_HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_LONG_TEXT = 1024


def _hash(columns: list[pa.Array]) -> TWords:
    """Returns a number per row that is equal for equal rows, and seldom for others."""
    hashes = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        if column.type == pa.string():
            _hash_texts(hashes, column)
        else:
            _mix(
                hashes,
                column.cast(pa.int64() if column.type == pa.int64() else pa.int32()).to_numpy().astype(np.uint64),
            )
    return hashes


def _mix(hashes: TWords, words: TWords) -> None:
    hashes ^= words
    hashes *= _HASH_FACTOR
    hashes ^= hashes >> np.uint64(32)


def _hash_texts(hashes: TWords, texts: pa.StringArray) -> None:
    offsets, data = _layout_of(texts)
    if not len(texts):
        return
    lengths = np.diff(offsets)
    _mix(hashes, lengths.astype(np.uint64))
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest == longest >= 8:
        _hash_even_texts(hashes, data, int(offsets[0]), longest)
    else:
        _hash_uneven_texts(hashes, data, offsets[:-1].astype(np.int64), lengths)


def _hash_even_texts(hashes: TWords, data: TBytes, start: int, length: int) -> None:
    # the last word may overlap the one before
    for offset in (*range(0, length - 8, 8), length - 8):
        _mix(hashes, np.ndarray(len(hashes), "<u8", data, start + offset, (length,)).astype(np.uint64))


def _hash_uneven_texts(hashes: TWords, data: TBytes, starts: TInts, lengths: npt.NDArray[np.int32]) -> None:
    for row in np.flatnonzero(lengths > _LONG_TEXT):
        text = data[starts[row] : starts[row] + lengths[row]].tobytes()
        hashes[row] ^= np.uint64(int.from_bytes(blake2b(text, digest_size=8).digest(), "little"))
    padded = np.concatenate((data, np.zeros(8, np.uint8)))
    words = np.ndarray(len(padded) - 7, "<u8", padded, 0, (1,))
    rows = np.flatnonzero((lengths > 0) & (lengths <= _LONG_TEXT))
    offset = 0
    while len(rows):
        left = lengths[rows] - offset
        found = words[starts[rows] + offset] & _FIRST_BYTES[np.minimum(left, 8)]
        some = hashes[rows]
        _mix(some, found)
        hashes[rows] = some
        rows = rows[left > 8]
        offset += 8


_FIRST_BYTES = np.array([256**count - 1 for count in range(9)], np.uint64)


@dataclass(frozen=True)
class _Repetitions:
    """Which rows of a file have a key that occurs again, by their place among the loadable rows."""

    places: TInts
    again: TInts
    """The line on which the key occurs again with other values; 0 if the row only repeats an earlier one."""

    def drop_from(self, typed: _Typed, start: int) -> _Typed:
        """Returns a block, whose loadable rows begin at the place `start`, without those that repeat."""
        first, last = np.searchsorted(self.places, [start, start + len(typed.numbers)])
        if first == last:
            return typed
        places, again = self.places[first:last] - start, self.again[first:last]
        reasons = {
            place: f"its key occurs again with other values on line {line}"
            for place, line in zip(places.tolist(), again.tolist(), strict=True)
            if line
        }
        return typed.without(places, reasons)


_NO_REPETITIONS = _Repetitions(np.zeros(0, np.int64), np.zeros(0, np.int64))


class _Sightings:
    """The rows of a file whose key may occur more than once."""

    def __init__(self, hashes: TWords) -> None:
        self._hashes = hashes
        self._keys = bytearray()
        self._values = bytearray()
        self._places: list[TInts] = []
        self._lines: list[TInts] = []

    def add(self, typed: _Typed, key: list[str], start: int) -> None:
        """Adds the rows of a block, whose loadable rows begin at the place `start`."""
        hashes = _hash(typed.batch.select(key).columns)
        near = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        rows = np.flatnonzero(self._hashes[near] == hashes)
        if not len(rows):
            return
        batch = typed.batch.take(pa.array(rows))
        self._keys += _digests(batch.select(key))
        self._values += _digests(batch)
        self._places.append(rows + start)
        self._lines.append(typed.block.lines(typed.block.rows.starts[typed.numbers[rows]]))

    def repetitions(self) -> _Repetitions:
        """Tells which of the rows repeat others, and which have a key that occurs again with other values."""
        keys = np.frombuffer(self._keys, np.uint64).reshape(-1, 2)
        values = np.frombuffer(self._values, np.uint64).reshape(-1, 2)
        places, lines = np.concatenate(self._places), np.concatenate(self._lines)
        order = np.lexsort((places, keys[:, 0], keys[:, 1]))
        keys, values, places, lines = keys[order], values[order], places[order], lines[order]
        same_key = np.append(False, (keys[1:] == keys[:-1]).all(axis=1))
        same_row = same_key & np.append(False, (values[1:] == values[:-1]).all(axis=1))
        others = np.flatnonzero(~same_row)
        replaced = same_key[others[1:]]
        again = np.concatenate((np.zeros(int(same_row.sum()), np.int64), lines[others[1:]][replaced]))
        dropped = np.concatenate((places[same_row], places[others[:-1]][replaced]))
        by_place = np.argsort(dropped)
        return _Repetitions(dropped[by_place], again[by_place])


def _digests(batch: pa.RecordBatch) -> bytes:
    """Returns sixteen bytes per row that are equal only for equal rows."""
    columns = [
        column
        if column.type in (pa.string(), pa.float64())
        else column.cast(pa.int32())
        if column.type == pa.date32()
        else column.cast(pa.int64())
        for column in batch.columns
    ]
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    return b"".join(blake2b(repr(row).encode(), digest_size=16).digest() for row in rows)


class _KeyHashes:
    """The hashes of all keys of a file, eight bytes each."""

    def __init__(self) -> None:
        # in two halves, which are sorted at the same time
        self._halves = bytearray(), bytearray()

    def add(self, hashes: TWords) -> None:
        """Adds the hashes of a block's keys."""
        high = hashes >= np.uint64(2**63)
        self._halves[0].extend(hashes[~high].data)
        self._halves[1].extend(hashes[high].data)

    def repeated(self) -> TWords:
        """Returns, sorted, the hashes that occur more than once."""
        with ThreadPoolExecutor(len(self._halves)) as pool:
            return np.concatenate(list(pool.map(_repeated, self._halves)))


def _repeated(raw: bytearray) -> TWords:
    hashes = np.frombuffer(raw, np.uint64)
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


class _Writer:
    """Writes typed rows and, if there are any, rejected ones, and counts them."""

    def __init__(self, target: Path, schema: pa.Schema) -> None:
        self.loaded = self.rejected = self.outside = 0
        self._target = target
        self._schema = schema
        self._streams: dict[Path, tuple[pa.NativeFile, pa.ipc.RecordBatchStreamWriter]] = {}

    def __enter__(self) -> "_Writer":
        _rejected_path(self._target).unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._target not in self._streams:
            self._write(self._target, pa.RecordBatch.from_pylist([], self._schema))
        for file, stream in self._streams.values():
            stream.close()
            file.close()

    def write(self, typed: _Typed) -> None:
        """Writes the rows of a block."""
        self.loaded += len(typed.batch)
        self.rejected += len(typed.reasons)
        self.outside += int(np.count_nonzero(typed.outside))
        if len(typed.batch):
            self._write(self._target, typed.batch)
        if typed.reasons:
            self._write(_rejected_path(self._target), typed.rejected_batch())

    def _write(self, path: Path, batch: pa.RecordBatch) -> None:
        if path not in self._streams:
            file = pa.OSFile(str(path), "wb")
            self._streams[path] = file, pa.ipc.new_stream(file, batch.schema)
        self._streams[path][1].write_batch(batch)


@dataclass(frozen=True)
class _Reading:
    """Reading one file."""

    path: Path
    target: Path
    export: Export
    first_day: date
    last_day: date

    def run(self, expected_rows: int | None) -> ReadResult:
        """Reads the file, and once more if keys repeat in it."""
        hashes = _KeyHashes()
        layout, writer = self._write(_NO_REPETITIONS, hashes)
        rows = writer.loaded + writer.rejected
        if expected_rows is not None and rows != expected_rows:
            raise IncompleteFileError(
                f"The file of {self.export.name} for {self.first_day} to {self.last_day} holds {rows:,} rows, but"
                f" LinkedIn announced {expected_rows:,}"
            )
        repeated = hashes.repeated()
        if len(repeated):
            layout, writer = self._write(self._find_repetitions(repeated), None)
        return ReadResult(
            rows=rows,
            rows_loaded=writer.loaded,
            rows_rejected=writer.rejected,
            rows_repeated=rows - writer.loaded - writer.rejected,
            rows_outside=writer.outside,
            has_day_column=layout.has_day_column,
            extra_columns=layout.extras,
        )

    def _write(self, repetitions: _Repetitions, hashes: _KeyHashes | None) -> tuple[_Layout, _Writer]:
        """Writes what the file holds without what repeats, and adds the hash of each loadable row's key."""
        layout, results = self._typed()
        place = 0
        with _Writer(self.target, layout.schema) as writer, closing(results):
            for typed, key_hashes in results:
                writer.write(repetitions.drop_from(typed, place))
                place += len(typed.numbers)
                if hashes is not None:
                    hashes.add(key_hashes)
        return layout, writer

    def _find_repetitions(self, hashes: TWords) -> _Repetitions:
        layout, results = self._typed()
        sightings = _Sightings(hashes)
        place = 0
        with closing(results):
            for typed, _ in results:
                sightings.add(typed, layout.key, place)
                place += len(typed.numbers)
        return sightings.repetitions()

    def _typed(self) -> tuple[_Layout, Generator[tuple[_Typed, TWords], None, None]]:
        """Returns the layout of the file, and its blocks typed, each with the hashes of its rows' keys."""
        header, blocks = _header_and_blocks(self.path, self.export)
        layout = _lay_out(header, self.export)

        def work(block: _Block) -> tuple[_Typed, TWords]:
            typed = _type_block(block, layout, self.first_day, self.last_day)
            return typed, _hash(typed.batch.select(layout.key).columns)

        return layout, _in_order(work, blocks)


TItem = TypeVar("TItem")
TAnswer = TypeVar("TAnswer")


def _in_order(work: Callable[[TItem], TAnswer], items: Iterable[TItem]) -> Generator[TAnswer, None, None]:
    """Yields the answer to each item in their order, while a few of the next are worked on."""
    with ThreadPoolExecutor(_WORKERS, "salesnav-reader") as pool:
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

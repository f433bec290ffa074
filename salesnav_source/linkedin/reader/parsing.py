"""A block as texts: one array per column."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from salesnav_source.linkedin.reader.arrays import TInts, TMask
from salesnav_source.linkedin.reader.blocks import BYTE_ORDER_MARK
from salesnav_source.linkedin.reader.rejections import Reason
from salesnav_source.linkedin.reader.rows import Block


@dataclass(frozen=True)
class ParsedBlock:
    """The fields of a block's rows as text; null is an empty field, with or without quotes."""

    columns: list[pa.StringArray]
    numbers: TInts
    """Which of the block's rows these are."""
    reasons: dict[int, Reason]
    """Why the other rows cannot be parsed."""
    headers: int
    """How many rows are left out because they repeat the header."""
    marred: TMask | None
    """A mask of the rows in which a replacement mark is in the place of bytes that are not text, None if there are none."""


REPLACEMENT = "\ufffd"
"""The mark in the place of bytes that are not text."""


def parse(block: Block, width: int, header: bytes) -> ParsedBlock:
    """Parses the rows of a block. Each must have `width` fields. Rows that repeat the header are left out."""
    headers = _find_headers(block, header)
    reasons = {number: reason for number, reason in _find_damage(block).items() if number not in headers}
    data: bytes | memoryview = memoryview(block.buffer)[block.start : block.end]
    left_out = sorted({*reasons, *headers})
    if left_out:
        data = _without(block, left_out)
    marred = _find_marred(block)
    if marred:
        data = bytes(data).decode("utf-8", "replace").replace("\0", REPLACEMENT).encode()
    if data[: len(BYTE_ORDER_MARK)] == BYTE_ORDER_MARK:
        # at the start of the data it would be read as a mark, not as text
        data = b"\n" + data
    wrong_width: list[tuple[int, int]] = []
    table = _parse_csv(data, width, wrong_width)
    numbers = np.arange(len(table) + len(wrong_width) + len(left_out))
    numbers = np.delete(numbers, left_out)
    for number, actual in wrong_width:
        reasons[int(numbers[number - 1])] = Reason(f"the row has {actual} fields, the header has {width}")
    numbers = np.delete(numbers, [number - 1 for number, _ in wrong_width])
    columns = [_in_one(column) for column in table.columns]
    return ParsedBlock(columns, numbers, reasons, len(headers), np.isin(numbers, marred) if marred else None)


def _find_headers(block: Block, header: bytes) -> list[int]:
    """Returns the rows of a block that repeat the header, e.g. because files were joined."""
    places = []
    place = block.buffer.find(header, block.start, block.end)
    while place >= 0:
        places.append(place)
        place = block.buffer.find(header, place + len(header), block.end)
    if not places:
        return []
    rows = block.rows
    return [
        number
        for number in rows.at(np.array(places))
        if block.buffer[rows.starts[number] : rows.ends[number]].removeprefix(BYTE_ORDER_MARK) == header
    ]


def _parse_csv(data: bytes | memoryview, width: int, wrong_width: list[tuple[int, int]]) -> pa.Table:
    """Parses rows, and adds the number and width of each that has more or fewer fields than the header."""

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
            quoted_strings_can_be_null=True,
        ),
    )


def _in_one(column: pa.ChunkedArray) -> pa.StringArray:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _find_damage(block: Block) -> dict[int, Reason]:
    """Returns the rows of a block that cannot be parsed at all, and why."""
    if block.known_rows is None:
        return {}
    malformed = np.flatnonzero(block.known_rows.malformed).tolist()
    return dict.fromkeys(malformed, Reason("a quote in the row is not closed, or has text after it"))


def _find_marred(block: Block) -> list[int]:
    """Returns the rows of a block with bytes that are not text."""
    marred = set() if _is_utf8(block) else set(_find_bad_encoding(block))
    if block.has(b"\0"):
        marred.update(block.rows.at(np.flatnonzero(block.data == 0) + block.start))
    return sorted(marred)


def _is_utf8(block: Block) -> bool:
    """True if a block is valid UTF-8, checked by Arrow as one long text."""
    size = block.end - block.start
    data = pa.py_buffer(block.buffer).slice(block.start, size)
    whole = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, size], np.int32)), data])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _find_bad_encoding(block: Block) -> Iterable[int]:
    rows = block.rows
    beyond_ascii = np.flatnonzero(block.data >= 128) + block.start
    for number in rows.at(beyond_ascii):
        try:
            block.buffer[rows.starts[number] : rows.ends[number]].decode()
        except UnicodeDecodeError:
            yield number


def _without(block: Block, numbers: list[int]) -> bytes:
    """Returns a block without the text of some of its rows."""
    rows = block.rows
    starts = [block.start, *rows.ends[numbers].tolist()]
    ends = [*rows.starts[numbers].tolist(), block.end]
    return b"".join(block.buffer[start:end] for start, end in zip(starts, ends, strict=True))

"""A file in blocks: reading it, plain or compressed, and cutting it where rows end; its first row is the header."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.reader.arrays import as_bytes
from salesnav_source.reader.rows import (
    Block,
    Rows,
    as_text,
    count_lines,
    fields_of,
    find_line_end,
    has_regular_quotes,
    row_ends,
    shorten,
    split,
)
from salesnav_source.schema import Export
from salesnav_source.spool import Spool

BLOCK_BYTES = 4 << 20
"""How much of the file is read, typed and written at a time; a row longer than that makes its block longer."""

MAX_ROW_BYTES = 32 << 20
"""How long a row can be; a quote still open after that many bytes counts as one that is never closed."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def header_and_blocks(source: Path | Spool, export: Export) -> tuple[list[str], Iterator[Block]]:
    """Returns the header of a file, and its data in blocks.

    Raises:
        IncompleteFileError: if the file has no header, or is a page or a message instead of a CSV file; also on the
            way, if it is compressed and damaged or cut short.
        ReadError: if a line is too long to be one of a CSV file.
    """
    blocks = _blocks(source, export)
    for block in blocks:
        end, rows = split(block.buffer[: block.end], ended=True, most=1)
        if len(rows.starts):
            row = block.buffer[rows.starts[0] : rows.ends[0]]
            if row.lstrip()[:1] in (b"<", b"{"):
                raise IncompleteFileError(
                    f"The file of {export.name} is not a CSV: it begins with {shorten(as_text(row))!r}"
                )
            return fields_of(row), _after_header(block, end, blocks)
    raise IncompleteFileError(f"The file of {export.name} is empty: it has no header")


def _after_header(block: Block, end: int, blocks: Iterator[Block]) -> Iterator[Block]:
    rows = block.known_rows.after(end) if block.known_rows is not None else None
    yield Block(block.buffer, end, block.end, block.line, rows)
    yield from blocks


def _blocks(source: Path | Spool, export: Export) -> Iterator[Block]:
    """Yields the file, header included, in blocks of whole rows."""
    buffer, line = b"", 1
    with source.open("rb") as raw, _unpacked(raw) as file:
        _skip_mark(file, export)
        while True:
            chunk = _read(file, export, BLOCK_BYTES)
            buffer = buffer + chunk if buffer else chunk
            while buffer:
                cut, rows = _cut(buffer, ended=not chunk)
                if not cut and len(buffer) >= MAX_ROW_BYTES:
                    cut, rows = _give_up(buffer, line, export)
                if not cut:
                    break
                yield Block(buffer, 0, cut, line, rows)
                line += count_lines(buffer, cut)
                buffer = buffer[cut:]
            if not chunk:
                return


def _unpacked(file: BinaryIO) -> BinaryIO:
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if compressed else file


def _skip_mark(file: BinaryIO, export: Export) -> None:
    """Goes past the byte order mark, if there is one."""
    if _read(file, export, len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
        file.seek(0)


def _read(file: BinaryIO, export: Export, size: int) -> bytes:
    try:
        return file.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IncompleteFileError(f"The compressed file of {export.name} is damaged or cut short: {error}") from error


def _cut(buffer: bytes, ended: bool) -> tuple[int, Rows | None]:
    """Returns up to where the buffer, which begins with a row, holds whole rows; and these, if quotes are irregular."""
    # a carriage return at the very end may be half of a line end
    sure = len(buffer) - buffer.endswith(b"\r")
    if b'"' not in buffer:
        return (len(buffer) if ended else max(buffer.rfind(b"\n"), buffer.rfind(b"\r", 0, sure)) + 1), None
    if ended:
        cut = len(buffer)
    else:
        stops = row_ends(as_bytes(buffer, 0, sure))
        cut = int(stops[-1]) + 1 if len(stops) else 0
    if has_regular_quotes(as_bytes(buffer, 0, cut)):
        return cut, None
    return split(buffer, ended)


def _give_up(buffer: bytes, line: int, export: Export) -> tuple[int, Rows]:
    """Takes the first line of a buffer that holds no whole row for a malformed row.

    Raises:
        ReadError: if the line does not end either.
    """
    end = find_line_end(buffer, 0)
    if end >= len(buffer) - 1:
        raise ReadError(f"Line {line} of the file of {export.name} is longer than {MAX_ROW_BYTES:,} bytes")
    after = end + (2 if buffer.startswith(b"\r\n", end) else 1)
    return after, Rows(np.array([0]), np.array([end]), np.array([True]))

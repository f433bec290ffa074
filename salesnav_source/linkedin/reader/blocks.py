"""A file, compressed or not, in blocks that end where rows do."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import numpy as np

from salesnav_source.exceptions import EmptyFileError, IncompleteFileError, ReadError
from salesnav_source.linkedin.reader.arrays import as_bytes
from salesnav_source.linkedin.reader.rows import (
    Block,
    Rows,
    as_text,
    count_lines,
    find_line_end,
    has_regular_quotes,
    row_ends,
    shape,
    shorten,
    split,
)
from salesnav_source.linkedin.spool import Spool
from salesnav_source.schema import Export

BLOCK_BYTES = 4 << 20
"""How much of the file is read, typed and written at a time; a row longer than that makes its block longer."""

MAX_ROW_BYTES = 32 << 20
"""How long a row may be. A quote that is open for so many bytes counts as never closed."""

MOST_BYTES = 64 << 30
"""How large a file may be once it is unpacked; LinkedIn documents 3 GB."""

MOST_COMPRESSIONS = 3
"""How often a file may be compressed: by its writer, by its store and by its sender."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_OTHER_FILES = {
    b"PK\x03\x04": "a zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (xls)",
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file",
    b"BZh": "compressed by bzip2",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard",
    b"\xfd7zXZ": "compressed by xz",
    b"7z\xbc\xaf": "a 7z archive",
}
"""First bytes of files that are not text."""

_WORKBOOK_PARTS = (b"[Content_Types].xml", b"xl/", b"_rels/")

_MESSAGES = {b"<": "a page of HTML or XML", b"{": "a message in JSON", b"[": "a list in JSON"}
"""First bytes of texts that are not a table; the next download may bring the file."""


def header_and_blocks(source: Path | Spool, export: Export) -> tuple[bytes, Iterator[Block]]:
    """Returns the header of a file, as it stands there, and its data in blocks.

    Raises:
        EmptyFileError: if the file has no header.
        IncompleteFileError: if it is a page or a message instead of a CSV file; also on the
            way, if it is compressed and damaged or cut short.
        ReadError: if it is a file of another kind, or a line is too long to be one of a CSV file.
    """
    blocks = _blocks(source, export)
    for block in blocks:
        end, rows = split(block.buffer[: block.end], ended=True, most=1)
        if len(rows.starts):
            row = block.buffer[rows.starts[0] : rows.ends[0]]
            _require_text(row, export)
            return row, _after_header(block, end, blocks)
    raise EmptyFileError(f"The file of {export.name} is empty: it has no header")


def _require_text(row: bytes, export: Export) -> None:
    """Makes sure that the first row of a file is not that of something else.

    Raises:
        IncompleteFileError: if it is a page or a message.
        ReadError: if it is text of another encoding.
    """
    kind = _MESSAGES.get(row.lstrip()[:1])
    if kind is not None:
        # rows of another format than CSV would begin like a message in JSON
        start = _words(as_text(row)) if kind == _MESSAGES[b"<"] else shape(as_text(row), False)
        raise IncompleteFileError(f"The file of {export.name} is {kind}, not a CSV: it begins with {shorten(start)!r}")
    if b"\0" in row:
        raise ReadError(f"The file of {export.name} is not text in UTF-8; it may be UTF-16 without a byte order mark")


def _words(page: str) -> str:
    """Returns only the words of a page: other parts of an error page may be a signed URL, or pieces of one."""
    words = re.sub(r"\S*[\d=%&?:]\S*|\w{21,}", "…", re.sub(r"<[^>]*>?", " ", page))
    return " ".join(words.split())


def _after_header(block: Block, end: int, blocks: Iterator[Block]) -> Iterator[Block]:
    rows = block.known_rows.after(end) if block.known_rows is not None else None
    yield Block(block.buffer, end, block.end, block.line, rows)
    yield from blocks


def _blocks(source: Path | Spool, export: Export) -> Iterator[Block]:
    """Yields the file, header included, in blocks of whole rows."""
    buffer, line, size = b"", 1, 0
    with source.open("rb") as raw:
        file = _decoded(_unpacked(raw, export)[0], export)
        while True:
            chunk = _read(file, export, BLOCK_BYTES)
            size += len(chunk)
            if size > MOST_BYTES:
                raise ReadError(
                    f"The file of {export.name} has more than {MOST_BYTES >> 30} GB and is not read any further"
                )
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


def unpacked(source: Path | Spool, export: Export) -> Iterator[bytes]:
    """Yields what a file holds without the compression around it.

    Raises:
        IncompleteFileError: if it is damaged.
        ReadError: if it is compressed too many times.
    """
    with source.open("rb") as raw:
        file, _ = _unpacked(raw, export)
        while chunk := _read(file, export, BLOCK_BYTES):
            yield chunk


def count_compressions(source: Path | Spool, export: Export) -> int:
    """Returns how often a file is compressed by gzip."""
    with source.open("rb") as raw:
        return _unpacked(raw, export)[1]


def _unpacked(file: BinaryIO, export: Export) -> tuple[BinaryIO, int]:
    """Returns a file without the compression around it, and how often it was compressed.

    Raises:
        IncompleteFileError: if it is damaged.
        ReadError: if it is compressed too many times.
    """
    for count in range(MOST_COMPRESSIONS + 1):
        compressed = _read(file, export, len(GZIP)) == GZIP
        file.seek(0)
        if not compressed:
            return file, count
        file = cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
    raise ReadError(
        f"The file of {export.name} is compressed more than {MOST_COMPRESSIONS} times, and is not read as that"
    )


class Readable(Protocol):
    """Something that bytes are read from."""

    def read(self, size: int) -> bytes:
        """Returns at most so many bytes; none only at the end."""


def _decoded(file: BinaryIO, export: Export) -> Readable:
    """Returns a file as UTF-8, behind its byte order mark, if it has one.

    Raises:
        ReadError: if it is not text.
    """
    start = _read(file, export, 64)
    if start.startswith(UTF_16):
        file.seek(0)
        return _FromUtf16(file)
    for mark, kind in _OTHER_FILES.items():
        if start.startswith(mark):
            if any(part in start for part in _WORKBOOK_PARTS):
                kind = "an Excel workbook (xlsx)"
            raise ReadError(f"The file of {export.name} is {kind}, not a CSV as text, and is not read as that")
    file.seek(len(BYTE_ORDER_MARK) if start.startswith(BYTE_ORDER_MARK) else 0)
    return file


class _FromUtf16:
    """A file in UTF-16, with a byte order mark, read as UTF-8."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        # a code that is no character becomes invalid UTF-8, and only its row is lost
        self._decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")

    def read(self, size: int) -> bytes:
        """Returns about so many bytes; none only at the end.

        Raises:
            EOFError: if the file ends within a character.
        """
        while True:
            raw = self._file.read(size)
            try:
                text = self._decoder.decode(raw, final=not raw)
            except UnicodeDecodeError:
                raise EOFError("it ends within a character") from None
            if text or not raw:
                return text.encode("utf-8", "surrogatepass")


def _read(file: Readable, export: Export, size: int) -> bytes:
    try:
        return file.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IncompleteFileError(f"The file of {export.name} is damaged or cut short: {error}") from error


def _cut(buffer: bytes, ended: bool) -> tuple[int, Rows | None]:
    """Returns where the last whole row of the buffer ends. If quotes are irregular, it returns the rows as well."""
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
    """Returns the first line of a buffer without a whole row, as a malformed row.

    Raises:
        ReadError: if the line does not end either.
    """
    end = find_line_end(buffer, 0)
    if end >= len(buffer) - 1:
        raise ReadError(f"Line {line} of the file of {export.name} is longer than {MAX_ROW_BYTES:,} bytes")
    after = end + (2 if buffer.startswith(b"\r\n", end) else 1)
    return after, Rows(np.array([0]), np.array([end]), np.array([True]))

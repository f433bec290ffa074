"""The rows of a block: where each one begins and ends, and on which line.

Quotes are regular if they only open fields, close them, or are doubled inside quoted fields. Then all rows are found at once
by array operations. Otherwise `split` finds them one by one.
"""

import re
from dataclasses import dataclass

import numpy as np

from salesnav_source.linkedin.reader.arrays import TBytes, TInts, TMask, as_bytes

QUOTE, COMMA, LINE_FEED, CARRIAGE_RETURN = b'",\n\r'

_LINE_END = re.compile(rb"[\r\n]")
_FIELD_END = re.compile(rb"[,\r\n]")
_OPEN, _MALFORMED = -1, -2

_SHOWN_CHARACTERS = 100
_LONGEST_SHAPE = 40
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_NUMBER_OR_MOMENT = re.compile(
    r"(?=.*\d)(?:[\d\s.,:/+\-]|[TZ]|[AP]\.?M\.?|UTC|GMT"
    r"|Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)+",
    re.ASCII | re.IGNORECASE,
)
_OTHERS = re.compile(r"[^ -~]")

_BESIDE_QUOTES = np.zeros(256, np.bool_)
_BESIDE_QUOTES[[QUOTE, COMMA, LINE_FEED, CARRIAGE_RETURN]] = True


@dataclass(frozen=True)
class Rows:
    """Where the rows of a block are in its buffer. Line ends and blank lines belong to no row."""

    starts: TInts
    ends: TInts
    malformed: TMask
    """Rows whose quotes do not match, which are one line each."""

    def at(self, places: TInts) -> list[int]:
        """Returns which rows contain these places of the buffer."""
        numbers: list[int] = np.unique(np.searchsorted(self.starts, places, "right") - 1).tolist()
        return numbers

    def after(self, place: int) -> "Rows":
        """Returns the rows that begin at this place of the buffer or later."""
        later = self.starts >= place
        return Rows(self.starts[later], self.ends[later], self.malformed[later])


@dataclass(frozen=True)
class Block:
    """A part of the file that begins and ends where rows do."""

    buffer: bytes
    start: int
    end: int
    line: int
    """The line on which the buffer begins."""
    known_rows: Rows | None = None
    """The rows, if irregular quotes made it necessary to find them one by one; otherwise None."""

    @property
    def rows(self) -> Rows:
        """The rows of the block."""
        if self.known_rows is not None:
            return self.known_rows
        stops = row_ends(self.data) + self.start
        starts = np.concatenate(([self.start], stops + 1))
        ends = np.concatenate((stops, [self.end]))
        filled = ends > starts
        return Rows(starts[filled], ends[filled], np.zeros(np.count_nonzero(filled), np.bool_))

    @property
    def data(self) -> TBytes:
        """The bytes of the block."""
        return as_bytes(self.buffer, self.start, self.end)

    def has(self, byte: bytes) -> bool:
        """True if the block has this byte."""
        return self.buffer.find(byte, self.start, self.end) >= 0

    def lines(self, starts: TInts) -> TInts:
        """Returns the lines of the file on which these places in the buffer are."""
        return self.line + np.searchsorted(np.flatnonzero(_ends_lines(self.buffer, self.end)), starts)


def count_lines(buffer: bytes, end: int) -> int:
    """Returns how many lines end before `end`."""
    return int(np.count_nonzero(_ends_lines(buffer, end)))


def _ends_lines(buffer: bytes, end: int) -> TMask:
    """Returns a mask of the bytes before `end` that are the last of a line."""
    data = as_bytes(buffer, 0, end)
    ends: TMask = data == LINE_FEED
    if buffer.find(b"\r", 0, end) >= 0:
        lone = data == CARRIAGE_RETURN
        lone[:-1] &= data[1:] != LINE_FEED
        ends |= lone
    return ends


def row_ends(data: TBytes) -> TInts:
    """Returns the places of line ends outside of quotes, in data that begins with a row and has regular quotes."""
    stops = np.flatnonzero((data == LINE_FEED) | (data == CARRIAGE_RETURN))
    quotes = np.flatnonzero(data == QUOTE)
    return stops[np.searchsorted(quotes, stops) % 2 == 0] if len(quotes) else stops


def has_regular_quotes(data: TBytes) -> bool:
    """True if quotes only open fields, close them, or are doubled inside quoted fields."""
    quotes = np.flatnonzero(data == QUOTE)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = data[opening[opening > 0] - 1]
    behind = data[closing[closing < len(data) - 1] + 1]
    return bool(_BESIDE_QUOTES[before].all() and _BESIDE_QUOTES[behind].all())


def split(buffer: bytes, ended: bool, most: int | None = None) -> tuple[int, Rows]:
    """Finds rows one by one, at most `most`, and returns where the last one ends.

    A row is malformed if a quote is not closed, or has text after it. Such a row ends with its line.

    Args:
        buffer: data that begins with a row.
        ended: true if the file ends with the buffer; if not, a row without an end is left out.
        most: how many rows to find, None for all.
    """
    starts: list[int] = []
    ends: list[int] = []
    malformed: list[bool] = []
    start = 0
    while start < len(buffer) and (most is None or len(starts) < most):
        line_end = find_line_end(buffer, start)
        end = _find_row_end(buffer, start) if buffer.find(b'"', start, line_end) >= 0 else line_end
        if end == _OPEN and not ended:
            break
        stop = end if end >= 0 else line_end
        if not ended and (stop == len(buffer) or buffer[stop : stop + 2] == b"\r"):
            break
        if stop > start:
            starts.append(start)
            ends.append(stop)
            malformed.append(end < 0)
        start = min(stop + 1, len(buffer))
    return start, Rows(np.array(starts, np.int64), np.array(ends, np.int64), np.array(malformed, np.bool_))


def find_line_end(buffer: bytes, start: int) -> int:
    """Returns where the line ends that goes on at `start`."""
    return _search(_LINE_END, buffer, start)


def _search(pattern: re.Pattern[bytes], buffer: bytes, start: int) -> int:
    found = pattern.search(buffer, start)
    return found.start() if found else len(buffer)


def _find_row_end(buffer: bytes, start: int) -> int:
    """Returns where the row ends, or what is wrong with its quotes."""
    while True:
        end = start
        if buffer[start : start + 1] == b'"':
            quote = _find_closing_quote(buffer, start + 1)
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


def _find_closing_quote(buffer: bytes, start: int) -> int:
    """Returns where the quoted field whose text begins at `start` is closed, -1 if nowhere."""
    quote = buffer.find(b'"', start)
    while quote >= 0 and buffer[quote + 1 : quote + 2] == b'"':
        quote = buffer.find(b'"', quote + 2)
    return quote


def fields_of(row: bytes) -> list[str]:
    """Returns the fields of a row, also if its quotes are irregular."""
    fields = []
    start = 0
    while start <= len(row):
        quote = _find_closing_quote(row, start + 1) if row[start : start + 1] == b'"' else -1
        if quote >= 0 and row[quote + 1 : quote + 2] in (b"", b","):
            end = quote + 1
            fields.append(as_text(row[start + 1 : quote].replace(b'""', b'"')))
        else:
            end = row.find(b",", start) % (len(row) + 1)
            fields.append(as_text(row[start:end]))
        start = end + 1
    return fields


def as_text(raw: bytes) -> str:
    """Returns any bytes as text that every warehouse accepts."""
    return raw.decode("utf-8-sig", "replace").replace("\0", "\ufffd")


def shorten(text: str, most: int = _SHOWN_CHARACTERS) -> str:
    """Returns a text cut to a length at which it can be shown in a message."""
    return text if len(text) <= most else text[: most - 1] + "…"


def means_nobody(text: str) -> bool:
    """True if a text is a number or a time in any form, so that a message may show it."""
    return _NUMBER_OR_MOMENT.fullmatch(text) is not None


def shape(text: str, exact: bool) -> str:
    """Returns what a text looks like: `a` for letters, 9 for digits, and signs as they are.

    Args:
        text: the text.
        exact: true if each digit becomes a 9, as for dates and numbers; otherwise each run of digits does.
    """
    digits = _DIGITS.sub(lambda found: "9" * len(found[0]) if exact else "9", _LETTERS.sub("a", text))
    plain = _OTHERS.sub("?", digits)
    return plain if len(plain) <= _LONGEST_SHAPE else plain[: _LONGEST_SHAPE - 3] + "..."

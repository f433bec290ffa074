"""Finds the column with the day of the rows by its values, if no known header has it.

LinkedIn does not document the header of the day of seats. A column is the day if three things are true: all its values are
days asked for, it has several days, and no two different rows have the same seat and day.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from salesnav_source.exceptions import ReadError
from salesnav_source.linkedin.reader.arrays import TInts
from salesnav_source.linkedin.reader.header import BY_HEADER, Layout
from salesnav_source.linkedin.reader.orders import are_inside, days_of
from salesnav_source.linkedin.reader.repetitions import KeyHashes, key_hashes
from salesnav_source.linkedin.reader.request import ReadRequest
from salesnav_source.linkedin.reader.rows import shape, shorten
from salesnav_source.linkedin.reader.styles import Style
from salesnav_source.linkedin.reader.typed import SEAT
from salesnav_source.linkedin.reader.values import type_texts

_FIRST_LOOK = 64
"""Values to try before the whole block, because few columns are full of days."""


class _Candidate:
    """A column read in one order of month and day. It can be the day as long as all its values are days asked for."""

    def __init__(self, name: str, day_first: bool, hashes: KeyHashes) -> None:
        self.name = name
        self.day_first = day_first
        self.hashes = hashes
        """Of seat and day."""
        self.can_be = True
        self.first: int | None = None
        self.last: int | None = None

    def add(self, seats: pa.Array, texts: pa.StringArray, request: ReadRequest) -> TInts | None:
        """Adds the values of a block, and returns their days; None if this column cannot be the day."""
        style = Style(day_first=self.day_first)
        for part in (texts.slice(0, _FIRST_LOOK), texts):
            days = days_of(type_texts(part, "date", style).values)
            if not are_inside(days, request).all():
                self.can_be = False
                return None
        if len(days):
            self.first = int(days.min()) if self.first is None else min(self.first, int(days.min()))
            self.last = int(days.max()) if self.last is None else max(self.last, int(days.max()))
        self.hashes.add(key_hashes(pa.record_batch([seats, pa.array(days, pa.int32())], names=["seat", "day"])))
        return days

    @property
    def is_spread(self) -> bool:
        """True if there are several days."""
        return self.first != self.last


@dataclass(frozen=True)
class FoundDay:
    """What the values of a file show about the day of its rows."""

    position: int | None
    """The position of the day; None if no column is the day or several could be; `BY_HEADER` if the header is enough."""
    header: str | None
    """Its header."""
    others: tuple[str, ...]
    """Headers of the columns whose values all are days asked for."""
    seats_repeat: bool
    """True if a seat has several different rows, so that a day is needed to tell them apart."""
    looks: Mapping[str, str]
    """What the first value of each undocumented column looks like, by header."""

    def notes(self, request: ReadRequest, by_header: Layout) -> list[str]:
        """Returns notes about how the day of the file was found.

        Args:
            request: the export and the days.
            by_header: the columns by the header.
        """
        column, notes = request.export.day_column, []
        if self.position == BY_HEADER:
            return []
        if by_header.day_header not in (None, self.header):
            notes.append(f"{by_header.day_header} does not have the days asked for, and is not read as {column}")
        if self.header is not None:
            notes.append(f"{column} is read from {self.header}: all its values are days asked for, and tell rows apart")
        elif self.others:
            notes.append(
                f"no column is known to be {column}, so all rows get the last day asked for;"
                f" {', '.join(self.others)} also have days asked for"
            )
        return notes


class DaySearch:
    """Searches the undocumented columns for the day."""

    def __init__(self, layout: Layout, request: ReadRequest, folder: Path, files: ExitStack) -> None:
        """Sees no row yet.

        Args:
            layout: the columns of the file, none of them the day.
            request: what the file is to be read as.
            folder: where hashes are kept if they are many.
            files: closes what is opened there.
        """
        self._request = request
        self._headers = {
            field.name: (field.position, layout.headers[field.position].header)
            for field in layout.fields
            if field.name in layout.extras and field.position is not None
        }
        self._looks: dict[str, str] = {}
        self._rows = files.enter_context(KeyHashes(folder))
        self._seats = files.enter_context(KeyHashes(folder))
        self._candidates = [
            _Candidate(name, day_first, files.enter_context(KeyHashes(folder)))
            for name in layout.extras
            for day_first in (False, True)
        ]
        self._differ: set[tuple[str, str]] = set()
        """Pairs of columns that have different days in some row."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds the typed rows of a block."""
        seats = batch.column(SEAT)
        if not self._looks:
            self._looks = {header: _looks(batch.column(name)) for name, (_, header) in self._headers.items()}
        self._rows.add(key_hashes(batch))
        self._seats.add(key_hashes(batch.select([SEAT])))
        seen: dict[str, TInts] = {}
        for one in self._candidates:
            if one.can_be:
                days = one.add(seats, batch.column(one.name), self._request)
                if days is not None:
                    seen.setdefault(one.name, days)
        self._differ.update((a, b) for a in seen for b in seen if a < b and not np.array_equal(seen[a], seen[b]))

    def found(self) -> FoundDay:
        """Returns what all rows show."""
        rows = self._rows.count_distinct()
        repeat = self._seats.count_distinct() < rows
        left: dict[str, _Candidate] = {}
        for one in self._candidates:
            if one.can_be and one.first is not None:
                left.setdefault(one.name, one)
        days = [
            name
            for name, one in left.items()
            if (one.is_spread or self._request.is_one_day) and one.hashes.count_distinct() == rows
        ]
        # of several columns with the same days any one will do
        alike = not any((a, b) in self._differ for a in days for b in days)
        position, header = self._headers[days[0]] if days and alike else (None, None)
        return FoundDay(position, header, tuple(self._headers[name][1] for name in left), repeat, self._looks)


def _looks(texts: pa.StringArray) -> str:
    """Returns what the first value looks like."""
    first = next((text for text in texts.slice(0, _FIRST_LOOK).to_pylist() if text), None)
    return "empty" if first is None else f"like {shape(first, True)!r}"


def refuse(request: ReadRequest, layout: Layout, by_header: Layout, found: FoundDay) -> ReadError:
    """Returns the error for a file that does not show the day of its rows.

    Args:
        request: the export and the days.
        layout: its columns, none of them the day.
        by_header: the columns by the header.
        found: what its values show.
    """
    column = request.export.day_column
    unknown = [f"{one.header} ({found.looks.get(one.header, '')})" for one in layout.headers if one.state == "kept"]
    if by_header.day_header is None:
        guess = f"no known header of {column} is in it"
    else:
        guess = f"{by_header.day_header} does not tell the rows of a seat apart, or has other days than those asked for"
    if len(found.others) > 1:
        why = f"more than one column could be the day: {', '.join(found.others)}"
    elif found.others:
        why = f"{found.others[0]} has days asked for, but the same one in rows of a seat that differ"
    else:
        why = "no column has days asked for in all rows"
    return ReadError(
        f"{request} does not show the day of its rows: a seat has several different rows, {guess}, and {why}. Nothing of"
        f" it is loaded, and loaded rows are not replaced by it. Its unknown columns:"
        f" {shorten(', '.join(unknown), 1000)}. If one of them is the day, add its header to {column} in schema.py"
    )

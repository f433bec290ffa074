"""Types a block: the rows to load, and the reasons of those that are rejected."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.linkedin.reader.arrays import TInts, TMask, is_null
from salesnav_source.linkedin.reader.header import DERIVED, Field, Layout
from salesnav_source.linkedin.reader.orders import are_among, are_inside, days_of, find_order_clues, find_strays
from salesnav_source.linkedin.reader.parsing import REPLACEMENT, ParsedBlock, parse
from salesnav_source.linkedin.reader.rejections import OTHER_HEADER, OUTSIDE, Reason
from salesnav_source.linkedin.reader.request import ReadRequest
from salesnav_source.linkedin.reader.rows import Block, as_text, means_nobody, shape, shorten
from salesnav_source.linkedin.reader.styles import DOCUMENTED, Clues, Style
from salesnav_source.linkedin.reader.values import ARROW_TYPES, EXPECTED, Typed, type_texts
from salesnav_source.settings.privacy import KEPT, PersonalData, names_seat

SEAT = "seat_id"
"""The column with the seat of a row."""

IDS = ("activity_id", "member_identity_key")
"""Columns with ids that may look like numbers."""

_ROUNDED = re.compile(r"-?[0-9][.,][0-9]+E\+[0-9]+")
_FIRST = 64
"""How many ids of a block are looked at."""

REJECTED_SCHEMA = pa.schema([("line_number", pa.int64()), ("reason", pa.string()), ("row", pa.string())])


@dataclass(frozen=True)
class Fault:
    """Something that is wrong in some rows."""

    mask: TMask
    """The rows with this fault."""
    describe: Callable[[int], Reason]
    """Returns the reason for one of these rows."""
    of_value: bool = False
    """True if only a value is left out, not the row."""


@dataclass(frozen=True)
class Secrecy:
    """Which rejected rows may be kept."""

    personal_data: PersonalData = KEPT
    seats: frozenset[int] = frozenset()
    """Seats that were erased."""
    known: frozenset[int] = frozenset()
    """Rows of the block whose seat is known, if seats were erased."""

    def covered(self, number: int, reason: Reason, text: str) -> tuple[Reason, str | None]:
        """Returns the reason and the text of a rejected row, without what must not be kept."""
        is_of_another = not self.seats or (number in self.known and not names_seat(text, self.seats))
        if self.personal_data.is_kept and is_of_another:
            return reason, text
        return replace(reason, detail=reason.looks), None


@dataclass(frozen=True)
class TypedBlock:
    """The rows of a block, typed, and those that cannot be loaded."""

    block: Block
    batch: pa.RecordBatch
    numbers: TInts
    """Which of the block's rows are in the batch."""
    reasons: dict[int, Reason]
    """Why others are rejected."""
    gaps: dict[int, list[Reason]]
    """Why values are missing in rows of the batch, by the number of the row."""
    outside: TMask
    """Which rows of the batch have a date outside the days asked for, or none."""
    headers: int
    """How many rows were left out because they repeat the header."""
    erased: int
    """How many rows were left out as they are of seats that were erased."""
    other_days: int
    """How many rows were left out as their days are not wanted of this file."""
    secret: Secrecy
    """What must not be shown of rejected rows."""
    clues: Clues
    """What the values show about the style of the file."""
    mended: int = 0
    """How many names are kept with a replacement mark."""
    before: int = 0
    """How many rows are dated before the days asked for."""
    after: int = 0
    """How many rows are dated after them."""
    next_days: int = 0
    """How many rows are rejected that are dated on a day next to them."""

    def without(self, places: TInts, reasons: dict[int, Reason]) -> "TypedBlock":
        """Returns the block without some rows. Those with a reason are rejected, the others are left out."""
        stays = np.ones(len(self.numbers), np.bool_)
        stays[places] = False
        left = set(self.numbers[places].tolist()) if self.gaps else set()
        return replace(
            self,
            batch=self.batch.filter(pa.array(stays)),
            numbers=self.numbers[stays],
            reasons=self.reasons | {int(self.numbers[place]): reason for place, reason in reasons.items()},
            gaps={number: reasons for number, reasons in self.gaps.items() if number not in left},
            outside=self.outside[stays],
        )

    def lines(self, places: TInts) -> TInts:
        """Returns the lines of the file on which rows of the batch begin."""
        return self.block.lines(self.block.rows.starts[self.numbers[places]])

    def rejected(self) -> list[tuple[int, Reason, str | None]]:
        """Returns the rejected rows and values in the order of the file: line, reason and text of the row.

        If the text must not be kept, it is None, and the reason names no value.
        """
        if not self.reasons and not self.gaps:
            return []
        found = [(number, reason) for number, reason in self.reasons.items()]
        found += [(number, reason) for number, reasons in self.gaps.items() for reason in reasons]
        found.sort(key=lambda one: one[0])
        rows = self.block.rows
        numbers = [number for number, _ in found]
        starts, ends = rows.starts[numbers], rows.ends[numbers]
        lines = self.block.lines(starts).tolist()
        texts = [as_text(self.block.buffer[start:end]) for start, end in zip(starts, ends, strict=True)]
        return [
            (line, *self.secret.covered(number, reason, text))
            for line, (number, reason), text in zip(lines, found, texts, strict=True)
        ]


@dataclass
class _Typing:
    """The columns of a block while they are being typed."""

    parsed: ParsedBlock
    layout: Layout
    request: ReadRequest
    styles: Mapping[str, Style]
    columns: dict[str, pa.Array] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    clues: Clues = field(default_factory=Clues)
    mended: int = 0
    dates: pa.Array = None
    """The day of each row."""
    inside: TMask = field(default_factory=lambda: np.zeros(0, np.bool_))
    """A mask of the rows whose day was asked for."""

    def type_columns(self) -> None:
        """Types all columns."""
        day = self.layout.day_field
        for one in self.layout.fields:
            if one.name in DERIVED:
                # it keeps its place until the days are known
                self.columns[one.name] = None
            elif one.position is None:
                stamp = None if one.nullable else self.request.last_day
                self.columns[one.name] = pa.repeat(pa.scalar(stamp, ARROW_TYPES[one.type]), len(self.parsed.numbers))
            else:
                texts = self.parsed.columns[one.position]
                style = self.styles.get(one.name, DOCUMENTED)
                typed = self._type(one, texts, style)
                if one == day:
                    self.dates = typed.values.cast(pa.date32())
                    self.inside = are_inside(days_of(self.dates), self.request)
                    self._note_days(one, texts, typed, style)
        if day.position is None:
            self.dates = self.columns[self.layout.export.day_column].cast(pa.date32())
            self.inside = are_inside(days_of(self.dates), self.request)
        self.columns |= {name: self.dates for name in DERIVED if name in self.columns}

    def _type(self, column: Field, texts: pa.StringArray, style: Style) -> Typed:
        """Types a column, and adds its faults. Messages may show values that name nobody."""
        typed = self._type_text(column, texts) if column.type == "text" else type_texts(texts, column.type, style)
        values, wrong = typed.values, typed.wrong
        if wrong is not None and column.type != "text":
            shown = self.request.personal_data.is_kept and not self.request.erased_seats
            self.faults.append(_unreadable(column, texts, wrong, shown))
        if not column.nullable and values.null_count:
            missing = is_null(values) if wrong is None else is_null(values) & ~wrong
            if missing.any():
                self.faults.append(Fault(missing, lambda row: Reason(f"{column.name} is empty")))
        if typed.marks is not None and (typed.marks.shown or typed.marks.open):
            self.clues.marks[column.name] = typed.marks
        if column.personal is not None:
            values = self.request.personal_data.cover(values, column.personal)
        self.columns[column.name] = values
        return typed

    def _type_text(self, column: Field, texts: pa.StringArray) -> Typed:
        """Types a text. Where bytes are not text, a name keeps a mark for them, and any other column loses the value.

        An id that a spreadsheet has rounded is none.
        """
        if column.name in IDS and (rounded := _find_rounded(texts)) is not None:
            cause = f"{column.name} is a number that a spreadsheet has rounded"
            return self._without(column, texts, rounded, cause)
        if self.parsed.marred is None:
            return Typed(texts)
        has_mark = pc.fill_null(pc.match_substring(texts, REPLACEMENT), False).to_numpy(zero_copy_only=False)
        marred = self.parsed.marred & has_mark
        if column.personal == "name":
            self.mended += _count(marred)
            return Typed(texts)
        if not marred.any():
            return Typed(texts)
        return self._without(column, texts, marred, f"{column.name} is not valid UTF-8")

    def _without(self, column: Field, texts: pa.StringArray, wrong: TMask, cause: str) -> Typed:
        """Returns texts without those that are wrong, and adds the fault."""
        reason = Reason(cause, column=column.name if column.nullable else None)
        self.faults.append(Fault(wrong, lambda row: reason, column.nullable))
        return Typed(pc.if_else(pa.array(wrong), pa.scalar(None, pa.string()), texts), wrong)

    def _note_days(self, column: Field, texts: pa.StringArray, typed: Typed, style: Style) -> None:
        days = days_of(self.dates)
        self.clues.orders[column.name] = find_order_clues(
            texts, typed, days, self.inside, column.type, style, self.request
        )
        if typed.without_clock:
            self.clues.without_clock[column.name] = typed.without_clock


def type_block(
    block: Block, layout: Layout, request: ReadRequest, styles: Mapping[str, Style] = MappingProxyType({})
) -> TypedBlock:
    """Types the rows of a block.

    Args:
        block: the block.
        layout: the columns of the file.
        request: what the file is to be read as.
        styles: the styles of columns, where they are not the documented one.
    """
    parsed = parse(block, layout.width, layout.header)
    typing = _Typing(parsed, layout, request, styles)
    typing.type_columns()
    columns, faults, outside = typing.columns, typing.faults, ~typing.inside
    if faults:
        faults.insert(0, Fault(_find_other_headers(parsed, layout, faults), lambda row: OTHER_HEADER))
    next_days = 0
    if layout.export.strict_days and outside.any():
        days = days_of(typing.dates)
        strays = outside & ~are_among(days, request.kept_next_days)
        next_days = _count(strays & are_among(days, request.next_days))
        faults.append(Fault(strays, lambda row: OUTSIDE))
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    erased = _find_erased(columns, request.erased_seats)
    other_days = _find_other_days(typing.dates, erased, request)
    left_out = _either(erased, other_days)
    if left_out is not None:
        faults = [replace(fault, mask=fault.mask & ~left_out) for fault in faults]
    known = parsed.numbers[~is_null(columns[SEAT])].tolist() if erased is not None else ()
    before, after = find_strays(typing.dates, request) if outside.any() else (0, 0)
    typed = TypedBlock(
        block=block,
        batch=batch,
        numbers=parsed.numbers,
        reasons=parsed.reasons,
        gaps=_find_gaps(faults, parsed.numbers),
        outside=outside,
        headers=parsed.headers,
        erased=_count(erased),
        other_days=_count(other_days),
        secret=Secrecy(request.personal_data, frozenset(request.erased_seats), frozenset(known)),
        clues=typing.clues,
        mended=typing.mended,
        before=before,
        after=after,
        next_days=next_days,
    )
    of_rows = [fault for fault in faults if not fault.of_value]
    if of_rows or left_out is not None:
        rows, reasons = _describe(of_rows) if of_rows else (np.zeros(0, np.int64), {})
        more = np.flatnonzero(left_out) if left_out is not None else rows[:0]
        typed = typed.without(np.union1d(rows, more), reasons)
    return replace(typed, batch=typed.batch.cast(layout.schema))


def _find_rounded(ids: pa.StringArray) -> TMask | None:
    """Returns a mask of ids such as 6.14087E+18, None if the first ones are no such numbers: a spreadsheet rounds them all."""
    if not any(one and _ROUNDED.fullmatch(one) for one in ids.slice(0, _FIRST).to_pylist()):
        return None
    found = pc.fill_null(pc.match_substring_regex(ids, f"^(?:{_ROUNDED.pattern})$"), False)
    return cast(TMask, found.to_numpy(zero_copy_only=False))


def _find_erased(columns: dict[str, pa.Array], seats: Collection[int]) -> TMask | None:
    """Returns a mask of the rows of erased seats, None if none are erased."""
    if not seats or SEAT not in columns:
        return None
    found = pc.is_in(columns[SEAT], pa.array(seats, pa.int64()))
    return cast(TMask, found.to_numpy(zero_copy_only=False))


def _find_other_days(dates: pa.Array, erased: TMask | None, request: ReadRequest) -> TMask | None:
    """Returns a mask of the rows whose days are not wanted of this file, None if all are wanted.

    Rows without a day are not wanted either, unless a row must have one: then they are rejected.
    """
    if request.only is None:
        return None
    days = days_of(dates)
    others = ~are_among(days, request.only)
    if request.export.strict_days:
        others &= are_inside(days, request)
    return others if erased is None else others & ~erased


def _either(one: TMask | None, other: TMask | None) -> TMask | None:
    """Returns a mask of what is in either of two."""
    if one is None or other is None:
        return one if other is None else other
    return one | other


def _count(mask: TMask | None) -> int:
    return 0 if mask is None else int(np.count_nonzero(mask))


def _unreadable(field: Field, texts: pa.StringArray, wrong: TMask, shown: bool) -> Fault:
    cause = f"{field.name} is not {EXPECTED[field.type]}"
    column = field.name if field.nullable else None

    def describe(row: int) -> Reason:
        value = texts[row].as_py()
        looks = f", e.g. {shorten(value)!r}" if shown and means_nobody(value) else f", like {shape(value, True)!r}"
        return Reason(cause, f": {shorten(value)}", column, looks)

    return Fault(wrong, describe, field.nullable)


def _find_other_headers(parsed: ParsedBlock, layout: Layout, faults: list[Fault]) -> TMask:
    """Returns a mask of the rows with faults that are headers, with any columns in any order."""
    headers: TMask = np.logical_or.reduce([fault.mask for fault in faults])
    for column in layout.fields:
        if column.position is not None and not column.nullable and headers.any():
            texts = parsed.columns[column.position].filter(pa.array(headers)).dictionary_encode()
            is_name = [layout.export.has_spelling(text) for text in texts.dictionary.to_pylist()] + [False]
            named = np.array(is_name)[pc.fill_null(texts.indices, len(is_name) - 1).to_numpy()]
            headers[np.flatnonzero(headers)] = named
    return headers


def _find_gaps(faults: list[Fault], numbers: TInts) -> dict[int, list[Reason]]:
    """Returns why values are left out, by the number of the row."""
    gaps: dict[int, list[Reason]] = {}
    for fault in faults:
        if fault.of_value:
            for row in np.flatnonzero(fault.mask).tolist():
                gaps.setdefault(int(numbers[row]), []).append(fault.describe(row))
    return gaps


def _describe(faults: list[Fault]) -> tuple[TInts, dict[int, Reason]]:
    """Returns the rows that have faults, and the first fault of each."""
    rows = np.flatnonzero(np.logical_or.reduce([fault.mask for fault in faults]))
    return rows, {row: next(fault.describe(row) for fault in faults if fault.mask[row]) for row in rows.tolist()}

"""A block typed: the rows as they are loaded, and those that are rejected, each with its reason."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.personal_data import KEPT, PersonalData, names_seat
from salesnav_source.reader.arrays import TInts, TMask, is_null
from salesnav_source.reader.header import DERIVED, Field, Layout
from salesnav_source.reader.parsing import ParsedBlock, parse
from salesnav_source.reader.rejections import OTHER_HEADER, OUTSIDE, Reason
from salesnav_source.reader.rows import Block, as_text, means_nobody, shape, shorten
from salesnav_source.reader.values import ARROW_TYPES, EXPECTED, empty_as_null, type_texts

SEAT = "seat_id"
"""The column that tells whose a row is."""

REJECTED_SCHEMA = pa.schema([("line_number", pa.int64()), ("reason", pa.string()), ("row", pa.string())])


@dataclass(frozen=True)
class Fault:
    """Something that is wrong in some rows."""

    mask: TMask
    """In which."""
    describe: Callable[[int], Reason]
    """What it is in one of them."""
    of_value: bool = False
    """Whether it only costs a value."""


@dataclass(frozen=True)
class Secrecy:
    """Which rejected rows may be kept."""

    personal_data: PersonalData = KEPT
    seats: frozenset[int] = frozenset()
    """Seats that were erased."""
    known: frozenset[int] = frozenset()
    """Rows of the block of which it is known whose they are, where seats were erased: of another seat."""

    def covered(self, number: int, reason: Reason, text: str) -> tuple[Reason, str | None]:
        """Returns why a row was rejected and what stands in it, without what may not be kept."""
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
    """Which rows of the batch are dated outside the days asked for, or not at all."""
    headers: int
    """How many rows were left out as they repeat the header."""
    erased: int
    """How many rows were left out as they are of seats that were erased."""
    secret: Secrecy
    """What of rejected rows must not be shown."""

    def without(self, places: TInts, reasons: dict[int, Reason]) -> "TypedBlock":
        """Returns this without some rows of the batch; those with a reason are rejected, the others left out."""
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
        """Returns what is rejected, rows and values, in the order of the file: the line, why, and the row as it stands.

        The row is None, and the reason names no value, where they may not be kept.
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


def type_block(
    block: Block,
    layout: Layout,
    first_day: date,
    last_day: date,
    personal_data: PersonalData = KEPT,
    erased_seats: Collection[int] = (),
) -> TypedBlock:
    """Types the rows of a block.

    Args:
        block: the block.
        layout: the columns of the file.
        first_day: first of the days asked for.
        last_day: last of the days asked for.
        personal_data: what becomes of personal data.
        erased_seats: seats of which no row is loaded.
    """
    parsed = parse(block, layout.width, layout.header)
    columns: dict[str, pa.Array] = {}
    faults: list[Fault] = []
    for field in layout.fields:
        if field.name in DERIVED:
            columns[field.name] = columns[DERIVED[field.name]].cast(pa.date32())
        elif field.position is None:
            stamp = None if field.nullable else last_day
            columns[field.name] = pa.repeat(pa.scalar(stamp, ARROW_TYPES[field.type]), len(parsed.numbers))
        else:
            shown = personal_data.is_kept and not erased_seats
            columns[field.name] = _type_field(field, parsed.columns[field.position], faults, shown)
            if field.personal is not None:
                columns[field.name] = personal_data.cover(columns[field.name], field.personal)
    if faults:
        faults.insert(0, Fault(_find_other_headers(parsed, layout, faults), lambda row: OTHER_HEADER))
    outside = _find_outside(columns[layout.export.day_column], first_day, last_day)
    if layout.export.strict_days and outside.any():
        faults.append(Fault(outside, lambda row: OUTSIDE))
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    erased = _find_erased(columns, erased_seats)
    if erased is not None:
        faults = [replace(fault, mask=fault.mask & ~erased) for fault in faults]
    gaps = _find_gaps(faults, parsed.numbers)
    known = parsed.numbers[~is_null(columns[SEAT])].tolist() if erased is not None else ()
    secret = Secrecy(personal_data, frozenset(erased_seats), frozenset(known))
    typed = TypedBlock(
        block, batch, parsed.numbers, parsed.reasons, gaps, outside, parsed.headers, _count(erased), secret
    )
    of_rows = [fault for fault in faults if not fault.of_value]
    if of_rows or typed.erased:
        rows, reasons = _describe(of_rows) if of_rows else (np.zeros(0, np.int64), {})
        more = np.flatnonzero(erased) if erased is not None else rows[:0]
        typed = typed.without(np.union1d(rows, more), reasons)
    return replace(typed, batch=typed.batch.cast(layout.schema))


def _type_field(field: Field, texts: pa.StringArray, faults: list[Fault], shown: bool) -> pa.Array:
    """Returns a column typed, and adds its faults; messages may show values that mean nobody if `shown`."""
    given = texts if field.type == "text" and field.nullable else empty_as_null(texts)
    values, wrong = type_texts(given, field.type)
    if wrong is not None:
        faults.append(_unreadable(field, texts, wrong, shown))
    if not field.nullable and values.null_count:
        missing = is_null(values) if wrong is None else is_null(values) & ~wrong
        if missing.any():
            faults.append(Fault(missing, lambda row: Reason(f"{field.name} is empty")))
    return values


def _find_erased(columns: dict[str, pa.Array], seats: Collection[int]) -> TMask | None:
    """Returns which rows are of erased seats, None if there are none."""
    if not seats or SEAT not in columns:
        return None
    found = pc.is_in(columns[SEAT], pa.array(seats, pa.int64()))
    return cast(TMask, found.to_numpy(zero_copy_only=False))


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
    """Returns which of the rows with faults are headers, of whatever columns in whatever order."""
    headers: TMask = np.logical_or.reduce([fault.mask for fault in faults])
    for field in layout.fields:
        if field.position is not None and not field.nullable and headers.any():
            texts = parsed.columns[field.position].filter(pa.array(headers)).dictionary_encode()
            is_name = [layout.export.has_spelling(text) for text in texts.dictionary.to_pylist()] + [False]
            named = np.array(is_name)[pc.fill_null(texts.indices, len(is_name) - 1).to_numpy()]
            headers[np.flatnonzero(headers)] = named
    return headers


def _find_outside(dates: pa.Array, first_day: date, last_day: date) -> TMask:
    """Returns which dates or timestamps are null or not within the days."""
    days = dates.cast(pa.date32())
    inside = pc.and_(pc.greater_equal(days, pa.scalar(first_day)), pc.less_equal(days, pa.scalar(last_day)))
    return cast(TMask, pc.invert(pc.fill_null(inside, False)).to_numpy(zero_copy_only=False))


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

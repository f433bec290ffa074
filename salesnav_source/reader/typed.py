"""A block typed: the rows as they are loaded, and those that are rejected, each with its reason."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.reader.arrays import TInts, TMask, is_null
from salesnav_source.reader.header import DERIVED, Field, Layout
from salesnav_source.reader.parsing import parse
from salesnav_source.reader.rows import Block, as_text, shorten
from salesnav_source.reader.values import ARROW_TYPES, EXPECTED, empty_as_null, type_texts

TFault = tuple[TMask, Callable[[int], str]]
"""In which rows something is wrong, and what it is in one of them."""

REJECTED_SCHEMA = pa.schema([("line_number", pa.int64()), ("reason", pa.string()), ("row", pa.string())])


@dataclass(frozen=True)
class TypedBlock:
    """The rows of a block, typed, and those that cannot be loaded."""

    block: Block
    batch: pa.RecordBatch
    numbers: TInts
    """Which of the block's rows are in the batch."""
    reasons: dict[int, str]
    """Why the others are rejected."""
    outside: TMask
    """Which rows of the batch are dated outside the days asked for, or not at all."""

    def without(self, places: TInts, reasons: dict[int, str]) -> "TypedBlock":
        """Returns this without some rows of the batch; those with a reason are rejected, the others left out."""
        stays = np.ones(len(self.numbers), np.bool_)
        stays[places] = False
        return replace(
            self,
            batch=self.batch.filter(pa.array(stays)),
            numbers=self.numbers[stays],
            reasons=self.reasons | {int(self.numbers[place]): reason for place, reason in reasons.items()},
            outside=self.outside[stays],
        )

    def lines(self, places: TInts) -> TInts:
        """Returns the lines of the file on which rows of the batch begin."""
        return self.block.lines(self.block.rows.starts[self.numbers[places]])

    def rejected_batch(self) -> pa.RecordBatch:
        """Returns the rejected rows as they stand in the file."""
        numbers, rows = sorted(self.reasons), self.block.rows
        starts, ends = rows.starts[numbers], rows.ends[numbers]
        texts = [as_text(self.block.buffer[start:end]) for start, end in zip(starts, ends, strict=True)]
        columns = [pa.array(self.block.lines(starts)), [self.reasons[number] for number in numbers], texts]
        return pa.record_batch(columns, schema=REJECTED_SCHEMA)


def type_block(block: Block, layout: Layout, first_day: date, last_day: date) -> TypedBlock:
    """Types the rows of a block."""
    parsed = parse(block, layout.width)
    columns: dict[str, pa.Array] = {}
    faults: list[TFault] = []
    for field in layout.fields:
        if field.name in DERIVED:
            columns[field.name] = columns[DERIVED[field.name]].cast(pa.date32())
        elif field.position is None:
            stamp = None if field.nullable else last_day
            columns[field.name] = pa.repeat(pa.scalar(stamp, ARROW_TYPES[field.type]), len(parsed.numbers))
        else:
            columns[field.name] = _type_field(field, parsed.columns[field.position], faults)
    outside = _find_outside(columns[layout.export.day_column], first_day, last_day)
    if layout.export.strict_days and outside.any():
        faults.append((outside, lambda row: "outside the days asked for"))
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    typed = TypedBlock(block, batch, parsed.numbers, parsed.reasons, outside)
    if faults:
        typed = typed.without(*_describe(faults))
    return replace(typed, batch=typed.batch.cast(layout.schema))


def _type_field(field: Field, texts: pa.StringArray, faults: list[TFault]) -> pa.Array:
    """Returns a column typed, and adds its faults."""
    given = texts if field.type == "text" and field.nullable else empty_as_null(texts)
    if not field.nullable and given.null_count:
        faults.append((is_null(given), lambda row: f"{field.name} is empty"))
    values, wrong = type_texts(given, field.type)
    if wrong is not None:
        expected = EXPECTED[field.type]
        faults.append((wrong, lambda row: f"{field.name} is not {expected}: {shorten(texts[row].as_py())}"))
    return values


def _find_outside(dates: pa.Array, first_day: date, last_day: date) -> TMask:
    """Returns which dates or timestamps are null or not within the days."""
    days = dates.cast(pa.date32())
    inside = pc.and_(pc.greater_equal(days, pa.scalar(first_day)), pc.less_equal(days, pa.scalar(last_day)))
    return cast(TMask, pc.invert(pc.fill_null(inside, False)).to_numpy(zero_copy_only=False))


def _describe(faults: list[TFault]) -> tuple[TInts, dict[int, str]]:
    """Returns the rows that have faults, and the first fault of each."""
    rows = np.flatnonzero(np.logical_or.reduce([mask for mask, _ in faults]))
    return rows, {row: next(describe(row) for mask, describe in faults if mask[row]) for row in rows.tolist()}

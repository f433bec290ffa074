"""Turns texts into the Arrow values of each column type."""

from dataclasses import dataclass

import pyarrow as pa

from salesnav_source.linkedin.reader.arrays import TMask
from salesnav_source.linkedin.reader.numbers import type_bigint, type_double
from salesnav_source.linkedin.reader.styles import DOCUMENTED, MarkClues, Style
from salesnav_source.linkedin.reader.times import TIMES, type_times
from salesnav_source.schema import FORMS, TColumnType

ARROW_TYPES: dict[TColumnType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    **TIMES,
    "bool": pa.bool_(),
}

_NOUNS: dict[TColumnType, str] = {"timestamp": "a time", "date": "a day"}

EXPECTED: dict[TColumnType, str] = {
    "bigint": "an integer of 64 bits",
    "double": "a number",
    **{kind: f"{noun} of the form {' or '.join(form.name for form in FORMS[kind])}" for kind, noun in _NOUNS.items()},
}
"""What a text of each type must be, for messages."""


@dataclass(frozen=True)
class Typed:
    """A column, typed."""

    values: pa.Array
    wrong: TMask | None = None
    """A mask of the texts that cannot be read, None if there are none."""
    marks: MarkClues | None = None
    """What whole numbers show about the marks between their digits."""
    ordered: TMask | None = None
    """A mask of the days and times whose day depends on the order of month and day."""
    without_clock: int = 0
    """How many times have no time of day."""


def type_texts(texts: pa.StringArray, column_type: TColumnType, style: Style = DOCUMENTED) -> Typed:
    """Returns texts as values of a column of this type; null stays null."""
    if column_type == "bigint":
        marks = MarkClues()
        return Typed(*type_bigint(texts, style, marks), marks=marks)
    if column_type == "double":
        return Typed(*type_double(texts))
    if column_type in TIMES:
        times = type_times(texts, column_type, style.day_first)
        return Typed(times.values, times.wrong, None, times.ordered, times.without_clock)
    return Typed(texts)

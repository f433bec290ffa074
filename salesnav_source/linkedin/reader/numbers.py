"""Reads numbers, whatever marks are between their digits."""

import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.linkedin.reader.arrays import TMask, is_null
from salesnav_source.linkedin.reader.styles import COMMA, DOT, MarkClues, Style
from salesnav_source.schema import FORMS, TColumnType, is_no_value

TTyped = tuple[pa.Array, TMask | None]
"""A typed column, and a mask of the texts that cannot be read, None if there are none."""

# pa.scalar would import pandas, which a run without files does without
_NO_TEXT = pa.nulls(1, pa.string())[0]
_OTHER_MARKS = re.compile("[ '\u00a0\u202f\u2019]")
"""Marks that only group digits."""
_PATTERNS: dict[TColumnType, list[re.Pattern[str]]] = {
    "bigint": [re.compile(form.pattern) for form in FORMS["bigint"]],
    "double": [re.compile(form.pattern) for form in FORMS["double"]],
}
# a fraction is not a whole number, but shows that its mark is a decimal one
_PATTERNS["bigint"].append(re.compile("[+-]?[0-9]+[.,][0-9]*"))


def type_bigint(texts: pa.StringArray, style: Style, clues: MarkClues) -> TTyped:
    """Returns texts as whole numbers, and adds what they show to the clues."""
    # the usual numbers are found without a look at each text, which takes several times as long
    if pc.all(pc.ascii_is_decimal(texts)).as_py() and pc.max(pc.binary_length(texts)).as_py() <= 18:
        return texts.cast(pa.int64()), None
    return _type_numbers(texts, "^-?[0-9]{1,18}$", "bigint", lambda text, count: _to_int(text, style, clues, count))


def type_double(texts: pa.StringArray) -> TTyped:
    """Returns texts as numbers with fractions.

    A single dot or comma is a decimal mark: columns of this type have values up to a hundred, so no value groups digits.
    """
    return _type_numbers(texts, r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$", "double", lambda text, count: _to_float(text))


def _type_numbers(
    texts: pa.StringArray, plain: str, column_type: TColumnType, convert: Callable[[str, int], int | float | None]
) -> TTyped:
    """Casts all plain numbers at once, and converts the others one by one."""
    is_plain = pc.fill_null(pc.match_substring_regex(texts, plain), True)
    values = pc.if_else(is_plain, texts, _NO_TEXT).cast(pa.int64() if column_type == "bigint" else pa.float64())
    if pc.all(is_plain, min_count=0).as_py():
        return values, None

    def read(text: str, count: int) -> int | float | None:
        text = text.strip()
        return convert(text, count) if any(one.fullmatch(text) for one in _PATTERNS[column_type]) else None

    is_odd = pc.invert(is_plain)
    odd = texts.filter(is_odd).dictionary_encode()
    counts = {one["values"]: one["counts"] for one in pc.value_counts(odd.indices).to_pylist()}
    found = [read(text, counts[place]) for place, text in enumerate(odd.dictionary.to_pylist())]
    values = pc.replace_with_mask(values, is_odd, pa.array(found, values.type).take(odd.indices))
    return values, unread(texts, is_null(values))


def _to_int(text: str, style: Style, clues: MarkClues, count: int) -> int | None:
    """Returns a whole number of the declared forms; None if the text is not one in this style."""
    text = _OTHER_MARKS.sub("x", text)
    first = next((one for one in text if one in (DOT, COMMA)), None)
    last = next((one for one in reversed(text) if one in (DOT, COMMA)), None)
    if first is None or last is None:
        return _whole(text)
    before, _, behind = text.rpartition(last)
    if first != last:
        clues.shown |= {(first, "group"), (last, "fraction")}
    elif last in before:
        clues.shown.add((last, "group"))
        return _whole(text)
    elif re.fullmatch("[+-]?[1-9][0-9]{0,2}", before) and len(behind) == 3:
        clues.open[last] = clues.open.get(last, 0) + count
        if behind.strip("0"):
            # it cannot be a fraction in a column of whole numbers
            clues.shown.add((last, "group"))
        role = style.role(last)
        if role == "unknown" or (role == "fraction" and behind.strip("0")):
            return None
        return _whole(text if role == "group" else before)
    else:
        clues.shown.add((last, "fraction"))
    return None if behind.strip("0") else _whole(before)


def _whole(text: str) -> int | None:
    digits = re.sub("[^0-9]", "", text).lstrip("0")
    # the length comes first, because Python refuses to read thousands of digits
    if len(digits) > 19:
        return None
    value = int(digits or "0") * (-1 if text.startswith("-") else 1)
    return value if -(2**63) <= value < 2**63 else None


def _to_float(text: str) -> float | None:
    text = _OTHER_MARKS.sub("", text)
    marks = [one for one in text if one in (DOT, COMMA)]
    if marks:
        # of two kinds of marks the last one is the decimal mark; several of one kind group digits
        last = marks[-1] if len(set(marks)) > 1 or len(marks) == 1 else None
        text = "".join(DOT if one == last else one for one in text if one == last or one not in (DOT, COMMA))
    value = float(text)
    return value if abs(value) != float("inf") else None


def unread(texts: pa.StringArray, missing: TMask) -> TMask | None:
    """Returns a mask of the texts that could not be read, None if there are none.

    Args:
        texts: the texts.
        missing: those without a typed value.
    """
    wrong = missing & ~is_null(texts)
    if not wrong.any():
        return None
    distinct = texts.filter(pa.array(wrong)).dictionary_encode()
    known = pa.array([is_no_value(text) for text in distinct.dictionary.to_pylist()], pa.bool_())
    wrong[wrong] = ~known.take(distinct.indices).to_numpy(zero_copy_only=False)
    return wrong if wrong.any() else None

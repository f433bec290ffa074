"""Texts as numbers, dates and times: for each type of column, what it is in Arrow and how it may be written."""

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.reader.arrays import TInts, TMask, is_null, text_bytes
from salesnav_source.schema import FORMS, TColumnType, is_no_value

TTyped = tuple[pa.Array, TMask | None]
"""A typed column, and where texts stood that cannot be typed, None if nowhere."""

ARROW_TYPES: dict[TColumnType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "bool": pa.bool_(),
}

_NOUNS: dict[TColumnType, str] = {"timestamp": "a time", "date": "a day"}

EXPECTED: dict[TColumnType, str] = {
    "bigint": "an integer of 64 bits",
    "double": "a number",
    **{kind: f"{noun} of the form {' or '.join(form.name for form in FORMS[kind])}" for kind, noun in _NOUNS.items()},
}
"""What a text must be to be of a type."""

_NO_TEXT = pa.scalar(None, pa.string())


def type_texts(texts: pa.StringArray, column_type: TColumnType) -> TTyped:
    """Returns texts, where null is no value, as what a column of this type holds."""
    return _TYPE[column_type](texts)


def empty_as_null(texts: pa.StringArray) -> pa.StringArray:
    """Returns the texts with null instead of empty text."""
    empty = pc.equal(pc.binary_length(texts), 0)
    return pc.if_else(empty, _NO_TEXT, texts) if pc.any(empty).as_py() else texts


def _type_text(texts: pa.StringArray) -> TTyped:
    return texts, None


def _type_bigint(texts: pa.StringArray) -> TTyped:
    # the usual numbers are known without looking at each text, which takes several times as long
    if pc.all(pc.ascii_is_decimal(texts)).as_py() and pc.max(pc.binary_length(texts)).as_py() <= 18:
        return texts.cast(pa.int64()), None
    return _type_numbers(texts, "^-?[0-9]{1,18}$", "bigint", _to_int)


def _type_double(texts: pa.StringArray) -> TTyped:
    return _type_numbers(texts, r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$", "double", _to_float)


def _type_numbers(
    texts: pa.StringArray, plain: str, column_type: TColumnType, convert: Callable[[str], int | float | None]
) -> TTyped:
    """Casts the texts that are plainly written as a whole, and converts each of the others by itself."""
    is_plain = pc.fill_null(pc.match_substring_regex(texts, plain), True)
    values = pc.if_else(is_plain, texts, _NO_TEXT).cast(ARROW_TYPES[column_type])
    if pc.all(is_plain, min_count=0).as_py():
        return values, None
    patterns = [re.compile(form.pattern) for form in FORMS[column_type]]

    def read(text: str) -> int | float | None:
        text = text.strip()
        return convert(_MARKS.sub("", text)) if any(pattern.fullmatch(text) for pattern in patterns) else None

    is_odd = pc.invert(is_plain)
    odd = texts.filter(is_odd).dictionary_encode()
    converted = pa.array([read(text) for text in odd.dictionary.to_pylist()], values.type).take(odd.indices)
    values = pc.replace_with_mask(values, is_odd, converted)
    return values, _unread(texts, is_null(values))


_MARKS = re.compile("[, '\u00a0\u202f\u2019]")
"""What groups the digits of a number."""


def _to_int(text: str) -> int | None:
    digits = text.partition(".")[0].lstrip("+-0")
    # the length is looked at first, as Python refuses to read thousands of digits
    if len(digits) > 19:
        return None
    value = int(digits or "0") * (-1 if text.startswith("-") else 1)
    return value if -(2**63) <= value < 2**63 else None


def _to_float(text: str) -> float | None:
    value = float(text)
    return value if abs(value) != float("inf") else None


def _unread(texts: pa.StringArray, missing: TMask) -> TMask | None:
    """Returns where a text stands for a value of which there is none, None if nowhere."""
    wrong = missing & ~is_null(texts)
    if not wrong.any():
        return None
    left = texts.filter(pa.array(wrong)).dictionary_encode()
    is_value = np.array([not is_no_value(text) for text in left.dictionary.to_pylist()])
    wrong[np.flatnonzero(wrong)] = is_value[left.indices.to_numpy()]
    return wrong if wrong.any() else None


def _type_date(texts: pa.StringArray) -> TTyped:
    # few days are written in a file, however many rows it has
    distinct = texts.dictionary_encode()
    values = _read_forms(distinct.dictionary, "date").take(distinct.indices)
    return values, _unread(texts, is_null(values))


def _read_forms(texts: pa.StringArray, column_type: TColumnType) -> pa.Array:
    """Returns the days or times that texts tell in any of the forms of a type, null where they tell none."""
    texts = pc.utf8_trim_whitespace(texts)
    values = pa.nulls(len(texts), ARROW_TYPES[column_type])
    for form in FORMS[column_type]:
        if values.null_count:
            parts = pc.extract_regex(texts, f"^(?:{form.pattern})$")
            values = pc.coalesce(values, _from_parts(parts, column_type))
    return values


def _from_parts(parts: pa.StructArray, column_type: TColumnType) -> pa.Array:
    """Returns the days or times that the parts of texts make, null where there is no such day or time."""
    given = {field.name: pc.struct_field(parts, field.name) for field in parts.type}
    right = ~is_null(parts)

    def number(name: str, usual: int = 0) -> TInts:
        if name not in given:
            return np.full(len(parts), usual)
        filled = pc.if_else(pc.equal(pc.binary_length(given[name]), 0), str(usual), given[name])
        numbers: TInts = pc.fill_null(filled.cast(pa.int64()), usual).to_numpy(zero_copy_only=False)
        return numbers

    if "milliseconds" in given:
        moments = number("milliseconds") * 1000
    else:
        year, month = number("year", 1), number("month", 1)
        right &= (year >= 1) & (month >= 1) & (month <= 12)
        months = np.where(right, 12 * year + month - 1, 0)
        days = _FIRST_DAYS[months] + number("day", 1) - 1
        right &= (number("day", 1) >= 1) & (days < _FIRST_DAYS[months + 1])
        hour, minute, second = number("hour"), number("minute"), number("second")
        right &= (hour <= 23) & (minute <= 59) & (second <= 59)
        seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
        if "fraction" in given:
            given["fraction"] = pc.utf8_slice_codeunits(pc.utf8_rpad(given["fraction"], 6, "0"), 0, 6)
        moments = seconds * 1_000_000 + number("fraction")
        # the day of a summary is the one that is written, wherever that was
        if column_type == "timestamp":
            moments -= _zone_minutes(given["zone"]) * 60_000_000
    right &= (moments >= _FIRST_MOMENT) & (moments <= _LAST_MOMENT)
    times = pa.array(np.where(right, moments, 0).view("datetime64[us]"), ARROW_TYPES["timestamp"], mask=~right)
    return times.cast(ARROW_TYPES[column_type]) if column_type == "timestamp" else times.cast(pa.date32(), safe=False)


_ALL_TIME = np.array(["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"], "datetime64[us]").astype(np.int64)
_FIRST_MOMENT, _LAST_MOMENT = _ALL_TIME.tolist()
"""The moments that every warehouse knows."""


def _zone_minutes(zones: pa.StringArray) -> TInts:
    """Returns how many minutes zones are before UTC; so many that no moment is left where there is no such zone."""
    distinct = zones.dictionary_encode()
    minutes = np.array([*map(_to_minutes, distinct.dictionary.to_pylist()), 0])
    of_each: TInts = minutes[pc.fill_null(distinct.indices, len(minutes) - 1).to_numpy()]
    return of_each


def _to_minutes(zone: str) -> int:
    digits = zone[1:].replace(":", "")
    if not digits.isdigit():
        return 0
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 15 or minutes > 59:
        return 1 << 36
    return (hours * 60 + minutes) * (-1 if zone.startswith("-") else 1)


_TIME_LENGTH = len("MM-DD-YYYY HH:MM:SS")

_PAIRS = (0, 3, 6, 8, 11, 14, 17)
"""Where month, day, the halves of the year, hour, minute and second begin in a time: two figures each."""

_NO_NUMBER = 100
_NUMBERS = np.full(1 << 16, _NO_NUMBER, np.int8)
"""The number that two characters are, the first one in the lower byte."""
_NUMBERS[[tens | ones << 8 for tens in b"0123456789" for ones in b"0123456789"]] = range(100)

_FIRST_DAYS = np.arange("0000-01", "10000-02", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int64)
"""The first day of each month of the years 0 to 9999, and of the month after them, since the epoch."""


def _type_timestamp(texts: pa.StringArray) -> TTyped:
    fits = np.diff(text_bytes(texts)[0]) == _TIME_LENGTH
    if fits.all():
        times, right = _read_times(texts)
    else:
        times, right = np.zeros(len(texts), "datetime64[us]"), np.zeros(len(texts), np.bool_)
        times[fits], right[fits] = _read_times(texts.filter(pa.array(fits)))
    values = pa.array(times, ARROW_TYPES["timestamp"], mask=~right)
    odd = ~right & ~is_null(texts)
    if not odd.any():
        return values, None
    odd_values = _read_forms(texts.filter(pa.array(odd)), "timestamp")
    values = pc.replace_with_mask(values, pa.array(odd), odd_values)
    return values, _unread(texts, is_null(values))


def _read_times(texts: pa.StringArray) -> tuple[np.ndarray, TMask]:
    """Returns the times that texts of the right length tell, and which of them there are."""
    offsets, data = text_bytes(texts)
    if not len(texts):
        return np.zeros(0, "datetime64[us]"), np.zeros(0, np.bool_)

    def at(place: int, width: int) -> np.ndarray:
        words: np.ndarray = np.ndarray(len(texts), f"<u{width}", data, int(offsets[0]) + place, (_TIME_LENGTH,))
        return words

    month, day, century, year, hour, minute, second = (_NUMBERS[at(place, 2)] for place in _PAIRS)
    right = _are(at(2, 4), b"-??-") & _are(at(10, 8), b" ??:??:?")
    right &= (month >= 1) & (month <= 12) & (day >= 1) & (century < _NO_NUMBER) & (year < _NO_NUMBER)
    right &= (hour <= 23) & (minute <= 59) & (second <= 59)
    months = np.where(right, 12 * (century.astype(np.int64) * 100 + year) + month - 1, 0)
    days = _FIRST_DAYS[months] + day - 1
    # there is no year 0, and a day that its month does not have would be in the next one
    right &= (months >= 12) & (days < _FIRST_DAYS[months + 1])
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return (seconds * 1_000_000).view("datetime64[us]"), right


def _are(words: np.ndarray, pattern: bytes) -> TMask:
    """Returns which words have the bytes of a pattern, in which a question mark stands for any."""
    known = bytes(0 if byte == ord("?") else 255 for byte in pattern)
    wanted = bytes(byte & mask for byte, mask in zip(pattern, known))
    result: TMask = words & np.frombuffer(known, words.dtype)[0] == np.frombuffer(wanted, words.dtype)[0]
    return result


_TYPE: dict[TColumnType, Callable[[pa.StringArray], TTyped]] = {
    "text": _type_text,
    "bigint": _type_bigint,
    "double": _type_double,
    "timestamp": _type_timestamp,
    "date": _type_date,
}

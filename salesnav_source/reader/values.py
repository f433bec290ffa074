"""Texts as numbers, dates and times: for each type of column, what it is in Arrow and how it may be written."""

import re
from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.reader.arrays import TMask, is_null, text_bytes
from salesnav_source.schema import TColumnType

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

EXPECTED: dict[TColumnType, str] = {
    "bigint": "an integer of 64 bits",
    "double": "a number",
    "timestamp": "a time of the form MM-DD-YYYY HH:MM:SS",
    "date": "a day of the form MM-DD-YYYY or YYYY-MM-DD",
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
    return _type_numbers(texts, "^-?[0-9]{1,18}$", _to_int, pa.int64())


def _type_double(texts: pa.StringArray) -> TTyped:
    return _type_numbers(texts, r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$", _to_float, pa.float64())


def _type_numbers(
    texts: pa.StringArray, plain: str, convert: Callable[[str], int | float | None], arrow_type: pa.DataType
) -> TTyped:
    """Casts the texts that are plainly written as a whole, and converts each of the others by itself."""
    is_plain = pc.fill_null(pc.match_substring_regex(texts, plain), True)
    values = pc.if_else(is_plain, texts, _NO_TEXT).cast(arrow_type)
    if pc.all(is_plain, min_count=0).as_py():
        return values, None
    odd = texts.filter(pc.invert(is_plain)).dictionary_encode()
    converted = pa.array([convert(text) for text in odd.dictionary.to_pylist()], arrow_type).take(odd.indices)
    values = pc.replace_with_mask(values, pc.invert(is_plain), converted)
    return values, is_null(values) & ~is_null(texts)


_INTEGER = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _to_int(text: str) -> int | None:
    found = _INTEGER.fullmatch(text.strip(" "))
    # the length is looked at first, as Python refuses to read thousands of digits
    if not found or len(found[1].lstrip("+-0")) > 19:
        return None
    value = int(found[1][:1].strip("0123456789") + (found[1].lstrip("+-0") or "0"))
    return value if -(2**63) <= value < 2**63 else None


def _to_float(text: str) -> float | None:
    if not _DECIMAL.fullmatch(text.strip(" ")):
        return None
    value = float(text)
    return value if abs(value) != float("inf") else None


_DAY_TEXT = (
    r"^([0-9]{2}-[0-9]{2}-[0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)


def _type_date(texts: pa.StringArray) -> TTyped:
    fits = pc.match_substring_regex(texts, _DAY_TEXT)
    days = pc.utf8_slice_codeunits(pc.if_else(fits, texts, _NO_TEXT), 0, 10).dictionary_encode()
    values = pa.array([_to_date(text) for text in days.dictionary.to_pylist()], pa.date32()).take(days.indices)
    wrong = is_null(values) & ~is_null(texts)
    return values, wrong if wrong.any() else None


def _to_date(text: str) -> date | None:
    american = text[2] == "-"
    year, month, day = (text[6:], text[:2], text[3:5]) if american else (text[:4], text[5:7], text[8:])
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


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
    wrong = ~right & ~is_null(texts)
    return pa.array(times, ARROW_TYPES["timestamp"], mask=~right), wrong if wrong.any() else None


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

"""Reads days and times, in whatever form they are written."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.linkedin.reader.arrays import TInts, TMask, is_null, text_bytes
from salesnav_source.linkedin.reader.numbers import unread
from salesnav_source.schema import FORMS, TColumnType

TIMES: dict[TColumnType, pa.DataType] = {"timestamp": pa.timestamp("us", "UTC"), "date": pa.date32()}


@dataclass(frozen=True)
class TypedTimes:
    """A column of days or times, typed."""

    values: pa.Array
    wrong: TMask | None
    """A mask of the texts that cannot be read, None if there are none."""
    ordered: TMask
    """The values whose day follows from the order of month and day."""
    without_clock: int
    """How many times have no time of day."""


def type_times(texts: pa.StringArray, column_type: TColumnType, day_first: bool) -> TypedTimes:
    """Returns texts as days or times. The order of month and day counts for texts that have both before the year."""
    if column_type == "timestamp":
        return _type_timestamp(texts, day_first)
    # a file has few different days, however many rows it has
    distinct = texts.dictionary_encode()
    values, ordered, _ = _read_forms(distinct.dictionary, "date", day_first)
    places = pc.fill_null(distinct.indices, len(distinct.dictionary)).to_numpy(zero_copy_only=False)
    typed = values.take(distinct.indices)
    return TypedTimes(typed, unread(texts, is_null(typed)), np.append(ordered, False)[places], 0)


def _type_timestamp(texts: pa.StringArray, day_first: bool) -> TypedTimes:
    fits = np.diff(text_bytes(texts)[0]) == _TIME_LENGTH
    if fits.all():
        times, right = _read_times(texts, day_first)
    else:
        times, right = np.zeros(len(texts), "datetime64[us]"), np.zeros(len(texts), np.bool_)
        times[fits], right[fits] = _read_times(texts.filter(pa.array(fits)), day_first)
    values = pa.array(times, TIMES["timestamp"], mask=~right)
    odd = ~right & ~is_null(texts)
    if not odd.any():
        return TypedTimes(values, None, right, 0)
    odd_values, ordered, without_clock = _read_forms(texts.filter(pa.array(odd)), "timestamp", day_first)
    values = pc.replace_with_mask(values, pa.array(odd), odd_values)
    right[odd] = ordered
    return TypedTimes(values, unread(texts, is_null(values)), right, without_clock)


def _read_forms(texts: pa.StringArray, column_type: TColumnType, day_first: bool) -> tuple[pa.Array, TMask, int]:
    """Returns the days or times of texts in any declared form, null where a text has none.

    Returns:
        The values, those whose day follows from the order of month and day, and how many times have no time of day.
    """
    texts = pc.utf8_trim_whitespace(texts)
    values = pa.nulls(len(texts), TIMES[column_type])
    ordered, without_clock = np.zeros(len(texts), np.bool_), 0
    for form in FORMS[column_type]:
        if values.null_count:
            parts = pc.extract_regex(texts, f"^(?:{form.pattern})$")
            found = _from_parts(parts, column_type, day_first)
            if form.day_first is not None:
                ordered |= ~is_null(found)
            if "hour" in {part.name for part in parts.type}:
                bare = pc.equal(pc.binary_length(pc.struct_field(parts, "hour")), 0)
                without_clock += pc.sum(pc.and_(bare, pc.is_valid(found))).as_py() or 0
            values = pc.coalesce(values, found)
    return values, ordered, without_clock


class _Parts:
    """The parts of texts that have the form of a day or time, as numbers."""

    def __init__(self, parts: pa.StructArray) -> None:
        self.right = ~is_null(parts)
        """The texts that have the form."""
        self._texts = {part.name: pc.struct_field(parts, part.name) for part in parts.type}

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def text(self, name: str) -> pa.StringArray:
        """Returns a part as it is written."""
        return self._texts[name]

    def number(self, name: str, usual: int = 0) -> TInts:
        """Returns a part as numbers, `usual` where texts do not have it."""
        if name not in self._texts:
            return np.full(len(self.right), usual)
        texts = self._texts[name]
        filled = pc.if_else(pc.equal(pc.binary_length(texts), 0), str(usual), texts)
        numbers: TInts = pc.fill_null(filled.cast(pa.int64()), usual).to_numpy(zero_copy_only=False)
        return numbers


def _from_parts(found: pa.StructArray, column_type: TColumnType, day_first: bool) -> pa.Array:
    """Returns the days or times that the parts of texts make, null where there is no such day or time."""
    parts = _Parts(found)
    right = parts.right
    if "milliseconds" in parts:
        moments = parts.number("milliseconds") * 1000
    else:
        days, is_day = _days(parts, day_first)
        seconds, is_clock = _seconds(parts)
        right = right & is_day & is_clock
        moments = (days * 86_400 + seconds) * 1_000_000
        if "fraction" in parts:
            padded = pc.utf8_slice_codeunits(pc.utf8_rpad(parts.text("fraction"), 6, "0"), 0, 6)
            moments += pc.fill_null(pc.if_else(pc.equal(padded, ""), "0", padded).cast(pa.int64()), 0).to_numpy()
        # the day of a summary is the day as written, whatever the time zone
        if column_type == "timestamp":
            moments -= _zone_minutes(parts.text("zone")) * 60_000_000
    right = right & (moments >= _FIRST_MOMENT) & (moments <= _LAST_MOMENT)
    times = pa.array(np.where(right, moments, 0).view("datetime64[us]"), TIMES["timestamp"], mask=~right)
    return times if column_type == "timestamp" else times.cast(pa.date32(), safe=False)


def _days(parts: _Parts, day_first: bool) -> tuple[TInts, TMask]:
    """Returns the days since 1970 that parts make, and which of them there are."""
    names = ("second", "first") if day_first else ("first", "second")
    year = parts.number("year", 1)
    month, day = (parts.number(name, 1) for name in (names if "first" in parts else ("month", "day")))
    right = (year >= 1) & (month >= 1) & (month <= 12)
    if "mark" in parts:
        alike = pc.equal(parts.text("mark"), parts.text("other_mark"))
        right &= pc.fill_null(alike, False).to_numpy(zero_copy_only=False)
    months = np.where(right, 12 * year + month - 1, 0)
    days = FIRST_DAYS[months] + day - 1
    return days, right & (day >= 1) & (days < FIRST_DAYS[months + 1])


def _seconds(parts: _Parts) -> tuple[TInts, TMask]:
    """Returns the seconds of the day that parts make, and which of them there are."""
    hour, minute, second = (parts.number(name) for name in ("hour", "minute", "second_of_minute"))
    right = (hour <= 23) & (minute <= 59) & (second <= 59)
    if "half" in parts:
        half = pc.fill_null(pc.ascii_lower(parts.text("half")), "")
        halved = pc.not_equal(half, "").to_numpy(zero_copy_only=False)
        right &= ~halved | ((hour >= 1) & (hour <= 12))
        hour = np.where(halved, hour % 12, hour) + 12 * pc.equal(half, "pm").to_numpy(zero_copy_only=False)
    return (hour * 60 + minute) * 60 + second, right


_ALL_TIME = np.array(["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"], "datetime64[us]").astype(np.int64)
_FIRST_MOMENT, _LAST_MOMENT = _ALL_TIME.tolist()
"""The moments that every warehouse knows."""


def _zone_minutes(zones: pa.StringArray) -> TInts:
    """Returns the minutes by which zones are ahead of UTC. An impossible zone gets more minutes than any time has."""
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
"""Where the two digits of each part begin: month, day, the halves of the year, hour, minute, second."""

_NO_NUMBER = 100
_NUMBERS = np.full(1 << 16, _NO_NUMBER, np.int8)
"""The number that two characters are, the first one in the lower byte."""
_NUMBERS[[tens | ones << 8 for tens in b"0123456789" for ones in b"0123456789"]] = range(100)

FIRST_DAYS = np.arange("0000-01", "10000-02", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int64)
"""The first day of each month of the years 0 to 9999, and of the month after them, since the epoch."""


def _read_times(texts: pa.StringArray, day_first: bool) -> tuple[np.ndarray, TMask]:
    """Returns the times of texts of the usual length, and a mask of those that are in the usual form."""
    offsets, data = text_bytes(texts)
    if not len(texts):
        return np.zeros(0, "datetime64[us]"), np.zeros(0, np.bool_)

    def at(place: int, width: int) -> np.ndarray:
        words: np.ndarray = np.ndarray(len(texts), f"<u{width}", data, int(offsets[0]) + place, (_TIME_LENGTH,))
        return words

    month, day, century, year, hour, minute, second = (_NUMBERS[at(place, 2)] for place in _PAIRS)
    if day_first:
        month, day = day, month
    # most files have one form, so the first value shows the likely mark
    mark = data[int(offsets[0]) + 2]
    pattern = bytes((mark, *b"??", mark)) if mark in b"-/." else b"-??-"
    right = _are(at(2, 4), pattern) & _are(at(10, 8), b" ??:??:?")
    right &= (month >= 1) & (month <= 12) & (day >= 1) & (century < _NO_NUMBER) & (year < _NO_NUMBER)
    right &= (hour <= 23) & (minute <= 59) & (second <= 59)
    months = np.where(right, 12 * (century.astype(np.int64) * 100 + year) + month - 1, 0)
    days = FIRST_DAYS[months] + day - 1
    # there is no year 0, and February 30 would be a day in March
    right &= (months >= 12) & (days < FIRST_DAYS[months + 1])
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return (seconds * 1_000_000).view("datetime64[us]"), right


def _are(words: np.ndarray, pattern: bytes) -> TMask:
    """Returns a mask of the words that match a pattern of bytes; a question mark matches any byte."""
    known = bytes(0 if byte == ord("?") else 255 for byte in pattern)
    wanted = bytes(byte & mask for byte, mask in zip(pattern, known))
    result: TMask = words & np.frombuffer(known, words.dtype)[0] == np.frombuffer(wanted, words.dtype)[0]
    return result

"""The order of day before month, or month before day, that the days of a block show."""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np
import pyarrow as pa

from salesnav_source.days.windows import Days
from salesnav_source.linkedin.reader.arrays import TInts, TMask, is_null
from salesnav_source.linkedin.reader.request import ReadRequest
from salesnav_source.linkedin.reader.styles import OrderClues, Style
from salesnav_source.linkedin.reader.times import FIRST_DAYS
from salesnav_source.linkedin.reader.values import Typed, type_texts
from salesnav_source.schema import TColumnType

NO_DAY = -(2**31)


def days_of(times: pa.Array) -> TInts:
    """Returns the days of times since 1970, `NO_DAY` where there is none."""
    days = times.cast(pa.date32())
    numbers: TInts = days.view(pa.int32()).fill_null(NO_DAY).to_numpy()
    return numbers


def are_inside(days: TInts, request: ReadRequest) -> TMask:
    """Returns a mask of the days that were asked for."""
    inside: TMask = (days >= _number(request.first_day)) & (days <= _number(request.last_day))
    return inside


def are_among(days: TInts, wanted: Days) -> TMask:
    """Returns a mask of the days that are in a set."""
    among = np.zeros(len(days), np.bool_)
    for window in wanted:
        among |= (days >= _number(window.first)) & (days <= _number(window.last))
    return among


def find_strays(times: pa.Array, request: ReadRequest) -> tuple[int, int]:
    """Returns how many times lie before the days asked for, and how many after them."""
    days = days_of(times)
    before = (days < _number(request.first_day)) & (days != NO_DAY)
    return int(np.count_nonzero(before)), int(np.count_nonzero(days > _number(request.last_day)))


def _number(day: date) -> int:
    return day.toordinal() - date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class _Turned:
    """The days asked for, with month and day swapped; one element per day."""

    are_days: TMask
    are_inside: TMask
    differ: TMask


@lru_cache(maxsize=16)
def _turned(first: int, last: int) -> _Turned:
    days = np.arange(first, last + 1)
    months = np.searchsorted(FIRST_DAYS, days, "right") - 1
    day, month, year = days - FIRST_DAYS[months], months % 12, months // 12
    are_days = day < 12
    turned = np.where(are_days, FIRST_DAYS[12 * year + np.where(are_days, day, 0)] + month, NO_DAY)
    inside = are_days & (turned >= first) & (turned <= last)
    return _Turned(are_days, inside, are_days & (turned != days))


def find_order_clues(
    texts: pa.StringArray,
    typed: Typed,
    days: TInts,
    inside: TMask,
    column_type: TColumnType,
    style: Style,
    request: ReadRequest,
) -> OrderClues:
    """Returns how many values of a block each order of month and day can read.

    Args:
        texts: the column as it is written.
        typed: the column as it is read in a style.
        days: its days.
        inside: a mask of those that were asked for.
        column_type: its type.
        style: the style.
        request: has the days asked for.
    """
    own, other = int(style.day_first), int(not style.day_first)
    clues = OrderClues(values=len(texts) - texts.null_count)
    clues.days[own] = len(days) - typed.values.null_count
    clues.inside[own] = int(np.count_nonzero(inside))
    # the days asked for are few, so the other order is tried on these days and not on each value
    first, last = _number(request.first_day), _number(request.last_day)
    ordered = inside if typed.ordered is None else inside & typed.ordered
    shown = days if ordered.all() else days[ordered]
    turned, counts = _turned(first, last), np.bincount(shown - first, minlength=last - first + 1)
    alike = clues.inside[own] - int(counts.sum())
    clues.days[other] = alike + int(counts[turned.are_days].sum())
    clues.inside[other] = alike + int(counts[turned.are_inside].sum())
    clues.differing = int(counts[turned.differ].sum())
    if clues.inside[own] < clues.values:
        left = ~is_null(texts) & ~inside
        turned_style = replace(style, day_first=not style.day_first)
        again = days_of(type_texts(texts.filter(pa.array(left)), column_type, turned_style).values)
        clues.days[other] += int(np.count_nonzero(again != NO_DAY))
        clues.inside[other] += int(np.count_nonzero(are_inside(again, request)))
        clues.differing += int(np.count_nonzero((again != NO_DAY) & (days[left] != NO_DAY) & (again != days[left])))
    return clues

"""Days and spans of days, and how they are said: there is one form of dates, `3 Nov 2026`, and ISO's in files."""

from collections.abc import Callable
from datetime import date, timedelta

DEFAULT_SPAN = "last-90"


def _last(days: int) -> Callable[[date], date]:
    return lambda end: end - timedelta(days - 1)


def _quarter(end: date) -> date:
    return end.replace(month=(end.month - 1) // 3 * 3 + 1, day=1)


SPANS: dict[str, tuple[str, Callable[[date], date]]] = {
    "last-7": ("Last 7 days", _last(7)),
    "last-28": ("Last 28 days", _last(28)),
    DEFAULT_SPAN: ("Last 90 days", _last(90)),
    "month": ("This month", lambda end: end.replace(day=1)),
    "quarter": ("This quarter", _quarter),
}
"""Name in the address → what it is called, and its first day by the newest loaded one."""


def day_text(day: date) -> str:
    """Returns a day as people read it."""
    return f"{day.day} {day:%b %Y}"


def span(first: date, last: date) -> str:
    """Returns a period as people read it, years only where they differ."""
    if first == last:
        return day_text(first)
    start = f"{first.day} {first:%b}" if first.year == last.year else day_text(first)
    return f"{start} to {day_text(last)}"

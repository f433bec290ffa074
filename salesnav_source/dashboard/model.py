"""What a page is made of, whoever shows it."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

PAGES = {
    "usage": "Usage",
    "search": "Search",
    "inmail": "InMail",
    "ssi": "SSI",
    "seats": "Seats",
    "data": "Data",
}
"""The pages in order, with their titles."""

DEFAULT_DAYS = 90


@dataclass(frozen=True)
class Filters:
    """What is looked at."""

    first: date
    last: date
    """Days, UTC, both included."""
    contracts: tuple[str, ...] = ()
    """URNs; all contracts if empty."""
    seat: tuple[str, int] | None = None
    """The contract and id of one person's seat."""
    names: bool = True
    """Whether people are named."""

    @property
    def period(self) -> str:
        """The days as text."""
        return span(self.first, self.last)

    @property
    def days(self) -> list[date]:
        """Every day of the period."""
        return [self.first + timedelta(n) for n in range((self.last - self.first).days + 1)]


@dataclass(frozen=True)
class Number:
    """One number, said large."""

    label: str
    value: str
    """As it is read; a dash where there is none."""
    hint: str = ""
    """What it is measured over, or why there is none."""
    page: str | None = None
    """The page that tells more."""


@dataclass(frozen=True)
class Figure:
    """A chart and what has to be known to read it."""

    key: str
    title: str
    unit: str
    period: str
    left_out: str
    """What is not in it; a sentence, or nothing."""
    chart: Any = field(repr=False)
    """Of altair; None where there is nothing to draw."""
    empty: str = ""
    """Why there is nothing to draw."""

    @property
    def caption(self) -> str:
        """Unit, period and what is left out."""
        return " · ".join(part for part in (self.unit, self.period, self.left_out) if part)


@dataclass(frozen=True)
class Table:
    """The rows behind the charts of a page."""

    key: str
    title: str
    frame: pd.DataFrame = field(repr=False)
    """Columns under the names that people read."""
    empty: str = "No rows."


@dataclass(frozen=True)
class Page:
    """One page."""

    key: str
    headline: str
    """What the page says, in a sentence."""
    numbers: tuple[Number, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    warnings: tuple[str, ...] = ()
    """What has to be known before any number is believed, e.g. days that are not loaded."""

    @property
    def title(self) -> str:
        """The page's name."""
        return PAGES[self.key]


def day_text(day: date) -> str:
    """Returns a day as people read it."""
    return f"{day.day} {day:%b %Y}"


def span(first: date, last: date) -> str:
    """Returns a period as people read it, years only where they differ."""
    if first == last:
        return day_text(first)
    start = f"{first.day} {first:%b}" if first.year == last.year else day_text(first)
    return f"{start} to {day_text(last)}"

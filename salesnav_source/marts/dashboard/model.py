"""What a page is made of, whoever shows it."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

import pandas as pd

from salesnav_source.marts.dashboard.days import day_text, span

PAGES = {
    "usage": "Usage",
    "search": "Search",
    "inmail": "InMail",
    "ssi": "SSI",
    "seats": "Seats",
    "data": "Data",
}
"""The pages in order, with their titles."""

WEEKS = 8
"""Weeks that a chart by week has at least."""

NO_TEAM = "No team"
"""What the marts call the team of people who have no entry in the directory."""


class Person(NamedTuple):
    """A stretch of a seat's days with one holder."""

    contract: str
    seat_id: int
    holder_number: int


@dataclass(frozen=True)
class Filters:
    """What is looked at."""

    first: date
    last: date
    """Days, UTC, both included."""
    contracts: tuple[str, ...] = ()
    """URNs; all contracts if empty."""
    team: str | None = None
    """All teams if None."""
    team_written: tuple[str, ...] = ()
    """The names in the marts that are shown as this team; its name if empty."""
    person: Person | None = None
    """Everyone if None."""
    names: bool = True
    """Whether people are named."""
    compared_days: int | None = None
    """How many days at the end are compared with as many before them; the whole period if None."""

    @property
    def period(self) -> str:
        """The days as text."""
        return span(self.first, self.last)

    @property
    def days(self) -> list[date]:
        """Every day of the period."""
        return [self.first + timedelta(n) for n in range(self.length)]

    @property
    def length(self) -> int:
        """How many days the period has."""
        return (self.last - self.first).days + 1

    @property
    def now(self) -> "Filters":
        """The same, over the days that are compared."""
        return replace(self, first=self.last - timedelta((self.compared_days or self.length) - 1), compared_days=None)

    @property
    def before(self) -> "Filters":
        """The same, over as many days just before those that are compared."""
        now = self.now
        return replace(now, first=now.first - timedelta(now.length), last=now.first - timedelta(1))

    @property
    def wide(self) -> "Filters":
        """The same from a Monday on, and over eight weeks at least: a chart by week of fewer says nothing."""
        first = min(self.first, self.last - timedelta(7 * WEEKS - 1))
        return replace(self, first=first - timedelta(first.weekday()))

    @property
    def chosen_contracts(self) -> tuple[str, ...]:
        """The contracts that are looked at; all if empty."""
        return (self.person.contract,) if self.person else self.contracts

    def includes(self, contract: str) -> bool:
        """Tells whether a contract is looked at."""
        return not self.chosen_contracts or contract in self.chosen_contracts


@dataclass(frozen=True)
class Number:
    """One number, said large."""

    label: str
    value: str
    """As it is read; a dash where there is none."""
    meaning: str = ""
    """What is counted, and over what; why there is none where there is none."""
    change: str = ""
    """Against the span before."""
    leads_to: str = ""
    """The page, table or both (`seats#all-seats`) that has the rows behind it."""


@dataclass(frozen=True)
class Table:
    """The rows behind the charts of a page."""

    key: str
    title: str
    frame: pd.DataFrame = field(repr=False)
    """Columns under the names that people read; a share's begins with %."""
    empty: str = "No rows."
    note: str = ""
    """The rule by which rows are on it."""
    people: tuple[Person | None, ...] = field(default=(), repr=False)
    """Whom each row is about, where rows are about people."""


@dataclass(frozen=True)
class Figure:
    """A chart, and what has to be known to read it."""

    key: str
    title: str
    unit: str
    period: str
    left_out: str
    """What is not in it; a sentence, or nothing."""
    chart: Any = field(repr=False)
    """Of altair; None where there is nothing to draw."""
    data: Table = field(repr=False)
    """The figures that are drawn."""
    summary: str = ""
    """A sentence with the figures that matter."""
    empty: str = ""
    """Why there is nothing to draw."""

    @property
    def caption(self) -> str:
        """Unit, period and what is left out."""
        return " · ".join(part for part in (self.unit, self.period, self.left_out) if part)


@dataclass(frozen=True)
class Page:
    """One page."""

    key: str
    question: str
    """What it answers."""
    headline: str
    """The answer, in a sentence."""
    numbers: tuple[Number, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    warnings: tuple[str, ...] = ()
    """What has to be known before any number is believed, e.g. days that are not loaded."""
    changes: tuple[str, ...] = ()
    """What changed most, in sentences."""
    has_data: bool = True
    """Whether any day of the period has data of what is looked at."""

    @property
    def title(self) -> str:
        """The page's name."""
        return PAGES[self.key]

    def csvs(self) -> dict[str, Table]:
        """Returns all that can be saved as CSV, by key."""
        figures = [figure.data for figure in self.figures if figure.chart is not None]
        return {table.key: table for table in (*self.tables, *figures)}


__all__ = ["NO_TEAM", "PAGES", "Figure", "Filters", "Number", "Page", "Person", "Table", "day_text", "span"]

"""What the app in the browser is given by the server that runs it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from html import escape
from typing import Any
from urllib.parse import urlencode

import pandas as pd

from salesnav_source.dashboard import html, queries
from salesnav_source.dashboard.charts import spec
from salesnav_source.dashboard.frames import label_people
from salesnav_source.dashboard.marts import Marts
from salesnav_source.dashboard.model import PAGES, Figure, Filters, Table
from salesnav_source.dashboard.pages import build
from salesnav_source.dashboard.scope import Scope
from salesnav_source.exceptions import SalesnavError

ALL_CONTRACTS, EVERYONE = "All contracts", "Everyone"

TSeat = tuple[str, int]

# stands on each page, as marimo keeps pages apart from the document's own rules
_STYLE = f"""<style>{html.STYLE}
.sn nav {{ display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 1.25rem; border-bottom: 1px solid var(--line);
  padding-bottom: .5rem; }}
.sn nav a {{ text-decoration: none; padding: .25rem 0; }}
.sn nav a[aria-current] {{ color: var(--ink); font-weight: 650; border-bottom: 3px solid var(--accent); }}
.sn nav .aside {{ margin-left: auto; font-size: .82rem; }}
</style>"""


@dataclass(frozen=True)
class _Served:
    marts: Marts
    names: bool


_served: list[_Served] = []


def serve(marts: Marts, names: bool) -> None:
    """Says what the apps of this process show.

    Args:
        marts: to ask.
        names: whether people are named.
    """
    _served[:] = [_Served(marts, names)]


@dataclass(frozen=True)
class Start:
    """What there is to choose from, and what is chosen first."""

    query: Mapping[str, str]
    """Of the address."""
    trouble: str | None = None
    """Why there is nothing to see."""
    scope: Scope = field(default=Scope(pd.DataFrame(), pd.DataFrame()), repr=False)
    seats: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    @property
    def contracts(self) -> dict[str, str | None]:
        """The contracts by what they are called."""
        return {
            ALL_CONTRACTS: None,
            **_unique([(self.scope.name(urn), urn, urn) for urn in self.scope.contracts["contract"]]),
        }

    @property
    def contract(self) -> str:
        """The contract that is chosen first."""
        return _key(self.contracts, self.query.get("contract"), ALL_CONTRACTS)

    def people(self, contract: str | None) -> dict[str, TSeat | None]:
        """Returns the seats of a contract, or of all, by what they are called."""
        rows = self.seats if contract is None else self.seats[self.seats["contract"] == contract]
        found = [
            (row.person, f"seat {row.seat_id}, {self.scope.name(row.contract)}", (row.contract, int(row.seat_id)))
            for row in rows.itertuples()
        ]
        return {EVERYONE: None, **_unique(found)}

    def person(self, people: Mapping[str, TSeat | None]) -> str:
        """Returns the person who is chosen first."""
        seat = self.query.get("seat", "")
        wanted = (self.query.get("contract"), int(seat)) if seat.isdigit() else None
        return _key(people, wanted, EVERYONE)

    @property
    def first_day(self) -> date:
        """The first day that can be chosen."""
        return min(self.scope.first_day or self.dates[0], self.dates[0])

    @property
    def last_day(self) -> date:
        """The last day that can be chosen."""
        return max(self.scope.last_day or self.dates[1], self.dates[1])

    @property
    def dates(self) -> tuple[date, date]:
        """The days that are chosen first."""
        default = self.scope.filters()
        try:
            first, last = (date.fromisoformat(self.query[name]) for name in ("from", "to"))
        except (KeyError, ValueError):
            return default.first, default.last
        return (first, last) if first <= last else (default.first, default.last)


def start(query: Mapping[str, Any]) -> Start:
    """Asks what there is to choose from.

    Args:
        query: of the address.
    """
    served = _served[0]
    chosen = {name: value if isinstance(value, str) else value[0] for name, value in query.items() if value}
    try:
        scope = Scope.of(served.marts)
        seats = served.marts.frames({"people": queries.people()})["people"]
    except SalesnavError as error:
        return Start(chosen, str(error))
    return Start(chosen, None, scope, seats.assign(person=label_people(seats, served.names)))


class Chart:
    """A chart that marimo shows as it is."""

    def __init__(self, chart: Any) -> None:
        """Draws nothing yet.

        Args:
            chart: of altair.
        """
        self._chart = chart

    def _mime_(self) -> tuple[str, str]:
        return "application/vnd.vegalite.v6+json", json.dumps(spec(self._chart), allow_nan=False)


@dataclass(frozen=True)
class ShownTable:
    """A table as the app shows it."""

    key: str
    title: str
    empty: str
    frame: pd.DataFrame = field(repr=False)
    csv: bytes = field(repr=False)
    formats: dict[str, Any] = field(repr=False)
    wrapped: list[str] = field(repr=False)

    @staticmethod
    def of(table: Table) -> "ShownTable":
        """Returns a table as the app shows it."""
        frame = table.frame.copy()
        for name in frame.columns:
            if pd.api.types.is_datetime64_any_dtype(frame[name]):
                # a day without a time; a moment as people read it
                is_moment = getattr(frame[name].dtype, "tz", None) is not None
                form = "%Y-%m-%d %H:%M" if is_moment else "%Y-%m-%d"
                frame[name] = frame[name].dt.strftime(form)
            if not pd.api.types.is_numeric_dtype(frame[name]) and frame[name].hasnans:
                # marimo would show NaN, or None
                frame[name] = frame[name].astype(object).where(frame[name].notna(), "–")
        # whole numbers that are all known are left to marimo, which sorts and groups them as numbers
        formats: dict[str, Any] = {
            name: partial(html.cell, str(name))
            for name in frame.columns
            if pd.api.types.is_float_dtype(frame[name])
            or (pd.api.types.is_numeric_dtype(frame[name]) and frame[name].hasnans)
        }
        frame["seat"] = frame["seat"].astype(str) if "seat" in frame else None
        if "seat" not in table.frame:
            frame = frame.drop(columns="seat")
        wrapped = ["error"] if "error" in frame else []
        return ShownTable(table.key, table.title, table.empty, frame, html.csv(table), formats, wrapped)


@dataclass(frozen=True)
class ShownPage:
    """A page as the app shows it."""

    html: str = field(repr=False)
    tables: tuple[ShownTable, ...] = ()


class View:
    """What is looked at."""

    keys = list(PAGES)

    def __init__(self, start: Start, contract: str | None, seat: TSeat | None, first: date, last: date) -> None:
        """Asks nothing yet.

        Args:
            start: what there is.
            contract: the contract, None for all.
            seat: the person, None for everyone.
            first: the first day.
            last: the last day.
        """
        self._served = _served[0]
        self._scope = start.scope
        contracts = (contract,) if contract else ()
        self.filters = Filters(first, last, contracts, seat, self._served.names)

    @property
    def header(self) -> str:
        """What stands above the filters."""
        scope = self._scope
        newest = f"Data up to {scope.last_day:%d %b %Y}" if scope.last_day else "Nothing is loaded"
        read = f", last read {scope.read_at:%d %b %Y %H:%M} UTC" if scope.read_at is not None else ""
        return f'{_STYLE}<div class="sn"><h1>Sales Navigator</h1><p class="caption">{newest}{read}. Days are UTC.</p></div>'

    @property
    def address(self) -> str:
        """The part of the address that leads to the same view."""
        filters = self.filters
        named = {"from": filters.first.isoformat(), "to": filters.last.isoformat()}
        if filters.seat:
            named |= {"contract": filters.seat[0], "seat": str(filters.seat[1])}
        elif filters.contracts:
            named["contract"] = filters.contracts[0]
        return f"?{urlencode(named)}"

    def page(self, key: str, draw: Callable[[Any], str]) -> ShownPage:
        """Returns a page; what went wrong where there is none.

        Args:
            key: one of the keys.
            draw: gives the HTML of a chart of Vega-Lite.
        """
        links = "".join(
            f'<a href="#/{one}"{" aria-current=page" if one == key else ""}>{title}</a>' for one, title in PAGES.items()
        )
        link = f'<a class="aside" href="{escape(self.address)}#/{key}">Link to this view</a>'
        nav = f'<nav aria-label="Pages">{links}{link}</nav>'
        try:
            page = build(key, self._served.marts, self.filters, self._scope)
        except SalesnavError as error:
            return ShownPage(
                f'{_STYLE}<div class="sn">{nav}<p class="warning" role="alert">{escape(str(error))}</p></div>'
            )
        inside = html.body(page, lambda other: f"#/{other}", lambda figure: _chart(figure, draw))
        return ShownPage(
            f'{_STYLE}<div class="sn" id="page-{key}">{nav}{inside}</div>', tuple(map(ShownTable.of, page.tables))
        )


def _chart(figure: Figure, draw: Callable[[Any], str]) -> str:
    about = escape(f"{figure.title}: {figure.caption}")
    return f'<div class="chart" role="img" aria-label="{about}">{draw(Chart(figure.chart))}</div>'


def _unique(found: list[tuple[str, str, Any]]) -> dict[str, Any]:
    """Returns values by their names; where several have one name, with what tells them apart."""
    names = [name for name, _, _ in found]
    return {name if names.count(name) == 1 else f"{name} ({more})": value for name, more, value in found}


def _key(options: Mapping[str, Any], value: Any, default: str) -> str:
    return next((name for name, one in options.items() if one is not None and one == value), default)

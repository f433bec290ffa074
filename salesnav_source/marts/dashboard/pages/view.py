"""The frames of a page, with what is needed to say what they mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd

from salesnav_source.marts.dashboard import frames
from salesnav_source.marts.dashboard.charts import Drawing
from salesnav_source.marts.dashboard.frames import MISSING, PARTLY
from salesnav_source.marts.dashboard.model import NO_TEAM, Figure, Filters, Number, Person, Table, day_text, span
from salesnav_source.marts.dashboard.pages.words import EXPORT_NAMES, NONE, NOT_LOADED, change, plural
from salesnav_source.marts.dashboard.scope import Scope
from salesnav_source.marts.dashboard.text import join

TFrames = Mapping[str, pd.DataFrame]

HOLDER = ["contract", "seat_id", "holder_number"]

_NEVER = {
    "activities": "whether its {seats} are used is not known, and they are in no number of use",
    "activity_outcomes": "its InMails are in no share of those accepted or answered",
    "seats": "its people have no SSI",
}
"""What follows where an export of a contract was never loaded."""

_MOST_NAMED = 5
"""Contracts, and stretches of days of one, that a warning names."""


class View:
    """The frames of a page, with what is needed to say what they mean."""

    def __init__(self, filters: Filters, scope: Scope, found: TFrames) -> None:
        self.filters = filters
        self.scope = scope
        self.found = found
        self._calendars: dict[tuple[str, Filters], pd.DataFrame] = {}
        labels = scope.labels(filters.names)[[*HOLDER, "label", "person"]]
        self.people = self._named_by(labels, found["holders"])
        self.seats = self._named_by(labels, found["seats"])

    def _named_by(self, labels: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
        named = rows.merge(labels, on=HOLDER, how="left")
        return named.assign(
            contract_name=named["contract"].map(self.scope.name), team=named["team"].astype(object).fillna(NO_TEAM)
        )

    def calendar(self, export: str, filters: Filters | None = None) -> pd.DataFrame:
        """Returns every day of a period, by default the page's, with how far an export is loaded."""
        asked = (export, filters or self.filters)
        if asked not in self._calendars:
            contracts = frames.expected_contracts(asked[1], self.scope.loaded, export)
            self._calendars[asked] = frames.calendar(asked[1].days, self.found["coverage"], export, contracts)
        return self._calendars[asked]

    def named(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Joins rows by holder with what is known of the person."""
        return rows.merge(self.people, on=HOLDER, how="left", suffixes=("", "_now"))

    def table(
        self,
        key: str,
        title: str,
        rows: pd.DataFrame,
        columns: Mapping[str, str],
        empty: str = "Nobody.",
        note: str = "",
    ) -> Table:
        """Returns a table of people: who it is, then the columns, then where they belong.

        Args:
            key: names its file.
            title: what it lists.
            rows: with the holder.
            columns: column → what it is called.
            empty: what is said without rows.
            note: the rule by which people are on it.
        """
        shown = {"person": "person", **columns}
        if self.scope.teams:
            shown["team"] = "team"
        shown |= {"contract_name": "contract", "seat_id": "seat"}
        if self.filters.names:
            shown["email"] = "e-mail"
        people = tuple(Person(str(a), int(b), int(c)) for a, b, c in rows[HOLDER].itertuples(index=False, name=None))
        return Table(key, title, rows[list(shown)].rename(columns=shown).reset_index(drop=True), empty, note, people)

    def contracts_with(self, export: str) -> list[str]:
        """Returns the contracts of which a day of the period is loaded."""
        coverage = self.found["coverage"]
        days = coverage["day"].between(pd.Timestamp(self.filters.first), pd.Timestamp(self.filters.last))
        fits = days & (coverage["export"] == export) & (coverage["state"] == frames.LOADED)
        return sorted(coverage.loc[fits, "contract"].unique())

    def of_known_use(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Returns the rows of contracts of which activities of the period are loaded: of others no use is known."""
        return rows[rows["contract"].isin(self.contracts_with("activities"))]

    def newest(self, export: str) -> dict[str, date]:
        """Returns the newest loaded day of each contract that is looked at."""
        loaded = self.scope.loaded[self.scope.loaded["export"] == export].dropna(subset=["last"])
        found = dict(zip(loaded["contract"], loaded["last"].dt.date, strict=True))
        return {contract: day for contract, day in found.items() if self.filters.includes(contract)}

    def missing(self, export: str, contract: str, first: date, last: date) -> pd.Series:
        """Returns the days of a span that are known not to be loaded."""
        rows = self.found["missing"]
        rows = rows[(rows["export"] == export) & (rows["contract"] == contract)]
        return rows.loc[rows["day"].between(pd.Timestamp(first), pd.Timestamp(last)), "day"]

    def of_look_back(self, days: int, follows: str) -> tuple[str, ...]:
        """Tells of days that are not loaded among those that are looked back at from the newest day of activities.

        Args:
            days: how many.
            follows: what follows.
        """
        said = []
        for contract, last in self.newest("activities").items():
            missing = self.missing("activities", contract, last - timedelta(days - 1), last)
            if len(missing):
                said.append(
                    f"Of the {days} days of activities up to {day_text(last)} of {self.scope.name(contract)},"
                    f" {plural(len(missing), 'is', 'are')} not loaded: {spans_of(missing)}. {follows}"
                )
        return first_of(said)

    def of_answers(self) -> tuple[str, ...]:
        """Tells of days of outcomes that are not loaded, on which InMails of the period may have been answered."""
        wait = self.maturity_days or 0
        said = []
        for contract, last in self.newest("activity_outcomes").items():
            until = min(last, self.filters.last + timedelta(wait))
            missing = self.missing("activity_outcomes", contract, self.filters.first, until)
            if len(missing):
                said.append(
                    f"Outcomes of {self.scope.name(contract)} are not loaded for {spans_of(missing)}. InMails sent up to"
                    f" {wait} days before such a day, or on it, may have been answered then: they do not count as old enough"
                    " to judge."
                )
        return first_of(said)

    @property
    def maturity_days(self) -> int | None:
        """How old an InMail has to be to be judged, by the rule of the marts."""
        days = self.scope.contracts["maturity_days"].dropna()
        return int(days.iloc[0]) if len(days) else None

    def never_loaded(self, export: str) -> list[str]:
        """Returns the contracts that are looked at of which other exports are loaded, and this one never was."""
        loaded = self.scope.loaded
        known = {contract for contract in loaded["contract"] if self.filters.includes(contract)}
        return sorted(known - set(loaded.loc[loaded["export"] == export, "contract"]), key=self.scope.name)

    def warnings(self, *exports: str) -> tuple[str, ...]:
        """Tells of contracts and of days without data."""
        said = []
        for export in exports:
            for contract in self.never_loaded(export):
                seats = int((self.seats["contract"] == contract).sum())
                if seats or self.filters.team is None:
                    said.append(
                        f"No {EXPORT_NAMES[export]} of {self.scope.name(contract)} were ever loaded:"
                        f" {_NEVER[export].format(seats=plural(seats, 'seat') if seats else 'seats')}."
                    )
        for export in exports:
            states = self.calendar(export)["state"]
            missing, partly = int((states == MISSING).sum()), int((states == PARTLY).sum())
            parts = [
                f"{missing:,} without data" if missing else "",
                f"{partly:,} with data of some contracts only" if partly else "",
            ]
            if any(parts):
                said.append(
                    f"Of {plural(len(states), 'day')} of {EXPORT_NAMES[export]}: {', '.join(filter(None, parts))}. What"
                    " happened on them is in no number here; the page Data shows which they are."
                )
        return tuple(said)

    @property
    def has_data(self) -> bool:
        """Tells whether any day of the period has data of any export."""
        return not all(self.is_hole(export) for export in EXPORT_NAMES)

    @property
    def nobody(self) -> str:
        """Says that nobody is of the team in the contracts that are looked at; no text if somebody is."""
        if self.filters.team is None or len(self.people):
            return ""
        names = join([self.scope.name(contract) for contract in self.filters.contracts])
        return f"Nobody of the team {self.filters.team} has or had a seat{f' in {names}' if names else ''}."

    def is_hole(self, export: str) -> bool:
        """Tells whether no day of the period is loaded, so that nothing is known of it: not even that it is 0."""
        return bool((self.calendar(export)["state"] == MISSING).all())

    def why_empty(self, export: str, has_any: bool, otherwise: str) -> str:
        """Returns why there is nothing to draw of an export, no text if there is something.

        Args:
            export: where it comes from.
            has_any: whether there is something in what is loaded.
            otherwise: what is said if the days are loaded.
        """
        if self.is_hole(export):
            return NOT_LOADED
        return "" if has_any else otherwise

    def known(self, export: str, numbers: Sequence[Number]) -> tuple[Number, ...]:
        """Returns numbers that come from an export, without their values where no day of it is loaded."""
        if not self.is_hole(export):
            return tuple(numbers)
        why = NOT_LOADED[:1].lower() + NOT_LOADED[1:-1]
        return tuple(replace(number, value=NONE, meaning=why, change="") for number in numbers)

    @property
    def is_person(self) -> bool:
        """Tells whether one person is looked at."""
        return self.filters.person is not None

    @property
    def is_comparable(self) -> bool:
        """Tells whether every day that is compared, and of those before, has data of every contract."""
        return self.is_whole(self.filters.now) and self.is_whole(self.filters.before)

    def is_whole(self, filters: Filters) -> bool:
        """Tells whether every day of a period has data of every contract."""
        return bool((self.calendar("activities", filters)["state"] == frames.LOADED).all())

    @property
    def compared(self) -> str:
        """The days that are compared, in words."""
        length = plural(self.filters.now.length, "day")
        return "the period" if self.filters.compared_days is None else f"the last {length}"

    def against_before(self, now: float | None, before: float | None, percent: bool = False, digits: int = 0) -> str:
        """Returns how a number changed against the days before, or why that is not said.

        Args:
            now: the number, of the days that are compared.
            before: the same of the days before.
            percent: whether they are shares, whose change is told in points.
            digits: of other numbers.
        """
        length = plural(self.filters.now.length, "day")
        if not self.is_whole(self.filters.now):
            if self.filters.now.length == 1:
                return "not compared: the day is not loaded"
            days = "days of the period" if self.filters.compared_days is None else f"of the last {length}"
            return f"not compared: some {days} are not loaded"
        if not self.is_whole(self.filters.before):
            return (
                f"the {length} before are not all loaded" if self.filters.length > 1 else "the day before is not loaded"
            )
        if now is None or before is None or pd.isna(now) or pd.isna(before):
            return f"nothing to compare with in the {length} before"
        moved = change((now - before) * 100, 1) if percent else change(now - before, digits)
        moved += " points" if percent and moved != "no change" else ""
        led = "" if self.filters.compared_days is None else f"last {length}: {_shown(now, percent, digits)}, "
        return f"{led}{moved} against the {length} before ({_shown(before, percent, digits)})"

    def figure(
        self,
        key: str,
        title: str,
        unit: str,
        left_out: str,
        draw: Callable[[], Drawing],
        empty: str = "",
        period: str | None = None,
    ) -> Figure:
        """Returns a figure, which is drawn only if there is something to draw.

        Args:
            key: names its file.
            title: what it shows.
            unit: of its numbers.
            left_out: what is not in it.
            draw: makes the chart.
            empty: why there is nothing to draw.
            period: that of the page if None.
        """
        period = self.filters.period if period is None else period
        if empty:
            return Figure(key, title, unit, period, left_out, None, Table(key, title, pd.DataFrame()), "", empty)
        drawn = draw()
        return Figure(
            key, title, unit, period, left_out, drawn.chart, Table(f"{key}-data", title, drawn.data), drawn.summary
        )


def spans_of(days: pd.Series) -> str:
    """Returns days as the stretches that they make, in words."""
    found = frames.stretches_of(days)
    shown = [span(first, last) for first, last in found[:_MOST_NAMED]]
    more = len(found) - len(shown)
    return join([*shown, f"{plural(more, 'more stretch', 'more stretches')} of days"] if more else shown)


def first_of(said: Sequence[str]) -> tuple[str, ...]:
    """Returns the first warnings of a kind, and how many contracts more they hold of."""
    more = len(said) - _MOST_NAMED
    return (*said[:_MOST_NAMED], *([f"The same holds of {plural(more, 'more contract')}."] if more > 0 else []))


def _shown(value: float, percent: bool, digits: int) -> str:
    return f"{value:.1%}" if percent else f"{value:,.{digits}f}"

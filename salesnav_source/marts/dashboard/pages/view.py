"""The frames of a page, with what is needed to say what they mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from salesnav_source.marts.dashboard import frames
from salesnav_source.marts.dashboard.charts import Drawing
from salesnav_source.marts.dashboard.frames import MISSING, PARTLY
from salesnav_source.marts.dashboard.model import NO_TEAM, Figure, Filters, Number, Person, Table
from salesnav_source.marts.dashboard.pages.words import EXPORT_NAMES, NONE, NOT_LOADED, change, plural
from salesnav_source.marts.dashboard.scope import Scope

TFrames = Mapping[str, pd.DataFrame]

HOLDER = ["contract", "seat_id", "holder_number"]


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

    def warnings(self, *exports: str) -> tuple[str, ...]:
        """Tells of days without data."""
        said = []
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
        spans = (self.filters.now, self.filters.before)
        return all((self.calendar("activities", one)["state"] == frames.LOADED).all() for one in spans)

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
        if not self.is_comparable:
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


def _shown(value: float, percent: bool, digits: int) -> str:
    return f"{value:.1%}" if percent else f"{value:,.{digits}f}"

"""The frames of a page, with what is needed to say what they mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from salesnav_source.dashboard import frames
from salesnav_source.dashboard.frames import MISSING, PARTLY
from salesnav_source.dashboard.model import Figure, Filters, Number
from salesnav_source.dashboard.pages.words import EXPORT_NAMES, NONE, NOT_LOADED
from salesnav_source.dashboard.scope import Scope

TFrames = Mapping[str, pd.DataFrame]


class View:
    """The frames of a page, with what is needed to say what they mean."""

    def __init__(self, filters: Filters, scope: Scope, found: TFrames) -> None:
        self.filters = filters
        self.scope = scope
        self.found = found
        self.people = found["people"].assign(
            person=frames.label_people(found["people"], filters.names),
            contract_name=found["people"]["contract"].map(scope.name),
        )

    def calendar(self, export: str) -> pd.DataFrame:
        """Returns every day of the period with how far an export is loaded."""
        contracts = frames.expected_contracts(self.filters, self.scope.loaded, export)
        return frames.calendar(self.filters.days, self.found["coverage"], export, contracts)

    def named(self, rows: pd.DataFrame, how: str = "left") -> pd.DataFrame:
        """Joins rows by seat with the people."""
        return rows.merge(self.people, on=["contract", "seat_id"], how=how, suffixes=("", "_now"))

    def table(self, frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
        """Returns the columns that a table shows, led by who it is."""
        lead = {"person": "person", "contract_name": "contract", "seat_id": "seat"}
        if self.filters.names:
            lead["email"] = "e-mail"
        chosen = {**lead, **columns}
        return frame[list(chosen)].rename(columns=chosen).reset_index(drop=True)

    def warnings(self, *exports: str) -> tuple[str, ...]:
        """Tells of days that are not loaded."""
        said = []
        for export in exports:
            states = self.calendar(export)["state"]
            missing, partly = int((states == MISSING).sum()), int((states == PARTLY).sum())
            parts = [
                f"{missing:,} not loaded" if missing else "",
                f"{partly:,} for some contracts only" if partly else "",
            ]
            if any(parts):
                said.append(
                    f"Of {len(states):,} days of {EXPORT_NAMES[export]}: {', '.join(filter(None, parts))}. What happened on"
                    " them is in no number here; the page Data shows which they are."
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
        return tuple(replace(number, value=NONE, hint=NOT_LOADED[:1].lower() + NOT_LOADED[1:-1]) for number in numbers)

    @property
    def is_person(self) -> bool:
        """Tells whether one person is looked at."""
        return self.filters.seat is not None

    @property
    def idle(self) -> pd.DataFrame:
        """The people whose licences could be taken back."""
        return self.people[self.people["is_reclaimable"].fillna(False).astype(bool)]

    @property
    def idle_since(self) -> str:
        """How long each of these is idle at least; by the rule of the marts, which `salesnav_idle_days` sets."""
        return f"idle for {int(self.idle['idle_days'].min())} days or more" if len(self.idle) else "idle for that long"

    def figure(
        self,
        key: str,
        title: str,
        unit: str,
        left_out: str,
        draw: Callable[[], Any],
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
        return Figure(
            key,
            title,
            unit,
            self.filters.period if period is None else period,
            left_out,
            None if empty else draw(),
            empty,
        )

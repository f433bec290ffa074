"""What there is to look at, whatever the filters say, and how texts of an address or of options choose among it."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.marts.dashboard import queries
from salesnav_source.marts.dashboard.days import DEFAULT_SPAN, SPANS
from salesnav_source.marts.dashboard.frames import label_people
from salesnav_source.marts.dashboard.marts import Marts
from salesnav_source.marts.dashboard.model import NO_TEAM, Filters, Person
from salesnav_source.marts.dashboard.text import clean, join
from salesnav_source.settings.urns import number_of

COMPARED = 28
"""Days at the end of a period that are compared with as many before, where what was before the period is not loaded."""


@dataclass(frozen=True)
class Scope:
    """What there is to look at, whatever the filters say."""

    contracts: pd.DataFrame = field(repr=False)
    loaded: pd.DataFrame = field(repr=False)
    people: pd.DataFrame = field(repr=False)

    @staticmethod
    def of(marts: Marts) -> "Scope":
        """Asks the marts."""
        asked = {"contracts": queries.contracts(), "loaded": queries.loaded(), "people": queries.people()}
        return Scope(**marts.frames(asked))

    @property
    def last_day(self) -> date | None:
        """The newest day of which activities or seats are loaded."""
        days = self.loaded.loc[self.loaded["export"] != "activity_outcomes", "last"]
        return None if days.dropna().empty else days.max().date()

    @property
    def first_day(self) -> date | None:
        """The first day of which anything is loaded."""
        return None if self.loaded["first"].dropna().empty else self.loaded["first"].min().date()

    @property
    def read_at(self) -> pd.Timestamp | None:
        """When the newest of the files was read."""
        moments = self.loaded["last_read_at"].dropna()
        return None if moments.empty else moments.max()

    def only(self, filters: Filters) -> "Scope":
        """Returns what there is of the contracts that are looked at."""
        if not filters.chosen_contracts:
            return self
        mine = self.loaded["contract"].isin(filters.chosen_contracts)
        return Scope(self.contracts, self.loaded[mine], self.people)

    def name(self, contract: str) -> str:
        """Returns what a contract is called; its URN where it has no name."""
        return self._names.get(contract, contract)

    @cached_property
    def _names(self) -> dict[str, str]:
        known = self.contracts.dropna(subset=["name"])
        return dict(zip(known["contract"], known["name"], strict=True))

    @cached_property
    def teams(self) -> tuple[str, ...]:
        """The teams that people are in, and last those without one; none if nobody has a team."""
        named = sorted(set(self.people["team"].dropna()) - {NO_TEAM}, key=lambda team: (team.casefold(), team))
        return (*named, NO_TEAM) if named else ()

    def written(self, team: str | None) -> tuple[str, ...]:
        """Returns the names of teams in the marts that are shown as a team: with other blanks, or cut off."""
        people = self.people[self.people["team_written"].notna()]
        shown = people["team"].astype(object).fillna(NO_TEAM)
        return tuple(sorted(people.loc[shown == team, "team_written"].unique()))

    def find(self, texts: list[str]) -> tuple[str, ...]:
        """Returns the URNs of contracts that are given by URN, number or name.

        Raises:
            ConfigurationError: if one is not there.
        """
        found = []
        for text in texts:
            fits = [
                contract
                for contract in self.contracts["contract"]
                if text in (contract, number_of(contract)) or text.lower() == self.name(contract).lower()
            ]
            if not fits:
                known = ", ".join(f"{self.name(contract)} ({contract})" for contract in self.contracts["contract"])
                raise ConfigurationError(f"There is no contract {text} in the marts. There are: {known or 'none'}.")
            found += fits
        return tuple(dict.fromkeys(found))

    def find_team(self, text: str) -> str:
        """Returns a team by its name; in whatever case, if only one is called so.

        Raises:
            ConfigurationError: if it is not there, or several are called so in other cases.
        """
        wanted = clean(text)
        if wanted in self.teams:
            return wanted
        fits = [team for team in self.teams if team.casefold() == wanted.casefold()]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise ConfigurationError(f"There are the teams {join(fits)}. Write {text} as one of them is written.")
        known = ", ".join(self.teams) or "none; teams come with a directory (docs/dashboard.md)"
        raise ConfigurationError(f"There is no team {text} in the marts. There are: {known}.")

    def labels(self, names: bool) -> pd.DataFrame:
        """Returns everybody with what they are called, and a label that nobody else has."""
        called = label_people(self.people, names)
        people = self.people.assign(person=called, label=called)
        twice = people["label"].duplicated(keep=False)
        more = people["label"] + " (seat " + people["seat_id"].astype(str) + ")"
        people["label"] = people["label"].where(~twice, more)
        twice = people["label"].duplicated(keep=False)
        numbers = people["contract"].map(self.name) + ", holder " + people["holder_number"].astype(str)
        people["label"] = people["label"].where(~twice, people["label"] + ", " + numbers)
        return people

    def find_people(self, text: str, names: bool, contracts: tuple[str, ...] = ()) -> pd.DataFrame:
        """Returns the people whom a text may mean: by label, else by part of a name or address, or by the seat's number.

        Args:
            text: what was typed.
            names: whether people are named; else only numbers are looked at.
            contracts: those that are looked at; all if empty.
        """
        people = self.labels(names)
        people = people[people["contract"].isin(contracts)] if contracts else people
        if people.empty:
            return people
        wanted = " ".join(text.split()).casefold()
        exact = people[people["label"].str.casefold() == wanted]
        if len(exact):
            return exact
        seen = people["seat_id"].astype(str) == wanted.removeprefix("seat ")
        if names:
            for column in ("label", "email"):
                seen |= people[column].fillna("").str.casefold().str.contains(wanted, regex=False)
        return people[seen]

    def person(self, contract: str, seat_id: int, holder_number: int | None) -> Person:
        """Returns a holder of a seat; the present one if no number is given.

        Raises:
            ConfigurationError: if there is none.
        """
        mine = self.people[(self.people["contract"] == contract) & (self.people["seat_id"] == seat_id)]
        if holder_number is not None:
            mine = mine[mine["holder_number"] == holder_number]
        if mine.empty:
            raise ConfigurationError(f"There is no seat {seat_id} in {self.name(contract)}, or it had no such holder.")
        return Person(contract, seat_id, int(mine["holder_number"].max()))

    def span(self, name: str, **more: Any) -> Filters:
        """Returns filters over a span that has a name, up to the newest loaded day.

        Raises:
            ConfigurationError: if there is no such span.
        """
        if name not in SPANS:
            raise ConfigurationError(f"There is no span {name}. There are: {', '.join(SPANS)}.")
        last = self.last_day or date.today() - timedelta(1)
        first = SPANS[name][1](last)
        if name == DEFAULT_SPAN and self.first_day and first < self.first_day <= last:
            # nobody asked for days before anything was loaded
            first = self.first_day
        return Filters(first, last, **more)

    def comparable(self, filters: Filters) -> Filters:
        """Returns filters that compare what can be: the period with the one before, or else its own last days.

        Args:
            filters: what is looked at.
        """
        first = self.only(filters).first_day
        inside = filters.length >= 2 * COMPARED
        if first is not None and filters.before.first < first and inside:
            return replace(filters, compared_days=COMPARED)
        return filters

    def filters(self, first: date | None = None, last: date | None = None, **more: Any) -> Filters:
        """Returns filters; by default over the 90 days up to the newest loaded one, as far as loaded.

        Args:
            first: the first day.
            last: the last day.
            **more: of `Filters`.

        Raises:
            ConfigurationError: if the last day is before the first.
        """
        default = self.span(DEFAULT_SPAN, **more)
        if last is not None and first is None:
            first = SPANS[DEFAULT_SPAN][1](last)
            first = self.first_day if self.first_day and first < self.first_day <= last else first
        first, last = first or default.first, last or default.last
        if first > last:
            raise ConfigurationError(f"The period ends on {last}, before it begins on {first}.")
        return Filters(first, last, **more)

"""What there is to look at, whatever the filters say."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from salesnav_source.dashboard import queries
from salesnav_source.dashboard.marts import Marts
from salesnav_source.dashboard.model import DEFAULT_DAYS, Filters
from salesnav_source.exceptions import ConfigurationError


@dataclass(frozen=True)
class Scope:
    """What there is to look at, whatever the filters say."""

    contracts: pd.DataFrame = field(repr=False)
    loaded: pd.DataFrame = field(repr=False)

    @staticmethod
    def of(marts: Marts) -> "Scope":
        """Asks the marts."""
        return Scope(**marts.frames({"contracts": queries.contracts(), "loaded": queries.loaded()}))

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
        contracts = (filters.seat[0],) if filters.seat else filters.contracts
        if not contracts:
            return self
        return Scope(self.contracts, self.loaded[self.loaded["contract"].isin(contracts)])

    def name(self, contract: str) -> str:
        """Returns what a contract is called; its URN where it has no name."""
        return self._names.get(contract, contract)

    @cached_property
    def _names(self) -> dict[str, str]:
        known = self.contracts.dropna(subset=["name"])
        return dict(zip(known["contract"], known["name"], strict=True))

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
                if text in (contract, contract.rpartition(":")[2]) or text.lower() == self.name(contract).lower()
            ]
            if not fits:
                known = ", ".join(f"{self.name(contract)} ({contract})" for contract in self.contracts["contract"])
                raise ConfigurationError(f"There is no contract {text} in the marts. There are: {known or 'none'}.")
            found += fits
        return tuple(dict.fromkeys(found))

    def filters(self, first: date | None = None, last: date | None = None, **more: Any) -> Filters:
        """Returns filters; by default over the 90 days up to the newest loaded one, as far as loaded.

        Args:
            first: the first day.
            last: the last day.
            **more: of `Filters`.

        Raises:
            ConfigurationError: if the last day is before the first.
        """
        last = last or self.last_day or date.today() - timedelta(1)
        if first is None:
            first = last - timedelta(DEFAULT_DAYS - 1)
            # nobody asked for days before anything was loaded
            first = self.first_day if self.first_day and first < self.first_day <= last else first
        if first > last:
            raise ConfigurationError(f"The period ends on {last}, before it begins on {first}.")
        return Filters(first, last, **more)

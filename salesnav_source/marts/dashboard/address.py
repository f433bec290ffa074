"""What is looked at, as an address says it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

import pandas as pd

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.marts.dashboard.days import SPANS
from salesnav_source.marts.dashboard.model import Filters, Person
from salesnav_source.marts.dashboard.scope import Scope


class SeveralPeopleError(ConfigurationError):
    """A text may mean several people.

    Attributes:
        people: of `Scope.labels`.
        filters: what is looked at else.
    """

    def __init__(self, text: str, people: pd.DataFrame, filters: Filters) -> None:
        super().__init__(f"“{text}” may be {len(people):,} people. Choose one.")
        self.people = people
        self.filters = filters


def read(query: Mapping[str, str], scope: Scope, names: bool) -> Filters:
    """Returns what an address asks to look at.

    Args:
        query: of the address.
        scope: what there is.
        names: whether people are named.

    Raises:
        SeveralPeopleError: if it names a person, and not which.
        ConfigurationError: if it asks for what is not there, with a sentence.
    """
    asked = {name: value.strip() for name, value in query.items() if value.strip()}
    contracts = scope.find([asked["contract"]]) if "contract" in asked else ()
    team = scope.find_team(asked["team"]) if "team" in asked else None
    filters = replace(_days(asked, scope, names), contracts=contracts, team=team)
    if "seat" in asked:
        return replace(filters, person=_seat(asked, scope, contracts))
    return replace(filters, person=_person(asked["person"], scope, filters)) if "person" in asked else filters


def _days(asked: Mapping[str, str], scope: Scope, names: bool) -> Filters:
    if "span" in asked:
        return scope.span(asked["span"], names=names)
    return scope.filters(_day(asked, "from"), _day(asked, "to"), names=names)


def _day(asked: Mapping[str, str], name: str) -> date | None:
    try:
        return date.fromisoformat(asked[name]) if name in asked else None
    except ValueError:
        raise ConfigurationError(f"“{name}” is a day as YYYY-MM-DD, not {asked[name]}.") from None


def _seat(asked: Mapping[str, str], scope: Scope, contracts: tuple[str, ...]) -> Person:
    seat, holder = asked["seat"], asked.get("holder")
    if len(contracts) != 1 or not seat.isdecimal() or not (holder is None or holder.isdecimal()):
        raise ConfigurationError("A seat is asked for by its number and its contract.")
    # seat ids are 64 bits wide
    return scope.person(contracts[0], min(int(seat), 2**63 - 1), int(holder) if holder else None)


def _person(text: str, scope: Scope, filters: Filters) -> Person:
    found = scope.find_people(text, filters.names, filters.contracts)
    if found.empty:
        where = f" in {scope.name(filters.contracts[0])}" if filters.contracts else ""
        what = "name, address or seat number" if filters.names else "seat number"
        raise ConfigurationError(f"Nobody with the {what} “{text}” has or had a seat{where}.")
    if len(found) > 1:
        raise SeveralPeopleError(text, found, filters)
    one = found.iloc[0]
    return Person(str(one["contract"]), int(one["seat_id"]), int(one["holder_number"]))


def query_of(filters: Filters, scope: Scope, **more: str) -> str:
    """Returns the query of the address that shows the same; a span by its name, so that it moves on with the data.

    Args:
        filters: what is looked at.
        scope: what there is.
        **more: other parts of it.
    """
    named: dict[str, str] = {}
    if filters.person:
        named = {"contract": filters.person.contract, "seat": str(filters.person.seat_id)}
        named["holder"] = str(filters.person.holder_number)
    elif filters.contracts:
        named["contract"] = filters.contracts[0]
    if filters.team:
        named["team"] = filters.team
    span = span_of(filters, scope)
    named |= {"span": span} if span else {"from": filters.first.isoformat(), "to": filters.last.isoformat()}
    return f"?{urlencode({**named, **more})}"


def span_of(filters: Filters, scope: Scope) -> str | None:
    """Returns the name of the span that is looked at, None if it has none."""
    for name in SPANS:
        named = scope.span(name)
        if (named.first, named.last) == (filters.first, filters.last):
            return name
    return None

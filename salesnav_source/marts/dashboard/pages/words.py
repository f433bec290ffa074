"""How numbers and periods are said."""

from collections.abc import Mapping
from datetime import timedelta

import pandas as pd

from salesnav_source.marts.dashboard.frames import MISSING, PARTLY
from salesnav_source.marts.dashboard.model import span

NONE = "–"
"""Stands where there is no number."""

NOT_LOADED = "No day of this period has data."

COUNT_NAMES = {
    "searches": "searches",
    "profile_views": "profile views",
    "leads_saved": "leads saved",
    "accounts_saved": "accounts saved",
    "inmails_sent": "InMails sent",
    "messages_sent": "messages sent",
    "connections_made": "connections made",
    "other_activities": "other",
}

EXPORT_NAMES = {"activities": "activities", "activity_outcomes": "outcomes", "seats": "seats"}

PART_NAMES = {
    # as the marts call them in sentences
    "ssi_brand": "professional brand",
    "ssi_find": "finding the right people",
    "ssi_engage": "engaging with insights",
    "ssi_build": "building relationships",
}


def whole(weeks: pd.DataFrame) -> str:
    """Returns the period of the whole weeks that are drawn."""
    return span(weeks["week"].min().date(), weeks["end"].max().date() - timedelta(1)) if len(weeks) else ""


def of_holes(frame: pd.DataFrame) -> str:
    """Explains grey and pale where a chart has them."""
    states = set(frame["state"])
    said = ["grey: no data"] if MISSING in states else []
    said += ["pale: data of a part only"] if PARTLY in states else []
    return "; ".join(said)


def sentence(*parts: str) -> str:
    """Joins what is said, without what is empty."""
    text = "; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]


def count(value: float | None) -> str:
    """Returns a count as people read it."""
    return NONE if value is None or pd.isna(value) else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """Returns a share as people read it."""
    return NONE if value is None or pd.isna(value) else f"{value:.1%}"


def between(ends: tuple[float, float] | None) -> str:
    """Returns the interval of a share in words, nothing where there is none."""
    return f"{ends[0]:.0%} to {ends[1]:.0%}, 19 times in 20" if ends else ""


def score(value: float | None) -> str:
    """Returns a score as people read it."""
    return NONE if value is None or pd.isna(value) else f"{value:.1f}"


def change(value: float | None, digits: int = 0) -> str:
    """Returns a change with its sign."""
    if value is None or pd.isna(value):
        return NONE
    return "no change" if round(value, digits) == 0 else f"{value:+,.{digits}f}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """Returns a number with its noun, or verb."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def money(sums: Mapping[str, float]) -> str:
    """Returns amounts, each currency apart."""
    return " + ".join(f"{amount:,.0f} {currency}".strip() for currency, amount in sums.items()) or NONE

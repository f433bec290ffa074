"""Seats: licences that could be taken back, and whether those who start stay."""

from dataclasses import replace

import pandas as pd

from salesnav_source.dashboard import charts, frames, queries
from salesnav_source.dashboard.model import Filters, Number, Page, Table, day_text
from salesnav_source.dashboard.pages.view import View
from salesnav_source.dashboard.pages.words import NONE, count, plural, score
from salesnav_source.dashboard.queries import Query


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {"cohorts": queries.cohorts(filters)}


def page(view: View) -> Page:
    """Returns the page."""
    people = view.people
    idle = view.idle
    never = people[people["first_activity_date"].isna()]
    chosen = view.scope.contracts[view.scope.contracts["contract"].isin(people["contract"].unique())]
    priced = chosen[chosen["reclaimable_cost"].notna()]
    today = view.scope.only(view.filters).last_day
    as_of = f"as of {day_text(today)}" if today else "nothing is loaded"
    # who was there on the first loaded day may have started long before
    first = view.scope.loaded[view.scope.loaded["export"] == "seats"].set_index("contract")["first"]
    came_later = people["first_snapshot"] > pd.to_datetime(people["contract"].map(first.to_dict()))
    new = people[came_later & people["days_to_first_activity"].notna()]
    headline = (
        f"{len(idle):,} of {plural(len(people), 'licence')} could be taken back: each {view.idle_since}."
        if len(idle)
        else f"None of {plural(len(people), 'licence')} is idle for so long that it could be taken back."
    )
    if people.empty:
        headline = "No seats are known."
    numbers = [
        Number(
            "licences to take back",
            f"{len(idle):,} of {len(people):,}",
            f"{view.idle_since} and still listed, {as_of}",
        ),
        Number("never used", count(len(never)), "on any loaded day"),
        Number("used in the last 28 days", count(int(people["is_active_28"].fillna(False).sum())), as_of),
        Number(
            "days until first use",
            score(new["days_to_first_activity"].median()) if len(new) else NONE,
            f"median of {plural(len(new), 'seat')} that came after the first loaded day"
            if len(new)
            else "no seat came after the first loaded day",
        ),
    ]
    if len(priced) and not view.is_person:
        numbers.insert(
            1,
            Number(
                "cost of idle licences",
                _cost(priced),
                f"by the terms of {plural(len(priced), 'contract')}, for {count(priced['purchased_seats'].sum())} seats",
            ),
        )
    if people.empty:
        numbers = [replace(number, value=NONE, hint="no seats are known") for number in numbers]
    grouped = people.assign(
        group=[frames.idle_group(row.first_activity_date, row.idle_days) for row in people.itertuples()],
        taken=people["is_reclaimable"].fillna(False).astype(int),
    ).groupby("group")
    buckets = pd.DataFrame({"group": frames.IDLE_GROUPS})
    buckets["seats"] = buckets["group"].map(grouped.size()).fillna(0)
    buckets["reclaimable"] = buckets["group"].map(grouped["taken"].sum()).fillna(0)
    cohorts = view.found["cohorts"]
    newcomers = [f"{days}" for days in range(8)] + ["8–14", "later"]
    waits = new["days_to_first_activity"].map(
        lambda days: newcomers[max(int(days), 0)] if days < 8 else newcomers[8] if days < 15 else newcomers[9]
    )
    onboarding = pd.DataFrame({"days": newcomers, "seats": [int((waits == group).sum()) for group in newcomers]})
    figures = [
        view.figure(
            "idle-seats",
            "How long seats have been idle",
            "seats",
            "Red: could be taken back. Seats that are no longer listed are in it, but are not red",
            lambda: charts.bars(
                buckets, "group", "seats", frames.IDLE_GROUPS, part=("reclaimable", "could be taken back")
            ),
            "" if len(people) else "No seats are known.",
            period=as_of,
        ),
    ]
    if not view.is_person:
        figures += [
            view.figure(
                "retention",
                "Do those who start stay?",
                "share of the seats that started in a week; fuller colour is more",
                "Each row: seats first used in that week, their number in brackets. Seats never used and weeks that are"
                " not over are left out; the first row holds whoever was there when loading began",
                lambda: charts.retention(cohorts),
                "" if len(cohorts) else "Nobody started in a whole week of this period.",
            ),
            view.figure(
                "onboarding",
                "How long newcomers wait",
                "seats, by days from first listing to first use",
                "Seats that were listed on the first loaded day are left out, and those never used",
                lambda: charts.histogram(onboarding, "days", "seats", newcomers),
                "" if len(new) else "No seat was first listed after the first loaded day.",
                period="all loaded days",
            ),
        ]
    listed = {"seat_status": "status", "first_snapshot": "first listed", "last_snapshot": "last listed"}
    listed |= {
        "last_activity_date": "last used",
        "idle_days": "idle days",
        "active_days_28": "days used of 28",
        "ssi": "SSI",
    }
    order = {"by": ["idle_days", "seat_id"], "ascending": [False, True]}
    tables = (
        Table(
            "licences-to-take-back",
            "Licences to take back",
            view.table(idle.sort_values(**order), listed),
            "No licence is idle for so long that it could be taken back.",
        ),
        Table("all-seats", "All seats", view.table(people.sort_values(**order), listed), "No seats are known."),
    )
    return Page("seats", headline, tuple(numbers), tuple(figures), tables, view.warnings("activities", "seats"))


def _cost(priced: pd.DataFrame) -> str:
    """Returns what idle licences cost, in each currency."""
    sums = priced.assign(currency=priced["currency"].fillna("")).groupby("currency")["reclaimable_cost"].sum()
    return " + ".join(f"{cost:,.0f} {currency}".strip() for currency, cost in sums.items())

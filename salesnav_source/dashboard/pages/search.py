"""Search: what is looked for, and what comes of it."""

import pandas as pd

from salesnav_source.dashboard import charts, frames, queries
from salesnav_source.dashboard.charts import BLUE, ORANGE
from salesnav_source.dashboard.frames import share
from salesnav_source.dashboard.model import Filters, Number, Page, Table
from salesnav_source.dashboard.pages.view import View
from salesnav_source.dashboard.pages.words import (
    COUNT_NAMES,
    NOT_LOADED,
    count,
    of_holes,
    percent,
    plural,
    sentence,
    whole,
)
from salesnav_source.dashboard.queries import Query


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {
        "totals": queries.seat_totals(filters),
        "daily": queries.daily(filters),
        "inmails": queries.inmails_by_seat(filters),
    }


def page(view: View) -> Page:
    """Returns the page."""
    totals = view.found["totals"]
    sums = totals[[*queries.COUNTS]].sum()
    seats, searching = len(totals), int((totals["searches"] > 0).sum())
    days = frames.by_day(view.found["daily"], view.calendar("activities"), list(queries.COUNTS))
    weeks = frames.by_week(days, list(queries.COUNTS))
    accepted = int(view.found["inmails"]["accepted"].sum())
    parts = [
        f"{plural(int(sums['searches']), 'search', 'searches')} by {plural(searching, 'seat')}",
        plural(int(sums["profile_views"]), "profile view"),
        f"{plural(int(sums['leads_saved']), 'lead')} saved",
    ]
    headline = NOT_LOADED if view.is_hole("activities") else f"{', '.join(parts)}, {view.filters.period}."
    per = share(sums["searches"], searching)
    numbers = (
        Number(
            "searches",
            count(sums["searches"]),
            f"{count(per)} for each seat that searched" if per else view.filters.period,
        ),
        Number(
            "seats that searched", f"{searching:,} of {seats:,}", percent(share(searching, seats)) + " of all seats"
        ),
        Number("profile views", count(sums["profile_views"]), _per(sums["profile_views"], sums["searches"], "search")),
        Number("leads saved", count(sums["leads_saved"]), _per(sums["leads_saved"], sums["searches"], "search", 100)),
        Number("accounts saved", count(sums["accounts_saved"]), view.filters.period),
    )
    steps = {
        "searches": sums["searches"],
        "profile views": sums["profile_views"],
        "leads saved": sums["leads_saved"],
        "InMails sent": sums["inmails_sent"],
        "InMails accepted": accepted,
    }
    funnel = pd.DataFrame({"step": list(steps), "count": [float(value) for value in steps.values()]})
    no_week = "" if len(weeks) and weeks["searches"].notna().any() else "No whole week of this period is loaded."
    left_out = sentence("weeks that are cut off by the period are left out", of_holes(weeks))
    figures = (
        view.figure(
            "searches-per-week",
            "Searches and profile views per week",
            "activities",
            left_out,
            lambda: charts.lines_over_time(
                weeks, {"profile_views": ("profile views", ORANGE), "searches": ("searches", BLUE)}
            ),
            no_week,
            period=whole(weeks),
        ),
        view.figure(
            "saved-per-week",
            "Leads and accounts saved per week",
            "saved",
            left_out,
            lambda: charts.over_time(weeks, {"leads_saved": ("leads", BLUE), "accounts_saved": ("accounts", ORANGE)}),
            no_week,
            period=whole(weeks),
        ),
        view.figure(
            "from-search-to-answer",
            "From search to accepted InMail",
            "activities",
            "The steps are counted apart: an InMail need not follow from a search of the same period",
            lambda: charts.bars(funnel, "step", "count", list(steps)),
            view.why_empty("activities", bool(funnel["count"].sum()), "Nobody searched in this period."),
        ),
    )
    rows = view.named(totals).merge(
        view.found["inmails"][["contract", "seat_id", "accepted"]], on=["contract", "seat_id"], how="left"
    )
    rows["accepted"] = rows["accepted"].fillna(0)
    rows = rows.sort_values(["searches", "seat_id"], ascending=[False, True])
    shown = {
        name: COUNT_NAMES[name]
        for name in ("searches", "profile_views", "leads_saved", "accounts_saved", "inmails_sent")
    }
    table = view.table(rows, {**shown, "accepted": "InMails accepted"})
    return Page(
        "search",
        headline,
        view.known("activities", numbers),
        figures,
        (Table("search-by-person", "Search by person", table),),
        view.warnings("activities"),
    )


def _per(part: float, whole: float, what: str, unit: int = 1) -> str:
    if not whole:
        return f"no {what} to hold it against"
    return f"{part / whole * unit:,.1f} per {what}" if unit == 1 else f"{part / whole * unit:,.1f} per {unit} {what}es"

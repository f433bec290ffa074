"""Usage: who uses the seats, and for what."""

from datetime import date

import pandas as pd

from salesnav_source.dashboard import charts, frames, queries
from salesnav_source.dashboard.charts import BLUE, GREEN, RED, SKY
from salesnav_source.dashboard.frames import MISSING, share
from salesnav_source.dashboard.model import Filters, Number, Page, Table, day_text
from salesnav_source.dashboard.pages.view import View
from salesnav_source.dashboard.pages.words import (
    COUNT_NAMES,
    NONE,
    NOT_LOADED,
    change,
    count,
    of_holes,
    percent,
    plural,
    score,
    sentence,
    whole,
)
from salesnav_source.dashboard.queries import OUTCOMES, Query


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {
        "totals": queries.seat_totals(filters),
        "daily": queries.daily(filters),
        "adoption": queries.adoption(filters),
        "inmails": queries.inmails_by_seat(filters),
        "ssi": queries.ssi_by_seat(filters),
    }


def page(view: View) -> Page:
    """Returns the page."""
    totals = view.found["totals"]
    seats, active = len(totals), int((totals["active_days"] > 0).sum())
    reclaimable = len(view.idle)
    days = frames.by_day(
        view.found["daily"], view.calendar("activities"), ["activities", *queries.COUNTS, "active_seats"]
    )
    weeks = frames.by_week(days, [])
    adoption = frames.adoption(view.found["adoption"], weeks)
    week, now, before = frames.last_whole_weeks(adoption, "active_seats")
    inmails = view.found["inmails"][list(OUTCOMES)].sum()
    acceptance = share(inmails["mature_accepted"], inmails["mature_sent"])
    ssi = view.found["ssi"]
    moved = ssi["ssi_change_28"].dropna()
    if view.is_person:
        headline, numbers = _usage_of_person(view, totals, days)
    else:
        headline = (
            f"{active:,} of {plural(seats, 'seat')} {'was' if active == 1 else 'were'} used between"
            f" {view.filters.period.replace(' to ', ' and ')} ({percent(share(active, seats))})"
            + (f"; {plural(reclaimable, 'licence')} could be taken back." if reclaimable else ".")
        )
        if view.is_hole("activities"):
            headline = NOT_LOADED
        elif not seats:
            headline = "No seats are known in this period."
        numbers = (
            *view.known(
                "activities",
                [Number("seats used", f"{active:,} of {seats:,}", f"at least one activity, {view.filters.period}")],
            ),
            Number(
                "used in the last week",
                count(now),
                f"week of {day_text(week)}; {change(now - before)} against the week before"
                if week and now is not None and before is not None
                else f"week of {day_text(week)}; the week before is not loaded"
                if week
                else "no whole week is loaded",
            ),
            Number(
                "licences to take back",
                count(reclaimable if len(view.people) else None),
                _idle_hint(view) if len(view.people) else "no seats are known",
                "seats",
            ),
            Number(
                "InMails accepted",
                percent(acceptance),
                f"of {inmails['mature_sent']:,} sent, old enough to judge"
                if inmails["mature_sent"]
                else "none is old enough to judge",
                "inmail",
            ),
            Number(
                "mean SSI",
                score(ssi["ssi"].mean()),
                f"of 100; {change(moved.mean(), 1)} in 28 days, over {plural(len(moved), 'seat')}"
                if len(moved)
                else "of 100; no seat has a score 28 days before"
                if len(ssi)
                else "no scores in this period",
                "ssi",
            ),
        )
    figures = []
    if not view.is_person:
        drawn = adoption.rename(columns={"seats": "known"})
        nothing = "" if adoption["seats"].notna().any() else "No whole week of this period is loaded."
        figures += [
            view.figure(
                "seats-used-per-week",
                "Seats used per week",
                "seats",
                sentence(
                    "weeks that are not over are left out",
                    "seats without any activity are in the line",
                    of_holes(drawn),
                ),
                lambda: charts.over_time(drawn, {"active_seats": ("used", BLUE)}, total=("known", "all seats")),
                nothing,
                period=whole(drawn),
            ),
            view.figure(
                "starts-and-stops",
                "Who came and who stayed away",
                "seats per week",
                sentence("lost: used the week before, but not in this one", of_holes(drawn)),
                lambda: charts.over_time(
                    drawn.assign(lost_seats=-drawn["lost_seats"]),
                    {
                        "new_seats": ("first time", GREEN),
                        "returning_seats": ("came back", SKY),
                        "lost_seats": ("lost", RED),
                    },
                ),
                nothing,
                period=whole(drawn),
            ),
        ]
    drawn = days.assign(rest=days["activities"])
    done = {name: float(days[column].sum()) for column, name in COUNT_NAMES.items()}
    by_kind = pd.DataFrame({"kind": list(done), "activities": list(done.values())})
    nothing = "" if days["activities"].notna().any() else NOT_LOADED
    figures += [
        view.figure(
            "activities-per-day",
            "Activities per day",
            "activities",
            sentence("weekends are shaded", of_holes(drawn)),
            lambda: charts.over_time(
                drawn, {"rest": ("activities", BLUE)}, "day", weekends=frames.weekends(view.filters.days)
            ),
            nothing,
        ),
        view.figure(
            "what-they-do",
            "What they do",
            "activities",
            sentence("days that are not loaded are not in it" if MISSING in set(days["state"]) else ""),
            lambda: charts.bars(by_kind, "kind", "activities"),
            nothing or ("" if by_kind["activities"].sum() else "Nobody did anything in this period."),
        ),
    ]
    rows = view.named(totals).sort_values(["activities", "seat_id"], ascending=[False, True])
    table = view.table(
        rows,
        {
            "seat_status": "status",
            "activities": "activities",
            "active_days": "days used",
            **COUNT_NAMES,
            "last_activity_date": "last used",
        },
    )
    return Page(
        "usage",
        headline,
        numbers,
        tuple(figures),
        (Table("usage-by-person", "Use by person", table),),
        view.warnings("activities"),
    )


def _usage_of_person(view: View, totals: pd.DataFrame, days: pd.DataFrame) -> tuple[str, tuple[Number, ...]]:
    done = totals[["activities", "active_days"]].sum()
    loaded = int((days["state"] != MISSING).sum())
    who = view.people.iloc[0] if len(view.people) else None
    name = "This seat" if who is None else str(who["person"])
    last = None if who is None or pd.isna(who["last_activity_date"]) else who["last_activity_date"].date()
    used = f"{done['active_days']:,} of {plural(loaded, 'loaded day')}"
    headline = f"{name} used Sales Navigator on {used}, {view.filters.period}."
    if not loaded:
        headline = NOT_LOADED
    gone = _has_left(view)
    if gone:
        headline += f" The seat is no longer listed: last seen on {day_text(gone)}."
    numbers = (
        *view.known(
            "activities",
            [
                Number("days used", count(done["active_days"]), f"of {plural(loaded, 'loaded day')}"),
                Number("activities", count(done["activities"]), view.filters.period),
            ],
        ),
        Number(
            "last used", day_text(last) if last else NONE, "on any loaded day" if last else "never, on any loaded day"
        ),
        Number("SSI", score(None if who is None else who["ssi"]), "in the newest snapshot", "ssi"),
    )
    return headline, numbers


def _has_left(view: View) -> date | None:
    """Returns the last day on which the person's seat was listed, if LinkedIn lists it no longer."""
    if view.people.empty:
        return None
    newest = view.scope.loaded[(view.scope.loaded["export"] == "seats")].set_index("contract")["last"]
    seen = view.people.iloc[0]["last_snapshot"]
    end = newest.get(view.people.iloc[0]["contract"])
    return seen.date() if pd.notna(seen) and end is not None and seen < end else None


def _idle_hint(view: View) -> str:
    if view.idle.empty:
        return "no seat is idle for so long, as of now"
    never = int(view.idle["first_activity_date"].isna().sum())
    return f"{view.idle_since}, as of now; {plural(never, 'was', 'were')} never used"

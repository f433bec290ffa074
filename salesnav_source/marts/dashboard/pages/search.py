"""Search: whether searching leads anywhere: the rates between the steps, and the leads that are left lying."""

from typing import NamedTuple

import pandas as pd

from salesnav_source.marts.dashboard import charts, frames, queries
from salesnav_source.marts.dashboard.frames import share
from salesnav_source.marts.dashboard.model import Figure, Filters, Number, Page, Table
from salesnav_source.marts.dashboard.pages.view import HOLDER, View, first_of, spans_of
from salesnav_source.marts.dashboard.pages.words import (
    COUNT_NAMES,
    NONE,
    NOT_LOADED,
    between,
    count,
    of_holes,
    percent,
    plural,
    sentence,
    whole,
)
from salesnav_source.marts.dashboard.queries import COUNTS, Query
from salesnav_source.marts.dashboard.stats import wilson

QUESTION = "Does searching lead anywhere?"


class Step(NamedTuple):
    """How many of one thing come of another."""

    key: str
    label: str
    part: str
    whole: str
    per: int
    meaning: str


STEPS = (
    Step("views-per-search", "profile views per search", "profile_views", "searches", 1, "profile views ÷ searches"),
    Step(
        "saved-per-100-views",
        "leads saved per 100 views",
        "leads_saved",
        "profile_views",
        100,
        "leads saved ÷ profile views",
    ),
    Step(
        "inmails-per-100-leads",
        "InMails per 100 leads saved",
        "inmails_sent",
        "leads_saved",
        100,
        "InMails sent ÷ leads saved",
    ),
)


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {
        "totals": queries.totals(filters),
        "now": queries.sums(filters.now),
        "before": queries.sums(filters.before),
        "daily": queries.daily(filters.wide),
        "inmails": queries.inmails_by_holder(filters),
        "leads": queries.leads(filters),
        "never": queries.leads_never_contacted(filters),
        "two": queries.leads_worked_by_two(filters),
    }


def page(view: View) -> Page:
    """Returns the page."""
    totals = view.found["totals"]
    sums = totals[[*COUNTS]].sum()
    headline = NOT_LOADED if view.is_hole("activities") else _headline(view, sums)
    weeks = frames.by_week(
        frames.by_day(view.found["daily"], view.calendar("activities", view.filters.wide), list(COUNTS)), list(COUNTS)
    )
    tables = [_by_person(view, totals)]
    if not (view.is_person or view.filters.team):
        tables += _lead_tables(view)
    return Page(
        "search",
        QUESTION,
        headline,
        (*view.known("activities", _numbers(view, totals, sums)), *_lead_numbers(view)),
        tuple(_rate(view, weeks, step) for step in STEPS),
        tuple(tables),
        (*view.warnings("activities"), *view.of_answers(), *_of_leads(view)),
    )


def _headline(view: View, sums: pd.Series) -> str:
    if not sums["searches"]:
        return f"Nobody searched, {view.filters.period}."
    rates = [_per(sums, step) for step in STEPS]
    return (
        f"A search leads to {rates[0]:.1f} profile views"
        + (f", 100 views to {rates[1]:.1f} saved leads" if rates[1] is not None else "")
        + (f", 100 saved leads to {rates[2]:.0f} InMails" if rates[2] is not None else "")
        + f", {view.filters.period}."
    )


def _per(sums: pd.Series, step: Step) -> float | None:
    found = share(sums[step.part], sums[step.whole])
    return None if found is None else found * step.per


def _numbers(view: View, totals: pd.DataFrame, sums: pd.Series) -> list[Number]:
    compared, before = (view.found[name].iloc[0].fillna(0).astype(float) for name in ("now", "before"))
    searching = totals[totals["searches"] > 0].groupby(["contract", "seat_id"]).ngroups
    numbers = [
        Number(
            "searches",
            count(sums["searches"]),
            f"by {plural(searching, 'seat')}",
            view.against_before(compared["searches"], before["searches"]),
            "search-by-person",
        )
    ]
    for step in STEPS:
        now = _per(sums, step)
        shown = NONE if now is None else f"{now:,.1f}"
        meaning = step.meaning if now is not None else f"no {COUNT_NAMES[step.whole]} to measure it by"
        lately, earlier = (_per(one, step) for one in (compared, before))
        changed = view.against_before(lately, earlier, digits=1)
        numbers.append(Number(step.label, shown, meaning, changed))
    mails = view.found["inmails"]
    mature, accepted = float(mails["mature_sent"].sum()), float(mails["mature_accepted"].sum())
    meaning = (
        f"of {mature:,.0f} sent and old enough to judge; {between(wilson(accepted, mature))}"
        if mature
        else "none is old enough to judge"
    )
    return [*numbers, Number("InMails accepted", percent(share(accepted, mature)), meaning, "", "inmail")]


def _of_leads(view: View) -> tuple[str, ...]:
    """Tells of days that are not loaded, also outside of the period: leads are of all days."""
    if not _lead_numbers(view):
        return ()
    said = []
    for contract, last in view.newest("activities").items():
        missing = view.missing("activities", contract, view.scope.first_day or last, last)
        if len(missing):
            said.append(
                f"Activities of {view.scope.name(contract)} are not loaded for {spans_of(missing)}: leads may have been"
                " contacted then that are listed as never contacted."
            )
    return first_of(said)


def _lead_numbers(view: View) -> list[Number]:
    leads = view.found["leads"]
    if view.is_person or view.filters.team or leads.empty:
        return []
    saved, never, two = (int(leads[name].fillna(0).sum()) for name in ("saved", "never_contacted", "worked_by_two"))
    return [
        Number(
            "leads never contacted",
            f"{never:,} of {saved:,}",
            "saved, with no InMail, message or connection on any loaded day",
            "",
            "leads-never-contacted",
        ),
        Number(
            "leads worked by two",
            count(two),
            "two seats or more saved or contacted them, on any loaded day",
            "",
            "leads-worked-by-two",
        ),
    ]


def _rate(view: View, weeks: pd.DataFrame, step: Step) -> Figure:
    whole_of = weeks[step.whole].astype("float64")
    drawn = weeks.assign(rate=(weeks[step.part].astype("float64") / whole_of * step.per).where(whole_of > 0))
    title = step.label[:1].upper() + step.label[1:]
    return view.figure(
        step.key,
        title,
        f"{step.meaning}, by week",
        sentence("weeks that are not over are left out", of_holes(weeks)),
        lambda: charts.line_over_time(
            drawn,
            "rate",
            step.label,
            "week",
            domain=(0, float(drawn["rate"].max()) * 1.1 or 1),
            count=(step.whole, COUNT_NAMES[step.whole]),
        ),
        view.why_empty(
            "activities", bool(drawn["rate"].notna().any()), f"No {COUNT_NAMES[step.whole]} in these weeks."
        ),
        period=whole(weeks),
    )


def _by_person(view: View, totals: pd.DataFrame) -> Table:
    rows = view.named(totals).merge(view.found["inmails"][[*HOLDER, "accepted"]], on=HOLDER, how="left")
    rows["accepted"] = rows["accepted"].fillna(0)
    for step in STEPS:
        base = rows[step.whole].astype("float64")
        rows[step.key] = (rows[step.part].astype("float64") / base * step.per).where(base > 0)
    shown = {"searches": "searches", **{step.key: step.label for step in STEPS}}
    shown |= {name: COUNT_NAMES[name] for name in ("profile_views", "leads_saved", "accounts_saved", "inmails_sent")}
    rows = frames.most_first(rows, "searches")
    return view.table("search-by-person", "Search by person", rows, {**shown, "accepted": "InMails accepted"})


def _lead_tables(view: View) -> list[Table]:
    lead = {"member_identity_key": "lead (member key)"}
    saved = {**lead, "last_saved_date": "saved", "days_since_saved": "days since", "saved_by_seat_id": "saved by seat"}
    worked = {**lead, "working_seats": "seats", "first_seat_id": "first seat", "last_seat_id": "last seat"}
    worked |= {"last_worked_date": "last worked"}
    return [
        _lead_table(
            view,
            "never",
            "leads-never-contacted",
            "Leads saved and never contacted",
            saved,
            "saved, with no InMail, message or connection on any loaded day",
        ),
        _lead_table(
            view,
            "two",
            "leads-worked-by-two",
            "Leads that two seats work",
            worked,
            "two seats or more saved or contacted the lead, on any loaded day",
        ),
    ]


def _lead_table(view: View, found: str, key: str, title: str, columns: dict[str, str], note: str) -> Table:
    leads = view.found[found].assign(contract_name=view.found[found]["contract"].map(view.scope.name))
    columns = {**columns, "contract_name": "contract"}
    most = f"here are the newest {queries.MOST_LEADS:,}" if len(leads) == queries.MOST_LEADS else ""
    shown = leads[list(columns)].rename(columns=columns).reset_index(drop=True)
    return Table(key, title, shown, "None.", sentence(note, most))

"""InMail: whether it works, for whom, and when."""

import pandas as pd

from salesnav_source.marts.dashboard import charts, frames, queries
from salesnav_source.marts.dashboard.charts import GREEN, GREY, PURPLE, RED
from salesnav_source.marts.dashboard.frames import share
from salesnav_source.marts.dashboard.model import Figure, Filters, Number, Page, Table
from salesnav_source.marts.dashboard.pages.view import View
from salesnav_source.marts.dashboard.pages.words import (
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
from salesnav_source.marts.dashboard.queries import OUTCOMES, Query
from salesnav_source.marts.dashboard.stats import FEW, wilson, with_rates

QUESTION = "Does InMail work, for whom, and when?"
_MOST_GROUPS = 12


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {
        "daily": queries.inmails_daily(filters.wide),
        "by_holder": queries.inmails_by_holder(filters),
        "now": queries.inmails_by_holder(filters.now),
        "before": queries.inmails_by_holder(filters.before),
        "hours": queries.inmails_by_hours(filters),
        "answers": queries.answer_times(filters),
    }


def page(view: View) -> Page:
    """Returns the page."""
    by_holder = with_rates(view.found["by_holder"], "mature_accepted", "mature_sent")
    sums = by_holder[list(OUTCOMES)].sum().astype(float)
    days = frames.by_day(
        view.found["daily"], view.calendar("activities", view.filters.wide), list(OUTCOMES), "sent_date"
    )
    weeks = with_rates(frames.by_week(days, list(OUTCOMES)), "mature_accepted", "mature_sent")
    no_week = "" if weeks["sent"].notna().any() else "No week of this period has ended with data."
    no_week = no_week or ("" if weeks["sent"].sum() else "No InMail was sent in these weeks.")
    no_mail = view.why_empty("activities", bool(sums["sent"]), "No InMail was sent in this period.")
    figures = [_outcomes(view, weeks, no_week), _rate(view, weeks, no_week)]
    if not view.is_person:
        figures.append(_for_whom(view, by_holder))
    figures += [_when(view, no_mail), _answers(view)]
    return Page(
        "inmail",
        QUESTION,
        NOT_LOADED if view.is_hole("activities") else _headline(view, sums),
        view.known("activities", _numbers(view, sums, int((by_holder["sent"] > 0).sum()))),
        tuple(figures),
        (_by_person(view, by_holder, no_mail),),
        (*view.warnings("activities", "activity_outcomes"), *view.of_answers()),
    )


def _headline(view: View, sums: pd.Series) -> str:
    sent, mature = int(sums["sent"]), sums["mature_sent"]
    if not sent:
        return f"No InMail was sent, {view.filters.period}."
    if not mature:
        return f"{plural(sent, 'InMail')} sent; none is old enough to say how many are accepted."
    ends = between(wilson(sums["mature_accepted"], mature))
    return (
        f"{percent(share(sums['mature_accepted'], mature))} of InMails are accepted ({ends}),"
        f" {percent(share(sums['mature_answered'], mature))} are answered."
    )


def _numbers(view: View, sums: pd.Series, people: int) -> list[Number]:
    compared, before = (view.found[name][list(OUTCOMES)].sum().astype(float) for name in ("now", "before"))
    sent, mature = sums["sent"], sums["mature_sent"]
    base = f"of {mature:,.0f} sent and old enough to judge; {sent - mature:,.0f} left out: {_why_left_out(view)}"
    rates = []
    for label, column, meaning in (
        ("accepted", "mature_accepted", "accepted by now"),
        ("answered", "mature_answered", "accepted or declined by now"),
    ):
        now = share(sums[column], mature)
        lately, earlier = (share(one[column], one["mature_sent"]) for one in (compared, before))
        ends = between(wilson(sums[column], mature))
        said = f"{meaning}, {base}; {ends}" if mature else "none is old enough to judge"
        rates.append(
            Number(label, percent(now), said, view.against_before(lately, earlier, percent=True) if mature else "")
        )
    return [
        Number(
            "InMails sent",
            count(sent),
            f"by {people:,} {'person' if people == 1 else 'people'}",
            view.against_before(compared["sent"], before["sent"]),
            "inmails-by-person",
        ),
        *rates,
        Number("half of the answers within", _half(view.found["answers"]), "of those whose answer has a date"),
    ]


def _outcomes(view: View, weeks: pd.DataFrame, nothing: str) -> Figure:
    parts = {
        "accepted": ("accepted", GREEN),
        "declined": ("declined", RED),
        "other": ("another outcome", PURPLE),
        "unanswered": ("no answer", GREY),
    }
    said = "in the week they were sent, whenever the answer came", "newer ones may still be answered", of_holes(weeks)
    return view.figure(
        "inmails-by-outcome",
        "What came of the InMails sent each week",
        "InMails",
        sentence(*said),
        lambda: charts.over_time(weeks, parts),
        nothing,
        period=whole(weeks),
    )


def _rate(view: View, weeks: pd.DataFrame, nothing: str) -> Figure:
    young = "" if weeks["rate"].notna().any() else "No InMail of these weeks is old enough to judge."
    top = weeks["high"].max()
    return view.figure(
        "acceptance-rate",
        "Share of InMails accepted, by the week they were sent",
        "% of InMails old enough to judge",
        sentence(
            "the upright line holds the true share 19 times in 20",
            f"old enough: sent more than {_maturity(view)} days before the newest outcomes, all of them loaded",
            of_holes(weeks),
        ),
        lambda: charts.line_over_time(
            weeks,
            "rate",
            "accepted",
            "week",
            percent=True,
            domain=(0, min(1.0, (int(top * 10) + 1) / 10)),
            count=("mature_sent", "InMails old enough to judge"),
            spread=("low", "high"),
        ),
        nothing or young,
        period=whole(weeks),
    )


def _why_left_out(view: View) -> str:
    return "newer, or their answers may not be loaded" if view.of_answers() else "newer"


def _maturity(view: View) -> str:
    return str(view.maturity_days or "some")


def _for_whom(view: View, by_holder: pd.DataFrame) -> Figure:
    rows = view.named(by_holder)
    by = "label" if view.filters.team or len(view.scope.teams) < 2 else "team"
    grouped = rows.groupby(by, as_index=False)[["mature_sent", "mature_accepted"]].sum()
    enough = frames.most_first(grouped[grouped["mature_sent"] >= FEW], "mature_sent")
    shown = frames.most_first(with_rates(enough.head(_MOST_GROUPS), "mature_accepted", "mature_sent"), "rate")
    few = len(grouped) - len(enough)
    more = len(enough) - len(shown)
    groups, one = ("teams", "team") if by == "team" else ("people", "person")
    shown = shown.rename(columns={by: one})
    return view.figure(
        "for-whom",
        "For whom it works",
        f"% of InMails accepted, by {one}",
        sentence(
            "the line holds the true share 19 times in 20",
            f"{few:,} {groups} with fewer than {FEW} InMails old enough to judge are left out" if few else "",
            f"{more:,} more {groups} are in the table below" if more > 0 else "",
        ),
        lambda: charts.intervals(
            shown, one, "rate", "low", "high", ("mature_sent", "InMails old enough to judge"), "accepted"
        ),
        view.why_empty("activities", len(shown) > 0, f"Nobody has {FEW} InMails old enough to judge in this period."),
    )


def _when(view: View, nothing: str) -> Figure:
    hours = view.found["hours"][["sent_weekday", "sent_hour", "mature_sent", "mature_accepted"]]
    rows = with_rates(hours, "mature_accepted", "mature_sent").rename(columns={"mature_sent": "sent"})
    enough = len(rows) and (rows["sent"] >= FEW).any()
    few = "" if enough else f"At no hour {FEW} InMails old enough to judge were sent in this period."
    return view.figure(
        "when-it-works",
        "When it works",
        "% of InMails accepted, by when they were sent",
        sentence(
            "a fuller colour is a larger share",
            f"hours with fewer than {FEW} InMails old enough to judge have no figure",
            "hours are UTC, unless salesnav_timezone is set for the marts",
        ),
        lambda: charts.hours(rows, FEW),
        nothing or few,
    )


def _answers(view: View) -> Figure:
    groups, labels = _answer_groups(view.found["answers"])
    return view.figure(
        "time-to-answer",
        "How long answers take",
        "answered InMails",
        "Answered: accepted or declined. Those without a date are left out",
        lambda: charts.histogram(groups, "day", "answered", labels, title="days until the answer"),
        view.why_empty("activities", bool(groups["answered"].sum()), "No answer with a date in this period."),
    )


def _by_person(view: View, by_holder: pd.DataFrame, nothing: str) -> Table:
    rows = frames.most_first(view.named(by_holder), "sent")
    columns = {"sent": "sent", "rate": "% accepted", "low": "% at least", "high": "% at most"}
    columns |= {"mature_sent": "old enough to judge", "mature_accepted": "of these accepted", "accepted": "accepted"}
    columns |= {"declined": "declined", "other": "another outcome", "unanswered": "no answer"}
    note = f"at least, at most: they hold the true share 19 times in 20; below {FEW} InMails a share says little"
    return view.table("inmails-by-person", "InMails by person", rows, columns, nothing or "Nobody.", note)


def _half(answers: pd.DataFrame) -> str:
    """Returns within how many days half of the answers had come."""
    if answers.empty:
        return NONE
    reached = answers[answers["answered"].cumsum() * 2 >= answers["answered"].sum()]
    return plural(int(reached.iloc[0]["lag_days"]) + 1, "day")


def _answer_groups(answers: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    labels = [*(str(day) for day in range(1, 15)), "later"]
    counts = dict.fromkeys(labels, 0)
    for row in answers.itertuples():
        day = max(int(row.lag_days), 0) + 1
        counts[str(day) if day <= 14 else "later"] += int(row.answered)
    return pd.DataFrame({"day": labels, "answered": list(counts.values())}), labels

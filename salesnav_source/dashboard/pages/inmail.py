"""InMail: what is sent, and what comes of it."""

import pandas as pd

from salesnav_source.dashboard import charts, frames, queries
from salesnav_source.dashboard.charts import GREEN, GREY, PURPLE, RED
from salesnav_source.dashboard.frames import share
from salesnav_source.dashboard.model import Filters, Number, Page, Table
from salesnav_source.dashboard.pages.view import View
from salesnav_source.dashboard.pages.words import NONE, NOT_LOADED, count, of_holes, percent, plural, sentence, whole
from salesnav_source.dashboard.queries import OUTCOMES, Query


def ask(filters: Filters) -> dict[str, Query]:
    """Returns what is asked of the marts."""
    return {
        "daily": queries.inmails_daily(filters),
        "by_seat": queries.inmails_by_seat(filters),
        "hours": queries.inmails_by_hour(filters),
        "answers": queries.answer_times(filters),
    }


def page(view: View) -> Page:
    """Returns the page."""
    by_seat = view.found["by_seat"]
    sums = by_seat[list(OUTCOMES)].sum()
    sent, mature = int(sums["sent"]), int(sums["mature_sent"])
    accepted, answered = share(sums["mature_accepted"], mature), share(sums["mature_answered"], mature)
    days = frames.by_day(view.found["daily"], view.calendar("activities"), list(OUTCOMES), "sent_date")
    weeks = frames.by_week(days, list(OUTCOMES))
    weeks["young"] = weeks["sent"] - weeks["mature_sent"]
    weeks["rate"] = (weeks["mature_accepted"] / weeks["mature_sent"]).where(weeks["mature_sent"] > 0)
    if view.is_hole("activities"):
        headline = NOT_LOADED
    elif not sent:
        headline = f"No InMail was sent, {view.filters.period}."
    elif not mature:
        headline = f"{plural(sent, 'InMail')} sent; none is old enough to say how many are accepted."
    else:
        headline = (
            f"{percent(accepted)} of InMails are accepted, {percent(answered)} get an answer"
            f" ({mature:,} sent, old enough to judge)."
        )
    young = sent - mature
    hint = (
        f"of {mature:,} old enough to judge; {young:,} newer ones left out" if mature else "none is old enough to judge"
    )
    numbers = (
        Number("InMails sent", count(sent), f"by {plural(len(by_seat), 'seat')}, {view.filters.period}"),
        Number("accepted", percent(accepted), hint),
        Number("accepted or declined", percent(answered), hint),
        Number("half of the answers come within", _half(view.found["answers"]), "of those whose answer has a date"),
    )
    no_week = "" if len(weeks) and weeks["sent"].notna().any() else "No whole week of this period is loaded."
    no_mail = view.why_empty("activities", bool(sent), "No InMail was sent in this period.")
    answers, labels = _answer_groups(view.found["answers"])
    figures = (
        view.figure(
            "inmails-by-outcome",
            "What came of the InMails sent each week",
            "InMails",
            sentence(
                "in the week they were sent, whenever the answer came",
                "newer ones may still be answered",
                of_holes(weeks),
            ),
            lambda: charts.over_time(
                weeks,
                {
                    "accepted": ("accepted", GREEN),
                    "declined": ("declined", RED),
                    "other": ("another outcome", PURPLE),
                    "unanswered": ("no answer", GREY),
                },
            ),
            no_week or no_mail,
            period=whole(weeks),
        ),
        view.figure(
            "acceptance-rate",
            "Share of InMails accepted, by the week they were sent",
            "% of InMails old enough to judge",
            sentence(
                "old enough: sent two weeks before the newest outcomes, unless set otherwise; newer weeks have no point",
                of_holes(weeks),
            ),
            lambda: charts.line_over_time(
                weeks,
                "rate",
                "accepted",
                "week",
                percent=True,
                domain=(0, _top(weeks["rate"])),
                count=("mature_sent", "InMails"),
            ),
            no_week or no_mail or ("" if mature else "No InMail of this period is old enough to judge."),
            period=whole(weeks),
        ),
        view.figure(
            "when-they-are-sent",
            "When InMails are sent",
            "InMails, by weekday and hour",
            "Hours are UTC, unless salesnav_timezone is set for the marts",
            lambda: charts.hours(view.found["hours"]),
            no_mail,
        ),
        view.figure(
            "time-to-answer",
            "How long answers take",
            "answered InMails, by days until the answer",
            "Answers: accepted or declined. Those without a date are left out",
            lambda: charts.histogram(answers, "days", "answered", labels),
            view.why_empty("activities", bool(answers["answered"].sum()), "No answer with a date in this period."),
        ),
    )
    rows = view.named(by_seat)
    rows["rate"] = (rows["mature_accepted"].astype(float) / rows["mature_sent"].astype(float)).where(
        rows["mature_sent"] > 0
    )
    rows = rows.sort_values(["sent", "seat_id"], ascending=[False, True])
    names = {
        "sent": "sent",
        "accepted": "accepted",
        "declined": "declined",
        "other": "another outcome",
        "unanswered": "no answer",
    }
    table = view.table(
        rows,
        {**names, "mature_sent": "old enough to judge", "mature_accepted": "of these accepted", "rate": "% accepted"},
    )
    warnings = view.warnings("activities", "activity_outcomes")
    return Page(
        "inmail",
        headline,
        view.known("activities", numbers),
        figures,
        (Table("inmails-by-person", "InMails by person", table, no_mail),),
        warnings,
    )


def _top(rates: pd.Series) -> float:
    """Returns the end of a scale of shares: the next tenth above the largest."""
    largest = rates.max()
    return 1.0 if pd.isna(largest) else min(1.0, (int(largest * 10) + 1) / 10)


def _half(answers: pd.DataFrame) -> str:
    """Returns within how many days half of the answers had come."""
    if answers.empty:
        return NONE
    ordered = answers.sort_values("lag_days")
    reached = ordered[ordered["answered"].cumsum() * 2 >= ordered["answered"].sum()]
    return plural(int(reached.iloc[0]["lag_days"]) + 1, "day")


def _answer_groups(answers: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    labels = [*(str(day) for day in range(1, 15)), "later"]
    counts = dict.fromkeys(labels, 0)
    for row in answers.itertuples():
        day = max(int(row.lag_days), 0) + 1
        counts[str(day) if day <= 14 else "later"] += int(row.answered)
    return pd.DataFrame({"days": labels, "answered": list(counts.values())}), labels

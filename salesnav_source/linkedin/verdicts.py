"""What a single file shows about each guess: confirmed, refuted, or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import Literal, NamedTuple

from salesnav_source.linkedin.guesses import GUESSES
from salesnav_source.linkedin.reader.header import is_required
from salesnav_source.linkedin.reader.reading import Findings
from salesnav_source.linkedin.reader.rejections import CONTRADICTED
from salesnav_source.linkedin.reader.request import ReadRequest
from salesnav_source.linkedin.reader.styles import COMMA, DOCUMENTED, DOT, OrderClues

TVerdict = Literal["confirmed", "refuted", "not shown"]

_EDGE = timedelta(hours=1)
"""How near to midnight the first and last row must be to show where days end."""


class Verdict(NamedTuple):
    """What a file shows about a guess."""

    verdict: TVerdict
    because: str


NOT_IN_A_FILE = Verdict("not shown", "a single file cannot show it")


@dataclass(frozen=True)
class Evidence:
    """What is known about a file."""

    findings: Findings
    request: ReadRequest
    days_known: bool
    """True if it is known for which days the file was asked for."""
    has_letters: bool
    """True if it has text beyond ASCII."""
    compressions: int
    """How often it is compressed."""
    earliest: datetime | None
    """The earliest time in its rows, None if it has none."""
    latest: datetime | None

    @property
    def order(self) -> OrderClues:
        """What its days show."""
        return self.findings.clues.orders.get(self.findings.layout.day_field.name, OrderClues())


def judge(evidence: Evidence) -> dict[str, Verdict]:
    """Returns what a file shows about each guess, by the names of the guesses."""
    return {name: _CHECKS[name](evidence) if guess.in_file else NOT_IN_A_FILE for name, guess in GUESSES.items()}


def _seats_are_daily(evidence: Evidence) -> Verdict:
    findings, found = evidence.findings, evidence.findings.found
    if not evidence.request.export.guesses_day:
        return Verdict("not shown", "it is not a file of seats")
    if not findings.result.rows:
        return Verdict("not shown", "the file has no row")
    if findings.by_header.has_day_column and findings.layout.day_header == findings.by_header.day_header:
        return Verdict("confirmed", f"the day stands under {findings.by_header.day_header}")
    if found is None:
        return Verdict("not shown", "one day was asked for, and the file has no known header of it")
    if found.header is not None:
        return Verdict("refuted", f"the day stands under {found.header}, which is read as that")
    if found.seats_repeat:
        could = f", as {', '.join(found.others)} could be it" if found.others else ""
        return Verdict(
            "refuted", f"no known header has the day, and values do not show it{could}: a window of several days fails"
        )
    return Verdict("not shown", "no column is known to be the day, and no seat has rows that differ")


def _day_is_the_day(evidence: Evidence) -> Verdict:
    findings = evidence.findings
    header = findings.by_header.day_header
    if not evidence.request.export.guesses_day:
        return Verdict("not shown", "it is not a file of seats")
    if header is None or not findings.result.rows:
        return Verdict("not shown", "the file has no row" if header else "the file has no known header of the day")
    if findings.layout.day_header != header or findings.found is not None:
        return Verdict("refuted", f"{header} holds other days, or the same day in rows of a seat that differ")
    if findings.result.rows_before or findings.result.rows_after:
        return Verdict("not shown", f"{header} has days outside those asked for in some rows")
    if not evidence.days_known:
        return Verdict("not shown", f"{header} tells rows apart; give --start-date and --end-date to compare its days")
    return Verdict("confirmed", f"all values of {header} are days asked for")


def _month_first(evidence: Evidence) -> Verdict:
    order, strict = evidence.order, evidence.request.export.strict_days
    column = evidence.findings.layout.day_header
    if not order.values or not evidence.findings.layout.has_day_column:
        return Verdict("not shown", "the file has no day or time")
    if order.day_first(strict):
        return Verdict("refuted", f"{column} is read with the day before the month")
    if order.is_open(strict):
        days = "" if evidence.days_known else "; give --start-date and --end-date to tell"
        return Verdict("not shown", f"{order.differing:,} values of {column} are days in both orders{days}")
    if order.days[False] > order.days[True] or order.inside[False] > order.inside[True]:
        more = max(order.days[False] - order.days[True], order.inside[False] - order.inside[True])
        return Verdict("confirmed", f"{more:,} values of {column} fit with the month first only")
    return Verdict("not shown", f"no value of {column} means another day in the other order")


def _marks_of_numbers(evidence: Evidence) -> Verdict:
    marks = evidence.findings.clues.marks
    for name, clues in marks.items():
        style = evidence.findings.styles.get(name, DOCUMENTED)
        for mark in (DOT, COMMA):
            if clues.role(mark) not in (DOCUMENTED.role(mark), "unknown") or (mark, _other(mark)) in clues.shown:
                what = "groups digits" if clues.role(mark) == "group" else "is a decimal mark"
                read = (
                    "" if style.role(mark) != "unknown" else "; values like it are not read, as others show otherwise"
                )
                return Verdict("refuted", f"'{mark}' {what} in {name}{read}")
    unknown = [name for name, clues in marks.items() if any(clues.role(mark) == "unknown" for mark in clues.open)]
    if unknown:
        return Verdict("not shown", f"{', '.join(unknown)} has values like '9.999' alone, which are not read")
    shown = [name for name, clues in marks.items() if clues.shown]
    if shown:
        return Verdict("confirmed", f"by values of {', '.join(shown)}")
    return Verdict("not shown", "no whole number has a mark")


def _other(mark: str) -> Literal["group", "fraction"]:
    return "group" if DOCUMENTED.role(mark) == "fraction" else "fraction"


def _text_is_utf8(evidence: Evidence) -> Verdict:
    findings = evidence.findings
    lost = sum(count for cause, count in findings.causes.items() if cause.endswith("is not valid UTF-8"))
    if findings.result.values_mended or lost:
        mended = findings.result.values_mended
        return Verdict(
            "refuted", f"{mended:,} names have bytes that are not text, {lost:,} other values are lost because of them"
        )
    if evidence.has_letters:
        return Verdict("confirmed", "there is text beyond ASCII, and all of it can be read")
    return Verdict("not shown", "all text is ASCII")


def _spellings(evidence: Evidence) -> Verdict:
    headers = evidence.findings.layout.headers
    missing = [one.column_name for one in headers if one.state == "missing"]
    unknown = [one.header for one in headers if one.state not in ("missing", "declared")]
    lacks = f"; missing: {', '.join(missing)}" if missing else ""
    if missing and unknown:
        return Verdict("not shown", f"unknown, and perhaps one of those missing: {', '.join(unknown)}{lacks}")
    return Verdict("confirmed", f"{', '.join(unknown) or 'no column'} is unknown{lacks}")


def _keys_are_unique(evidence: Evidence) -> Verdict:
    result = evidence.findings.result
    again = evidence.findings.causes.get(CONTRADICTED, 0)
    if result.rows_repeated or again:
        return Verdict(
            "refuted",
            f"{result.rows_repeated:,} rows repeat others, {again:,} have a key that occurs again with other values",
        )
    if result.rows_loaded > 1:
        return Verdict("confirmed", f"each of {result.rows_loaded:,} rows has a key of its own")
    return Verdict("not shown", "the file has fewer than two rows")


def _outcomes_lie_in_their_days(evidence: Evidence) -> Verdict:
    result = evidence.findings.result
    if evidence.request.export.strict_days:
        return Verdict("not shown", "it is not a file of outcomes")
    if result.rows_undated:
        return Verdict("refuted", f"{result.rows_undated:,} outcomes have no date")
    if not evidence.days_known or not result.rows_loaded:
        return Verdict("not shown", "give --start-date and --end-date" if result.rows_loaded else "the file has no row")
    if result.rows_outside:
        return Verdict("refuted", f"{result.rows_outside:,} outcomes are dated outside the days asked for")
    return Verdict("confirmed", f"{result.rows_loaded:,} outcomes are dated in the days asked for")


def _days_end_at_midnight_utc(evidence: Evidence) -> Verdict:
    result, request = evidence.findings.result, evidence.request
    if not request.export.strict_days or request.export.guesses_day:
        return Verdict("not shown", "only activities have a time of day that must lie in the days asked for")
    if not evidence.days_known:
        return Verdict("not shown", "give --start-date and --end-date")
    if result.rows_before or result.rows_after:
        return Verdict(
            "refuted", f"{result.rows_before:,} rows lie before the days asked for, {result.rows_after:,} after them"
        )
    if evidence.earliest is None or evidence.latest is None:
        return Verdict("not shown", "the file has no row")
    start = datetime.combine(request.first_day, time(), timezone.utc)
    end = datetime.combine(request.last_day, time(), timezone.utc) + timedelta(days=1)
    if evidence.earliest - start <= _EDGE and end - evidence.latest <= _EDGE:
        return Verdict("confirmed", "the first and the last row lie within an hour of midnight UTC, and none beyond")
    return Verdict("not shown", "no row lies outside the days asked for, and none near both ends")


def _files_are_compressed_once(evidence: Evidence) -> Verdict:
    if evidence.compressions > 1:
        return Verdict("refuted", f"it is compressed {evidence.compressions} times")
    return Verdict("confirmed", "compressed by gzip once" if evidence.compressions else "plain CSV")


_CHECKS: Mapping[str, Callable[[Evidence], Verdict]] = {
    "seats_are_daily": _seats_are_daily,
    "day_is_the_day": _day_is_the_day,
    "month_first": _month_first,
    "marks_of_numbers": _marks_of_numbers,
    "text_is_utf8": _text_is_utf8,
    "spellings": _spellings,
    "keys_are_unique": _keys_are_unique,
    "outcomes_lie_in_their_days": _outcomes_lie_in_their_days,
    "days_end_at_midnight_utc": _days_end_at_midnight_utc,
    "files_are_compressed_once": _files_are_compressed_once,
}


def fits(evidence: Evidence) -> bool:
    """True if a window of several days with this file could be loaded."""
    findings = evidence.findings
    needs_day = findings.found is not None and findings.found.position is None and findings.found.seats_repeat
    return not needs_day and not any(
        one.state == "missing" and is_required(evidence.request.export.column(one.column_name), evidence.request.export)
        for one in findings.layout.headers
    )

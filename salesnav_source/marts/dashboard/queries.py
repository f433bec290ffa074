"""What is asked of the marts. All SQL of the dashboard stands here, in DuckDB's dialect; `marts.py` translates it.

Everything is counted in the warehouse: what comes back is a row per day, week, person or group, never per activity.
A person is a holder of a seat: contract, seat_id and holder_number.

No query says ORDER BY: each warehouse sorts texts by a collation of its own, and rows that tie as it likes. `marts.py` sorts
what comes back by `Query.order`, so that pages are the same whatever holds the marts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from salesnav_source.marts.dashboard.model import NO_TEAM, Filters
from salesnav_source.warehouse.tables import literal

COUNTS = (
    "searches",
    "profile_views",
    "leads_saved",
    "accounts_saved",
    "inmails_sent",
    "messages_sent",
    "connections_made",
    "other_activities",
)
"""The columns of `salesnav__seat_daily` that make up `activities`."""

PARTS = ("ssi_brand", "ssi_find", "ssi_engage", "ssi_build")

_HOLDER = {"contract": "text", "seat_id": "int", "holder_number": "int"}
_BY_HOLDER = tuple(_HOLDER)


@dataclass(frozen=True)
class Query:
    """A query and what comes back."""

    sql: str
    columns: Mapping[str, str] = field(repr=False)
    """The columns in order, each int, float, bool, day, moment, text (a key, as it is), name or message (cleaned)."""
    order: tuple[str, ...] = ()
    """The columns by which rows are sorted; one with a minus before it from the largest. No two rows are equal in them."""
    most: int | None = None
    """How many of the sorted rows are kept; all if None."""
    of_source: bool = False
    """Whether it asks the tables that are loaded, and not the marts; where they are not, nothing comes back."""


def _columns(table: str, columns: Mapping[str, str], order: tuple[str, ...], where: str = "1 = 1") -> Query:
    return Query(f"SELECT {', '.join(columns)} FROM {table} WHERE {where}", columns, order)


def contracts() -> Query:
    """The contracts as they are now, with their licences and what they cost."""
    columns = {"contract": "text", "name": "name", "has_reporting_access": "bool", "currency": "name"}
    columns |= dict.fromkeys(("idle_days_rule", "maturity_days"), "int")
    columns |= dict.fromkeys(("purchased_seats", "assigned_seats", "activated_seats", "used_seats"), "int")
    columns |= dict.fromkeys(("unassigned_seats", "listed_seats", "gone_seats", "handed_on_seats"), "int")
    columns |= {"unknown_seats": "int"}
    columns |= dict.fromkeys(("cost_per_seat_year", "unassigned_cost_year"), "float")
    return _columns("salesnav__contract_overview", columns, ("name", "contract"))


def loaded() -> Query:
    """From which to which day the exports of the contracts are loaded."""
    return Query(
        "SELECT contract, export, min(day), max(day), max(last_read_at) FROM salesnav__export_coverage"
        " WHERE state IN ('loaded', 'empty') GROUP BY contract, export",
        {"contract": "text", "export": "text", "first": "day", "last": "day", "last_read_at": "moment"},
        ("contract", "export"),
    )


def people() -> Query:
    """Everybody who holds or held a seat, to choose from."""
    columns = {**_HOLDER, "full_name": "name", "email": "name", "is_present": "bool", "team": "name"}
    # as it is shown, and as it is written: the one is looked for by the other
    return Query(
        f"SELECT {', '.join(columns)}, team AS team_written FROM salesnav__holders",
        {**columns, "team_written": "text"},
        ("full_name", *_BY_HOLDER),
    )


def holders(filters: Filters) -> Query:
    """Everybody who holds or held a seat, with what is said of people in tables."""
    columns = {**_HOLDER, "full_name": "name", "email": "name", "team": "name", "manager": "name", "region": "name"}
    columns |= {"is_present": "bool", "first_day": "day", "last_day": "day", "last_activity_date": "day"}
    return _columns("salesnav__holders", columns, _BY_HOLDER, _who(filters, "salesnav__holders"))


def seats(filters: Filters) -> Query:
    """Every seat as it is now, by its present holder."""
    columns = {**_HOLDER, "full_name": "name", "email": "name", "team": "name", "seat_status": "name"}
    columns |= {"license_state": "text", "is_listed": "bool", "holder_since": "day"}
    columns |= {"is_holder_since_known": "bool", "first_activity_date": "day", "last_activity_date": "day"}
    columns |= {"days_to_first_activity": "int", "active_days_28": "int", "idle_days": "int", "is_active_28": "bool"}
    columns |= {"is_reclaimable": "bool", "is_activated": "bool", "ssi": "float"}
    columns |= {"cost_per_year": "float", "currency": "name"}
    columns |= {"first_snapshot": "day", "last_snapshot": "day", "target_active_days_28": "float"}
    return _columns("salesnav__seats", columns, _BY_HOLDER, _who(filters, "salesnav__seats"))


def coverage(filters: Filters) -> Query:
    """What became of each day of each export."""
    columns = {"contract": "text", "export": "text", "day": "day", "state": "text"}
    where = f"{_of_contracts(filters)} AND {_when(filters, 'day')}"
    return _columns("salesnav__export_coverage", columns, ("contract", "export", "day"), where)


def missing(filters: Filters) -> Query:
    """The days of activities and outcomes that are not loaded and have no rows, over all that is known."""
    where = (
        f"{_of_contracts(filters)} AND export IN ('activities', 'activity_outcomes') AND rows_loaded = 0"
        " AND state NOT IN ('loaded', 'empty')"
    )
    columns = {"contract": "text", "export": "text", "day": "day"}
    return _columns("salesnav__export_coverage", columns, ("contract", "export", "day"), where)


def totals(filters: Filters) -> Query:
    """What each holder did in the period; those who did nothing have a row too."""
    sums = ", ".join(f"sum({name})" for name in ("activities", *COUNTS))
    return Query(
        f"SELECT {', '.join(_HOLDER)}, {sums}, sum(CASE WHEN is_active THEN 1 ELSE 0 END) FROM salesnav__seat_daily"
        f" WHERE {_who(filters, 'salesnav__seat_daily')} AND {_when(filters, 'day')} GROUP BY {', '.join(_HOLDER)}",
        {**_HOLDER, "activities": "int", **dict.fromkeys(COUNTS, "int"), "active_days": "int"},
        _BY_HOLDER,
    )


def sums(filters: Filters) -> Query:
    """What was done in a period, in one row, and by how many seats."""
    parts = ", ".join(f"sum({name})" for name in ("activities", *COUNTS))
    return Query(
        f"SELECT {parts}, count(DISTINCT day), count(DISTINCT CASE WHEN is_active THEN"
        " concat(contract, ' ', CAST(seat_id AS VARCHAR)) END), count(DISTINCT concat(contract, ' ', CAST(seat_id AS"
        f" VARCHAR))) FROM salesnav__seat_daily WHERE {_who(filters, 'salesnav__seat_daily')} AND {_when(filters, 'day')}",
        {"activities": "int", **dict.fromkeys(COUNTS, "int"), "days": "int", "active_seats": "int", "seats": "int"},
    )


def daily(filters: Filters) -> Query:
    """What was done on each day."""
    parts = ", ".join(f"sum({name})" for name in ("activities", *COUNTS))
    return Query(
        f"SELECT day, {parts}, sum(CASE WHEN is_active THEN 1 ELSE 0 END) FROM salesnav__seat_daily"
        f" WHERE {_who(filters, 'salesnav__seat_daily')} AND {_when(filters, 'day')} GROUP BY day",
        {"day": "day", "activities": "int", **dict.fromkeys(COUNTS, "int"), "active_seats": "int"},
        ("day",),
    )


def adoption(filters: Filters) -> Query:
    """How many seats were used in each closed week that touches the period, of each contract."""
    columns = {"contract": "text", "week": "day", "seats": "int", "active_seats": "int", "new_seats": "int"}
    columns |= {"returning_seats": "int", "lost_seats": "int"}
    where = f"{_of_contracts(filters)} AND {_when(filters, 'week')}"
    return _columns("salesnav__adoption_weekly", columns, ("week", "contract"), where)


def teams(filters: Filters) -> Query:
    """What each team did in each closed week that touches the period."""
    columns = {"contract": "text", "team": "name", "week": "day", "seats": "int", "active_seats": "int"}
    columns |= {"activities": "int", "searches": "int", "profile_views": "int", "leads_saved": "int"}
    columns |= {"inmails_sent": "int", "inmails_mature": "int", "inmails_mature_accepted": "int"}
    columns |= {"ssi": "float", "ssi_seats": "int"}
    where = f"{_of_contracts(filters)} AND {_of_team(filters)} AND {_when(filters, 'week')}"
    return _columns("salesnav__teams_weekly", columns, ("team", "week", "contract"), where)


def changes(filters: Filters) -> Query:
    """What changed most, as the marts say it in sentences; of the newest closed weeks, whatever days are chosen."""
    scope = "team" if filters.team else "contract"
    columns = {"contract": "text", "team": "name", "weeks": "int", "measure": "text", "place": "int"}
    columns |= {"sentence": "message"}
    where = f"{_of_contracts(filters)} AND {_of_team(filters)} AND scope = '{scope}' AND place <= 3"
    return _columns("salesnav__changes", columns, ("weeks", "place", "contract", "team"), where)


def cohorts(filters: Filters) -> Query:
    """How many of those who started in the same week were active in each week after; only where their start is known."""
    monday = _day(filters.first - timedelta(filters.first.weekday()))
    return Query(
        "SELECT cohort_week, week_number, sum(cohort_seats), sum(active_seats) FROM salesnav__adoption_cohorts"
        f" WHERE {_of_contracts(filters)} AND is_start_known AND active_seats IS NOT NULL AND cohort_week >= {monday}"
        f" AND cohort_week <= {_day(filters.last)} GROUP BY cohort_week, week_number",
        {"cohort_week": "day", "week_number": "int", "cohort_seats": "int", "active_seats": "int"},
        ("cohort_week", "week_number"),
    )


_ANSWERED = "outcome_group IN ('accepted', 'declined')"
"""As the marts count responses: that an InMail has expired, or another outcome, is no answer."""

_OUTCOMES = {
    "sent": "1",
    "accepted": "CASE WHEN outcome_group = 'accepted' THEN 1 ELSE 0 END",
    "declined": "CASE WHEN outcome_group = 'declined' THEN 1 ELSE 0 END",
    "other": "CASE WHEN outcome_group = 'other' THEN 1 ELSE 0 END",
    "unanswered": "CASE WHEN outcome_group = 'none' THEN 1 ELSE 0 END",
    "mature_sent": "CASE WHEN is_mature THEN 1 ELSE 0 END",
    "mature_accepted": "CASE WHEN is_mature AND outcome_group = 'accepted' THEN 1 ELSE 0 END",
    "mature_answered": f"CASE WHEN is_mature AND {_ANSWERED} THEN 1 ELSE 0 END",
}
OUTCOMES = tuple(_OUTCOMES)
"""The columns in which InMails are counted."""


def inmails_daily(filters: Filters) -> Query:
    """What came of the InMails that were sent on each day."""
    return _inmails(filters, {"sent_date": "day"})


def inmails_by_holder(filters: Filters) -> Query:
    """What came of the InMails that each holder sent."""
    return _inmails(filters, _HOLDER)


def inmails_by_hours(filters: Filters) -> Query:
    """What came of the InMails by weekday and by three hours of the day."""
    return _inmails(filters, {"sent_weekday": "int", "sent_hour": "int"}, {"sent_hour": "sent_hour - sent_hour % 3"})


def _inmails(filters: Filters, by: Mapping[str, str], how: Mapping[str, str] | None = None) -> Query:
    group = ", ".join((how or {}).get(name, name) for name in by)
    return Query(
        f"SELECT {group}, {', '.join(f'sum({counted})' for counted in _OUTCOMES.values())} FROM salesnav__inmails"
        f" WHERE {_who(filters, 'salesnav__inmails')} AND {_when(filters, 'sent_date')} GROUP BY {group}",
        {**by, **dict.fromkeys(_OUTCOMES, "int")},
        tuple(by),
    )


def answer_times(filters: Filters) -> Query:
    """After how many whole days InMails were answered; those whose outcome has no date are left out."""
    return Query(
        "SELECT lag_days, count(*) FROM (SELECT floor(lag_hours / 24) AS lag_days FROM salesnav__inmails"
        f" WHERE {_who(filters, 'salesnav__inmails')} AND {_when(filters, 'sent_date')} AND {_ANSWERED}"
        " AND lag_hours IS NOT NULL) AS answered GROUP BY lag_days",
        {"lag_days": "int", "answered": "int"},
        ("lag_days",),
    )


def leads(filters: Filters) -> Query:
    """How many saved leads nobody has contacted, and how many are worked by two seats; over all loaded days."""
    return Query(
        "SELECT contract, sum(CASE WHEN is_saved THEN 1 ELSE 0 END), sum(CASE WHEN is_never_contacted THEN 1 ELSE 0 END),"
        f" sum(CASE WHEN is_worked_by_two THEN 1 ELSE 0 END) FROM salesnav__leads WHERE {_of_contracts(filters)}"
        " GROUP BY contract",
        {"contract": "text", "saved": "int", "never_contacted": "int", "worked_by_two": "int"},
        ("contract",),
    )


MOST_LEADS = 5_000
"""Leads that a list has."""


def leads_never_contacted(filters: Filters) -> Query:
    """The leads that were saved and that nobody has contacted; those saved last first."""
    columns = {"contract": "text", "member_identity_key": "name", "last_saved_date": "day", "days_since_saved": "int"}
    columns |= {"saved_by_seat_id": "int"}
    return _newest_leads(columns, "last_saved_date", f"{_of_contracts(filters)} AND is_never_contacted")


def leads_worked_by_two(filters: Filters) -> Query:
    """The leads that two seats or more work; those worked last first."""
    columns = {"contract": "text", "member_identity_key": "name", "working_seats": "int", "first_seat_id": "int"}
    columns |= {"last_seat_id": "int", "last_worked_date": "day"}
    return _newest_leads(columns, "last_worked_date", f"{_of_contracts(filters)} AND is_worked_by_two")


def _newest_leads(columns: Mapping[str, str], day: str, where: str) -> Query:
    """Returns the leads of the newest days; of the oldest of these days all, so that no warehouse chooses among them."""
    ranked = (
        f"SELECT {', '.join(columns)}, rank() OVER (ORDER BY {day} DESC) AS place FROM salesnav__leads WHERE {where}"
    )
    return Query(
        f"SELECT {', '.join(columns)} FROM ({ranked}) AS ranked WHERE place <= {MOST_LEADS}",
        columns,
        (f"-{day}", "contract", "member_identity_key"),
        MOST_LEADS,
    )


def ssi_means(filters: Filters) -> Query:
    """The mean SSI by contract, team and day, with how many seats are in it and how it changed over the same ones."""
    columns = {"contract": "text", "team": "name", "day": "day", "seats": "int", "is_complete": "bool"}
    columns |= {name: "float" for name in ("ssi", *PARTS)}
    columns |= {"compared_28": "int", "ssi_change_28": "float"}
    columns |= {f"{part}_change_28": "float" for part in PARTS}
    where = f"{_of_contracts(filters)} AND {_of_team(filters)} AND {_when(filters, 'day')}"
    return _columns("salesnav__ssi_means", columns, ("contract", "team", "day"), where)


def ssi_daily(filters: Filters) -> Query:
    """The SSI of one person by day."""
    columns = {"day": "day", **{name: "float" for name in ("ssi", *PARTS)}}
    where = f"{_who(filters, 'salesnav__ssi_daily')} AND {_when(filters, 'day')} AND ssi IS NOT NULL"
    return _columns("salesnav__ssi_daily", columns, ("day",), where)


def ssi_by_holder(filters: Filters) -> Query:
    """The SSI of each holder on the newest day of the contract in the period."""
    columns = {**_HOLDER, "day": "day", "ssi": "float", **dict.fromkeys(PARTS, "float")}
    columns |= {f"ssi_change_{days}": "float" for days in (7, 28, 90)}
    columns |= {f"{part}_change_28": "float" for part in PARTS}
    chosen = ", ".join(f"salesnav__ssi_daily.{name}" for name in columns)
    return Query(
        f"WITH newest AS (SELECT contract, max(day) AS day FROM salesnav__ssi_daily"
        f" WHERE {_of_contracts(filters)} AND {_when(filters, 'day')} AND ssi IS NOT NULL GROUP BY contract)"
        f" SELECT {chosen} FROM salesnav__ssi_daily"
        " INNER JOIN newest ON salesnav__ssi_daily.contract = newest.contract AND salesnav__ssi_daily.day = newest.day"
        f" WHERE {_who(filters, 'salesnav__ssi_daily')} AND salesnav__ssi_daily.ssi IS NOT NULL",
        columns,
        _BY_HOLDER,
    )


def coaching(filters: Filters) -> Query:
    """Whom to coach, and in what."""
    columns = {**_HOLDER, "full_name": "name", "team": "name", "peer_group": "text", "peers": "int"}
    columns |= {"area_label": "name", "since": "day", "certainty": "text"}
    columns |= {"strength_area_label": "name", "sentence": "message", "gap_score": "float"}
    return _columns("salesnav__coaching", columns, _BY_HOLDER, f"{_who(filters, 'salesnav__coaching')} AND is_notable")


def jobs(filters: Filters) -> Query:
    """The export jobs whose days lie in the period, with what went wrong."""
    columns = {"contract": "text", "export": "text", "window_start": "day", "window_end": "day", "status": "name"}
    columns |= {"rows_loaded": "int", "rows_rejected": "int", "completed_at": "moment", "error": "message"}
    where = f"{_of_contracts(filters)} AND window_start <= {_day(filters.last)} AND window_end >= {_day(filters.first)}"
    query = _columns("export_jobs", columns, ("-completed_at", *columns), where)
    return replace(query, of_source=True)


def export_columns(filters: Filters) -> Query:
    """Which columns the files had, and from which to which day."""
    columns = {"contract": "text", "export": "text", "header": "name", "column_name": "name", "state": "text"}
    columns |= {"first_day": "day", "last_day": "day"}
    query = _columns("export_columns", columns, tuple(columns), _of_contracts(filters))
    return replace(query, of_source=True)


def _of_contracts(filters: Filters, prefix: str = "") -> str:
    chosen = ", ".join(literal(contract) for contract in filters.chosen_contracts)
    return f"{prefix}contract IN ({chosen})" if chosen else "1 = 1"


def _of_team(filters: Filters) -> str:
    return f"team IN ({', '.join(map(literal, _written(filters)))})" if filters.team else "1 = 1"


def _written(filters: Filters) -> tuple[str, ...]:
    """Returns the team as the marts may have it: what is shown is cleaned."""
    written = filters.team_written if filters.team_written or filters.team is None else (filters.team,)
    return (NO_TEAM, *written) if filters.team == NO_TEAM else written


def _who(filters: Filters, table: str) -> str:
    """Returns the condition that a row of a table is about someone who is looked at."""
    parts = [_of_contracts(filters, f"{table}.")]
    if filters.person:
        parts.append(f"{table}.seat_id = {int(filters.person.seat_id)}")
        parts.append(f"{table}.holder_number = {int(filters.person.holder_number)}")
    if filters.team:
        team = f"holding.team IN ({', '.join(map(literal, _written(filters)))})"
        team = f"(holding.team IS NULL OR {team})" if filters.team == NO_TEAM else team
        parts.append(
            f"EXISTS (SELECT 1 FROM salesnav__holders AS holding WHERE holding.contract = {table}.contract"
            f" AND holding.seat_id = {table}.seat_id AND holding.holder_number = {table}.holder_number AND {team})"
        )
    return " AND ".join(parts)


def _when(filters: Filters, column: str) -> str:
    """Returns the condition that a day lies in the period, or that a week does in part."""
    first = filters.first - timedelta(6) if column == "week" else filters.first
    return f"{column} >= {_day(first)} AND {column} <= {_day(filters.last)}"


def _day(day: date) -> str:
    return f"CAST('{day}' AS DATE)"

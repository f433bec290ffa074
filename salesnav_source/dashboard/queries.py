"""What is asked of the marts. All SQL of the dashboard stands here, in DuckDB's dialect; `marts.py` translates it.

Everything is counted in the warehouse: what comes back is a row per day, week, seat or group, never per activity.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from salesnav_source.dashboard.model import Filters
from salesnav_source.tables import literal

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


@dataclass(frozen=True)
class Query:
    """A query and what comes back."""

    sql: str
    columns: Mapping[str, str] = field(repr=False)
    """The columns in order, each int, float, bool, day, moment or text."""
    of_source: bool = False
    """Whether it asks the tables that are loaded, and not the marts; where they are not, nothing comes back."""


def contracts() -> Query:
    """The contracts as they are now."""
    columns = {"contract": "text", "name": "text", "purchased_seats": "int", "cost_per_active_seat": "float"}
    columns |= {"reclaimable_cost": "float", "currency": "text"}
    return Query(f"SELECT {', '.join(columns)} FROM salesnav__contract_overview ORDER BY name, contract", columns)


def loaded() -> Query:
    """From which to which day the exports of the contracts are loaded."""
    return Query(
        "SELECT contract, export, min(day), max(day), max(last_read_at) FROM salesnav__export_coverage"
        " WHERE state = 'loaded' GROUP BY contract, export",
        {"contract": "text", "export": "text", "first": "day", "last": "day", "last_read_at": "moment"},
    )


def seats(filters: Filters) -> Query:
    """Every seat as it is now."""
    columns = {"contract": "text", "seat_id": "int", "full_name": "text", "email": "text", "seat_status": "text"}
    columns |= {
        "first_snapshot": "day",
        "last_snapshot": "day",
        "first_activity_date": "day",
        "last_activity_date": "day",
    }
    columns |= {"days_to_first_activity": "int", "active_days_28": "int", "idle_days": "int", "is_active_28": "bool"}
    columns |= {"is_reclaimable": "bool", "ssi": "float", "ssi_change_28": "float"}
    return Query(f"SELECT {', '.join(columns)} FROM salesnav__seats WHERE {_who(filters)}", columns)


def people() -> Query:
    """Every seat with the name of its holder, to choose from."""
    columns = {"contract": "text", "seat_id": "int", "full_name": "text"}
    return Query(f"SELECT {', '.join(columns)} FROM salesnav__seats ORDER BY full_name, seat_id", columns)


def coverage(filters: Filters) -> Query:
    """Which days are loaded, of each export."""
    columns = {"contract": "text", "export": "text", "day": "day", "state": "text"}
    who = _who(filters, by_seat=False)
    return Query(
        f"SELECT {', '.join(columns)} FROM salesnav__export_coverage WHERE {who} AND {_when(filters, 'day')}", columns
    )


def seat_totals(filters: Filters) -> Query:
    """What each seat did in the period; seats that did nothing have a row."""
    sums = ", ".join(f"sum({name})" for name in ("activities", *COUNTS))
    return Query(
        f"SELECT contract, seat_id, {sums}, sum(CASE WHEN is_active THEN 1 ELSE 0 END) FROM salesnav__seat_daily"
        f" WHERE {_who(filters)} AND {_when(filters, 'day')} GROUP BY contract, seat_id",
        {
            "contract": "text",
            "seat_id": "int",
            "activities": "int",
            **dict.fromkeys(COUNTS, "int"),
            "active_days": "int",
        },
    )


def daily(filters: Filters) -> Query:
    """What was done on each day."""
    sums = ", ".join(f"sum({name})" for name in ("activities", *COUNTS))
    return Query(
        f"SELECT day, {sums}, sum(CASE WHEN is_active THEN 1 ELSE 0 END) FROM salesnav__seat_daily"
        f" WHERE {_who(filters)} AND {_when(filters, 'day')} GROUP BY day ORDER BY day",
        {"day": "day", "activities": "int", **dict.fromkeys(COUNTS, "int"), "active_seats": "int"},
    )


def adoption(filters: Filters) -> Query:
    """How many seats were active in each whole week, of each contract."""
    columns = {"contract": "text", "week": "day", "seats": "int", "active_seats": "int", "new_seats": "int"}
    columns |= {"returning_seats": "int", "lost_seats": "int"}
    return Query(
        f"SELECT {', '.join(columns)} FROM salesnav__adoption_weekly"
        f" WHERE {_who(filters, by_seat=False)} AND {_when(filters, 'week')} ORDER BY week",
        columns,
    )


def cohorts(filters: Filters) -> Query:
    """How many seats of those that started in the same week were active in each week after."""
    return Query(
        "SELECT cohort_week, week_number, sum(cohort_seats), sum(active_seats) FROM salesnav__adoption_cohorts"
        f" WHERE {_who(filters, by_seat=False)} AND cohort_week >= {_day(filters.first - timedelta(filters.first.weekday()))}"
        f" AND cohort_week <= {_day(filters.last)} GROUP BY cohort_week, week_number",
        {"cohort_week": "day", "week_number": "int", "cohort_seats": "int", "active_seats": "int"},
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


def inmails_by_seat(filters: Filters) -> Query:
    """What came of the InMails that each seat sent."""
    return _inmails(filters, {"contract": "text", "seat_id": "int"})


def inmails_by_hour(filters: Filters) -> Query:
    """How many InMails were sent at each hour of each weekday."""
    return _inmails(filters, {"sent_weekday": "int", "sent_hour": "int"})


def _inmails(filters: Filters, by: Mapping[str, str]) -> Query:
    group = ", ".join(by)
    return Query(
        f"SELECT {group}, {', '.join(f'sum({how})' for how in _OUTCOMES.values())} FROM salesnav__inmails"
        f" WHERE {_who(filters)} AND {_when(filters, 'sent_date')} GROUP BY {group}",
        {**by, **dict.fromkeys(_OUTCOMES, "int")},
    )


def answer_times(filters: Filters) -> Query:
    """After how many whole days InMails were answered; those whose outcome has no date are left out."""
    return Query(
        "SELECT lag_days, count(*) FROM (SELECT floor(lag_hours / 24) AS lag_days FROM salesnav__inmails"
        f" WHERE {_who(filters)} AND {_when(filters, 'sent_date')} AND {_ANSWERED} AND lag_hours IS NOT NULL)"
        " AS answered GROUP BY lag_days ORDER BY lag_days",
        {"lag_days": "int", "answered": "int"},
    )


def ssi_daily(filters: Filters) -> Query:
    """The mean SSI of the seats that have one, by day."""
    means = ", ".join(f"avg({name})" for name in ("ssi", *PARTS))
    return Query(
        f"SELECT day, count(ssi), {means} FROM salesnav__ssi_daily WHERE {_who(filters)} AND {_when(filters, 'day')}"
        " GROUP BY day ORDER BY day",
        {"day": "day", "seats": "int", "ssi": "float", **dict.fromkeys(PARTS, "float")},
    )


def ssi_by_seat(filters: Filters) -> Query:
    """The SSI of each seat on the newest day of its contract in the period."""
    columns = {"contract": "text", "seat_id": "int", "day": "day", "ssi": "float", **dict.fromkeys(PARTS, "float")}
    columns |= {f"ssi_change_{days}": "float" for days in (7, 28, 90)}
    chosen = ", ".join(f"scores.{name}" for name in columns)
    return Query(
        f"WITH newest AS (SELECT contract, max(day) AS day FROM salesnav__ssi_daily"
        f" WHERE {_who(filters, by_seat=False)} AND {_when(filters, 'day')} AND ssi IS NOT NULL GROUP BY contract)"
        f" SELECT {chosen} FROM salesnav__ssi_daily AS scores"
        " INNER JOIN newest ON scores.contract = newest.contract AND scores.day = newest.day"
        f" WHERE {_who(filters, 'scores.')}",
        columns,
    )


def jobs(filters: Filters) -> Query:
    """The export jobs whose days lie in the period, with what went wrong."""
    columns = {"contract": "text", "export": "text", "window_start": "day", "window_end": "day", "status": "text"}
    columns |= {"rows_loaded": "int", "rows_rejected": "int", "completed_at": "moment", "error": "text"}
    return Query(
        f"SELECT {', '.join(columns)} FROM export_jobs WHERE {_who(filters, by_seat=False)}"
        f" AND window_start <= {_day(filters.last)} AND window_end >= {_day(filters.first)} ORDER BY completed_at DESC",
        columns,
        of_source=True,
    )


def states() -> Query:
    """The newest state of each pipeline that has loaded, which tells of columns that came or went."""
    return Query(
        "WITH numbered AS (SELECT states.pipeline_name, states.state, row_number() OVER (PARTITION BY states.pipeline_name"
        " ORDER BY states.version DESC) AS place FROM _dlt_pipeline_state AS states INNER JOIN _dlt_loads AS loads"
        " ON states._dlt_load_id = loads.load_id WHERE loads.status = 0)"
        " SELECT pipeline_name, state FROM numbered WHERE place = 1",
        {"pipeline": "text", "state": "text"},
        of_source=True,
    )


def _who(filters: Filters, prefix: str = "", by_seat: bool = True) -> str:
    chosen = (filters.seat[0],) if filters.seat else filters.contracts
    parts = [f"{prefix}contract IN ({', '.join(literal(contract) for contract in chosen)})"] if chosen else []
    if filters.seat and by_seat:
        parts.append(f"{prefix}seat_id = {int(filters.seat[1])}")
    return " AND ".join(parts) or "1 = 1"


def _when(filters: Filters, column: str) -> str:
    """Returns the condition that a day lies in the period, or a whole week that begins on it."""
    last = filters.last - timedelta(6) if column == "week" else filters.last
    return f"{column} >= {_day(filters.first)} AND {column} <= {_day(last)}"


def _day(day: date) -> str:
    return f"CAST('{day}' AS DATE)"

"""From what the marts hold to what is drawn: pure functions of frames. What is not loaded stays empty, and never becomes 0."""

from collections.abc import Iterable, Sequence
from datetime import date

import pandas as pd

from salesnav_source.marts.dashboard.model import Filters

LOADED, PARTLY, MISSING = "loaded", "partly loaded", "no data"
"""States of a day or week, over all contracts that are looked at.

Days that are loaded without rows, where their neighbours have some, are without data too; the page Data tells them apart.
"""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def expected_contracts(filters: Filters, loaded: pd.DataFrame, export: str) -> list[str]:
    """Returns the contracts of which an export was ever loaded, among those that are looked at.

    Args:
        filters: what is looked at.
        loaded: `queries.loaded`.
        export: its name.
    """
    known = sorted(loaded.loc[loaded["export"] == export, "contract"].unique())
    return [contract for contract in known if filters.includes(contract)]


def stretches_of(days: pd.Series) -> list[tuple[date, date]]:
    """Returns the first and the last day of each stretch of neighbouring days.

    Args:
        days: in order, each once.
    """
    frame = pd.DataFrame({"day": days, "end": days + pd.Timedelta(days=1), "state": MISSING})
    found = stretches(frame)
    return [(row.start.date(), (row.end - pd.Timedelta(days=1)).date()) for row in found.itertuples()]


def calendar(days: Sequence[date], coverage: pd.DataFrame, export: str, contracts: Sequence[str]) -> pd.DataFrame:
    """Returns every day with how far it is loaded.

    Args:
        days: the days of the period.
        coverage: `queries.coverage`.
        export: the export that is looked at.
        contracts: those that should be loaded.

    Returns:
        Columns day, state, and loaded (how many of the contracts).
    """
    fits = (coverage["export"] == export) & (coverage["state"] == "loaded") & coverage["contract"].isin(contracts)
    counts = coverage[fits].groupby("day")["contract"].nunique()
    frame = pd.DataFrame({"day": pd.to_datetime(list(days)).astype("datetime64[ns]")})
    frame["loaded"] = frame["day"].map(counts).fillna(0).astype(int)
    frame["state"] = [_state(count, len(contracts)) for count in frame["loaded"]]
    return frame


def by_day(rows: pd.DataFrame, states: pd.DataFrame, values: Sequence[str], day: str = "day") -> pd.DataFrame:
    """Returns every day with its values: 0 where it is loaded and nothing was done, empty where it is not loaded.

    Args:
        rows: a row per day that has any.
        states: of `calendar`.
        values: the columns to keep.
        day: the column with the day.
    """
    kept = rows.groupby(day)[list(values)].sum().astype("float64")
    frame = states.join(kept, on="day")
    for value in values:
        frame[value] = frame[value].fillna(0.0).where(frame["state"] != MISSING)
    return frame.assign(end=frame["day"] + pd.Timedelta(days=1))


def by_week(days: pd.DataFrame, values: Sequence[str], whole: bool = True) -> pd.DataFrame:
    """Returns every ISO week with the sums of its days; empty where none of them is loaded.

    Args:
        days: of `by_day`.
        values: the columns to sum.
        whole: leave out weeks that are cut off by the period.
    """
    frame = days.assign(week=monday(days["day"]))
    weeks = frame.groupby("week", as_index=False).agg(
        days=("day", "size"),
        loaded_days=("state", lambda states: int((states == LOADED).sum())),
        missing_days=("state", lambda states: int((states == MISSING).sum())),
        **{value: (value, lambda column: column.sum(min_count=1)) for value in values},
    )
    weeks["state"] = [
        LOADED if row.loaded_days == row.days else MISSING if row.missing_days == row.days else PARTLY
        for row in weeks.itertuples()
    ]
    weeks = weeks[weeks["days"] == 7] if whole else weeks
    return weeks.assign(end=weeks["week"] + pd.Timedelta(days=7)).reset_index(drop=True)


def adoption(rows: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """Returns the seats of all contracts by week, with how far each week is loaded.

    Args:
        rows: `queries.adoption`.
        weeks: of `by_week`, with no values.
    """
    values = ["seats", "active_seats", "new_seats", "returning_seats", "lost_seats"]
    # of a week in which it is not known of one contract who is new, it is not known of all
    grouped = rows[["week", *values]].astype(dict.fromkeys(values, "float64")).groupby("week")
    sums = grouped.agg(lambda column: column.sum(skipna=False))
    frame = weeks.join(sums, on="week")
    # the mart has a row for each week that is closed; a contract that is late would look like a fall
    frame.loc[frame["seats"].isna(), "state"] = MISSING
    contracts = rows.groupby("week")["contract"].nunique()
    started = [int((rows.groupby("contract")["week"].min() <= week).sum()) for week in frame["week"]]
    late = frame["week"].map(contracts).fillna(0).astype(int) < started
    frame.loc[late & (frame["state"] == LOADED), "state"] = PARTLY
    for value in values:
        frame[value] = frame[value].where(frame["state"] != MISSING)
    return frame


def monday(days: pd.Series) -> pd.Series:
    """Returns the Mondays of the ISO weeks in which days lie."""
    return days - pd.to_timedelta(days.dt.weekday, unit="D")


def stretches(states: pd.DataFrame, start: str = "day", state: str = MISSING) -> pd.DataFrame:
    """Returns the spans of neighbouring days or weeks in a state, as start and end.

    Args:
        states: with the columns of the start, end and state.
        start: the column with the day or week.
        state: which to return.
    """
    mine = states[states["state"] == state]
    found: list[list[pd.Timestamp]] = []
    for begin, end in zip(mine[start], mine["end"], strict=True):
        if found and found[-1][1] == begin:
            found[-1][1] = end
        else:
            found.append([begin, end])
    return pd.DataFrame(found, columns=["start", "end"]).astype("datetime64[ns]").assign(state=state)


def weekends(days: Iterable[date]) -> pd.DataFrame:
    """Returns the weekends that days lie in, as start and end."""
    found = [day for day in days if day.weekday() > 4]
    frame = pd.DataFrame({"day": pd.to_datetime(found).astype("datetime64[ns]")})
    return stretches(frame.assign(end=frame["day"] + pd.Timedelta(days=1), state="weekend"), state="weekend")


def most_first(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Returns rows with the largest of a column first; those that tie stay as they came, by contract, seat and holder."""
    return rows.sort_values(column, ascending=False, kind="stable")


def share(part: float | None, whole: float | None) -> float | None:
    """Returns a share, None where there is nothing to share."""
    return None if not whole or part is None else float(part) / float(whole)


IDLE_UNKNOWN = "not known"
"""The group of seats that may have been used on a day that is not loaded."""


def idle_groups(limit: int) -> list[str]:
    """Returns how seats are grouped by how long they have been idle, where that is known.

    Args:
        limit: days from which a seat can be taken back.
    """
    return [
        "used in the last 7 days",
        f"idle 7 to {limit - 1} days",
        f"idle {limit} to {2 * limit - 1} days",
        f"idle {2 * limit} days or more",
        "never used",
    ]


def idle_group(first_activity: object, idle_days: float | None, limit: int) -> str:
    """Returns the group of a seat by how long it has been idle."""
    groups = idle_groups(limit)
    if idle_days is None or pd.isna(idle_days):
        return IDLE_UNKNOWN
    if pd.isna(first_activity):
        return groups[4]
    return groups[0 if idle_days < 7 else 1 if idle_days < limit else 2 if idle_days < 2 * limit else 3]


def label_people(people: pd.DataFrame, names: bool) -> pd.Series:
    """Returns what each person is called: the name, or the seat's number where names are left out or not known.

    Args:
        people: with contract, seat_id, holder_number and full_name.
        names: whether people are named.
    """
    seat = [people["contract"], people["seat_id"]]
    several = people.groupby(seat)["holder_number"].transform("nunique") > 1 if len(people) else pd.Series(dtype=bool)
    numbers = "Seat " + people["seat_id"].astype(str)
    numbers = numbers.where(~several, numbers + ", holder " + people["holder_number"].astype(str))
    return people["full_name"].where(people["full_name"].fillna("") != "", numbers) if names else numbers


def _state(loaded: int, expected: int) -> str:
    if loaded == 0:
        return MISSING
    return LOADED if loaded >= expected else PARTLY

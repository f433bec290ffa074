"""From what the marts hold to what is drawn: pure functions of frames. What is not loaded stays empty, and never becomes 0."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import pandas as pd

from salesnav_source.dashboard.model import Filters

LOADED, PARTLY, MISSING = "loaded", "partly loaded", "not loaded"
"""States of a day or week, over all contracts that are looked at."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def expected_contracts(filters: Filters, loaded: pd.DataFrame, export: str) -> list[str]:
    """Returns the contracts of which an export was ever loaded, among those that are looked at.

    Args:
        filters: what is looked at.
        loaded: `queries.loaded`.
        export: its name.
    """
    chosen = (filters.seat[0],) if filters.seat else filters.contracts
    known = sorted(loaded.loc[loaded["export"] == export, "contract"].unique())
    return [contract for contract in known if not chosen or contract in chosen]


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
    sums = rows.groupby("week")[values].sum().astype("float64")
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
    frame = states[states["state"] == state]
    breaks = (frame[start] != frame["end"].shift()).cumsum()
    return (
        frame.groupby(breaks).agg(start=(start, "min"), end=("end", "max")).assign(state=state).reset_index(drop=True)
    )


def weekends(days: Iterable[date]) -> pd.DataFrame:
    """Returns the weekends that days lie in, as start and end."""
    found = [day for day in days if day.weekday() > 4]
    frame = pd.DataFrame({"day": pd.to_datetime(found).astype("datetime64[ns]")})
    return stretches(frame.assign(end=frame["day"] + pd.Timedelta(days=1), state="weekend"), state="weekend")


def share(part: float | None, whole: float | None) -> float | None:
    """Returns a share, None where there is nothing to share."""
    return None if not whole or part is None else float(part) / float(whole)


def last_whole_weeks(frame: pd.DataFrame, value: str) -> tuple[date | None, float | None, float | None]:
    """Returns the newest week that is wholly loaded, its value, and that of the week before if that is loaded too."""
    complete = frame[frame["state"] == LOADED]
    if complete.empty:
        return None, None, None
    newest = complete.iloc[-1]
    before = complete[complete["week"] == newest["week"] - timedelta(7)]
    return newest["week"].date(), float(newest[value]), float(before.iloc[-1][value]) if len(before) else None


IDLE_GROUPS = (
    "active in the last 7 days",
    "idle 7 to 27 days",
    "idle 28 to 59 days",
    "idle 60 days or more",
    "never active",
)


def idle_group(first_activity: object, idle_days: float | None) -> str | None:
    """Returns the group of a seat by how long it has been idle; None where that is not known."""
    if pd.isna(first_activity):
        return IDLE_GROUPS[4]
    if idle_days is None or pd.isna(idle_days):
        return None
    return IDLE_GROUPS[0 if idle_days < 7 else 1 if idle_days < 28 else 2 if idle_days < 60 else 3]


def label_people(seats: pd.DataFrame, names: bool) -> pd.Series:
    """Returns what each person is called: the name, or the seat's number where names are left out or not known."""
    numbers = "Seat " + seats["seat_id"].astype(str)
    return seats["full_name"].where(seats["full_name"].notna(), numbers) if names else numbers


def _state(loaded: int, expected: int) -> str:
    if loaded == 0:
        return MISSING
    return LOADED if loaded >= expected else PARTLY

"""Frames and charts, without a warehouse: what is not loaded stays empty, whatever comes."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesnav_source.marts.dashboard import charts, frames
from salesnav_source.marts.dashboard.frames import LOADED, MISSING, PARTLY

START = date(2026, 1, 1)
STATES = st.lists(st.sampled_from(["loaded", "open", "failed", None]), min_size=1, max_size=40)


def coverage(of: dict[str, list[str | None]]) -> pd.DataFrame:
    rows = [
        (contract, "activities", START + timedelta(n), state)
        for contract, states in of.items()
        for n, state in enumerate(states)
        if state
    ]
    frame = pd.DataFrame(rows, columns=["contract", "export", "day", "state"])
    return frame.assign(day=pd.to_datetime(frame["day"]).astype("datetime64[ns]"))


def days_of(states: list[Any]) -> list[date]:
    return [START + timedelta(n) for n in range(len(states))]


def daily(states: list[str | None], values: list[int]) -> pd.DataFrame:
    rows = pd.DataFrame({"day": pd.to_datetime(days_of(states)).astype("datetime64[ns]"), "n": values[: len(states)]})
    known = frames.calendar(days_of(states), coverage({"a": states}), "activities", ["a"])
    return frames.by_day(rows[rows["n"] > 0], known, ["n"])


@settings(deadline=None)
@given(STATES, st.lists(st.integers(0, 9), min_size=40, max_size=40))
def test_a_day_has_a_value_exactly_if_it_is_loaded(states: list[str | None], values: list[int]) -> None:
    found = daily(states, values)
    assert len(found) == len(states)
    for state, value, row in zip(states, values, found.itertuples(), strict=False):
        assert pd.isna(row.n) == (state != "loaded")
        assert state != "loaded" or row.n == value


@settings(deadline=None)
@given(STATES, st.lists(st.integers(0, 9), min_size=40, max_size=40))
def test_weeks_are_the_sums_of_their_loaded_days(states: list[str | None], values: list[int]) -> None:
    days = daily(states, values)
    weeks = frames.by_week(days, ["n"], whole=False)
    assert weeks["n"].sum() == days["n"].sum()
    assert (weeks["week"].dt.weekday == 0).all()
    for row in weeks.itertuples():
        own = days[frames.monday(days["day"]) == row.week]
        expected = LOADED if (own["state"] == LOADED).all() else MISSING if (own["state"] == MISSING).all() else PARTLY
        assert row.state == expected
        assert pd.isna(row.n) == (expected == MISSING)


@settings(deadline=None)
@given(STATES, STATES)
def test_a_day_is_whole_only_if_every_contract_is_loaded(one: list[str | None], two: list[str | None]) -> None:
    days = days_of(max(one, two, key=len))
    found = frames.calendar(days, coverage({"a": one, "b": two}), "activities", ["a", "b"])
    for n, state in enumerate(found["state"]):
        loaded = sum(states[n] == "loaded" for states in (one, two) if n < len(states))
        assert state == [MISSING, PARTLY, LOADED][loaded]


@settings(deadline=None)
@given(STATES)
def test_stretches_cover_exactly_the_days_of_a_state(states: list[str | None]) -> None:
    days = daily(states, [1] * len(states))
    spans = frames.stretches(days)
    covered = [day for span in spans.itertuples() for day in pd.date_range(span.start, span.end, inclusive="left")]
    assert covered == list(days.loc[days["state"] == MISSING, "day"])
    assert all(later > earlier for earlier, later in zip(spans["end"], spans["start"][1:], strict=False))


@pytest.mark.parametrize("states", [["loaded"], ["open"] * 20, ["loaded", None] * 10, ["loaded"] * 30])
def test_charts_over_time_are_valid_whatever_is_missing(states: list[str | None]) -> None:
    days = daily(states, [3] * len(states))
    assert_valid(charts.over_time(days, {"n": ("what", charts.BLUE)}, "day", weekends=frames.weekends(days_of(states))))
    assert_valid(charts.line_over_time(days, "n", "what"))
    assert_valid(charts.lines_over_time(days, {"n": ("what", charts.BLUE)}, "day"))


def assert_valid(drawing: charts.Drawing) -> None:
    # altair checks it against the schema of Vega-Lite
    drawing.chart.to_dict()
    assert drawing.summary.endswith(".")
    assert not any(name in drawing.summary for name in ("nan", "None", "undefined"))


def test_parts_are_stacked_and_what_is_lost_hangs_down() -> None:
    frame = daily(["loaded"], [4]).assign(up=2.0, down=-3.0)
    rows = charts.over_time(frame, {"n": ("n", "red"), "up": ("up", "red"), "down": ("down", "red")}, "day")
    rows = rows.chart.to_dict()
    drawn = {row["column"]: row for rows in rows["datasets"].values() for row in rows if "column" in row}
    assert [(drawn[name]["low"], drawn[name]["high"]) for name in ("n", "up", "down")] == [(0, 4), (4, 6), (0, -3)]


def test_bars_are_valid_with_all_0() -> None:
    frame = pd.DataFrame({"name": ["a", "b"], "n": [0.0, 0.0], "part": [0.0, 0.0]})
    assert_valid(charts.bars(frame, "name", "n", part=("part", "of it")))
    assert_valid(charts.histogram(frame, "name", "n", ["a", "b"]))


def test_nobody_is_called_by_a_name_that_is_not_known() -> None:
    holders = {"contract": "a", "seat_id": [1, 2, 2], "holder_number": [1, 1, 2], "full_name": ["Ann", None, "Bo"]}
    people = pd.DataFrame(holders)
    assert list(frames.label_people(people, names=True)) == ["Ann", "Seat 2, holder 1", "Bo"]
    assert list(frames.label_people(people, names=False)) == ["Seat 1", "Seat 2, holder 1", "Seat 2, holder 2"]

"""Rows stand in one order, whatever order a warehouse gives them in and however it sorts texts."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest
import sqlglot
from sqlglot import exp

from salesnav_source.marts.dashboard import marts, pages, queries
from salesnav_source.marts.dashboard.html import body
from salesnav_source.marts.dashboard.model import PAGES
from salesnav_source.marts.dashboard.queries import Query
from salesnav_source.marts.dashboard.report import _InFile
from salesnav_source.marts.dashboard.scope import Scope

from .conftest import Built
from .test_numbers import everything, few_days, one_person

# in this order by their letters' numbers; PostgreSQL with a language, Snowflake and DuckDB each have another
NAMES = ["Heir Apparent", "Seat 003", "Seat Nº 003", "Zoe", "heir", "Éva", None]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Query, pd.DataFrame]]:
    """What is asked from now on, with what comes back, for a warehouse that gives its rows the other way round."""
    found: list[tuple[Query, pd.DataFrame]] = []
    as_frame = marts._as_frame

    def reversed_rows(rows: Sequence[Any], query: Query) -> pd.DataFrame:
        found.append((query, as_frame(list(reversed(rows)), query)))
        return found[-1][1]

    monkeypatch.setattr(marts, "_as_frame", reversed_rows)
    return found


def shown(built: Built, choose: Callable[[Built], Any]) -> dict[str, tuple[Any, ...]]:
    scope = Scope.of(built.marts)
    found = {}
    for key in PAGES:
        page = pages.build(key, built.marts, choose(built), scope)
        csvs = {name: table.frame.to_csv() for name, table in page.csvs().items()}
        found[key] = (body(page, {}, _InFile()), csvs)
    return found


@pytest.mark.parametrize("choose", [everything, few_days, one_person])
def test_pages_are_the_same_in_whatever_order_rows_come(
    built: Built, choose: Callable[[Built], Any], request: pytest.FixtureRequest
) -> None:
    expected = shown(built, choose)
    request.getfixturevalue("asked")
    assert shown(built, choose) == expected


def test_no_two_rows_tie_and_no_warehouse_sorts(built: Built, asked: list[tuple[Query, pd.DataFrame]]) -> None:
    shown(built, everything)
    shown(built, one_person)
    for query, frame in asked:
        sorts = sqlglot.parse_one(query.sql, read="duckdb").find_all(exp.Order)
        assert all(isinstance(sort.parent, exp.Window) for sort in sorts), query.sql
        names = [name.removeprefix("-") for name in query.order]
        if names and set(names) != set(query.columns):
            assert not frame.duplicated(names).any(), query.sql
        elif not names:
            assert len(frame) == 1, query.sql


@pytest.mark.parametrize("turn", [list, reversed, lambda rows: rows[::2] + rows[1::2]], ids=["as is", "back", "mixed"])
def test_texts_are_sorted_by_their_letters_numbers(turn: Callable[[list[Any]], Any]) -> None:
    query = Query("", {"day": "int", "name": "name"}, ("-day", "name"))
    rows = [(day, name) for day in (2, 1) for name in NAMES]
    frame = marts._as_frame(list(turn(rows)), query)
    assert list(zip(frame["day"], frame["name"].fillna(""), strict=True)) == [(day, name or "") for day, name in rows]


def test_a_list_of_the_newest_leads_is_cut_by_no_warehouse(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = built.marts.frames({"leads": queries.leads_worked_by_two(everything(built))})["leads"]
    monkeypatch.setattr(queries, "MOST_LEADS", 7)
    kept = built.marts.frames({"leads": queries.leads_worked_by_two(everything(built))})["leads"]
    pd.testing.assert_frame_equal(kept, everyone.head(7))

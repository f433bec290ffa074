"""What the pages say, held against SQL of its own over the loaded tables, in DuckDB's dialect."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
import yaml

from salesnav_source.dashboard import pages
from salesnav_source.dashboard.marts import Marts
from salesnav_source.dashboard.model import PAGES, Filters, Page
from salesnav_source.dashboard.queries import Query

from .conftest import ONE, TWO, Built

ROOT = Path(__file__).parents[2]
KINDS = {
    "searches": "'SEARCH_PERFORMED'",
    "profile views": "'PROFILE_VIEWED', 'PROFILE_VIEW'",
    "leads saved": "'SAVED_LEAD'",
    "accounts saved": "'SAVED_ACCOUNT'",
    "InMails sent": "'INMAIL_SENT'",
}
TChoose = Callable[[Built], Filters]


def everything(built: Built) -> Filters:
    return built.scope.filters()


def one_contract(built: Built) -> Filters:
    return built.scope.filters(contracts=(TWO,))


def few_days(built: Built) -> Filters:
    return built.scope.filters(built.last - timedelta(40), built.last - timedelta(10))


def one_person(built: Built) -> Filters:
    seat = ask(
        built, f"SELECT seat_id FROM salesnav.activities WHERE contract = '{ONE}' GROUP BY ALL ORDER BY count(*) DESC"
    )
    return built.scope.filters(seat=(ONE, seat[0][0]))


CHOICES = [everything, one_contract, few_days, one_person]


def ask(built: Built | Path, statement: str) -> list[tuple[Any, ...]]:
    database = built if isinstance(built, Path) else built.database
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(statement).fetchall()


def who(filters: Filters, prefix: str = "") -> str:
    if filters.seat:
        return f"{prefix}contract = '{filters.seat[0]}' AND {prefix}seat_id = {filters.seat[1]}"
    return f"{prefix}contract IN {filters.contracts}".replace(",)", ")") if filters.contracts else "true"


def where(filters: Filters, day: str = "activity_date") -> str:
    return f"{who(filters)} AND {day} BETWEEN '{filters.first}' AND '{filters.last}'"


def page(built: Built, key: str, filters: Filters) -> Page:
    return pages.build(key, built.marts, filters, built.scope)


def number(page: Page, label: str) -> str:
    (found,) = [one.value for one in page.numbers if one.label == label]
    return found


@pytest.mark.parametrize("choose", CHOICES)
def test_use_is_what_the_activities_say(built: Built, choose: TChoose) -> None:
    filters = choose(built)
    shown = page(built, "usage", filters)
    ((seats, activities, days),) = ask(
        built,
        "SELECT count(DISTINCT (contract, seat_id)), count(*), count(DISTINCT (contract, seat_id, activity_date))"
        f" FROM salesnav.activities WHERE {where(filters)}",
    )
    (table,) = shown.tables
    assert int(table.frame["activities"].sum()) == activities
    assert int(table.frame["days used"].sum()) == days
    if filters.seat:
        assert number(shown, "activities") == f"{activities:,}"
        assert number(shown, "days used") == str(days)
    else:
        known = ask(
            built,
            "SELECT count(DISTINCT (contract, seat_id)) FROM (SELECT contract, seat_id, snapshot_date AS day"
            " FROM salesnav.seats UNION ALL SELECT contract, seat_id, activity_date FROM salesnav.activities)"
            f" WHERE {who(filters)} AND day <= '{filters.last}'",
        )
        assert number(shown, "seats used") == f"{seats} of {known[0][0]}"


@pytest.mark.parametrize("choose", CHOICES)
def test_searches_are_what_the_activities_say(built: Built, choose: TChoose) -> None:
    filters = choose(built)
    shown = page(built, "search", filters)
    for label, types in KINDS.items():
        ((found,),) = ask(
            built, f"SELECT count(*) FROM salesnav.activities WHERE {where(filters)} AND activity_type IN ({types})"
        )
        assert int(shown.tables[0].frame[label].sum()) == found
        if label != "InMails sent":
            assert number(shown, label) == f"{found:,}"


@pytest.mark.parametrize("choose", CHOICES)
def test_inmails_are_what_the_outcomes_say(built: Built, choose: TChoose) -> None:
    filters = choose(built)
    shown = page(built, "inmail", filters)
    # the first outcome counts; one without a date only if there is no other
    ((sent, mature, accepted, answered),) = ask(
        built,
        "WITH first AS (SELECT contract, activity_id, arg_min(activity_type, (created_at IS NULL, created_at, activity_type))"
        " AS outcome FROM salesnav.activity_outcomes GROUP BY ALL), ends AS (SELECT contract, max(day) AS last_day FROM ("
        "SELECT contract, window_end AS day FROM salesnav.export_jobs WHERE export = 'activity_outcomes' AND error IS NULL"
        " UNION ALL SELECT contract, created_at::date FROM salesnav.activity_outcomes) GROUP BY contract),"
        " mails AS (SELECT a.*, outcome, activity_date + 14 < last_day AS mature FROM salesnav.activities a"
        " JOIN ends USING (contract) LEFT JOIN first USING (contract, activity_id) WHERE activity_type = 'INMAIL_SENT')"
        " SELECT count(*), count(*) FILTER (mature), count(*) FILTER (mature AND outcome ILIKE '%accept%'),"
        " count(*) FILTER (mature AND (outcome ILIKE '%accept%' OR outcome ILIKE '%declin%'))"
        f" FROM mails WHERE {where(filters)}",
    )
    assert sent and mature
    assert number(shown, "InMails sent") == f"{sent:,}"
    assert number(shown, "accepted") == percent(accepted / mature)
    assert number(shown, "accepted or declined") == percent(answered / mature)


def percent(share: float) -> str:
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


@pytest.mark.parametrize("choose", CHOICES)
def test_ssi_is_what_the_snapshots_say(built: Built, choose: TChoose) -> None:
    filters = choose(built)
    shown = page(built, "ssi", filters)
    newest = ask(
        built,
        "WITH newest AS (SELECT contract, max(snapshot_date) AS day FROM salesnav.seats"
        f" WHERE ssi IS NOT NULL AND snapshot_date BETWEEN '{filters.first}' AND '{filters.last}' GROUP BY contract)"
        " SELECT s.ssi, s.ssi - (SELECT ssi FROM salesnav.seats b WHERE b.contract = s.contract AND b.seat_id = s.seat_id"
        " AND b.snapshot_date = s.snapshot_date - 28) FROM salesnav.seats s JOIN newest ON s.contract = newest.contract"
        f" AND s.snapshot_date = newest.day WHERE s.ssi IS NOT NULL AND {who(filters, 's.')}",
    )
    scores = [ssi for ssi, _ in newest]
    changes = [change for _, change in newest if change is not None]
    assert number(shown, "SSI" if filters.seat else "mean SSI") == f"{sum(scores) / len(scores):.1f}"
    assert len(shown.tables[0].frame) == len(scores)
    if not changes:
        assert number(shown, "change in 28 days") == "–"
    else:
        mean = sum(changes) / len(changes)
        assert number(shown, "change in 28 days") == ("no change" if round(mean, 1) == 0 else f"{mean:+.1f}")


@pytest.mark.parametrize("choose", [everything, one_contract])
def test_licences_are_taken_back_from_whoever_stopped(built: Built, choose: TChoose) -> None:
    filters = choose(built)
    shown = page(built, "seats", filters)
    idle = ask(
        built,
        "WITH ends AS (SELECT contract, max(window_end) AS last_day FROM salesnav.export_jobs WHERE error IS NULL"
        " AND export = 'activities' GROUP BY contract), seen AS (SELECT contract, seat_id, min(day) AS first_day"
        " FROM (SELECT contract, seat_id, snapshot_date AS day FROM salesnav.seats"
        " UNION ALL SELECT contract, seat_id, activity_date FROM salesnav.activities) GROUP BY ALL)"
        " SELECT contract, seat_id FROM seen JOIN ends USING (contract)"
        " LEFT JOIN (SELECT contract, seat_id, max(activity_date) AS used FROM salesnav.activities GROUP BY ALL) a"
        f" USING (contract, seat_id) WHERE last_day - coalesce(used, first_day) >= 28 AND {who(filters)}",
    )
    assert idle
    assert set(shown.tables[0].frame["seat"]) == {seat for _, seat in idle}
    assert number(shown, "licences to take back").startswith(f"{len(idle)} of ")
    assert number(page(built, "usage", filters), "licences to take back") == str(len(idle))


def test_weeks_are_what_the_activities_say(built: Built) -> None:
    shown = page(built, "usage", everything(built))
    drawn = rows_of(shown, "seats-used-per-week")
    expected = dict(
        ask(
            built,
            "SELECT date_trunc('week', activity_date)::date, count(DISTINCT (contract, seat_id)) FROM salesnav.activities"
            f" WHERE {where(everything(built))} GROUP BY 1",
        )
    )
    bars = {row["week"][:10]: row for row in drawn if "value" in row and "column" in row}
    assert bars
    for week, row in bars.items():
        assert row["value"] == expected.get(date.fromisoformat(week), 0)


def rows_of(page: Page, figure: str) -> list[dict[str, Any]]:
    """Returns all rows that a chart draws, as Vega-Lite is given them."""
    (chart,) = [one.chart for one in page.figures if one.key == figure]
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def test_a_hole_is_no_zero(built: Built) -> None:
    first, last = built.hole
    shown = page(built, "usage", everything(built))
    drawn = rows_of(shown, "activities-per-day")
    hole = {str(first + timedelta(n)) for n in range((last - first).days + 1)}
    bars = {row["day"][:10] for row in drawn if "column" in row}
    assert bars and not bars & hole, "a day that is not loaded has no bar, not one of 0"
    spans = [row for row in drawn if row.get("says") == "not loaded"]
    assert [(row["start"][:10], row["end"][:10]) for row in spans] == [(str(first), str(last + timedelta(1)))]
    assert any("9 not loaded" in warning for warning in shown.warnings)
    # a loaded day on which nobody did anything is a 0
    quiet = {row["day"][:10] for row in drawn if row.get("value") == 0 and "column" in row}
    active = {str(day) for (day,) in ask(built, "SELECT DISTINCT activity_date FROM salesnav.activities")}
    assert not quiet & active


def test_a_hole_breaks_the_line_of_the_ssi(built: Built) -> None:
    drawn = rows_of(page(built, "ssi", everything(built)), "ssi-per-day")
    empty = {row["day"][:10] for row in drawn if "ssi" in row and row["ssi"] is None}
    first, last = built.hole
    assert {str(first + timedelta(n)) for n in range((last - first).days + 1)} <= empty


def test_the_data_page_counts_what_was_asked_and_loaded(built: Built) -> None:
    filters = everything(built)
    shown = page(built, "data", filters)
    first, last = built.hole
    days = (last - first).days + 1
    # two contracts with three exports
    assert filters.first == built.first
    assert number(shown, "days open") == str(6 * days)
    assert number(shown, "days failed") == "0"
    assert "Three" in shown.figures[0].caption, "a contract without anything loaded is named"


def test_the_data_page_tells_of_columns_that_came(built: Built) -> None:
    (table,) = [one for one in page(built, "data", everything(built)).tables if one.key == "columns"]
    told = table.frame[["contract", "export", "came", "went"]].to_numpy().tolist()
    assert sorted(told) == [["One", "seats", "salesRegion", ""], ["Two", "seats", "salesRegion", ""]]


def test_no_page_has_names_unless_asked(built: Built) -> None:
    names = ask(built, "SELECT DISTINCT unnest([first_name || ' ' || last_name, email]) FROM salesnav.seats")
    for key in PAGES:
        shown = page(built, key, built.scope.filters(names=False))
        for table in shown.tables:
            text = table.frame.to_csv()
            assert not [name for (name,) in names if name in text]
            assert "e-mail" not in table.frame


def test_a_person_who_left_is_told_of(own: Path, built: Built) -> None:
    contract, seat = everything_of(own)
    with duckdb.connect(str(own)) as connection:
        connection.execute(
            f"UPDATE salesnav_marts.salesnav__seats SET last_snapshot = '{built.last - timedelta(40)}'"
            f" WHERE contract = '{contract}' AND seat_id = {seat}"
        )
    moved = Built(own, built.first, built.last, built.hole)
    shown = page(moved, "usage", moved.scope.filters(seat=(contract, seat)))
    assert "no longer listed" in shown.headline


def everything_of(database: Path) -> tuple[str, int]:
    return ask(database, "SELECT contract, seat_id FROM salesnav.activities LIMIT 1")[0]  # type: ignore[return-value]


def test_a_contract_without_inmails_says_so(own: Path, built: Built) -> None:
    with duckdb.connect(str(own)) as connection:
        connection.execute("DELETE FROM salesnav_marts.salesnav__inmails")
    moved = Built(own, built.first, built.last, built.hole)
    shown = page(moved, "inmail", everything(moved))
    assert "No InMail was sent" in shown.headline
    assert number(shown, "accepted") == "–"
    assert all(figure.chart is None and figure.empty for figure in shown.figures)


def test_marts_without_rows_say_so(own: Path, built: Built) -> None:
    with duckdb.connect(str(own)) as connection:
        for (table,) in connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'salesnav_marts' AND table_type <> 'VIEW'"
        ).fetchall():
            connection.execute(f"DELETE FROM salesnav_marts.{table}")
    moved = Built(own, built.first, built.last, built.hole)
    for key in PAGES:
        shown = page(moved, key, moved.scope.filters(built.first, built.last))
        for figure in shown.figures:
            assert (figure.chart is None) == bool(figure.empty)
        assert shown.headline
    assert "Nothing is loaded" in page(moved, "data", moved.scope.filters(built.first, built.last)).headline


def test_days_before_anything_was_loaded_are_a_hole(built: Built) -> None:
    early = built.scope.filters(built.first - timedelta(30), built.first - timedelta(10))
    for key in PAGES:
        shown = page(built, key, early)
        for figure in shown.figures:
            if figure.chart is not None:
                figure.chart.to_dict()
    assert "21 not loaded" in page(built, "usage", early).warnings[0]


@pytest.mark.parametrize("seat", [False, True], ids=["everyone", "one-person"])
def test_nothing_is_0_where_no_day_is_loaded(built: Built, seat: bool) -> None:
    early = built.scope.filters(
        built.first - timedelta(30), built.first - timedelta(10), seat=everything_of(built.database) if seat else None
    )
    for key in ("usage", "search", "inmail", "ssi"):
        shown = page(built, key, early)
        assert shown.headline == "No day of this period is loaded."
        of_now = {"licences to take back", "last used", "SSI"} if key == "usage" else set()
        assert {one.value for one in shown.numbers if one.label not in of_now} == {"–"}, key
        assert all(figure.chart is None and "period is loaded" in figure.empty for figure in shown.figures)


def test_costs_of_several_currencies_are_not_added_up(own: Path, built: Built) -> None:
    def shown(terms: dict[str, tuple[int, int, str | None]]) -> str:
        with duckdb.connect(str(own)) as connection:
            for contract, (seats, cost, currency) in terms.items():
                connection.execute(
                    "UPDATE salesnav_marts.salesnav__contract_overview SET purchased_seats = ?, reclaimable_cost = ?,"
                    " currency = ? WHERE contract = ?",
                    [seats, cost, currency, contract],
                )
        moved = Built(own, built.first, built.last, built.hole)
        seats = page(moved, "seats", everything(moved))
        return next((one.value for one in seats.numbers if one.label == "cost of idle licences"), "none")

    assert shown({}) == "none"
    assert shown({ONE: (10, 1000, "EUR")}) == "1,000 EUR"
    assert shown({TWO: (20, 2500, "EUR")}) == "3,500 EUR"
    assert shown({TWO: (20, 2500, "USD")}) == "1,000 EUR + 2,500 USD"
    assert shown({ONE: (10, 1000, None), TWO: (20, 2500, None)}) == "3,500"


def test_a_contract_of_which_nothing_is_loaded_has_no_licences(own: Path, built: Built) -> None:
    with duckdb.connect(str(own)) as connection:
        for table in ("salesnav__seats", "salesnav__export_coverage"):
            connection.execute(f"DELETE FROM salesnav_marts.{table} WHERE contract = '{TWO}'")
    moved = Built(own, built.first, built.last, built.hole)
    shown = page(moved, "seats", one_contract(moved))
    assert shown.headline == "No seats are known." and {one.value for one in shown.numbers} == {"–"}
    assert number(page(moved, "usage", one_contract(moved)), "licences to take back") == "–"
    assert number(page(moved, "data", one_contract(moved)), "newest day") == "–"
    assert number(page(moved, "data", everything(moved)), "newest day") != "–"


def test_exposures_name_what_each_page_reads(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    exposures = yaml.safe_load((ROOT / "dbt/models/exposures.yml").read_text(encoding="utf-8"))["exposures"]
    read: set[str] = set()
    frames = Marts.frames

    def noted(marts: Marts, asked: dict[str, Query]) -> Any:
        read.update(f"ref('{mart}')" for query in asked.values() for mart in re.findall(r"salesnav__\w+", query.sql))
        of_source = " ".join(query.sql for query in asked.values() if query.of_source)
        read.update(
            f"source('salesnav', '{table}')"
            for table in re.findall(r"FROM ([a-z]\w+)", of_source)
            if table != "numbered"
        )
        return frames(marts, asked)

    monkeypatch.setattr(Marts, "frames", noted)
    for exposure in exposures:
        read.clear()
        filters = built.scope.filters()
        pages.build(exposure["name"].removeprefix("salesnav_dashboard_"), built.marts, filters, built.scope)
        assert set(exposure["depends_on"]) == read, exposure["name"]
    assert [one["name"].removeprefix("salesnav_dashboard_") for one in exposures] == list(PAGES)


def test_memory_does_not_grow_with_questions(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    dataset = dlt.dataset
    # each time dlt resolves its configuration it keeps what its callers hold
    monkeypatch.setattr(dlt, "dataset", lambda *args: made.append(args) or dataset(*args))
    marts = built.marts
    for key in PAGES:
        pages.build(key, marts, everything(built), built.scope)
    assert len([args for args in made if args[0] is marts.destination]) == 1  # type: ignore[index]

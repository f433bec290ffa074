"""What the pages say, held against SQL of its own over the loaded tables, in DuckDB's dialect."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pandas as pd
import pytest
import yaml

from salesnav_source.marts.dashboard import pages
from salesnav_source.marts.dashboard.marts import Marts
from salesnav_source.marts.dashboard.model import PAGES, Figure, Filters, Page, Table, day_text, span
from salesnav_source.marts.dashboard.pages.words import plural
from salesnav_source.marts.dashboard.queries import Query

from .conftest import ONE, TWO, Built

pytestmark = pytest.mark.long(
    "each builds a page for one more choice of contracts, people and days",
    but=(
        "everything",
        "one_person",
        "test_a_hole_is_no_zero",
        "test_a_hole_calls_nobody_unused",
        "test_a_contract_without_activities_is_in_no_share",
        "test_every_moment_that_is_drawn_has_a_zone",
        "test_no_page_has_names_unless_asked",
        "test_the_data_page_counts_what_was_asked_and_loaded",
        "test_costs_are_of_the_rows_on_the_list",
        "test_exposures_name_what_each_page_reads",
        "test_weeks_are_what_the_activities_say",
        "everyone",
    ),
)

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
    return built.scope.filters(person=built.scope.person(ONE, seat[0][0], None))


CHOICES = [everything, one_contract, few_days, one_person]


def ask(built: Built | Path, statement: str) -> list[tuple[Any, ...]]:
    database = built if isinstance(built, Path) else built.database
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(statement).fetchall()


def who(filters: Filters, prefix: str = "") -> str:
    if filters.person:
        return f"{prefix}contract = '{filters.person.contract}' AND {prefix}seat_id = {filters.person.seat_id}"
    return f"{prefix}contract IN {filters.contracts}".replace(",)", ")") if filters.contracts else "true"


def where(filters: Filters, day: str = "activity_date") -> str:
    return f"{who(filters)} AND {day} BETWEEN '{filters.first}' AND '{filters.last}'"


def page(built: Built, key: str, filters: Filters) -> Page:
    return pages.build(key, built.marts, filters, built.scope)


def table(page: Page, key: str) -> Table:
    (found,) = [one for one in page.tables if one.key == key]
    return found


def meaning(page: Page, label: str) -> str:
    (found,) = [one.meaning for one in page.numbers if one.label == label]
    return found


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
    rows = table(shown, "usage-by-person").frame
    assert int(rows["activities"].sum()) == activities
    assert int(rows["days used"].sum()) == days
    if filters.person:
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
        assert int(table(shown, "search-by-person").frame[label].sum()) == found
        if label == "searches":
            assert number(shown, label) == f"{found:,}"


@pytest.mark.parametrize("choose", CHOICES)
def test_inmails_are_what_the_outcomes_say(built: Built, choose: TChoose) -> None:
    filters = choose(built)
    shown = page(built, "inmail", filters)
    # the first outcome counts; one without a date only if there is no other; one that may not be loaded makes nothing mature
    heard = f"NOT (activity_date <= '{built.hole[1]}' AND activity_date + 14 >= '{built.hole[0]}')"
    ((sent, mature, accepted, answered),) = ask(
        built,
        "WITH first AS (SELECT contract, activity_id, arg_min(activity_type, (created_at IS NULL, created_at, activity_type))"
        " AS outcome FROM salesnav.activity_outcomes GROUP BY ALL), ends AS (SELECT contract, max(day) AS last_day FROM ("
        "SELECT contract, window_end AS day FROM salesnav.export_jobs WHERE export = 'activity_outcomes' AND error IS NULL"
        " UNION ALL SELECT contract, created_at::date FROM salesnav.activity_outcomes) GROUP BY contract),"
        f" mails AS (SELECT a.*, outcome, activity_date + 14 < last_day AND {heard} AS mature FROM salesnav.activities a"
        " JOIN ends USING (contract) LEFT JOIN first USING (contract, activity_id) WHERE activity_type = 'INMAIL_SENT')"
        " SELECT count(*), count(*) FILTER (mature), count(*) FILTER (mature AND outcome ILIKE '%accept%'),"
        " count(*) FILTER (mature AND (outcome ILIKE '%accept%' OR outcome ILIKE '%declin%'))"
        f" FROM mails WHERE {where(filters)}",
    )
    assert sent and mature
    assert number(shown, "InMails sent") == f"{sent:,}"
    assert number(shown, "accepted") == percent(accepted / mature)
    assert number(shown, "answered") == percent(answered / mature)


def percent(share: float) -> str:
    return f"{share:.1%}"


@pytest.mark.parametrize("choose", CHOICES)
def test_ssi_is_what_the_snapshots_say(built: Built, choose: TChoose) -> None:
    filters = choose(built)
    shown = page(built, "ssi", filters)
    newest = ask(
        built,
        "WITH newest AS (SELECT contract, max(snapshot_date) AS day FROM salesnav.seats"
        f" WHERE ssi IS NOT NULL AND snapshot_date BETWEEN '{filters.first}' AND '{filters.last}' GROUP BY contract)"
        " SELECT s.ssi, s.ssi - (SELECT ssi FROM salesnav.seats b WHERE b.contract = s.contract AND b.seat_id = s.seat_id"
        # the score of who held the seat before is another person's
        " AND b.email = s.email AND b.snapshot_date = s.snapshot_date - 28)"
        " FROM salesnav.seats s JOIN newest ON s.contract = newest.contract"
        f" AND s.snapshot_date = newest.day WHERE s.ssi IS NOT NULL AND {who(filters, 's.')}",
    )
    scores = [ssi for ssi, _ in newest]
    changes = [change for _, change in newest if change is not None]
    assert number(shown, "SSI" if filters.person else "mean SSI") == f"{sum(scores) / len(scores):.1f}"
    assert len(table(shown, "ssi-by-person").frame) == len(scores)
    if not changes:
        assert number(shown, "change in 28 days") == "–"
    else:
        mean = sum(changes) / len(changes)
        assert number(shown, "change in 28 days") == ("no change" if round(mean, 1) == 0 else f"{mean:+.1f}")


@pytest.mark.parametrize("choose", [everything, one_contract])
def test_seats_are_taken_back_from_whoever_stopped(built: Built, choose: TChoose) -> None:
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
        " USING (contract, seat_id) LEFT JOIN (SELECT contract, seat_id, min(snapshot_date) AS since FROM salesnav.seats"
        " JOIN (SELECT contract, seat_id, arg_max(email, snapshot_date) AS email FROM salesnav.seats GROUP BY ALL)"
        " USING (contract, seat_id, email) GROUP BY ALL) h USING (contract, seat_id)"
        " WHERE last_day - greatest(coalesce(used, first_day), coalesce(since, first_day)) >= 28"
        f" AND {who(filters)}",
    )
    assert idle
    assert set(table(shown, "seats-to-take-back").frame["seat"]) == {seat for _, seat in idle}
    assert number(shown, "seats to take back").startswith(f"{len(idle)} of ")
    assert number(page(built, "usage", filters), "seats to take back") == number(shown, "seats to take back")
    assert "28 days or more" in shown.headline, "the rule is said, not the smallest number on the list"


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
    shown_weeks = figure(shown, "seats-used-per-week").data.frame
    bars = dict(zip(shown_weeks["week"].dt.date, shown_weeks["used"], strict=True))
    assert bars and len([row for row in drawn if "column" in row]) == len(bars)
    for week, seats in bars.items():
        assert seats == expected.get(week, 0)


def figure(page: Page, key: str) -> Figure:
    (found,) = [one for one in page.figures if one.key == key]
    return found


def rows_of(page: Page, key: str) -> list[dict[str, Any]]:
    """Returns all rows that a chart draws, as Vega-Lite is given them."""
    return [row for rows in figure(page, key).chart.to_dict()["datasets"].values() for row in rows]


def test_a_hole_is_no_zero(built: Built) -> None:
    first, last = built.hole
    shown = page(built, "usage", everything(built))
    rows = figure(shown, "activities-per-day").data.frame.set_index("day")
    hole = pd.date_range(first, last)
    assert rows.loc[hole, "activities"].isna().all(), "a day without data has no bar, not one of 0"
    assert set(rows.loc[hole, "data"]) == {"no data"}
    spans = [row for row in rows_of(shown, "activities-per-day") if str(row.get("says", "")).startswith("no data ·")]
    assert [(row["from"][:10], row["to"][:10]) for row in spans] == [(str(first), str(last + timedelta(1)))]
    assert any("9 without data" in warning for warning in shown.warnings)
    # a loaded day on which nobody did anything is a 0
    quiet = {str(day.date()) for day in rows.index[rows["activities"] == 0]}
    active = {str(day) for (day,) in ask(built, "SELECT DISTINCT activity_date FROM salesnav.activities")}
    assert not quiet & active


def without_days(database: Path, contract: str, export: str, first: date, last: date) -> None:
    """Makes days of an export ones that failed, as the marts say it of them."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "UPDATE salesnav_marts.salesnav__export_coverage SET state = 'failed', rows_loaded = 0"
            " WHERE contract = ? AND export = ? AND day BETWEEN ? AND ?",
            [contract, export, first, last],
        )


def test_a_hole_calls_nobody_unused(own: Path, built: Built) -> None:
    first, last = built.last - timedelta(9), built.last - timedelta(6)
    without_days(own, TWO, "activities", first, last)
    hidden = f"contract = '{TWO}' AND (last_activity_date IS NULL OR last_activity_date < '{first}')"
    with duckdb.connect(str(own)) as connection:
        connection.execute(
            "UPDATE salesnav_marts.salesnav__seats SET idle_days = NULL, is_active_28 = NULL, is_reclaimable = NULL,"
            f" license_state = 'unknown' WHERE {hidden}"
        )
    moved = Built(own, built.first, built.last, built.hole)
    # the days that are looked back at lie before the period, too
    filters = moved.scope.filters(built.last - timedelta(2), built.last)
    ((unknown,),) = ask(own, f"SELECT count(*) FROM salesnav_marts.salesnav__seats WHERE {hidden} AND is_listed")
    ((listed,),) = ask(own, "SELECT count(*) FROM salesnav_marts.salesnav__seats WHERE is_listed")
    shown = page(moved, "seats", filters)
    assert unknown and number(shown, "seats to take back").endswith(f" of {listed - unknown}")
    for label in ("seats to take back", "used"):
        assert f"not known of {plural(unknown, 'more seat')}" in meaning(shown, label)
    assert f"not known of {plural(unknown, 'more seat')}" in shown.headline
    groups = figure(shown, "idle-seats").data.frame
    assert int(groups.set_index("group").loc["not known", "seats"]) == unknown
    states = table(shown, "all-seats").frame["state"]
    assert (states == "not known").sum() == unknown
    said = f"of Two, 4 are not loaded: {span(first, last)}"
    for key in ("seats", "usage"):
        assert any(said in warning for warning in page(moved, key, filters).warnings), key
    only_two = page(moved, "seats", moved.scope.filters(contracts=(ONE,)))
    assert not any("looked" in warning or "not loaded" in warning for warning in only_two.warnings)


def test_missing_answers_are_named_where_a_share_is_said(own: Path, built: Built) -> None:
    first, last = built.last - timedelta(19), built.last - timedelta(18)
    filters = built.scope.filters(built.last - timedelta(30), built.last - timedelta(20))
    assert not any("Outcomes of" in warning for warning in page(built, "inmail", filters).warnings)
    without_days(own, ONE, "activity_outcomes", first, last)
    moved = Built(own, built.first, built.last, built.hole)
    for key in ("inmail", "usage", "search"):
        assert any(
            f"Outcomes of One are not loaded for {span(first, last)}." in warning
            for warning in page(moved, key, filters).warnings
        ), key
    assert "newer, or their answers may not be loaded" in meaning(page(moved, "inmail", filters), "accepted")


def test_a_contract_without_activities_is_in_no_share(own: Path, built: Built) -> None:
    with duckdb.connect(str(own)) as connection:
        for name in ("activity_daily", "adoption_weekly", "teams_weekly", "inmails", "changes"):
            connection.execute(f"DELETE FROM salesnav_marts.salesnav__{name} WHERE contract = '{TWO}'")
        connection.execute(
            "UPDATE salesnav_marts.salesnav__export_coverage SET state = 'failed', rows_loaded = 0"
            f" WHERE contract = '{TWO}' AND export = 'activities'"
        )
        connection.execute(
            f"UPDATE salesnav_marts.salesnav__seat_daily SET is_active = false, activities = 0 WHERE contract = '{TWO}'"
        )
        connection.execute(
            "UPDATE salesnav_marts.salesnav__seats SET idle_days = NULL, is_active_28 = NULL, is_reclaimable = NULL,"
            f" first_activity_date = NULL, license_state = 'unknown' WHERE contract = '{TWO}'"
        )
        connection.execute(
            "UPDATE salesnav_marts.salesnav__contract_overview SET used_seats = NULL, activated_seats = NULL,"
            f" unknown_seats = listed_seats WHERE contract = '{TWO}'"
        )
    moved = Built(own, built.first, built.last, built.hole)
    shown = page(moved, "usage", everything(moved))
    ((seats, theirs),) = ask(
        own,
        f"SELECT count(*) FILTER (contract = '{ONE}'), count(*) FILTER (contract = '{TWO}')"
        " FROM salesnav_marts.salesnav__seats",
    )
    assert number(shown, "seats used").endswith(f" of {seats}")
    assert set(table(shown, "usage-by-person").frame["contract"]) == {"One"}
    warned = f"No activities of Two were ever loaded: whether its {plural(theirs, 'seat')}"
    for key in ("usage", "seats", "search", "inmail"):
        assert any(warning.startswith(warned) for warning in page(moved, key, everything(moved)).warnings), key
    alone = page(moved, "seats", one_contract(moved))
    assert {number(alone, label) for label in ("activated", "used", "seats to take back", "never used")} == {"–"}
    assert page(moved, "usage", one_contract(moved)).headline == "No day of this period has data."


def test_a_number_says_up_to_which_day_its_contracts_are_known(own: Path, built: Built) -> None:
    assert f"as of {day_text(built.last)}" in meaning(page(built, "seats", everything(built)), "used")
    with duckdb.connect(str(own)) as connection:
        connection.execute(
            "DELETE FROM salesnav_marts.salesnav__export_coverage WHERE contract = ? AND day > ?",
            [TWO, built.last - timedelta(3)],
        )
    moved = Built(own, built.first, built.last, built.hole)
    early, late = day_text(built.last - timedelta(3)), day_text(built.last)
    assert f"as of the newest day of each contract, {early} to {late}" in meaning(
        page(moved, "seats", everything(moved)), "used"
    )
    assert f"as of {early}" in meaning(page(moved, "seats", one_contract(moved)), "used")


def test_a_hole_in_the_days_compared_is_not_said_of_those_before(own: Path, built: Built) -> None:
    week = built.scope.filters(built.last - timedelta(6), built.last)
    without_days(own, ONE, "activities", built.last - timedelta(1), built.last - timedelta(1))
    moved = Built(own, built.first, built.last, built.hole)
    (change,) = [one.change for one in page(moved, "usage", week).numbers if one.label == "activities"]
    assert change == "not compared: some days of the period are not loaded"


def test_a_hole_breaks_the_line_of_the_ssi(built: Built) -> None:
    rows = figure(page(built, "ssi", everything(built)), "ssi-per-day").data.frame.set_index("day")
    first, last = built.hole
    assert rows.loc[pd.date_range(first, last), "SSI"].isna().all()
    assert rows["SSI"].notna().any()


def test_every_moment_that_is_drawn_has_a_zone(built: Built) -> None:
    """Without one, a day begins at another hour in each browser."""
    for key in PAGES:
        for one in page(built, key, everything(built)).figures:
            if one.chart is None:
                continue
            for row in (row for rows in one.chart.to_dict()["datasets"].values() for row in rows):
                moments = [value for value in row.values() if re.match(r"\d{4}-\d\d-\d\dT", str(value))]
                assert all(re.search(r"(Z|\+00:00)$", moment) for moment in moments), (one.key, row)


def test_no_text_of_a_chart_is_undefined(built: Built) -> None:
    for key in PAGES:
        for one in page(built, key, everything(built)).figures:
            said = [one.summary, one.caption]
            if one.chart is not None:
                rows = [row for rows in one.chart.to_dict()["datasets"].values() for row in rows]
                said += [str(row["says"]) for row in rows if "says" in row]
            assert not [text for text in said if re.search(r"undefined|\bnan\b|None|NaT|<NA>", text)], one.key


def test_the_data_page_counts_what_was_asked_and_loaded(built: Built) -> None:
    filters = everything(built)
    shown = page(built, "data", filters)
    first, last = built.hole
    days = (last - first).days + 1
    # two contracts with three exports
    assert filters.first == built.first
    assert number(shown, "days open") == str(6 * days)
    assert number(shown, "days failed") == "0"
    rows = table(shown, "exports").frame.set_index("contract")
    assert set(rows.loc["Three", "days without access"]) == {len(filters.days)}, "no access is a state, not 0 failed"
    assert number(shown, "days without access") == str(3 * len(filters.days))


def test_the_data_page_tells_of_columns_that_came(own: Path, built: Built) -> None:
    rows = [("seats", "salesRegion", "kept", built.hole[1]), ("seats", "seatId", "declared", built.first)]
    with duckdb.connect(str(own)) as connection:
        connection.execute(
            "CREATE OR REPLACE TABLE salesnav.export_columns (contract TEXT, export TEXT, header TEXT, column_name TEXT, state"
            " TEXT, first_day DATE, last_day DATE)"
        )
        for export, header, state, first in rows:
            connection.execute(
                "INSERT INTO salesnav.export_columns VALUES (?, ?, ?, ?, ?, ?, ?)",
                [ONE, export, header, header, state, first, built.last],
            )
    moved = Built(own, built.first, built.last, built.hole)
    told = table(page(moved, "data", everything(moved)), "columns").frame
    assert told[["contract", "export", "column", "came or went"]].to_numpy().tolist() == [
        ["One", "seats", "salesRegion", "came"]
    ]


def test_no_page_has_names_unless_asked(built: Built) -> None:
    names = ask(built, "SELECT DISTINCT unnest([first_name || ' ' || last_name, email]) FROM salesnav.seats")
    for key in PAGES:
        shown = page(built, key, built.scope.filters(names=False))
        for one in shown.csvs().values():
            text = one.frame.to_csv()
            assert not [name for (name,) in names if name and name in text], one.key
            assert "e-mail" not in one.frame


def test_a_person_who_left_is_told_of(own: Path, built: Built) -> None:
    contract, seat = everything_of(own)
    with duckdb.connect(str(own)) as connection:
        connection.execute(
            f"UPDATE salesnav_marts.salesnav__seats SET last_snapshot = '{built.last - timedelta(40)}', is_listed = false"
            f" WHERE contract = '{contract}' AND seat_id = {seat}"
        )
    moved = Built(own, built.first, built.last, built.hole)
    shown = page(moved, "usage", moved.scope.filters(person=moved.scope.person(contract, seat, None)))
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
    assert "No contract is known" in page(moved, "data", moved.scope.filters(built.first, built.last)).headline


def test_days_before_anything_was_loaded_are_a_hole(built: Built) -> None:
    early = built.scope.filters(built.first - timedelta(30), built.first - timedelta(10))
    for key in PAGES:
        shown = page(built, key, early)
        for figure in shown.figures:
            if figure.chart is not None:
                figure.chart.to_dict()
    assert "21 without data" in page(built, "usage", early).warnings[0]


@pytest.mark.parametrize("seat", [False, True], ids=["everyone", "one-person"])
def test_nothing_is_0_where_no_day_is_loaded(built: Built, seat: bool) -> None:
    early = built.scope.filters(
        built.first - timedelta(30),
        built.first - timedelta(10),
        person=built.scope.person(*everything_of(built.database), None) if seat else None,
    )
    for key in ("usage", "search", "inmail", "ssi"):
        shown = page(built, key, early)
        assert shown.headline == "No day of this period has data."
        of_now = {"seats to take back", "last used", "SSI", "leads never contacted", "leads worked by two"}
        assert {one.value for one in shown.numbers if one.label not in of_now} == {"–"}, key
        assert all(one.chart is None and one.empty for one in shown.figures), key


def test_costs_are_of_the_rows_on_the_list(own: Path, built: Built) -> None:
    def shown(costs: dict[str, tuple[float | None, str | None]]) -> Page:
        with duckdb.connect(str(own)) as connection:
            for contract, (cost, currency) in costs.items():
                connection.execute(
                    "UPDATE salesnav_marts.salesnav__seats SET cost_per_year = ?, currency = ? WHERE contract = ?",
                    [cost, currency, contract],
                )
        moved = Built(own, built.first, built.last, built.hole)
        return page(moved, "seats", everything(moved))

    def cost(page: Page) -> str:
        return number(page, "cost of seats to take back")

    assert cost(shown({})) == "–"
    found = shown({ONE: (100.0, "EUR")})
    rows = table(found, "seats-to-take-back").frame
    one, two = ((rows["contract"] == name).sum() for name in ("One", "Two"))
    assert one or two
    assert cost(found) == (f"{100 * one:,} EUR" if one else "–")
    assert cost(shown({TWO: (10.0, "EUR")})) == f"{100 * one + 10 * two:,} EUR"
    # different currencies are never added up
    found = shown({TWO: (10.0, "USD")})
    each = ([f"{100 * one:,} EUR"] if one else []) + ([f"{10 * two:,} USD"] if two else [])
    assert cost(found) == " + ".join(each)
    assert table(found, "seats-to-take-back").frame["cost a year"].sum() == 100 * one + 10 * two


def test_a_contract_of_which_nothing_is_loaded_has_no_licences(own: Path, built: Built) -> None:
    with duckdb.connect(str(own)) as connection:
        for table in ("salesnav__seats", "salesnav__export_coverage"):
            connection.execute(f"DELETE FROM salesnav_marts.{table} WHERE contract = '{TWO}'")
    moved = Built(own, built.first, built.last, built.hole)
    shown = page(moved, "seats", one_contract(moved))
    assert shown.headline == "No seats are known." and {one.value for one in shown.numbers} == {"–"}
    assert number(page(moved, "usage", one_contract(moved)), "seats to take back") == "–"
    assert number(page(moved, "data", one_contract(moved)), "newest day") == "–"
    assert number(page(moved, "data", everything(moved)), "newest day") != "–"


def test_exposures_name_what_each_page_reads(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    exposures = yaml.safe_load((ROOT / "dbt/models/exposures.yml").read_text(encoding="utf-8"))["exposures"]
    sources = yaml.safe_load((ROOT / "dbt/models/staging/sources.yml").read_text(encoding="utf-8"))["sources"]
    declared = {table["name"] for source in sources for table in source["tables"]}
    read: set[str] = set()
    frames = Marts.frames

    def noted(marts: Marts, asked: dict[str, Query]) -> Any:
        read.update(f"ref('{mart}')" for query in asked.values() for mart in re.findall(r"salesnav__\w+", query.sql))
        of_source = " ".join(query.sql for query in asked.values() if query.of_source)
        read.update(
            f"source('salesnav', '{table}')" for table in re.findall(r"FROM ([a-z]\w+)", of_source) if table in declared
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

"""The marts on a world in which the traps occur: against SQL over the raw tables, in other time zones, and after later runs."""

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from runs.house import ONE, TWO, House, house
from runs.house import SPECS as SPECS_OF_ALL

from dbt.expected import MARTS
from dbt.package import assert_marts_are_right, built, rows, transform

pytestmark = pytest.mark.long("each builds all marts once or more, half a minute of CPU each")

DAYS = 60
SPECS = (replace(SPECS_OF_ALL[0], seats=8), *SPECS_OF_ALL[1:])
"""With people enough for a median of peers."""
ZONES = ("Asia/Tokyo", "America/Los_Angeles")
UNTESTED = "--dbt-options=--exclude-resource-type test --exclude-resource-type unit_test"
"""Builds without dbt's own tests, which another build of the same rows has run."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("dbt"), days=DAYS, specs=SPECS) as home:
        set_traps(home)
        home.sync()
        yield home


def at(day: dt.date, hour: int = 12) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), dt.timezone.utc)


def set_traps(home: House) -> None:
    """Makes happen in the world what the models must not stumble over."""
    world = home.world
    seats = world.rows("seats", ONE, home.yesterday, home.yesterday)
    seat, other = seats[0], seats[1]
    activity = {"seat_id": seat["seat_id"], "member_identity_key": "5"}
    day = home.day(30)
    # the other spelling, an unknown type, the last second of a day, a seat number of another contract
    world.add_row(
        "activities", ONE, {**activity, "activity_id": "t1", "activity_type": "PROFILE_VIEW", "created_at": at(day)}
    )
    world.add_row(
        "activities", ONE, {**activity, "activity_id": "t2", "activity_type": "SANG_A_SONG", "created_at": at(day)}
    )
    late = at(day, 23) + dt.timedelta(minutes=59, seconds=59)
    world.add_row(
        "activities", ONE, {**activity, "activity_id": "t3", "activity_type": "SAVED_LEAD", "created_at": late}
    )
    world.add_row(
        "activities", TWO, {**activity, "activity_id": "t4", "activity_type": "INMAIL_SENT", "created_at": at(day)}
    )
    # several outcomes, the first weeks after; one of nothing that is loaded
    outcome = {**activity, "activity_id": "t4"}
    for kind, back in (("INMAIL_DECLINED", 5), ("WAS_ACCEPTED", 9), ("INMAIL_IGNORED", 3)):
        world.add_row("activity_outcomes", TWO, {**outcome, "activity_type": kind, "created_at": at(home.day(back))})
    orphan = {**activity, "activity_id": "nobody", "activity_type": "INMAIL_ACCEPTED", "created_at": at(day)}
    world.add_row("activity_outcomes", ONE, orphan)
    # a gap in the snapshots, and a new holder
    gap = [home.day(back) for back in (20, 21, 22)]
    world.withdraw("seats", ONE, lambda row: row["seat_id"] == seat["seat_id"] and row["snapshot_date"] in gap)
    world.add_row("seats", ONE, {**other, "first_name": "New", "last_name": "Holder", "email": "new@example.com"})
    # one in use that was passed on before, to somebody who finds few people, and is passed back on the day after
    third = next(row for row in seats[2:] if row["ssi"])
    for back in range(1, 16):
        heir = {"first_name": "Heir", "last_name": "Apparent", "email": "heir@example.com", "ssi_find": 0.5}
        world.add_row("seats", ONE, {**third, "snapshot_date": home.day(back), **heir})
    # somebody stops
    stopped = home.day(35)
    idle = world.rows("seats", TWO, home.yesterday, home.yesterday)[0]["seat_id"]
    world.withdraw("activities", TWO, lambda row: row["seat_id"] == idle and row["activity_date"] > stopped)


def build(home: House, *options: str, zone: str = "UTC") -> str:
    return transform(home.folder, "--database", str(home.database), *options, TZ=zone)


@pytest.mark.parametrize("zone", ZONES)
def test_marts_are_what_the_tables_say_in_any_zone(home: House, zone: str) -> None:
    build(home, "--full-refresh", zone=zone)
    for session in ZONES:
        assert_marts_are_right(home.database, session)


def test_traps_are_in_the_data(home: House, tmp_path: Path) -> None:
    build(home, UNTESTED)
    mart = "salesnav_marts.salesnav__"
    assert home.rows(f"SELECT DISTINCT activity_type FROM {mart}activity_daily WHERE activity_group = 'other'")
    found = home.rows(f"SELECT outcome_group, outcome_type FROM {mart}inmails WHERE activity_id = 't4'")
    assert found == [("accepted", "WAS_ACCEPTED")]
    assert home.rows(f"SELECT first_name FROM {mart}seats WHERE email = 'new@example.com'") == [("New",)]
    assert home.rows(f"SELECT * FROM {mart}seats WHERE is_reclaimable")
    heir = f"SELECT holder_number, is_present FROM {mart}holders WHERE email = 'heir@example.com'"
    assert home.rows(heir) == [(2, True)]
    # what is said of her begins within the week in which she took the seat over
    told = (
        f"SELECT area, c.since - h.first_day, isodow(h.first_day) > 1 FROM {mart}coaching c"
        f" JOIN {mart}holders h USING (contract, seat_id, holder_number) WHERE email = 'heir@example.com'"
    )
    assert home.rows(told) == [("ssi_find", 0, True)]
    assert home.rows(f"SELECT * FROM {mart}seat_daily WHERE ssi IS NULL AND seat_status = 'ACTIVE'")
    # a copy of the file, as servers for reports need one, has another name
    copy = Path(shutil.copy(home.database, tmp_path / "copy.duckdb"))
    for (view,) in rows(copy, "SELECT view_name FROM duckdb_views() WHERE schema_name = 'salesnav_marts'"):
        assert rows(copy, f"SELECT count(*) FROM salesnav_marts.{view}")
    assert rows(copy, f"SELECT count(*) > 0 FROM {mart}leads") == [(True,)]


def test_later_runs_come_through(home: House) -> None:
    build(home, "--full-refresh", UNTESTED)
    seat = home.world.rows("seats", ONE, home.yesterday, home.yesterday)[0]["seat_id"]
    home.clock.turn(home.clock.today + dt.timedelta(days=1))
    late = {"activity_id": "late", "activity_type": "SAVED_LEAD", "seat_id": seat, "created_at": at(home.day(3))}
    home.world.add_row("activities", ONE, late)
    gone = home.day(2)
    home.world.withdraw("activities", TWO, lambda row: row["activity_date"] == gone)
    home.sync()
    build(home)
    assert_marts_are_right(home.database)
    # long ago, by a full refresh of the source: a late row, a day and a whole seat withdrawn
    old = home.day(45)
    home.world.add_row("activities", ONE, {**late, "activity_id": "older", "created_at": at(old)})
    home.world.withdraw("activities", TWO, lambda row: row["activity_date"] == old)
    vanished = home.world.rows("seats", TWO, home.yesterday, home.yesterday)[1]["seat_id"]
    for export in ("seats", "activities"):
        home.world.withdraw(export, TWO, lambda row: row["seat_id"] == vanished)
    home.sync(full_refresh=True)
    build(home, zone=ZONES[0])
    for session in ZONES:
        assert_marts_are_right(home.database, session)
    before = {mart: built(home.database, mart) for mart in MARTS}
    build(home, "--full-refresh", UNTESTED)
    for mart in MARTS:
        assert built(home.database, mart) == before[mart], mart
    assert not home.rows(f"SELECT * FROM salesnav_marts.salesnav__seat_daily WHERE seat_id = {vanished}")


def test_missing_tables_and_columns_leave_models_empty(home: House, tmp_path: Path) -> None:
    database = tmp_path / "less.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"ATTACH '{home.database}' AS whole (READ_ONLY)")
        connection.execute("CREATE SCHEMA salesnav")
        connection.execute("CREATE TABLE salesnav.activities AS FROM whole.salesnav.activities")
        connection.execute(
            "CREATE TABLE salesnav.seats AS SELECT * EXCLUDE (email, ssi_find) FROM whole.salesnav.seats"
        )
    said = transform(tmp_path, "--database", str(database))
    assert "has no column email" in said
    assert "there is no table" in said
    assert built(database, "export_coverage") == Counter()
    assert rows(database, "SELECT count(*) > 0, count(email) FROM salesnav_marts.salesnav__seats") == [(True, 0)]
    assert not rows(database, "SELECT * FROM salesnav_marts.salesnav__inmails WHERE is_mature")


def test_days_that_are_not_loaded_make_nobody_idle(home: House, tmp_path: Path) -> None:
    build(home, "--full-refresh", UNTESTED)
    mart = "salesnav_marts.salesnav__"
    assert home.rows(f"SELECT * FROM {mart}seats WHERE is_reclaimable AND contract = '{TWO}'")
    mature = home.rows(f"SELECT count(*) FROM {mart}inmails WHERE is_mature")
    database = Path(shutil.copy(home.database, tmp_path / "holes.duckdb"))
    with duckdb.connect(str(database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for export, contract, table, day, first, last in (
            ("activities", TWO, "activities", "activity_date", 20, 12),
            ("activities", ONE, "activities", "activity_date", 50, 49),
            ("activity_outcomes", TWO, "activity_outcomes", "created_at::date", 40, 31),
        ):
            fail(connection, contract, export, home.day(first), home.day(last))
            connection.execute(
                f"DELETE FROM salesnav.{table} WHERE contract = ? AND {day} BETWEEN ? AND ?",
                [contract, home.day(first), home.day(last)],
            )
    transform(tmp_path, "--database", str(database), "--full-refresh")
    for session in ZONES:
        assert_marts_are_right(database, session)
    seats = f"FROM {mart}seats WHERE contract = '{TWO}'"
    assert not rows(database, f"SELECT * {seats} AND is_reclaimable")
    assert rows(database, f"SELECT count(*) > 0 {seats} AND license_state = 'unknown'") == [(True,)]
    # what is older than the days that are looked back at holds nobody up
    assert rows(database, f"SELECT count(*) FROM {mart}seats WHERE contract = '{ONE}' AND is_reclaimable IS NULL") == [
        (0,)
    ]
    assert rows(database, f"SELECT count(*) FROM {mart}inmails WHERE is_mature") < mature


def fail(connection: duckdb.DuckDBPyConnection, contract: str, export: str, first: dt.date, last: dt.date) -> None:
    """Turns the jobs of a contract's export into one that loaded what was before, one that failed and one of what came after."""
    where = f"WHERE contract = '{contract}' AND export = '{export}'"
    ((begin, end),) = connection.execute(
        f"SELECT min(window_start), max(window_end) FROM salesnav.export_jobs {where}"
    ).fetchall()
    one = dt.timedelta(days=1)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE job AS FROM salesnav.export_jobs {where} AND error IS NULL LIMIT 1"
    )
    connection.execute(f"DELETE FROM salesnav.export_jobs {where}")
    for number, (start, stop, error) in enumerate(
        ((begin, first - one, None), (first, last, "it timed out"), (last + one, end, None))
    ):
        status = "FAILED_DUE_TO_TIMED_OUT" if error else "COMPLETED"
        connection.execute(
            "INSERT INTO salesnav.export_jobs SELECT * REPLACE (job_id + ? AS job_id, ? AS window_start, ? AS window_end,"
            " ? AS error, ? AS status) FROM job",
            [number, start, stop, error, status],
        )


def test_models_are_not_emptied_by_a_dataset_in_which_nothing_is_loaded(home: House) -> None:
    build(home, UNTESTED)
    before = built(home.database, "seats")
    said = transform(home.folder, "--database", str(home.database), "--dataset", "misspelt", fails=True)
    assert before == built(home.database, "seats") != Counter()
    assert "there are no loaded tables in the schema misspelt" in said and "Nothing was built." in said


def test_an_empty_warehouse_builds(tmp_path: Path) -> None:
    database = tmp_path / "empty.duckdb"
    duckdb.connect(str(database)).close()
    for _ in range(2):
        transform(tmp_path, "--database", str(database))
    for mart in MARTS:
        assert built(database, mart) == Counter()


def test_terms_price_what_is_idle(home: House, tmp_path: Path) -> None:
    build(home, UNTESTED)
    stretches = (
        "SELECT * EXCLUDE (first_name, last_name, full_name, email) FROM salesnav_marts.salesnav__holders ORDER BY ALL"
    )
    by_names = home.rows(stretches)
    terms = (
        "CREATE OR REPLACE TABLE salesnav_marts.terms AS SELECT contract, 10 AS purchased_seats, 1000 AS cost,"
        " 'EUR' AS currency,"
        ' DATE \'2020-01-01\' AS "from", NULL::DATE AS "to" FROM salesnav.contracts'
    )
    with duckdb.connect(str(home.database)) as connection:
        connection.execute(terms)
    variables = (
        '"salesnav_contract_terms": "terms", "salesnav_personal_data": "hash", "salesnav_timezone": "Asia/Tokyo"'
    )
    build(home, "--vars", f"{{{variables}}}")
    found = home.rows(
        "SELECT purchased_seats, cost_per_active_seat * active_seats_28, reclaimable_cost - 100 * reclaimable_seats,"
        " currency"
        f" FROM salesnav_marts.salesnav__contract_overview WHERE contract = '{ONE}'"
    )
    assert found == [(10, 1000.0, 0.0, "EUR")]
    assert not home.rows("SELECT * FROM salesnav_marts.salesnav__seats WHERE email LIKE '%@%'")
    # holders are the same by hashes as by names
    assert home.rows(stretches) == by_names
    # hours and weekdays are those of the zone that is named, days are not
    local = "(sent_at AT TIME ZONE 'Asia/Tokyo')"
    wrong = f"sent_hour <> hour({local}) OR sent_weekday <> isodow({local}) OR sent_date <> (sent_at AT TIME ZONE 'UTC')::DATE"
    assert not home.rows(f"SELECT * FROM salesnav_marts.salesnav__inmails WHERE {wrong}")
    assert home.rows("SELECT * FROM salesnav_marts.salesnav__inmails WHERE sent_weekday <> isodow(sent_date)")

import collections
import csv
import datetime as dt
import io
from typing import Any

import pytest

from salesnav_source.sandbox import FILE_COLUMNS, World
from salesnav_source.schema import EXPORTS

URN = "urn:li:contract:210001"
TODAY = dt.date(2026, 3, 2)
YESTERDAY = dt.date(2026, 3, 1)
WINDOW = (dt.date(2025, 12, 2), YESTERDAY)


def make_world(**options: Any) -> World:
    return World(**{"seats_per_contract": 4, "activities_per_seat": 10, "today": lambda: TODAY, **options})


@pytest.fixture(scope="module")
def real_volumes() -> World:
    return World(today=lambda: TODAY)


def parse(export: str, text: bytes) -> list[dict[str, Any]]:
    """Returns the rows of a file under canonical columns, typed."""
    columns = {column.name: column for column in EXPORTS[export].columns}
    rows = []
    for line in csv.DictReader(io.StringIO(text.decode())):
        row = {name: typed(line[header], columns[name].type) for header, name in FILE_COLUMNS[export].items()}
        if export != "seats":
            row["activity_date" if export == "activities" else "outcome_date"] = row["created_at"].date()
        rows.append({"contract": URN, **({"full_name": None} if export == "seats" else {}), **row})
    return rows


def typed(text: str, kind: str) -> Any:
    if not text:
        return None
    if kind in ("timestamp", "date"):
        moment = dt.datetime.strptime(text, "%m-%d-%Y %H:%M:%S").replace(tzinfo=dt.timezone.utc)
        return moment if kind == "timestamp" else moment.date()
    return {"bigint": int, "double": float, "text": str}[kind](text)


def text_of(world: World, export: str, *window: dt.date) -> bytes:
    return b"".join(world.csv(export, URN, *window))


@pytest.mark.parametrize("export", EXPORTS)
def test_rows_are_what_the_file_holds(export: str) -> None:
    world = make_world(mix={"INMAIL_SENT": 1, "SAVED_ACCOUNT": 1, "SEARCH_PERFORMED": 1})
    rows = world.rows(export, URN, *WINDOW)
    assert rows
    assert parse(export, text_of(world, export, *WINDOW)) == rows
    assert world.file(export, URN, *WINDOW).row_count == len(rows)
    canonical = {column.name for column in EXPORTS[export].columns} - {"export_job_id"}
    assert all(set(row) == canonical for row in rows)
    keys = {tuple(row[column] for column in EXPORTS[export].key) for row in rows}
    assert len(keys) == len(rows)


@pytest.mark.parametrize("export", EXPORTS)
def test_same_seed_same_data(export: str) -> None:
    assert text_of(make_world(), export, *WINDOW) == text_of(make_world(), export, *WINDOW)
    assert text_of(make_world(seed=2), export, *WINDOW) != text_of(make_world(), export, *WINDOW)


@pytest.mark.parametrize("export", EXPORTS)
def test_a_day_stays_as_it_is_whatever_the_window_and_today(export: str) -> None:
    day_column = EXPORTS[export].day_column
    day = dt.date(2026, 2, 10)

    def on_day(row: dict[str, Any]) -> bool:
        value = row[day_column]
        return (value.date() if isinstance(value, dt.datetime) else value) == day

    alone = make_world(today=lambda: dt.date(2026, 2, 11)).rows(export, URN, day, day)
    within = [row for row in make_world().rows(export, URN, *WINDOW) if on_day(row)]
    assert alone == within
    assert all(on_day(row) for row in alone)


def test_there_is_no_data_from_today_on_nor_before_the_history() -> None:
    world = make_world(history_days=5)
    days = {row["activity_date"] for row in world.rows("activities", URN, dt.date(2026, 1, 1), dt.date(2026, 4, 1))}
    assert days == {TODAY - dt.timedelta(days=n) for n in range(1, 6)}


def test_activities_look_like_the_published_sample(real_volumes: World) -> None:
    rows = real_volumes.rows("activities", URN, dt.date(2026, 2, 16), YESTERDAY)
    mix = collections.Counter(row["activity_type"] for row in rows)
    assert mix["PROFILE_VIEWED"] / len(rows) == pytest.approx(760 / 1300, abs=0.02)
    assert mix["SEARCH_PERFORMED"] / len(rows) == pytest.approx(380 / 1300, abs=0.02)
    assert mix["SAVED_LEAD"] / len(rows) == pytest.approx(77 / 1300, abs=0.01)
    assert mix["CONNECTION_MADE"] / len(rows) == pytest.approx(73 / 1300, abs=0.01)
    weekend = sum(row["activity_date"].weekday() >= 5 for row in rows)
    seats = len({row["seat_id"] for row in rows})
    assert 100 < seats < 120
    assert (len(rows) - weekend) / seats / 10 == pytest.approx(50, rel=0.1)
    assert weekend / 4 / ((len(rows) - weekend) / 10) == pytest.approx(0.2, abs=0.05)


def test_activities_have_the_shape_of_real_ones(real_volumes: World) -> None:
    rows = real_volumes.rows("activities", URN, YESTERDAY, YESTERDAY)
    assert len({row["member_identity_key"] for row in rows if row["activity_type"] == "SEARCH_PERFORMED"}) == 1
    keys = {row["member_identity_key"] for row in rows} - {None}
    assert all(-(2**31) <= int(key) < 2**31 for key in keys)
    assert {len(str(row["seat_id"])) for row in rows} == {9}
    moments = [row["created_at"] for row in rows]
    assert moments != sorted(moments)


def test_about_an_eighth_of_inmails_are_accepted_hours_to_days_later() -> None:
    world = World(seats_per_contract=20, today=lambda: TODAY, mix={"INMAIL_SENT": 1})
    sent = {r["activity_id"]: r["created_at"] for r in world.rows("activities", URN, WINDOW[0], dt.date(2026, 1, 31))}
    outcomes = [row for row in world.rows("activity_outcomes", URN, *WINDOW) if row["activity_id"] in sent]
    kinds = collections.Counter(row["activity_type"] for row in outcomes)
    assert kinds["INMAIL_ACCEPTED"] / len(sent) == pytest.approx(0.12, abs=0.01)
    assert 0 < kinds["INMAIL_DECLINED"] < kinds["INMAIL_ACCEPTED"]
    delays = [row["created_at"] - sent[row["activity_id"]] for row in outcomes]
    assert min(delays) > dt.timedelta(0)
    assert dt.timedelta(days=3) < max(delays) <= dt.timedelta(days=9)


def test_seats_have_a_row_a_day_and_metrics_that_move(real_volumes: World) -> None:
    rows = real_volumes.rows("seats", URN, *WINDOW)
    assert len(rows) == 120 * 90
    active = [row for row in rows if row["ssi"] is not None]
    parts = ("ssi_brand", "ssi_find", "ssi_engage", "ssi_build")
    assert all(0 <= row[part] <= 25 for row in active for part in parts)
    assert all(row["ssi"] == pytest.approx(sum(row[part] for part in parts)) for row in active)
    assert sum(row["ssi"] for row in active) / len(active) == pytest.approx(67, abs=3)
    assert any(row["ssi"] is None and row["total_connections"] is None for row in rows)
    one = sorted((r for r in active if r["seat_id"] == active[0]["seat_id"]), key=lambda r: r["snapshot_date"])
    assert one[0]["total_connections"] < one[-1]["total_connections"]
    assert one[0]["total_saved_leads"] < one[-1]["total_saved_leads"]
    assert len({row["ssi"] for row in one}) > 30


def test_contracts_are_listed_as_by_the_api() -> None:
    contracts = World().contracts()
    assert [contract["hasReportingAccess"] for contract in contracts] == [True, True, True, False]
    assert {"description" in contract for contract in contracts} == {True, False}


def test_a_late_row_is_in_later_files_and_not_in_earlier_ones() -> None:
    world = make_world()
    before = world.file("activities", URN, *WINDOW)
    late = {"activity_id": "late", "activity_type": "SAVED_LEAD", "seat_id": 1}
    world.add_row("activities", URN, {**late, "created_at": dt.datetime(2026, 2, 3, 4, tzinfo=dt.timezone.utc)})
    after = world.rows("activities", URN, *WINDOW)
    assert [row["activity_date"] for row in after if row["activity_id"] == "late"] == [dt.date(2026, 2, 3)]
    assert parse("activities", text_of(world, "activities", *WINDOW)) == after
    assert before.row_count == len(before.rows()) == len(after) - 1
    assert world.rows("activities", URN, YESTERDAY, YESTERDAY) == make_world().rows(
        "activities", URN, YESTERDAY, YESTERDAY
    )


def test_a_row_with_the_same_key_replaces_the_earlier() -> None:
    world = make_world()
    row = world.rows("seats", URN, YESTERDAY, YESTERDAY)[0]
    world.add_row("seats", URN, {**row, "seat_status": "GONE"})
    rows = world.rows("seats", URN, YESTERDAY, YESTERDAY)
    assert len(rows) == 4
    assert [r for r in rows if r["seat_id"] == row["seat_id"]] == [{**row, "seat_status": "GONE"}]


def test_withdrawn_rows_are_gone() -> None:
    world = make_world()
    first, second, *rest = world.rows("activities", URN, *WINDOW)
    world.withdraw("activities", URN, first["activity_id"])
    world.withdraw("activities", URN, lambda row: row["activity_id"] == second["activity_id"])
    assert world.rows("activities", URN, *WINDOW) == rest
    assert world.file("activities", URN, *WINDOW).row_count == len(rest)


def test_a_row_without_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="snapshot_date"):
        make_world().add_row("seats", URN, {"seat_id": 1})

"""A seat holder is erased: from all tables, for all later loads, and nothing else changes. On each warehouse."""

from collections import Counter
from pathlib import Path
from typing import Any

import dlt
import pytest

from salesnav_source.exceptions import ConfigurationError, DestinationError
from salesnav_source.run.upkeep.erasure import Erasure, Seat, erase
from salesnav_source.sandbox import faults
from salesnav_source.sandbox import transforms as to
from salesnav_source.schema import EXPORTS
from salesnav_source.warehouse.connection import OpenWarehouse

from .conftest import TGetServer
from .life import ONE, TWO, StillHouse, still_house
from .warehouse import Server, environment

pytestmark = pytest.mark.long(
    "each loads a warehouse and erases in it, on every warehouse",
    but=("postgres-keep",),
)

TABLES = (*EXPORTS, "rejected_rows")
KEY = "a key of some length that nobody guesses"


def rows_of(pipeline: dlt.Pipeline, statement: str, staging: bool = False) -> list[tuple[Any, ...]]:
    """Returns what a query gives, in which `{}` stands for the dataset."""
    with pipeline.destination_client() as client:
        sql = client.sql_client  # type: ignore[attr-defined]
        name = sql.staging_dataset_name if staging else sql.dataset_name
        with sql.with_alternative_dataset_name(name):
            return [tuple(row) for row in sql.execute_sql(statement.format(sql.fully_qualified_dataset_name())) or ()]


def content(pipeline: dlt.Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """Returns the rows of the exports' tables, but for the ids of jobs and loads."""
    found = {}
    for table in EXPORTS.values():
        names = ", ".join(column.name for column in table.columns if column.name != "export_job_id")
        found[table.name] = sorted(rows_of(pipeline, f"SELECT {names} FROM {{}}.{table.name}"), key=repr)
    return found


def without(found: dict[str, list[tuple[Any, ...]]], seat: Seat) -> dict[str, list[tuple[Any, ...]]]:
    """Returns rows without those of a seat."""
    left = {}
    for name, rows in found.items():
        place = [column.name for column in EXPORTS[name].columns if column.name != "export_job_id"].index("seat_id")
        left[name] = [row for row in rows if (row[0], row[place]) != (seat.contract, seat.seat_id)]
    return left


def asks_nothing(house: StillHouse, **settings: Any) -> bool:
    asked = len(house.sandbox.requests)
    house.sync(**settings)
    return not house.posts(asked)


def holder_of(house: StillHouse, back: int = 1) -> tuple[Seat, str]:
    """Returns a seat that has done something, with the address of its holder."""
    acted = {row["seat_id"] for row in house.world.rows("activity_outcomes", ONE, house.first_day, house.yesterday)}
    for row in house.world.rows("seats", ONE, house.day(back), house.day(back)):
        if row["seat_id"] in acted and row["email"]:
            return Seat(ONE, row["seat_id"]), row["email"]
    raise AssertionError("no seat has outcomes")


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("duckdb", "pseudonymize"), ("postgres", "keep"), ("snowflake", "keep"), ("bigquery", "keep")],
)
def test_a_seat_holder_is_erased_and_nothing_else(
    kind: str, mode: str, get_server: TGetServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = get_server(kind)
    monkeypatch.chdir(tmp_path)
    server.create(f"erase{mode}")
    personal = {"personal_data": mode, "pseudonym_key": KEY}
    with environment(server), still_house(tmp_path, server.destination(tmp_path, f"erase{mode}"), days=5) as house:
        seat, email = holder_of(house)
        house.sandbox.add_fault(faults.content(to.set_value("createdAt", "never", 3)).where(export="activities"))
        house.sync(**personal)
        house.sandbox.clear_faults()
        pipeline = house.pipeline()
        before = content(pipeline)
        rejected = rows_of(pipeline, "SELECT count(*) FROM {}.rejected_rows")
        assert without(before, seat) != before
        assert all(without(before, seat)[name] != rows for name, rows in before.items())

        shown: list[Erasure] = []
        checked = house.settings(**personal).personal_data
        erased = erase(pipeline, checked, email=f" {email.upper()} ", confirm=lambda one: not shown.append(one))
        assert erased == shown[0] and erased is not None
        assert erased.seats == [seat]
        assert {name: erased.rows[name] for name in EXPORTS} == {
            name: len(rows) - len(without(before, seat)[name]) for name, rows in before.items()
        }
        assert content(house.pipeline()) == without(before, seat)
        for name in EXPORTS:
            staged = rows_of(house.pipeline(), f"SELECT count(*) FROM {{}}.{name} WHERE seat_id = {seat.seat_id}", True)
            assert staged == [(0,)], name
        assert rows_of(house.pipeline(), "SELECT contract, seat_id FROM {}.erased_seats") == [(ONE, seat.seat_id)]
        assert rejected_of(house, seat) == [] and len(rejected) == 1

        # what is loaded stays loaded, also for a machine that knows nothing but the warehouse
        assert asks_nothing(house, **personal)
        house.machine = "another"
        assert asks_nothing(house, **personal)

        if kind in ("snowflake", "bigquery"):
            # what follows asks nothing new of the warehouse, and the emulators are slow
            return

        # later loads keep the seat out, and do not look broken by that
        house.clock.next_day()
        house.sync(full_refresh=True, **personal)
        found = content(house.pipeline())
        assert found == without(found, seat)
        if mode == "keep":
            assert_truth_but_for(house, found, seat)
        noted = rows_of(
            house.pipeline(), "SELECT count(*) FROM {}.export_jobs WHERE note LIKE '%erased seats left out%'"
        )
        assert noted[0][0] >= 3
        house.machine = "a third"
        assert asks_nothing(house, **personal)

        # a row that gets lost is noticed as ever
        lost = next(row for row in house.world.rows("activities", TWO, house.day(1), house.day(1)))
        with house.pipeline().sql_client() as sql:
            table = sql.make_qualified_table_name("activities")
            sql.execute_sql(f"DELETE FROM {table} WHERE activity_id = '{lost['activity_id']}'")
        house.machine = "a fourth"
        assert not asks_nothing(house, **personal)
        found = content(house.pipeline())
        assert found == without(found, seat)
        if mode == "keep":
            assert_truth_but_for(house, found, seat)


def rejected_of(house: StillHouse, seat: Seat) -> list[tuple[Any, ...]]:
    """Returns rejected rows that name a seat."""
    with house.pipeline().sql_client() as sql:
        row, table = sql.escape_column_name("row"), sql.make_qualified_table_name("rejected_rows")
        return list(sql.execute_sql(f"SELECT {row} FROM {table} WHERE {row} LIKE '%{seat.seat_id}%'") or ())


def assert_truth_but_for(house: StillHouse, found: dict[str, list[tuple[Any, ...]]], seat: Seat) -> None:
    """Compares the warehouse with the world without a seat."""
    for name, table in EXPORTS.items():
        columns = [column.name for column in table.columns if column.name != "export_job_id"]
        truth = Counter(
            tuple(row[column] for column in columns)
            for contract in house.contracts
            for row in house.world.rows(name, contract, house.first_day, house.yesterday)
            if (contract, row["seat_id"]) != (seat.contract, seat.seat_id)
        )
        assert Counter(found[name]) == truth, name


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    server = Server("duckdb")
    monkeypatch.chdir(tmp_path)
    with environment(server), still_house(tmp_path, server.destination(tmp_path, "erase"), days=3) as made:
        yield made


def test_rejected_rows_that_name_the_holder_go_and_no_row_of_theirs_comes_back(house: StillHouse) -> None:
    seat, email = holder_of(house)
    number = seat.seat_id
    text = {
        "short": [str(number), "Seat"],
        "address": ["x", email.upper()],
        "grouped": [f"{number:,}", "Seat"],
        "another": [f"{number}1", "Somebody", "else"],
    }
    rows = dict(enumerate(text.values(), 1))
    lines = to.edit_fields(lambda values, _, row: rows.get(row, values))
    broken = faults.content(lines).where(export="seats", contract=ONE, times=None)
    house.sandbox.add_fault(broken)
    house.sync(exports=["seats"], max_rejected=1.0)
    pipeline = house.pipeline()
    assert len(rows_of(pipeline, "SELECT 1 FROM {}.rejected_rows")) == 4
    erased = erase(pipeline, house.settings().personal_data, seat_id=number)
    assert erased is not None and erased.rows["rejected_rows"] == 3
    assert rows_of(house.pipeline(), "SELECT row FROM {}.rejected_rows") == [(f"{number}1,Somebody,else",)]
    house.sync(exports=["seats"], max_rejected=1.0, full_refresh=True)
    # of a row that is too broken to tell whose it is, nothing is kept any more
    found = rows_of(house.pipeline(), "SELECT row, reason FROM {}.rejected_rows")
    assert len(found) == 5 and {row for row, _ in found if row} == {f"{number}1,Somebody,else"}
    house.sandbox.clear_faults()
    house.sandbox.add_fault(faults.content(to.set_value("ssi", "high", None)).where(export="seats", contract=ONE))
    house.sync(exports=["seats"], max_rejected=1.0, full_refresh=True)
    found = rows_of(house.pipeline(), "SELECT row, reason FROM {}.rejected_rows")
    assert len([row for row, reason in found if row and "ssi is not a number: high" in reason]) == 9


def test_outcomes_that_name_no_seat_go_with_their_activities(house: StillHouse) -> None:
    seat, _ = holder_of(house)
    house.sandbox.add_fault(faults.content(to.drop_columns("seatId")).where(export="activity_outcomes", times=None))
    house.sync()
    own = {row["activity_id"] for row in house.world.rows("activities", ONE, house.first_day, house.yesterday)
           if row["seat_id"] == seat.seat_id}  # fmt: skip
    before = {id_ for (id_,) in rows_of(house.pipeline(), "SELECT activity_id FROM {}.activity_outcomes")}
    assert before & own
    erase(house.pipeline(), house.settings().personal_data, seat_id=seat.seat_id)
    after = {id_ for (id_,) in rows_of(house.pipeline(), "SELECT activity_id FROM {}.activity_outcomes")}
    assert after == before - own


def test_what_is_broken_off_is_gone_on_with(house: StillHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house.sync()
    seat, email = holder_of(house)
    before = content(house.pipeline())
    good = OpenWarehouse.change
    for most in (0, 2):
        done = 0

        def break_off(self: OpenWarehouse, *statement: str, most: int = most) -> None:
            nonlocal done
            if done == most:
                raise OSError("the connection is gone")
            done += 1
            good(self, *statement)

        monkeypatch.setattr(OpenWarehouse, "change", break_off)
        with pytest.raises(DestinationError, match="Erase again"):
            erase(house.pipeline(), house.settings().personal_data, email=email)
        monkeypatch.setattr(OpenWarehouse, "change", good)
        assert asks_nothing(house)
        if not most:
            # until the last table is done, the address still leads to the seat
            assert rows_of(house.pipeline(), f"SELECT 1 FROM {{}}.seats WHERE seat_id = {seat.seat_id}")
    erase(house.pipeline(), house.settings().personal_data, seat_id=seat.seat_id)
    assert content(house.pipeline()) == without(before, seat)
    assert asks_nothing(house)


def test_what_is_not_clear_is_refused(house: StillHouse) -> None:
    personal = house.settings().personal_data
    with pytest.raises(ConfigurationError, match="nothing to erase"):
        erase(house.pipeline(), personal, seat_id=1)
    house.world.add_row("seats", ONE, {"seat_id": 77, "snapshot_date": house.day(1), "email": "new@example.com"})
    house.world.add_row("seats", ONE, {"seat_id": 77, "snapshot_date": house.day(2), "email": "old@example.com"})
    house.world.add_row("seats", ONE, {"seat_id": 88, "snapshot_date": house.day(2), "email": "88@example.com"})
    house.world.add_row("seats", TWO, {"seat_id": 88, "snapshot_date": house.day(2), "email": "88@example.com"})
    house.sync()
    before = content(house.pipeline())
    for wanted, said in (
        ({"email": "nobody@example.com"}, "No seat with this e-mail address"),
        ({"email": "new@example.com"}, r"Other e-mail addresses are loaded for seat 77 of One \(urn:li:contract:1\)"),
        ({"seat_id": 99}, "No table has a row of seat 99"),
        ({"seat_id": 88}, r"in several contracts: One \(urn:li:contract:1\); Two \(urn:li:contract:2\)"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            erase(house.pipeline(), personal, **wanted)  # type: ignore[arg-type]
    assert erase(house.pipeline(), personal, seat_id=77, confirm=lambda _: False) is None
    assert content(house.pipeline()) == before
    assert erase(house.pipeline(), personal, email="88@example.com") == Erasure(
        [Seat(ONE, 88), Seat(TWO, 88)], {"activity_outcomes": 0, "activities": 0, "seats": 2, "rejected_rows": 0}
    )
    # a seat that has no row yet can be kept out as well
    assert erase(house.pipeline(), personal, seat_id=99, contract=ONE) is not None
    house.world.add_row("seats", ONE, {"seat_id": 99, "snapshot_date": house.day(1), "email": "99@example.com"})
    house.sync(full_refresh=True)
    assert rows_of(house.pipeline(), "SELECT 1 FROM {}.seats WHERE seat_id IN (88, 99)") == []


def test_an_address_is_found_by_the_right_key_alone(house: StillHouse) -> None:
    seat, email = holder_of(house)
    house.sync(personal_data="pseudonymize", pseudonym_key=KEY)
    for wrong in ({}, {"personal_data": "pseudonymize", "pseudonym_key": KEY[::-1]}):
        with pytest.raises(ConfigurationError, match="pseudonyms of e-mail addresses"):
            erase(house.pipeline(), house.settings(**wrong).personal_data, email=email)
    assert erase(house.pipeline(), house.settings().personal_data, seat_id=seat.seat_id) is not None


def test_a_warehouse_without_addresses_is_told_the_seat(house: StillHouse) -> None:
    seat, email = holder_of(house)
    house.sync(personal_data="drop")
    with pytest.raises(ConfigurationError, match="Name the seat by --seat"):
        erase(house.pipeline(), house.settings(personal_data="drop").personal_data, email=email)
    assert erase(house.pipeline(), house.settings(personal_data="drop").personal_data, seat_id=seat.seat_id) is not None
    assert asks_nothing(house, personal_data="drop")


def test_a_dataset_that_is_dropped_and_loaded_anew_keeps_the_seat_out(house: StillHouse) -> None:
    house.sync()
    seat, _ = holder_of(house)
    before = content(house.pipeline())
    erase(house.pipeline(), house.settings().personal_data, seat_id=seat.seat_id)
    with house.pipeline().sql_client() as sql:
        for name in TABLES:
            sql.execute_sql(f"DROP TABLE {sql.make_qualified_table_name(name)}")
    house.sync()
    assert content(house.pipeline()) == without(before, seat)

"""The life of a pipeline: what each run asks for, and what is in the tables after it."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from salesnav_source.days.windows import Days, Window
from salesnav_source.exceptions import AccessTokenError
from salesnav_source.run.context import LoadLimits
from salesnav_source.run.planning import Refresh
from salesnav_source.run.sync import plan
from salesnav_source.run.text import render, render_plan
from salesnav_source.sandbox import ContractSpec, faults
from salesnav_source.schema import ACTIVITIES, CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS

from .house import (
    DAY,
    NAMES,
    ONE,
    SHUT,
    TWO,
    House,
    assert_no_day_asked_twice,
    assert_protocol,
    assert_warehouse_is_truth,
    house,
    overlapping,
    query,
    span,
    tables,
    windows,
)

pytestmark = pytest.mark.long(
    "each is two to five whole runs, 2 s of CPU each; one stands for each thing that a user wants",
    but=(
        "test_late_rows_come_in_and_withdrawn_rows_go_within_the_lookback",
        "test_a_full_refresh_that_fails_loses_nothing_and_is_taken_up_by_a_later_run",
        "test_a_restored_state_asks_for_nothing_on_a_new_machine",
        "test_a_contract_without_reporting_access_fails_alone_and_is_named",
        "test_tables_have_the_columns_types_and_keys_of_the_design",
        "test_export_jobs_tell_of_each_job",
        "test_a_plan_creates_no_job_and_is_what_the_run_then_asks_for",
    ),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def row_on(day: dt.date, name: str = "late") -> dict[str, object]:
    return {
        "activity_id": name,
        "activity_type": "SAVED_LEAD",
        "created_at": dt.datetime.combine(day, dt.time(23, 59, 59), dt.timezone.utc),
        "seat_id": 7,
        "member_identity_key": None,
    }


def test_200_days_of_two_contracts_are_the_truth_and_the_next_runs_ask_for_what_is_new(tmp_path: Path) -> None:
    with house(tmp_path, days=200) as home:
        report = home.sync()
        home.assert_truth()
        assert not report.not_loaded
        assert_protocol(home.sandbox)
        assert_no_day_asked_twice(home.posts())
        asked = windows(home.posts())
        assert set(asked) == {(export, contract) for export in NAMES for contract in (ONE, TWO)}
        assert set(asked.values()) == {Days((Window(home.first_day, home.yesterday),))}
        assert len(home.posts()) == 6 * 3
        assert report.jobs_created == len(home.sandbox.jobs) == len(home.jobs()) == 6 * 3
        assert home.rows("SELECT count(*) FROM salesnav.rejected_rows") == [(0,)]

        seen, loads = len(home.sandbox.requests), home.rows("SELECT count(*) FROM salesnav._dlt_loads")
        report = home.sync()
        assert [request.call for request in home.sandbox.requests[seen:]] == ["contracts"]
        assert home.rows("SELECT count(*) FROM salesnav._dlt_loads") == loads
        assert "Nothing to ask for" in render(report) and f"One ({ONE})" in render(report)

        home.clock.next_day()
        seen = len(home.sandbox.requests)
        home.sync()
        home.assert_truth()
        lookback = Window(home.day(4), home.yesterday)
        overlapping = Window(home.day(5), home.yesterday)
        assert windows(home.posts(seen)) == {
            (export, contract): Days((lookback if export == "seats" else overlapping,))
            for export in NAMES
            for contract in (ONE, TWO)
        }
        assert_no_day_asked_twice(home.posts(seen))
        assert_protocol(home.sandbox)

        seen, home.first_day = len(home.sandbox.requests), home.first_day - 30 * DAY
        home.sync()
        home.assert_truth()
        earlier = Days((Window(home.first_day, home.first_day + 29 * DAY),))
        assert set(windows(home.posts(seen)).values()) == {earlier}


def test_late_rows_come_in_and_withdrawn_rows_go_within_the_lookback(home: House) -> None:
    home.sync()
    for export in NAMES:
        gone = home.world.rows(export, ONE, home.day(1), home.day(1))
        if gone:
            home.world.withdraw(export, ONE, tuple(gone[0][name] for name in EXPORTS[export].key if name != "contract"))
    home.world.add_row("activities", TWO, row_on(home.day(2)))
    home.clock.next_day()
    home.sync()
    home.assert_truth()
    assert home.rows("SELECT contract FROM salesnav.activities WHERE activity_id = 'late'") == [(TWO,)]


def test_what_changes_outside_the_lookback_stays_as_it_was(home: House) -> None:
    home.sync()
    kept = home.world.rows("activities", ONE, home.day(5), home.day(5))[0]
    home.world.withdraw("activities", ONE, kept["activity_id"])
    home.world.add_row("activities", ONE, row_on(home.day(6)))
    home.clock.next_day()
    home.sync()
    assert home.rows(f"SELECT count(*) FROM salesnav.activities WHERE activity_id = '{kept['activity_id']}'") == [(1,)]
    assert home.rows("SELECT count(*) FROM salesnav.activities WHERE activity_id = 'late'") == [(0,)]


def test_a_full_refresh_asks_again_for_all_and_replaces_each_day(home: House) -> None:
    home.sync()
    home.world.withdraw("activities", ONE, lambda row: row["created_at"].date() == home.day(9))
    home.world.add_row("activities", ONE, row_on(home.day(8)))
    seen = len(home.sandbox.requests)
    home.sync(full_refresh=True)
    home.assert_truth()
    assert set(windows(home.posts(seen)).values()) == {Days((Window(home.first_day, home.yesterday),))}
    assert len(home.jobs()) == 12
    seen = len(home.sandbox.requests)
    home.sync()
    assert not home.posts(seen)


def test_a_full_refresh_in_several_loads(home: House) -> None:
    home.sync()
    home.sync(full_refresh=True, limits=LoadLimits(rows=1, seconds=60))
    home.assert_truth()
    assert len(home.jobs()) == 12


def test_a_full_refresh_touches_only_what_is_named(home: House) -> None:
    home.sync()
    for contract in (ONE, TWO):
        home.world.withdraw("seats", contract, lambda row: row["snapshot_date"] == home.day(2))
        home.world.add_row("activities", contract, row_on(home.day(8)))
    before = home.rows("SELECT * FROM salesnav.seats WHERE contract LIKE '%2' ORDER BY ALL")
    activities = home.rows("SELECT * FROM salesnav.activities ORDER BY ALL")
    seen = len(home.sandbox.requests)
    home.sync(full_refresh=True, exports=["seats"], contracts=[ONE])
    assert [asked[:2] for asked in home.posts(seen)] == [("seats", ONE)]
    assert home.rows("SELECT * FROM salesnav.activities ORDER BY ALL") == activities
    assert home.rows("SELECT * FROM salesnav.seats WHERE contract LIKE '%2' ORDER BY ALL") == before
    assert home.rows(f"SELECT count(*) FROM salesnav.seats WHERE snapshot_date = '{home.day(2)}'") == [(3,)]


def test_a_full_refresh_of_days_leaves_the_others(home: House) -> None:
    home.sync()
    home.world.add_row("activities", ONE, row_on(home.day(8)))
    home.world.add_row("activities", ONE, row_on(home.day(6)))
    seen = len(home.sandbox.requests)
    home.sync(full_refresh=Refresh(home.day(7), home.day(5)), exports=["activities"])
    assert set(windows(home.posts(seen)).values()) == {Days((Window(home.day(7), home.day(5)),))}
    found = home.rows("SELECT count(*) FROM salesnav.activities WHERE activity_id = 'late'")
    assert found == [(1,)]


def test_a_full_refresh_of_a_longer_history_keeps_it(home: House) -> None:
    home.sync()
    seen = len(home.sandbox.requests)
    home.sync(full_refresh=True, start_date=str(home.day(3)))
    assert set(windows(home.posts(seen)).values()) == {Days((Window(home.first_day, home.yesterday),))}
    home.assert_truth()


def test_a_full_refresh_that_fails_loses_nothing_and_is_taken_up_by_a_later_run(home: House) -> None:
    home.sync()
    home.world.add_row("activities", ONE, row_on(home.day(8)))
    home.sandbox.add_fault(faults.internal_error().where(contract=ONE, times=None))
    report = home.sync(full_refresh=True)
    assert {window.contract for window in report.failed} == {ONE}
    assert home.rows("SELECT count(*) FROM salesnav.activities WHERE contract LIKE '%1'")[0][0] > 0
    home.sandbox.clear_faults()
    seen = len(home.sandbox.requests)
    home.sync()
    assert {asked[1] for asked in home.posts(seen)} == {ONE}
    home.assert_truth()


def test_a_full_refresh_of_which_an_export_gets_nothing_is_taken_up_by_a_later_run(home: House) -> None:
    home.sync()
    home.sandbox.add_fault(faults.failed().where(export="seats", times=None))
    assert home.sync(full_refresh=True).failed
    home.sandbox.clear_faults()
    made = len(home.sandbox.jobs)
    home.sync()
    assert {export for export, *_ in home.posts()[-2:]} == {"seats"}
    assert len(home.sandbox.jobs) == made + 2
    home.assert_truth()
    home.sync()
    assert len(home.sandbox.jobs) == made + 2


def test_what_the_first_loads_of_a_full_refresh_brought_is_not_asked_for_again(home: House) -> None:
    home.sync()
    home.sync(full_refresh=True, limits=LoadLimits(rows=1, seconds=60))
    assert home.sync().tasks == 0
    home.assert_truth()


def test_a_full_refresh_while_the_token_is_refused_changes_nothing(home: House) -> None:
    home.sync()
    home.sandbox.revoke_token()
    with pytest.raises(AccessTokenError):
        home.sync(full_refresh=True)
    home.assert_truth()


def test_the_plan_of_a_full_refresh_shows_what_it_asks_for(home: House) -> None:
    home.sync()
    planned = plan(home.pipeline(), home.settings(contracts=[ONE]), ["seats"], Refresh(home.day(4), home.day(3)))
    assert [(task.contract, task.export, task.window) for task in planned.tasks] == [
        (ONE, "seats", Window(home.day(4), home.day(3)))
    ]


def test_a_gap_after_a_pause_is_filled(home: House) -> None:
    home.sync()
    last = home.yesterday
    home.clock.next_day(20)
    seen = len(home.sandbox.requests)
    home.sync()
    home.assert_truth()
    assert set(windows(home.posts(seen)).values()) == overlapping(Days((Window(last - 2 * DAY, home.yesterday),)))


def test_a_changed_end_asks_only_for_the_days_in_between(home: House) -> None:
    home.sync(end_date=str(home.day(6)))
    home.assert_truth([Window(home.first_day, home.day(6))])
    seen = len(home.sandbox.requests)
    home.sync(end_date=str(home.day(4)))
    assert set(windows(home.posts(seen)).values()) == overlapping(Days((Window(home.day(5), home.day(4)),)))
    home.assert_truth([Window(home.first_day, home.day(4))])
    seen = len(home.sandbox.requests)
    home.sync(end_date=str(home.day(8)))
    assert not home.posts(seen)


def test_days_declared_apart_leave_a_gap_that_a_later_run_fills(home: House) -> None:
    home.sync(start_date=str(home.day(10)), end_date=str(home.day(9)))
    home.sync(start_date=str(home.day(3)), end_date=str(home.day(2)))
    home.assert_truth([Window(home.day(10), home.day(9)), Window(home.day(3), home.day(2))])
    seen = len(home.sandbox.requests)
    home.sync()
    home.assert_truth()
    missing = Days((Window(home.day(8), home.day(4)), Window(home.day(1), home.day(1))))
    assert set(windows(home.posts(seen)).values()) == overlapping(missing)


def test_a_restored_state_asks_for_nothing_on_a_new_machine(home: House) -> None:
    home.sync()
    home.machine = "another"
    seen = len(home.sandbox.requests)
    report = home.sync()
    assert [request.call for request in home.sandbox.requests[seen:]] == ["contracts"]
    assert {str(covered.loaded) for covered in report.coverage.values()} == {f"{home.first_day} to {home.yesterday}"}
    home.assert_truth()
    home.clock.next_day()
    home.sync()
    home.assert_truth()


def test_the_state_stays_small_over_many_days(tmp_path: Path) -> None:
    with house(tmp_path, days=3, contracts=[ONE], activities=0.5) as home:
        for _ in range(7):
            home.sync(exports=["activities"])
            home.clock.next_day()
        state = home.pipeline().state["sources"]["salesnav"]
        (covered,) = state["resources"]["activities"]["coverage"].values()
        assert len(covered["loaded"]) == 1
        assert len(covered["unsettled"]) <= 4
        assert len(json.dumps(state)) < 1000
        home.assert_truth([Window(home.first_day, home.day(2))], exports=["activities"])


def test_each_contract_and_export_can_be_chosen_later(home: House) -> None:
    home.sync(contracts=[ONE], exports=["seats"])
    days = [Window(home.first_day, home.yesterday)]
    assert_warehouse_is_truth(home.database, home.world, [ONE], days, exports=["seats"])
    assert tables(home.database) == {"contracts", "seats", "export_jobs", "rejected_rows", "export_columns"}
    seen = len(home.sandbox.requests)
    home.sync(contracts=[ONE, TWO], exports=["seats", "activities"])
    assert {asked[:2] for asked in home.posts(seen)} == {("seats", TWO), ("activities", ONE), ("activities", TWO)}
    home.sync()
    home.assert_truth()
    assert_no_day_asked_twice(home.posts())


def test_all_contracts_with_access_are_loaded_if_none_is_named(tmp_path: Path) -> None:
    with house(tmp_path, contracts=()) as home:
        report = home.sync()
        assert not report.not_loaded
        assert {job.contract for job in home.sandbox.jobs} == {ONE, TWO}
        home.contracts = (ONE, TWO)
        home.assert_truth()


def test_many_contracts_come_page_by_page(tmp_path: Path) -> None:
    specs = [ContractSpec(f"urn:li:contract:{n}", f"Contract {n}", seats=1) for n in range(1, 8)]
    with house(tmp_path, days=2, specs=specs, contracts=(), page_size=3) as home:
        home.sync(exports=["seats"])
        assert len(home.calls("contracts")) == 3
        home.contracts = tuple(spec.urn for spec in specs)
        home.assert_truth(exports=["seats"])


def test_a_contract_without_reporting_access_fails_alone_and_is_named(tmp_path: Path) -> None:
    with house(tmp_path, contracts=(ONE, SHUT)) as home:
        report = home.sync()
        assert {window.contract for window in report.failed} == {SHUT}
        assert "ask its administrator for a reporting role" in render(report)
        assert {job.contract for job in home.sandbox.jobs} == {ONE}
        home.contracts = (ONE,)
        home.assert_truth()


def test_checkpoints_end_in_the_same_tables(tmp_path: Path) -> None:
    with house(tmp_path, days=100) as home:
        report = home.sync(limits=LoadLimits(rows=1, seconds=0.0))
        home.assert_truth()
        assert len(report.loaded) == 12
        assert len(home.jobs()) == 12
        assert home.rows("SELECT count(*) FROM salesnav._dlt_loads")[0][0] > 2
        seen = len(home.sandbox.requests)
        home.sync()
        assert not home.posts(seen)


def test_jobs_in_flight_stay_within_the_budget(tmp_path: Path) -> None:
    with house(tmp_path, days=200, job_seconds=(0.1, 0.2)) as home:
        home.sync(max_concurrent_jobs=2, exports=["activities"])
        home.assert_truth(exports=["activities"])
        spans = [(job.created_at, job.created_at + job.plan.seconds) for job in home.sandbox.jobs]
        assert max(sum(begin <= at < end for begin, end in spans) for at, _ in spans) == 2


def test_tables_have_the_columns_types_and_keys_of_the_design(home: House) -> None:
    home.sync()
    types = {
        "text": "VARCHAR",
        "bigint": "BIGINT",
        "double": "DOUBLE",
        "bool": "BOOLEAN",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "date": "DATE",
    }
    for table in (CONTRACTS, *EXPORTS.values(), EXPORT_JOBS, REJECTED_ROWS):
        found = home.rows(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
            f" WHERE table_schema = 'salesnav' AND table_name = '{table.name}'"
        )
        declared = {
            (column.name, types[column.type], "YES" if column.nullable else "NO") for column in table.columns
        } | {("_dlt_load_id", "VARCHAR", "NO")}
        assert set(found) == declared
        schema = home.pipeline().default_schema.tables[table.name]
        keys = tuple(name for name, column in schema["columns"].items() if column.get("primary_key"))
        assert set(keys) == set(table.key)
        assert all(column.get("description") for name, column in schema["columns"].items() if name != "_dlt_load_id")
    assert tables(home.database) == {"contracts", *EXPORTS, "export_jobs", "rejected_rows", "export_columns"}


def test_export_jobs_tell_of_each_job(home: House) -> None:
    home.sync()
    told = {(job["job_id"], job["contract"], job["export"]): job for job in home.jobs()}
    assert len(told) == len(home.sandbox.jobs) == 6
    for job in home.sandbox.jobs:
        row = told[job.id, job.contract, job.export]
        assert (row["window_start"], row["window_end"]) == (job.first_day, job.last_day)
        assert (row["status"], row["error"]) == ("COMPLETED", None)
        assert row["row_count"] == row["rows_loaded"] == job.row_count
        loaded = home.rows(f"SELECT count(*) FROM salesnav.{job.export} WHERE export_job_id = {job.id}")
        assert loaded == [(job.row_count,)]
    times = home.rows("SELECT created_at, completed_at, bytes, attempts FROM salesnav.export_jobs")
    assert all(created <= completed and size > 0 and tries == 1 for created, completed, size, tries in times)


@pytest.mark.parametrize("collector", ["log", "tqdm"])
def test_progress_shows_on_every_collector(home: House, collector: str, capfd: pytest.CaptureFixture[str]) -> None:
    home.sync(pipeline=home.pipeline(progress=collector), exports=["seats"])
    assert "seats windows" in "".join(capfd.readouterr())
    home.assert_truth(exports=["seats"])


@pytest.mark.parametrize("collector", ["enlighten", "alive_progress"])
def test_progress_shows_on_a_collector_that_is_installed(home: House, collector: str) -> None:
    pytest.importorskip(collector)
    home.sync(pipeline=home.pipeline(progress=collector), exports=["seats"])
    home.assert_truth(exports=["seats"])


def test_a_plan_creates_no_job_and_is_what_the_run_then_asks_for(tmp_path: Path) -> None:
    with house(tmp_path, day=None) as home:
        planned = plan(home.pipeline(), home.settings())
        assert [request.call for request in home.sandbox.requests] == ["contracts"]
        text = render_plan(planned)
        assert f"{len(planned.tasks)} windows" in text and "No job was created." in text
        home.sync()
        planned_windows = {(task.export, task.contract, task.window.first, task.window.last) for task in planned.tasks}
        assert set(home.posts()) == planned_windows
        assert "Nothing to ask for" in render_plan(plan(home.pipeline(), home.settings()))


def test_a_plan_without_contracts_asks_for_them_only(tmp_path: Path) -> None:
    with house(tmp_path, day=None, contracts=()) as home:
        planned = plan(home.pipeline(), home.settings())
        assert {task.contract for task in planned.tasks} == {ONE, TWO}
        assert [request.call for request in home.sandbox.requests] == ["contracts"]


def test_the_day_of_an_activity_is_its_utc_day(home: House) -> None:
    home.sync(exports=["activities"])
    days = home.rows("SELECT DISTINCT activity_date FROM salesnav.activities")
    assert {day for (day,) in days} <= set(span(home.first_day, home.yesterday))
    assert home.rows("SELECT count(*) FROM salesnav.activities WHERE created_at::date <> activity_date") == [(0,)]
    assert ACTIVITIES.key == ("contract", "activity_id")


def test_an_empty_day_makes_tables_with_all_columns(tmp_path: Path) -> None:
    with house(tmp_path, days=3, activities=0.0) as home:
        home.sync()
        home.assert_truth()
        assert query(home.database, "SELECT count(*) FROM salesnav.activities") == [(0,)]


@pytest.mark.parametrize("how", ["no longer listed", "no access"])
def test_a_contract_that_was_loaded_and_is_lost_fails_by_its_name(
    home: House, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sync(contracts=[])
    home.clock.next_day()
    listed = home.world.contracts()
    lost = [
        {**one, "hasReportingAccess": one["hasReportingAccess"] and one["contract"] != TWO}
        for one in listed
        if how == "no access" or one["contract"] != TWO
    ]
    with monkeypatch.context() as patch:
        patch.setattr(home.world, "contracts", lambda: lost)
        report = home.sync(contracts=[])
        assert {(window.contract, window.outcome) for window in report.not_loaded} == {(TWO, "failed")}
        text = render(report)
        assert ("does not list" if how == "no longer listed" else "no reporting access") in text
        assert "list the contracts that you want under contracts" in text
        assert not home.sync(contracts=[ONE]).not_loaded
    assert not home.sync(contracts=[]).not_loaded
    home.assert_truth()


def test_what_is_changed_by_hand_in_the_state_on_this_disk_is_of_no_account(home: House) -> None:
    home.sync(end_date=str(home.day(4)))
    pipeline = home.pipeline()
    with pipeline.managed_state() as state:
        coverage = state["sources"]["salesnav"]["resources"]["activities"]
        coverage["coverage"] = {ONE: {"loaded": [["2020-01-01", str(home.yesterday)]], "unsettled": {}}}
        coverage["claims"] = {}
    home.sync()
    home.assert_truth()

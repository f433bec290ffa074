"""The warehouse is the truth: whatever happens to it, to this machine or to what is extracted, the next run makes it right."""

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pytest
from dlt.common.storages.load_package import PackageStorage
from dlt.extract.extract import Extract
from dlt.load.load import Load
from dlt.pipeline.exceptions import PipelineStepFailed

from salesnav_source import salesnav
from salesnav_source.days.windows import Window
from salesnav_source.exceptions import ConfigurationError, PipelineBusyError
from salesnav_source.jobs.clock import SystemClock
from salesnav_source.run import items as handed_over
from salesnav_source.run.lock import PipelineLock
from salesnav_source.run.text import render
from salesnav_source.sandbox import faults
from salesnav_source.sandbox.transforms import extra_columns, short_row

from .house import (
    ONE,
    TWO,
    House,
    Process,
    assert_warehouse_is_truth,
    finish,
    house,
    kill,
    query,
    tables,
    wait_until,
)

pytestmark = pytest.mark.long(
    "each is two to four whole runs, 2 s of CPU each; one stands for each thing that can happen to a warehouse or"
    " to dlt's folder",
    but=(
        "activities-sync",
        "export_jobs-pipeline.run",
        "test_the_report_names_days_that_the_warehouse_refused_while_failed_jobs_are_tolerated",
        "test_two_instances_in_one_run",
        "write_disposition-replace",
        "test_a_filter_of_the_users_leaves_its_rows_and_asks_for_nothing_twice",
        "source-first-load",
        "test_a_second_run_is_told_who_is_at_work",
        "test_a_process_that_was_forked_after_a_run",
    ),
)

SCRIPT = "salesnav_to_duckdb"

TRun = Callable[..., None]
"""Runs the source into a database, up to so many days before today."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house whose clock is also the one of runs of a user's own."""
    with house(tmp_path, days=20, activities=1.0) as made:
        monkeypatch.setattr(SystemClock, "epoch", lambda clock: made.clock())
        yield made


@pytest.fixture
def today(tmp_path: Path) -> Iterator[House]:
    """A house in the real time, for runs in processes of their own."""
    with house(tmp_path, day=None) as made:
        made.machine = "data/pipelines"
        yield made


@pytest.fixture(autouse=True)
def _no_hanging() -> Iterator[None]:
    """Ends a test that waits for ever."""

    def end(number: int, frame: object) -> None:
        raise TimeoutError("The test hangs.")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def source(home: House, back: int = 1, **changes: Any) -> Any:
    """Returns the source as a user makes it, for the days up to so many before today."""
    values: dict[str, Any] = {
        "credentials": home.sandbox.access_token,
        "base_url": home.sandbox.base_url,
        "contracts": list(home.contracts),
        "start_date": str(home.first_day),
        "end_date": str(home.day(back)),
        "poll_interval": 0.02,
        **changes,
    }
    return salesnav(**values)


def pipeline_run(home: House, database: Path | None = None, back: int = 1, name: str = "house", **options: Any) -> None:
    home.pipeline(name, **into(database)).run(source(home, back), **options)


def sync_run(home: House, database: Path | None = None, back: int = 1, name: str = "house", **options: Any) -> None:
    home.sync(pipeline=home.pipeline(name, **into(database)), end_date=str(home.day(back)), **options)


def into(database: Path | None) -> dict[str, Any]:
    return {"destination": dlt.destinations.duckdb(str(database))} if database else {}


both = pytest.mark.parametrize("run", [pipeline_run, sync_run], ids=["pipeline.run", "sync"])


def execute(database: Path, *statements: str) -> None:
    with duckdb.connect(str(database)) as connection:
        for statement in statements:
            connection.execute(statement)


def days(home: House, back: int = 1) -> list[Window]:
    return [Window(home.first_day, home.day(back))]


def assert_truth(home: House, database: Path, back: int = 1, **options: Any) -> None:
    assert_warehouse_is_truth(database, home.world, home.contracts, days(home, back), **options)


def count(home: House, export: str, contracts: Sequence[str] = (ONE, TWO), back: int = 1) -> int:
    """Returns how many rows there truly are."""
    return sum(len(home.world.rows(export, one, home.first_day, home.day(back))) for one in contracts)


def root_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def child(work: Callable[[], Any]) -> int | None:
    """Returns the exit code of a forked process that does some work."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(40)
    hangs = process.is_alive()
    process.kill()
    assert not hangs, "the child hangs"
    return process.exitcode


# another warehouse than the last time


@both
def test_two_warehouses_in_turns_under_one_pipeline_name(home: House, run: TRun) -> None:
    production, development = home.folder / "production.duckdb", home.folder / "development.duckdb"
    for database, back in (
        (production, 10), (development, 12), (development, 9), (development, 5), (production, 5), (production, 4),
    ):  # fmt: skip
        run(home, database, back)
        assert_truth(home, database, back)
    assert_truth(home, development, 5)


@both
def test_a_dataset_that_was_made_beforehand(home: House, run: TRun) -> None:
    run(home, back=5)
    new = home.folder / "new.duckdb"
    execute(new, "CREATE SCHEMA salesnav")
    run(home, new, 4)
    assert_truth(home, new, 4)
    seen = len(home.posts())
    run(home, new, 4)
    assert len(home.posts()) == seen


def test_a_dataset_that_was_made_beforehand_and_a_full_refresh(home: House) -> None:
    home.sync()
    new = home.folder / "new.duckdb"
    execute(new, "CREATE SCHEMA salesnav")
    sync_run(home, new, full_refresh=True)
    assert_truth(home, new)


def test_another_dataset_of_the_same_file(home: House) -> None:
    pipeline_run(home, back=5)
    execute(home.database, "CREATE SCHEMA analytics")
    elsewhere = dlt.pipeline(
        "house",
        pipelines_dir=str(home.folder / home.machine),
        destination=dlt.destinations.duckdb(str(home.database)),
        dataset_name="analytics",
    )
    elsewhere.run(source(home, 4))
    assert home.rows("SELECT count(*) FROM analytics.activities") == [(count(home, "activities", back=4),)]
    assert_truth(home, home.database, 5)


# what is done to the warehouse behind the source's back


@both
def test_a_backup_that_is_put_back(home: House, run: TRun) -> None:
    run(home, back=10)
    shutil.copy(home.database, home.folder / "backup")
    run(home, back=5)
    shutil.copy(home.folder / "backup", home.database)
    for back in (4, 3):
        run(home, back=back)
        assert_truth(home, home.database, back)


@both
@pytest.mark.parametrize("table", ["activities", "activity_outcomes", "seats", "contracts"])
def test_a_table_that_was_dropped(home: House, run: TRun, table: str) -> None:
    run(home, back=5)
    execute(home.database, f"DROP TABLE salesnav.{table}")
    for back in (5, 4):
        run(home, back=back)
        assert_truth(home, home.database, back)


@both
@pytest.mark.parametrize("table", ["export_jobs", "rejected_rows"])
def test_a_table_of_records_that_was_dropped(home: House, run: TRun, table: str) -> None:
    run(home, back=18)
    execute(home.database, f"DROP TABLE salesnav.{table}")
    home.sandbox.add_fault(faults.content(short_row()).where(export="activities"))
    run(home, back=1)
    assert table in tables(home.database)
    assert home.rows("SELECT count(*) FROM salesnav.rejected_rows") == [(1,)]


def test_the_report_tells_of_a_table_that_was_dropped(home: House) -> None:
    home.sync(end_date=str(home.day(5)))
    execute(home.database, "DROP TABLE salesnav.seats")
    told = render(home.sync(end_date=str(home.day(5))))
    assert "The table seats was no longer in the warehouse; its rows were loaded again." in told
    assert "The table" not in render(home.sync(end_date=str(home.day(5))))


@both
def test_all_tables_that_were_dropped(home: House, run: TRun) -> None:
    run(home, back=5)
    execute(home.database, "DROP SCHEMA salesnav CASCADE")
    run(home, back=4)
    assert_truth(home, home.database, 4)


@both
def test_a_database_that_was_deleted(home: House, run: TRun) -> None:
    run(home, back=5)
    home.database.unlink()
    run(home, back=4)
    assert_truth(home, home.database, 4)


@both
def test_a_row_that_was_deleted_before_the_load_was_looked_at(home: House, run: TRun) -> None:
    pipeline_run(home, back=5)
    (key,) = home.rows("SELECT min(activity_id) FROM salesnav.activities")[0]
    execute(home.database, f"DELETE FROM salesnav.activities WHERE activity_id = '{key}'")
    run(home, back=4)
    assert_truth(home, home.database, 4)


def refuse_seats(home: House) -> None:
    execute(home.database, "ALTER TABLE salesnav.seats ALTER ssi_engage TYPE DATE USING NULL")


def take_seats(home: House) -> None:
    execute(home.database, "ALTER TABLE salesnav.seats ALTER ssi_engage TYPE DOUBLE USING NULL")


@both
def test_rows_that_the_warehouse_refused_while_failed_jobs_are_tolerated(
    home: House, run: TRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_FAILED_JOBS", "false")
    run(home, back=8)
    refuse_seats(home)
    run(home, back=6)
    take_seats(home)
    run(home, back=5, **({"full_refresh": True} if run is sync_run else {}))
    if run is pipeline_run:
        # the column was emptied by hand, beyond what a run looks at
        execute(home.database, "DROP TABLE salesnav.seats")
        run(home, back=5)
    assert_truth(home, home.database, 5)


def test_the_report_names_days_that_the_warehouse_refused_while_failed_jobs_are_tolerated(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_FAILED_JOBS", "false")
    home.sync(end_date=str(home.day(8)))
    refuse_seats(home)
    report = home.sync(end_date=str(home.day(6)))
    assert {window.export for window in report.failed} == {"seats"}
    assert all("the warehouse did not accept all of its rows" in window.reason for window in report.failed)
    told = render(report)
    assert "Incomplete" in told
    take_seats(home)
    seen = len(home.posts())
    report = home.sync(end_date=str(home.day(6)))
    assert not report.not_loaded
    # the jobs are still there, so none is made anew
    assert len(home.posts()) == seen
    assert home.rows("SELECT count(*) FROM salesnav.seats") == [(count(home, "seats", back=6),)]


# schema contracts


def test_a_contract_that_discards_new_tables_costs_nothing(home: House) -> None:
    pipeline_run(home, schema_contract={"tables": "discard_row"})
    pipeline_run(home, schema_contract="evolve")
    assert_truth(home, home.database)


@pytest.mark.parametrize("mode", ["discard_row", "discard_value"])
def test_a_contract_that_discards_new_columns_costs_no_row(home: House, mode: str) -> None:
    pipeline_run(home, back=2, schema_contract={"columns": mode})
    before = home.rows("SELECT * FROM salesnav.activities ORDER BY ALL")
    home.sandbox.add_fault(faults.content(extra_columns({"newColumn": "x"})).where(times=None))
    home.clock.next_day()
    pipeline_run(home, back=2, schema_contract={"columns": mode})
    if mode == "discard_value":
        assert_truth(home, home.database, 2)
        return
    assert home.rows("SELECT * FROM salesnav.activities ORDER BY ALL") == before
    pipeline_run(home, back=2, schema_contract="evolve")
    assert_truth(home, home.database, 2)
    assert home.rows("SELECT DISTINCT new_column FROM salesnav.activities WHERE new_column IS NOT NULL") == [("x",)]


def test_a_contract_that_freezes_is_what_the_user_is_told_of_and_no_obstacle_later(home: House) -> None:
    for _ in range(2):
        with pytest.raises(Exception) as caught:
            pipeline_run(home, schema_contract="freeze")
        assert "freeze" in str(root_cause(caught.value)), repr(root_cause(caught.value))
    home.pipeline().drop_pending_packages()
    pipeline_run(home)
    assert_truth(home, home.database)


# destinations that cannot replace days


def files(home: House) -> Any:
    return dlt.destinations.filesystem((home.folder / "lake").as_uri())


@both
def test_plain_files_are_refused_before_any_job(home: House, run: TRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "pipeline", partial(home.pipeline, destination=files(home)))
    with pytest.raises(Exception) as caught:
        run(home)
    cause = root_cause(caught.value)
    assert isinstance(cause, ConfigurationError)
    assert "filesystem cannot be loaded into" in str(cause) and "DuckDB" in str(cause)
    assert not home.sandbox.requests


def test_a_pipeline_whose_state_is_not_restored_is_refused(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORE_FROM_DESTINATION", "false")
    with pytest.raises(Exception) as caught:
        pipeline_run(home)
    assert "restore_from_destination is off" in str(root_cause(caught.value))
    assert not home.sandbox.requests


# several sources in one run


def parts(home: House, back: int = 1) -> list[Any]:
    return [source(home, back, contracts=[contract]) for contract in (ONE, TWO)]


def test_two_instances_in_one_run(home: House) -> None:
    for _ in range(3):
        home.pipeline().run(parts(home))
        assert_truth(home, home.database)
        home.clock.next_day()  # the days wanted grow by one


def test_two_instances_on_threads(home: House) -> None:
    made = parts(home)
    for resource in [resource for one in made for resource in one.resources.values()]:
        resource.parallelize()
    home.pipeline().run(made)
    assert_truth(home, home.database)


@pytest.mark.parametrize(
    "options",
    [
        {"write_disposition": "append"},
        {"write_disposition": "replace"},
        {"loader_file_format": "insert_values"},
        {"refresh": "drop_sources"},
        {"refresh": "drop_resources"},
        {"refresh": "drop_data"},
    ],
    ids=lambda options: "-".join(next(iter(options.items()))),
)
def test_what_a_user_tells_dlt_of_a_run(home: House, options: dict[str, Any]) -> None:
    for back in (5, 4):
        home.pipeline().run(source(home, back))
    home.pipeline().run(source(home, 2).with_resources("seats", "export_jobs"), **options)
    home.pipeline().run(source(home, 1), **options)
    assert_truth(home, home.database)


def test_a_source_that_is_taken_apart(home: House) -> None:
    for back in (5, 4):
        for part in source(home, back).decompose("scc"):
            home.pipeline().run(part)
        assert_truth(home, home.database, back)


def test_one_table_for_all_is_refused_and_its_own_is_not(home: House) -> None:
    with pytest.raises(Exception) as caught:
        home.pipeline().run(source(home), table_name="all_in_one")
    assert "activities and activity_outcomes would be loaded into one table, all_in_one" in str(
        root_cause(caught.value)
    )
    assert not home.posts()
    for back in (5, 4):
        home.pipeline().run(source(home, back).activities, table_name="acts")
    assert home.rows("SELECT count(*), count(DISTINCT activity_id) FROM salesnav.acts") == [
        (count(home, "activities", back=4),) * 2
    ]


def test_a_strategy_that_keeps_old_rows_is_refused(home: House) -> None:
    made = source(home)
    made.seats.apply_hints(write_disposition={"disposition": "merge", "strategy": "scd2"})
    with pytest.raises(Exception) as caught:
        home.pipeline().run(made)
    assert "seats cannot use the strategy scd2" in str(root_cause(caught.value))
    assert not home.posts()


def test_two_extracts_before_one_load_are_refused(home: House) -> None:
    first, second = parts(home)
    pipeline = home.pipeline()
    pipeline.extract(first)
    seen = len(home.sandbox.requests)
    with pytest.raises(Exception) as caught:
        pipeline.extract(second)
    assert "has an extracted package" in str(root_cause(caught.value))
    assert not home.posts(seen)
    pipeline.normalize()
    pipeline.load()
    pipeline.run(second)
    assert_truth(home, home.database)


def test_steps_of_a_run_one_by_one(home: House) -> None:
    for _ in range(2):
        pipeline = home.pipeline()
        pipeline.extract(source(home))
        pipeline.normalize()
        pipeline.load()
        assert_truth(home, home.database)
        home.clock.next_day()


# what users add to the source


@dlt.transformer(name="weekly", write_disposition="append")
def weekly(table: pa.Table) -> Iterator[dict[str, Any]]:
    if table.num_rows:
        yield {"contract": table["contract"][0].as_py(), "n": table.num_rows}


@dlt.resource(name="mine")
def mine() -> Iterator[dict[str, int]]:
    yield {"a": 1}


def with_weekly(home: House, back: int = 1) -> Any:
    made = source(home, back)
    made.resources["weekly"] = made.activities | weekly()
    return made


@pytest.mark.parametrize("large", [False, True], ids=["small-files", "large-files"])
def test_a_transformer_whose_table_has_no_day(home: House, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    if large:
        monkeypatch.setattr(handed_over, "LARGE_ROWS", 1)
    for back in (5, 1):
        home.pipeline().run(with_weekly(home, back))
        assert_truth(home, home.database, back)
    # the second window begins with the last loaded day, and a transformer sees each row that is read again
    again = sum(len(home.world.rows("activities", one, home.day(5), home.day(5))) for one in (ONE, TWO))
    assert again
    assert home.rows("SELECT sum(n) FROM salesnav.weekly") == [(count(home, "activities") + again,)]


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda home: with_weekly(home).with_resources("weekly"), id="alone"),
        pytest.param(
            lambda home: (made := source(home)) and [made, made.activities | weekly()], id="beside-the-source"
        ),
    ],
)
def test_an_export_for_a_transformer_alone_is_refused_before_anything_is_asked(home: House, run: Any) -> None:
    with pytest.raises(PipelineStepFailed, match=r"Add the transformer to the source") as refused:
        home.pipeline().run(run(home))
    assert isinstance(refused.value.exception.__cause__ or refused.value.exception, Exception)
    assert home.posts() == []
    pipeline_run(home)
    assert_truth(home, home.database)


def test_a_resource_of_the_users_beside_ours(home: House) -> None:
    for back in (5, 4):
        made = source(home, back)
        made.resources.add(mine())
        home.pipeline().run(made)
        assert_truth(home, home.database, back)
    assert home.rows("SELECT DISTINCT a FROM salesnav.mine") == [(1,)]


def test_a_filter_of_the_users_leaves_its_rows_and_asks_for_nothing_twice(home: House) -> None:
    def first_contract(table: pa.Table) -> pa.Table:
        return table.filter(pa.compute.equal(table["contract"], ONE))

    for _ in range(2):
        made = source(home)
        made.activities.add_map(first_contract)
        home.pipeline().run(made)
        assert home.rows("SELECT count(*) FROM salesnav.activities") == [(count(home, "activities", [ONE]),)]
    assert len(home.posts()) == 6


def test_a_limit_ends_and_a_run_without_it_brings_the_rest(home: House) -> None:
    for limit in (1, 2, 3, 5):
        home.pipeline().run(source(home).add_limit(limit))
    pipeline_run(home)
    assert_truth(home, home.database)


def test_resources_on_threads(home: House) -> None:
    for back in (5, 4):
        made = source(home, back)
        for resource in made.resources.values():
            resource.parallelize()
        home.pipeline().run(made)
        assert_truth(home, home.database, back)


def test_rows_are_looked_at_without_a_pipeline(home: House) -> None:
    seats = list(source(home).seats)
    assert sum(table.num_rows for table in seats) == count(home, "seats")
    assert {asked[0] for asked in home.posts()} == {"seats"}


def named(home: House, back: int) -> Any:
    made = source(home, back).with_resources("activities", "export_jobs")
    made.activities.apply_hints(table_name="li_activities")
    return made


def test_a_table_that_a_hint_has_renamed(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handed_over, "LARGE_ROWS", 1)
    for name, back in (("first", 3), ("second", 2), ("first", 1)):
        home.pipeline(name).run(named(home, back))
        rows = "SELECT count(*), count(DISTINCT activity_id) FROM salesnav.li_activities"
        assert home.rows(rows) == [(count(home, "activities", back=back),) * 2]
    execute(home.database, "DROP TABLE salesnav.li_activities")
    home.pipeline("first").run(named(home, 1))
    assert home.rows(rows) == [(count(home, "activities"),) * 2]


# processes


def test_a_process_that_was_forked_after_a_run(home: House) -> None:
    pipeline_run(home)
    forked = home.folder / "forked.duckdb"
    assert child(lambda: pipeline_run(home, forked, name="forked")) == 0
    assert_truth(home, forked)


def die_after_the_extract() -> None:
    good = Extract.commit_packages
    Extract.commit_packages = lambda self: (good(self), os._exit(9))  # type: ignore[method-assign, assignment, return-value]


def die_in_the_load() -> None:
    keep = PackageStorage.save_pending_transition

    def save(self: Any, load_id: str, name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("activities.") and "parquet" in name:
            os._exit(9)
        return keep(self, load_id, name, *args, **kwargs)

    PackageStorage.save_pending_transition = save  # type: ignore[method-assign]


def take_up_pipeline_first(home: House) -> None:
    pipeline = home.pipeline()
    pipeline.run(source(home, 6))


def take_up_source_first(home: House) -> None:
    made = source(home, 6)
    home.pipeline().run(made)


def take_up_without_source(home: House) -> None:
    home.pipeline().run()


@pytest.mark.parametrize("die", [die_after_the_extract, die_in_the_load], ids=["extract", "load"])
@pytest.mark.parametrize(
    "take_up",
    [take_up_pipeline_first, take_up_source_first, take_up_without_source],
    ids=["pipeline-first", "source-first", "no-source"],
)
def test_what_a_killed_run_has_left_is_taken_up_in_any_way(
    home: House, die: Callable[[], None], take_up: Callable[[House], None]
) -> None:
    pipeline_run(home, back=8)

    def killed() -> None:
        die()
        pipeline_run(home, back=6)

    assert child(killed) == 9
    assert child(lambda: take_up(home)) == 0
    pipeline_run(home, back=6)
    assert_truth(home, home.database, 6)


# who may run


def other_packages(home: House) -> dlt.Pipeline:
    """Leaves a package of another source in the pipeline of the script, which has loaded one before."""
    pipeline = home.pipeline(SCRIPT)
    pipeline.run([{"a": 0}], table_name="others", schema=dlt.Schema("another"))
    pipeline.extract([{"a": 1}], table_name="others", schema=pipeline.schemas["another"])
    return pipeline


@pytest.mark.parametrize("normalized", [False, True], ids=["extracted", "normalized"])
def test_packages_of_another_source_are_refused_with_exit_2_and_kept(today: House, normalized: bool) -> None:
    pipeline = other_packages(today)
    if normalized:
        pipeline.normalize()
    ended = Process(today).run()
    assert ended.returncode == 2
    assert "has packages of other sources that wait to be loaded (another)" in ended.stderr
    assert f"dlt pipeline {SCRIPT} drop-pending-packages" in ended.stderr
    assert not today.sandbox.requests
    today.pipeline(SCRIPT).run()
    assert today.rows("SELECT a FROM salesnav.others ORDER BY a") == [(0,), (1,)]
    assert Process(today).run().returncode == 0
    today.assert_truth()
    assert today.rows("SELECT a FROM salesnav.others ORDER BY a") == [(0,), (1,)]


def test_a_second_run_is_told_who_is_at_work(tmp_path: Path) -> None:
    with house(tmp_path, day=None, job_seconds=(1000, 1000)) as today:
        script = Process(today)
        first = script.start()
        wait_until(lambda: today.posts())
        seen = len(today.calls("contracts"))
        second = script.run()
        assert second.returncode == 2
        assert f"Another run of pipeline {SCRIPT} is at work: process {first.pid} on " in second.stderr
        assert "nothing was asked of LinkedIn" in second.stderr
        assert len(today.calls("contracts")) == seen
        today.machine = "data/pipelines"
        # telling it is the same for a run of a user's own
        pipeline = today.pipeline(SCRIPT)
        with pytest.raises(PipelineBusyError, match=f"process {first.pid} "):
            source(today)
        pipeline.deactivate()
        kill(first)
        third = script.start()
        wait_until(lambda: len(today.calls("contracts")) > seen)
        third.send_signal(signal.SIGINT)
        assert finish(third).returncode == 130


def test_the_lock_is_held_until_the_load_has_ended(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[BaseException | None] = []
    good = Load.load_single_package

    def load(self: Load, *args: Any, **kwargs: Any) -> Any:
        with ThreadPoolExecutor(1) as other:
            lock = PipelineLock(str(home.folder / home.machine), "house")
            told.append(other.submit(lock.check).exception())
        return good(self, *args, **kwargs)

    monkeypatch.setattr(Load, "load_single_package", load)
    pipeline_run(home)
    assert told and all(isinstance(error, PipelineBusyError) for error in told)
    PipelineLock(str(home.folder / home.machine), "house").check()


@both
def test_a_run_that_fails_lets_go_of_the_lock(home: House, run: TRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Load, "load_single_package", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(Exception, match="division"):
            run(home)
    with ThreadPoolExecutor(1) as other:
        other.submit(PipelineLock(str(home.folder / home.machine), "house").check).result()
    run(home)
    assert_truth(home, home.database)


def test_the_source_in_another_process_of_the_same_user(home: House) -> None:
    assert child(lambda: pipeline_run(home, back=5)) == 0
    pipeline_run(home)
    assert_truth(home, home.database)
    assert query(home.database, "SELECT count(*) FROM salesnav.contracts") == [(3,)]

"""Where one machine is not enough: pipelines of their own, divided by contract and by days, leave what one leaves."""

import datetime as dt
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from dlt.pipeline.pipeline import Pipeline
from runs.house import DAY, ONE, TWO, Timer, assert_warehouse_is_truth, posts

from salesnav_source.days.windows import Window
from salesnav_source.run.destination import run_on_destination
from salesnav_source.run.sync import sync
from salesnav_source.run.upkeep.shards import move
from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS
from salesnav_source.warehouse.layout import own_staging

from .conftest import require_extensions
from .division import PARTS, Place, load_part, load_shard
from .life import TODAY, StillClock, StillHouse, still_house
from .warehouse import Server, TSnapshot, environment, snapshot

pytestmark = pytest.mark.long("each is several runs at once, on every warehouse")

DIFFERENT = ("export_job_id", "_dlt_load_id")
"""Columns that name the job and the load, which are others."""
HANGS_AFTER = 600
"""Seconds; a busy machine takes minutes to start four processes."""


def test_parts_leave_the_tables_of_one_run(server: Server, tmp_path: Path) -> None:
    with still_house(tmp_path, None) as house:
        expected = load_as_one(place_of(server, house, "together"))
        divided = place_of(server, house, "divided")
        if server.kind == "postgres":
            assert load_at_once(divided) == [0] * len(PARTS)
        else:
            assert [load_part(divided, part) for part in PARTS] == [0] * len(PARTS)
        assert_same(expected, snapshot(divided.pipeline(PARTS[0].name)))


def test_pipelines_fill_one_lake_at_once(get_server: Callable[[str], Server], tmp_path: Path) -> None:
    require_extensions("ducklake", "postgres_scanner")
    catalog = get_server("postgres")
    catalog.create("lake")
    lake = replace(catalog, kind="ducklake")
    with environment(lake), still_house(tmp_path, None) as house:
        together = place_of(Server("duckdb"), house, "alone")
        expected = load_as_one(together)
        divided = replace(together, server=lake, database="lake")
        assert load_at_once(divided) == [0] * len(PARTS)
        assert_same(expected, snapshot(divided.pipeline(PARTS[0].name)))


def test_a_contract_moves_between_shards_that_load_at_once(get_server: Callable[[str], Server], tmp_path: Path) -> None:
    server = get_server("postgres")
    specs = [ContractSpec(f"urn:li:contract:{n}", f"Contract {n}", seats=3) for n in range(1, 5)]
    first, second, third, fourth = (spec.urn for spec in specs)
    before = {"a": [first], "b": [second], "c": [third, fourth]}
    after = {"a": [first, fourth], "b": [second], "c": [third]}
    clock = StillClock(TODAY)
    world = World(contracts=specs, activities_per_seat=2.0, today=lambda: clock.today)
    with environment(server), Sandbox(world, clock=clock, job_seconds=(0.0, 0.0)) as sandbox:
        server.create("shards")
        place = Place(server, tmp_path, "shards", sandbox.base_url, sandbox.access_token)
        assert shards_at_once(place, before, TODAY) == [0, 0, 0]
        assert len(posts(sandbox.requests)) == 12
        done = move(place.pipeline("c"), place.pipeline("a"), [fourth], place.settings())
        assert {(one.contract, one.export, one.days) for one in done.moved} == {(fourth, name, 10) for name in EXPORTS}
        # nothing of that day is asked for again, and next day's is asked for once
        assert shards_at_once(place, after, TODAY) == [0, 0, 0]
        assert len(posts(sandbox.requests)) == 12
        clock.next_day()
        assert shards_at_once(place, after, clock.today) == [0, 0, 0]
        asked = posts(sandbox.requests)[12:]
        assert sorted((contract, export) for export, contract, _, _ in asked) == sorted(
            (spec.urn, export) for spec in specs for export in EXPORTS
        )
        days = Window(TODAY - 10 * DAY, TODAY)
        url = f"postgresql://loader:loader@127.0.0.1:{server.port}/shards"
        assert_warehouse_is_truth(url, world, [spec.urn for spec in specs], [days])


def shards_at_once(place: Place, shards: dict[str, list[str]], today: dt.date) -> list[int]:
    context = multiprocessing.get_context("spawn")
    with context.Pool(len(shards)) as pool:
        started = [pool.apply_async(load_shard, (place, name, own, today)) for name, own in shards.items()]
        return [shard.get(timeout=HANGS_AFTER) for shard in started]


def test_each_pipeline_has_a_staging_dataset_of_its_own(tmp_path: Path) -> None:
    server = Server("duckdb")
    with still_house(tmp_path, None) as house:
        place = place_of(server, house, "staged")
        load_part(place, PARTS[0])
        load_part(place, PARTS[1])
        own = place.pipeline("own", staging_dataset_name_layout="own_%s")
        sync(own, place.settings(contracts=[ONE], start_date=str(PARTS[0].first_day), end_date=str(PARTS[0].first_day)))
        with own.sql_client() as client:
            datasets = {name for (name,) in client.execute_sql("SELECT schema_name FROM information_schema.schemata")}
    staging = {f"salesnav_staging_{part.name}" for part in PARTS[:2]}
    assert {name for name in datasets if "salesnav" in name} == {"salesnav", "own_salesnav", *staging}


def test_pipelines_that_share_a_bucket_leave_each_others_files_there(tmp_path: Path) -> None:
    pytest.importorskip("google.cloud.bigquery")
    pipeline = dlt.pipeline(
        "one",
        pipelines_dir=str(tmp_path),
        destination=Server("bigquery").destination(tmp_path, "project"),
        staging=dlt.destinations.filesystem(str(tmp_path / "bucket")),
        dataset_name="salesnav",
    )
    own_staging(pipeline)
    config: Any = pipeline.destination_client().config
    assert config.truncate_tables_on_staging_destination_before_load is False


def test_pipelines_that_share_a_bucket_at_once_leave_the_tables_of_one_run(
    get_server: Callable[[str], Server], tmp_path: Path
) -> None:
    server = get_server("bigquery")
    with environment(server), still_house(tmp_path, None) as house:
        expected = load_as_one(place_of(server, house, "alone"))
        divided = replace(place_of(server, house, "bucket"), shares_bucket=True)
        assert load_at_once(divided, meet_before_making_the_folder) == [0] * len(PARTS)
        assert any(path.is_file() for path in (tmp_path / "bucket").rglob("*"))
        assert_same(expected, snapshot(divided.pipeline(PARTS[0].name)))


def test_a_folder_that_another_pipeline_made_first_fails_no_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = FilesystemClient.create_dataset

    def be_second(client: FilesystemClient) -> None:
        monkeypatch.setattr(FilesystemClient, "create_dataset", make)
        client.initialize_storage()
        make(client)

    monkeypatch.setattr(FilesystemClient, "create_dataset", be_second)
    pipeline = dlt.pipeline(
        "second",
        pipelines_dir=str(tmp_path / "pipelines"),
        destination=dlt.destinations.filesystem(str(tmp_path / "bucket")),
        dataset_name="salesnav",
    )
    run_on_destination(pipeline, lambda: pipeline.run([{"seat": 1}], table_name="seats"))
    assert len(list((tmp_path / "bucket" / "salesnav" / "seats").iterdir())) == 1


def test_contracts_that_were_written_twice_are_written_once_more(tmp_path: Path, monkeypatch: Any) -> None:
    run_once = Pipeline.run

    def run_beside_another(pipeline: Pipeline, *args: Any, **options: Any) -> Any:
        done = run_once(pipeline, *args, **options)
        if args and not doubled:
            doubled.append(pipeline)
            with pipeline.sql_client() as client:
                table = client.make_qualified_table_name(CONTRACTS.name)
                client.execute_sql(f"INSERT INTO {table} SELECT * FROM {table}")
        return done

    doubled: list[Pipeline] = []
    monkeypatch.setattr(Pipeline, "run", run_beside_another)
    server = Server("duckdb")
    with still_house(tmp_path, server.destination(tmp_path, "doubled")) as house:
        house.sync()
        assert doubled
        names = [row["contract"] for row in snapshot(house.pipeline())[CONTRACTS.name].dicts()]
        assert len(names) == len(set(names)) == 3


def load_as_one(place: Place) -> TSnapshot:
    """Loads all parts in one run, and returns the tables."""
    pipeline = place.pipeline("together")
    settings = place.settings(contracts=[ONE, TWO], start_date=str(PARTS[0].first_day))
    sync(pipeline, settings, clock=Timer(StillClock(TODAY)))
    return snapshot(pipeline)


def place_of(server: Server, house: StillHouse, database: str) -> Place:
    """Returns a place in a new database; on MariaDB the datasets of places before it are gone."""
    server.create(name := f"{database}{server.kind}")
    return Place(server, house.folder, name, house.sandbox.base_url, house.sandbox.access_token)


def meet_before_loading(barrier: Barrier) -> None:
    """Lets this process wait for the others before its first load, when none of the tables is there."""
    load = Pipeline.load
    waited: list[bool] = []

    def load_together(pipeline: Pipeline, *args: Any, **options: Any) -> Any:
        if not waited and pipeline.list_normalized_load_packages():
            waited.append(True)
            barrier.wait(timeout=HANGS_AFTER)
        return load(pipeline, *args, **options)

    Pipeline.load = load_together  # type: ignore[method-assign]


def meet_before_making_the_folder(barrier: Barrier) -> None:
    """Lets this process wait for the others when it has seen that the dataset has no folder in the bucket."""
    make = FilesystemClient.create_dataset
    waited: list[bool] = []

    def make_together(client: FilesystemClient) -> None:
        if not waited:
            waited.append(True)
            barrier.wait(timeout=HANGS_AFTER)
        make(client)

    FilesystemClient.create_dataset = make_together  # type: ignore[method-assign]


def load_at_once(place: Place, meet: Callable[[Barrier], None] = meet_before_loading) -> list[int]:
    """Loads all parts in processes of their own, which meet before they go on."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(len(PARTS), meet, (context.Barrier(len(PARTS)),)) as pool:
        started = [pool.apply_async(load_part, (place, part)) for part in PARTS]
        return [part.get(timeout=HANGS_AFTER) for part in started]


def assert_same(one: TSnapshot, other: TSnapshot) -> None:
    assert one.keys() == other.keys()
    for name in (CONTRACTS.name, *EXPORTS):
        assert one[name].types == other[name].types
        assert one[name].without(*DIFFERENT) == other[name].without(*DIFFERENT), name
    counted = [
        sorted((row["contract"], row["export"], row["rows_loaded"]) for row in tables[EXPORT_JOBS.name].dicts())
        for tables in (one, other)
    ]
    totals = [
        {(contract, export): sum(n for c, e, n in rows if (c, e) == (contract, export)) for contract, export, _ in rows}
        for rows in counted
    ]
    assert totals[0] == totals[1]

"""What the source takes from dlt beyond its documented API: each test names the promise that a version of dlt has broken."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pytest
from dlt.pipeline import trace
from fakes import DUCKDB_MEMORY, memory_while_copying

from salesnav_source.settings.configuration import SECTION
from salesnav_source.warehouse import dlt_compat


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No pipeline is active before or after a test, and nothing is left among dlt's trackers."""
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "CRITICAL")
    monkeypatch.chdir(tmp_path)
    before = list(trace.TRACKING_MODULES)
    deactivate()
    yield
    deactivate()
    trace.TRACKING_MODULES = before


def deactivate() -> None:
    active = dlt_compat.active_pipeline()
    if active is not None:
        active.deactivate()


def make(folder: Path, name: str = "compat") -> dlt.Pipeline:
    destination = dlt.destinations.duckdb(str(folder / f"{name}.duckdb"))
    return dlt.pipeline(name, pipelines_dir=str(folder), destination=destination, dataset_name="data")


def promise(holds: object, which: str) -> None:
    assert holds, f"dlt has changed: {which}"


@dlt.source(name=SECTION, section=SECTION)
def numbers(values: tuple[int, ...] = (1, 2), note: Any = None, scope: str | None = None) -> Any:
    @dlt.resource(name="numbers", write_disposition="merge", primary_key="n")
    def rows() -> Iterator[pa.Table]:
        if note is not None:
            note()
        dlt.current.source_state()["seen"] = list(values)
        yield pa.table({"n": list(values)})
        if scope is not None:
            table: Any = dlt.current.source_schema().tables["numbers"]
            table["x-merge-strategy"] = "delete-insert"
            table[dlt_compat.SCOPE_HINT] = scope
            table[dlt_compat.DEDUPLICATED_HINT] = True

    return rows


def loaded(pipeline: dlt.Pipeline) -> list[int]:
    with pipeline.sql_client() as client:
        return [n for (n,) in client.execute_sql("SELECT n FROM numbers ORDER BY n") or ()]


def test_active_pipeline(tmp_path: Path) -> None:
    promise(dlt_compat.active_pipeline() is None, "a pipeline is active though none was made")
    pipeline = make(tmp_path)
    promise(dlt_compat.active_pipeline() is pipeline, "a pipeline that is made is not the active one")
    pipeline.deactivate()
    promise(dlt_compat.active_pipeline() is None, "a pipeline that was deactivated is still the active one")


def test_current_source(tmp_path: Path) -> None:
    seen: list[Any] = []
    source = numbers(note=lambda: seen.append(dlt_compat.current_source()))
    make(tmp_path).run(source)
    promise(seen and seen[0] is not None, "a resource that is extracted is not told of its source")
    promise(seen[0].resources.extracted, "the source does not tell which of its resources are extracted")
    promise(list(seen[0].resources.selected) == ["numbers"], "the source does not tell which resources are selected")
    promise(hasattr(seen[0].resources, "selected_dag"), "the source does not tell which resources feed which")
    seen.clear()
    list(numbers(note=lambda: seen.append(dlt_compat.current_source())).resources["numbers"])
    promise(seen, "a resource cannot be iterated by itself")


def test_current_load_id(tmp_path: Path) -> None:
    seen: list[str] = []
    info = make(tmp_path).run(numbers(note=lambda: seen.append(dlt_compat.current_load_id())))
    promise(seen == info.loads_ids, "the load's id cannot be known while it is extracted")


def test_is_extracting(tmp_path: Path) -> None:
    seen: list[bool] = []

    def note() -> None:
        seen.append(dlt_compat.is_extracting())

    make(tmp_path)
    list(numbers(note=note).resources["numbers"])
    make(tmp_path).run(numbers(note=note))
    promise(seen == [False, True], "whether a load is extracted or rows are just looked at cannot be told")
    promise(not dlt_compat.is_extracting(), "a load counts as being extracted after it was")


def test_has_own_steps() -> None:
    source = numbers()
    promise(not dlt_compat.has_own_steps(source.resources["numbers"]), "a plain resource has more than one step")
    source.resources["numbers"].add_map(lambda row: row)
    promise(dlt_compat.has_own_steps(source.resources["numbers"]), "a step of a user's is not seen")


def test_stored_state(tmp_path: Path) -> None:
    pipeline = make(tmp_path)
    pipeline.run(numbers((1, 2)))
    pipeline.run(numbers((2, 3)))
    pipeline.extract(numbers((9,)))
    with pipeline.destination_client() as client:
        state = dlt_compat.stored_state(pipeline, client)
    promise(state is not None, "the state of a complete load is not found in the warehouse")
    assert state is not None
    found = state.get("sources", {}).get(SECTION, {}).get("seen")
    promise(found == [2, 3], f"the warehouse's state is not the one of the last complete load, but {found}")
    with make(tmp_path, "another").destination_client() as client:
        try:
            nothing = dlt_compat.stored_state(pipeline, client)
        except dlt.common.destination.exceptions.DestinationUndefinedEntity:
            nothing = None
    promise(nothing is None, "a warehouse without a dataset has a state")


def test_a_duckdb_file_that_is_open_elsewhere_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = make(tmp_path)
    pipeline.run(numbers((1, 2)))
    file = str(tmp_path / "compat.duckdb")
    holding = subprocess.Popen(
        [sys.executable, "-c", f"import duckdb; kept = duckdb.connect({file!r}); print('open', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        holding.communicate("\n")

    pool = dlt_compat.DuckDbConnectionPool
    plain = getattr(pool.borrow_conn, "__wrapped__", pool.borrow_conn)
    monkeypatch.setattr(pool, "borrow_conn", plain)
    dlt_compat.wait_for_duckdb_files(sleep)
    assert holding.stdout is not None
    assert holding.stdout.readline() == "open\n"
    try:
        with pipeline.sql_client() as client:
            found = client.execute_sql("SELECT count(*) FROM numbers")
    finally:
        holding.kill()
    promise(len(slept) == 1, "a DuckDB file is not opened by the pool's borrow_conn")
    promise(list(found or ()) == [(2,)], f"the file that was waited for does not hold its rows, but {found}")


@pytest.mark.parametrize("configured", [None, "1.0 GiB"])
def test_duckdb_takes_little_memory_for_the_loads_that_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: str | None
) -> None:
    seen = memory_while_copying(monkeypatch)
    file = str(tmp_path / "compat.duckdb")
    own = duckdb.connect(file)
    before = own.execute(DUCKDB_MEMORY).fetchone()
    assert before is not None
    credentials: Any = {"database": file, "global_config": {"memory_limit": configured} if configured else None}
    pipeline = dlt.pipeline("compat", destination=dlt.destinations.duckdb(credentials), pipelines_dir=str(tmp_path))
    pipeline.run(numbers(note=lambda: dlt_compat.copy_with_little_memory(dlt_compat.current_load_id())))
    assert set(seen) == {configured or "143.0 MiB"}
    seen.clear()
    pipeline.run(numbers())
    # a connection of the user's own keeps the database open, with what was configured
    assert set(seen) == {configured or before[0]}
    assert own.execute(DUCKDB_MEMORY).fetchone() == (configured or before[0],)


def test_scopes_in_the_schema_are_what_a_merge_replaces_and_are_forgotten(tmp_path: Path) -> None:
    pipeline = make(tmp_path)
    pipeline.run(numbers((1, 2, 3)))
    pipeline.run(numbers((4,), scope="n <= 2"))
    promise(
        loaded(pipeline) == [3, 4],
        f"a merge does not replace the rows that {dlt_compat.SCOPE_HINT} names; it left {loaded(pipeline)}",
    )
    promise(
        dlt_compat.SCOPE_HINT in pipeline.schemas[SECTION].tables["numbers"],
        "the pipeline's schema does not keep the scope of a load, so that it need not be forgotten",
    )
    dlt_compat.forget_scopes(pipeline, ["numbers", "not there"])
    again = dlt.attach("compat", pipelines_dir=str(tmp_path)).schemas[SECTION].tables["numbers"]
    promise(dlt_compat.SCOPE_HINT not in again, "a scope that was taken out of a stored schema is still there")
    promise(dlt_compat.DEDUPLICATED_HINT not in again, "a hint that was taken out of a stored schema is still there")
    assert again["write_disposition"] == "merge"


def test_forgetting_scopes_of_a_new_pipeline_changes_nothing(tmp_path: Path) -> None:
    pipeline = make(tmp_path)
    dlt_compat.forget_scopes(pipeline, ["numbers"])
    assert SECTION not in pipeline.schemas


@pytest.mark.parametrize("steps", ["extracted", "normalized"])
def test_pending_schemas(tmp_path: Path, steps: str) -> None:
    pipeline = make(tmp_path)
    folder = Path(pipeline.working_dir)
    promise(dlt_compat.pending_schemas(folder) == set(), "a new pipeline has packages")
    pipeline.extract(numbers())
    if steps == "normalized":
        pipeline.normalize()
    found = dlt_compat.pending_schemas(folder)
    promise(found == {SECTION}, f"a package that was {steps} is not found in the working folder, or not by its schema")
    pipeline.normalize()
    pipeline.load()
    promise(dlt_compat.pending_schemas(folder) == set(), "a package that was loaded lies where those lie that were not")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", json.dumps({"name": "whole"})], ids=ascii)
def test_pending_schemas_of_packages_that_a_crash_has_left(tmp_path: Path, content: str) -> None:
    package = tmp_path / "load" / "new" / "1.0"
    package.mkdir(parents=True)
    (package / "schema.json").write_text(content)
    assert dlt_compat.pending_schemas(tmp_path) == ({"whole"} if "whole" in content else set())


def test_stops_at_once(tmp_path: Path) -> None:
    pipeline = make(tmp_path)
    before = pipeline.runtime_config.intercept_signals
    with dlt_compat.stops_at_once(pipeline):
        promise(pipeline.runtime_config.intercept_signals is False, "signals cannot be left alone")
    promise(pipeline.runtime_config.intercept_signals is before, "the setting of signals is not put back")


def test_the_end_of_a_run_is_told_once_and_after_the_load(tmp_path: Path) -> None:
    pipeline = make(tmp_path)
    told: list[int] = []

    def note() -> None:
        dlt_compat.at_end_of_run(pipeline, lambda: told.append(len(loaded(pipeline))))

    pipeline.run(numbers((1, 2), note))
    promise(told == [2], f"the end of a run is not told once, after its load, but {len(told)} times")
    pipeline.run(numbers())
    promise(len(told) == 1, "the end of a run is told again at the end of the next one")


def test_the_end_of_a_run_is_told_to_all_who_wait_for_it(tmp_path: Path) -> None:
    pipeline = make(tmp_path)
    told: list[str] = []

    def note() -> None:
        for name in ("one", "two", "three"):
            dlt_compat.at_end_of_run(pipeline, lambda name=name: told.append(name))  # type: ignore[misc]

    others = len(trace.TRACKING_MODULES)
    pipeline.run(numbers(note=note))
    promise(told == ["one", "two", "three"], f"of three who wait for the end of a run, {told} are told")
    promise(len(trace.TRACKING_MODULES) == others, "who was told of the end of a run is still among dlt's trackers")


def test_the_end_of_a_run_that_is_made_step_by_step(tmp_path: Path) -> None:
    pipeline = make(tmp_path)
    told: list[bool] = []
    pipeline.extract(numbers(note=lambda: dlt_compat.at_end_of_run(pipeline, lambda: told.append(True))))
    promise(not told, "an extract by itself is taken for a whole run")
    pipeline.normalize()
    promise(not told, "a normalize by itself is taken for the end of a run")
    pipeline.load()
    promise(told == [True], "the end of a load by itself is not told")


@pytest.mark.parametrize("step", ["run", "extract"])
def test_the_end_of_a_run_that_fails(tmp_path: Path, step: str) -> None:
    pipeline = make(tmp_path)
    told: list[bool] = []

    def fail() -> None:
        dlt_compat.at_end_of_run(pipeline, lambda: told.append(True))
        raise ValueError("no rows")

    with pytest.raises(Exception, match="no rows"):
        getattr(pipeline, step)(numbers(note=fail))
    promise(told == [True], f"the end of a failed {step} is not told")


def test_the_end_of_another_pipelines_run_is_not_told(tmp_path: Path) -> None:
    told: list[bool] = []
    pipeline = make(tmp_path)
    dlt_compat.at_end_of_run(pipeline, lambda: told.append(True))
    make(tmp_path, "another").run(numbers())
    promise(not told, "the end of another pipeline's run is taken for this one's")


def test_before_commits(tmp_path: Path) -> None:
    pipeline = make(tmp_path)
    asked: list[bool] = []
    undo = dlt_compat.before_commits(pipeline, asked.append)
    pipeline.run(numbers())
    promise(asked[0] and asked[-1], "a load begins, or is noted as complete, without being asked for before")
    promise(asked.count(True) == 2 and False in asked, f"within a load it is not asked for before its jobs: {asked}")
    undo()
    asked.clear()
    pipeline.run(numbers((1, 2, 3)))
    promise(not asked, "what was undone is still asked")
    promise(loaded(pipeline) == [1, 2, 3], "a load that was checked is not like others")


@pytest.mark.parametrize("refused", ["begin", "job", "end"])
def test_before_commits_that_are_refused(tmp_path: Path, refused: str) -> None:
    pipeline = make(tmp_path)
    pipeline.run(numbers())
    told: list[bool] = []

    def check(at_once: bool) -> None:
        told.append(at_once)
        step = "job" if not at_once else "begin" if told.count(True) == 1 else "end"
        if step == refused:
            raise ValueError("not any more")

    dlt_compat.before_commits(pipeline, check)
    with pytest.raises(Exception, match="not any more"):
        pipeline.run(numbers((1, 2, 3)))
    with pipeline.sql_client() as client:
        loads = client.execute_sql("SELECT count(*) FROM _dlt_loads") or ()
    promise(next(iter(loads))[0] == 1, "a load that was refused is noted as complete")


def test_packages_of_complete_loads_are_removed_unless_dlt_is_told_to_keep_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = make(tmp_path)
    (one,) = pipeline.run(numbers((1,))).loads_ids
    (two,) = pipeline.run(numbers((2,))).loads_ids
    monkeypatch.setenv("LOAD__DELETE_COMPLETED_JOBS", "false")
    dlt_compat.remove_packages(pipeline, [one])
    promise(pipeline.list_completed_load_packages() == [one, two], "what was to be kept was removed")
    monkeypatch.delenv("LOAD__DELETE_COMPLETED_JOBS")
    dlt_compat.remove_packages(pipeline, [one])
    promise(pipeline.list_completed_load_packages() == [two], "dlt finds its packages elsewhere")
    pipeline.run(numbers((3,)))
    promise(loaded(pipeline) == [1, 2, 3], "dlt needs the packages of complete loads")

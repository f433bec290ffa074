"""One behaviour everywhere: the life of a pipeline on each warehouse leaves the tables that it leaves in DuckDB."""

from pathlib import Path
from typing import Any

import pytest
from runs.house import ONE

from salesnav_source.exceptions import DestinationError
from salesnav_source.run import items as handed_over
from salesnav_source.schema import EXPORTS, TABLES

from .life import STEPS, a_failed_window, a_new_column, awkward_rows, first_load, still_house
from .warehouse import Server, TSnapshot, environment, snapshot, stored_schemas

pytestmark = pytest.mark.long(
    "a life is ten runs, and each is lived on every warehouse; the emulators are installed first",
    but=("postgres-as-files",),
)


def live(server: Server, folder: Path, name: str) -> Any:
    """Yields each step's name and what is in the warehouse after it."""
    server.create(name)
    with still_house(folder, server.destination(folder, name)) as house:
        for step in STEPS:
            step(house)
            yield step, house, snapshot(house.pipeline())


@pytest.fixture(scope="module")
def in_duckdb(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TSnapshot]:
    """What the life leaves in DuckDB, which is compared with the truth."""
    folder = tmp_path_factory.mktemp("duckdb")
    server = Server("duckdb")
    found = {}
    with environment(server):
        for step, house, left in live(server, folder, "warehouse"):
            if step is not a_failed_window:
                assert_declared(left)
                house.assert_truth()
            found[step.__name__] = left
    return found


@pytest.mark.parametrize("least_rows", [handed_over.LARGE_ROWS, 1], ids=["as-rows", "as-files"])
def test_life(
    server: Server, tmp_path: Path, in_duckdb: dict[str, TSnapshot], least_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed_over, "LARGE_ROWS", least_rows)
    for step, house, found in live(server, tmp_path, f"life{server.kind}{least_rows}"):
        expected = in_duckdb[step.__name__]
        assert found.keys() == expected.keys(), step.__name__
        for name, table in found.items():
            assert table.types == expected[name].types, f"{name} after {step.__name__}"
            assert table.rows == expected[name].rows, f"{name} after {step.__name__}"
        # one of before `a_new_column`, and one since
        assert stored_schemas(house.pipeline()) == (1 if STEPS.index(step) < STEPS.index(a_new_column) else 2)


def assert_declared(found: TSnapshot) -> None:
    """Each table has the columns of the schema with their types."""
    assert found.keys() == {table.name for table in TABLES}
    for table in TABLES:
        stored = found[table.name].types
        assert {column.name: column.type for column in table.columns}.items() <= stored.items()
        assert stored["_dlt_load_id"] == "text"


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_ids_that_differ_in_a_capital_or_an_accent_are_rows_of_their_own(server: Server, tmp_path: Path) -> None:
    server.create("letters")
    with still_house(tmp_path, server.destination(tmp_path, "letters"), days=2, contracts=(ONE,)) as house:
        wanted = {"id-a", "id-A", "id-ä"}
        for activity in wanted:
            row = awkward_rows(house.day(1))["activities"]
            house.world.add_row("activities", ONE, {**row, "activity_id": activity})
        house.sync()
        found = [row["activity_id"] for row in snapshot(house.pipeline())["activities"].dicts()]
        assert wanted <= set(found) and len(found) == len(set(found))


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_rows_that_are_staged_twice_fail_the_load_and_the_next_run_loads_them_once(
    server: Server, tmp_path: Path, in_duckdb: dict[str, TSnapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    # as when the server's answer is lost and dlt copies a file again
    from dlt.destinations.impl.postgres.postgres import PostgresCsvCopyJob

    monkeypatch.setattr(handed_over, "LARGE_ROWS", 1)
    server.create("twice")
    copy = PostgresCsvCopyJob.run

    def copy_twice(job: Any) -> None:
        copy(job)
        if job.load_table_name == "seats":
            copy(job)

    with still_house(tmp_path, server.destination(tmp_path, "twice")) as house:
        with monkeypatch.context() as lossy:
            lossy.setattr(PostgresCsvCopyJob, "run", copy_twice)
            with pytest.raises(DestinationError, match=r"\d+ rows were staged, not \d+\. Run again"):
                first_load(house)
        first_load(house)
        found = snapshot(house.pipeline())
        assert {name: found[name].rows for name in EXPORTS} == {
            name: in_duckdb["first_load"][name].rows for name in EXPORTS
        }

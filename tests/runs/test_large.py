"""Large loads that only add rows go straight to their table, by no staging table: and yet nothing comes out twice."""

import signal
from collections.abc import Iterator
from pathlib import Path

import dlt
import pytest

from runs.house import House, Process, house
from salesnav_source import tables

PIPELINE = "salesnav_to_duckdb"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(tables, "APPEND_FROM_ROWS", 1)
    with house(tmp_path) as made:
        yield made


def disposition(pipeline: dlt.Pipeline, table: str = "activities") -> str:
    return str(pipeline.schemas["salesnav"].tables[table]["write_disposition"])


def test_what_is_new_is_added_and_what_is_read_again_replaced(home: House) -> None:
    pipeline = home.pipeline()
    home.sync(pipeline=pipeline, end_date=str(home.day(5)))
    assert disposition(pipeline) == "append"
    home.sync(pipeline=pipeline)
    assert disposition(pipeline) == "append"
    home.assert_truth()
    home.clock.next_day()
    home.sync(pipeline=pipeline)
    assert disposition(pipeline) == "merge"
    home.assert_truth()


def test_rows_of_another_pipeline_are_replaced(home: House) -> None:
    home.sync(pipeline=home.pipeline("one"))
    other = home.pipeline("other")
    home.sync(pipeline=other)
    assert disposition(other) == "merge"
    home.assert_truth()


@pytest.mark.parametrize("file_name", ["activities.", "seats."])
def test_sigkill_between_the_commit_and_the_note_of_it_doubles_nothing(tmp_path: Path, file_name: str) -> None:
    with house(tmp_path, day=None) as home:
        home.machine = "data/pipelines"
        process = Process(home).start(
            patch=f"""
            import salesnav_source.tables
            salesnav_source.tables.APPEND_FROM_ROWS = 1
            from dlt.common.storages.load_package import PackageStorage
            good = PackageStorage.save_pending_transition
            def save(self, load_id, name, *args, **kwargs):
                if name.startswith({file_name!r}):
                    die()
                good(self, load_id, name, *args, **kwargs)
            PackageStorage.save_pending_transition = save
            """
        )
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        pipeline = home.pipeline(PIPELINE)
        assert disposition(pipeline) == "append"
        assert home.sync(pipeline=pipeline).loaded_pending
        assert len(home.posts()) == 6
        home.assert_truth()

"""Large files handed over as they are, and large loads that go straight to their table: nothing is lost or doubled."""

import signal
from collections.abc import Iterator
from pathlib import Path

import dlt
import pytest
from fakes import memory_while_copying

from runs.house import ONE, PATIENCE, TWO, House, Process, house
from salesnav_source.run import items
from salesnav_source.run.context import LoadLimits
from salesnav_source.sandbox import faults
from salesnav_source.sandbox import transforms as to

pytestmark = pytest.mark.long(
    "each is two or three whole runs",
    but=(
        "test_what_is_new_is_added_and_what_is_read_again_replaced",
        "activities.",
    ),
)

PIPELINE = "salesnav_to_duckdb"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(items, "LARGE_ROWS", 1)
    with house(tmp_path) as made:
        yield made


def disposition(pipeline: dlt.Pipeline, table: str = "activities") -> str:
    return str(pipeline.schemas["salesnav"].tables[table]["write_disposition"])


def test_what_is_new_is_added_and_what_is_read_again_replaced(home: House) -> None:
    pipeline = home.pipeline()
    home.sync(pipeline=pipeline, end_date=str(home.day(5)))
    assert disposition(pipeline) == "append"
    # a window that follows loaded days begins with one of them, whose keys may come again
    home.sync(pipeline=pipeline)
    assert disposition(pipeline) == "merge"
    home.assert_truth()
    home.clock.next_day()
    home.sync(pipeline=pipeline)
    assert disposition(pipeline) == "merge"
    home.assert_truth()


def test_duckdb_has_little_memory_for_what_is_copied_and_enough_for_what_is_merged_by_key(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = memory_while_copying(monkeypatch)
    home.sync()
    assert set(seen) == {"143.0 MiB"}
    seen.clear()
    # outcomes of before the days asked for are kept, and replaced by key
    earlier = to.map_column("createdAt", lambda text: "01-01-2020 00:00:00")
    home.sandbox.add_fault(faults.content(earlier).where(export="activity_outcomes", times=None))
    home.clock.next_day()
    home.sync()
    assert not any("MiB" in size for size in seen)


def test_each_checkpoint_takes_the_files_that_were_read_for_it(home: House) -> None:
    report = home.sync(limits=LoadLimits(rows=1, seconds=0.0), max_concurrent_jobs=1)
    assert len(report.loaded) == 6
    home.assert_truth()
    loads = home.rows("SELECT _dlt_load_id FROM salesnav.activities UNION SELECT _dlt_load_id FROM salesnav.seats")
    assert len(loads) > 1
    assert not list((home.folder / "machine").rglob("salesnav_spool/*"))


def test_columns_of_some_files_only_are_kept_for_all(home: House) -> None:
    change = faults.content(to.extra_columns({"Team Name": "Alpha", "2nd": ""}))
    home.sandbox.add_fault(change.where(export="seats", contract=ONE))
    home.sync(end_date=str(home.day(3)))
    found = "SELECT DISTINCT contract, team_name, _2nd FROM salesnav.seats ORDER BY ALL"
    assert home.rows(found) == [(ONE, "Alpha", None), (TWO, None, None)]
    home.sandbox.add_fault(faults.content(to.extra_columns({"site": "x"})).where(export="seats", contract=TWO))
    home.sync()
    home.assert_truth()
    assert home.rows("SELECT DISTINCT contract, site FROM salesnav.seats WHERE site IS NOT NULL") == [(TWO, "x")]


def test_rejected_and_repeated_rows_of_a_large_file(home: House) -> None:
    change = to.compose(to.short_row(2, fields=3), to.repeat_rows(4))
    home.sandbox.add_fault(faults.content(change).where(export="activities", contract=ONE))
    home.sync()
    ((rows, loaded, rejected, repeated),) = home.rows(
        "SELECT row_count, rows_loaded, rows_rejected, rows_repeated FROM salesnav.export_jobs"
        f" WHERE export = 'activities' AND contract = '{ONE}'"
    )
    assert rejected == 1 and repeated > 1 and rows == loaded + rejected + repeated
    assert home.rows("SELECT count(*) FROM salesnav.rejected_rows") == [(1,)]
    assert home.rows("SELECT count(*) FROM salesnav.activities GROUP BY activity_id HAVING count(*) > 1") == []
    home.assert_truth(exports=["activity_outcomes", "seats"])


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
            import salesnav_source.run.items
            salesnav_source.run.items.LARGE_ROWS = 1
            from dlt.common.storages.load_package import PackageStorage
            good = PackageStorage.save_pending_transition
            def save(self, load_id, name, *args, **kwargs):
                if name.startswith({file_name!r}):
                    die()
                good(self, load_id, name, *args, **kwargs)
            PackageStorage.save_pending_transition = save
            """
        )
        process.communicate(timeout=PATIENCE)
        assert process.returncode == -signal.SIGKILL
        pipeline = home.pipeline(PIPELINE)
        assert disposition(pipeline) == "append"
        home.sync(pipeline=pipeline)
        assert len(home.posts()) == 6
        home.assert_truth()

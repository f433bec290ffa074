"""The source in a user's own `pipeline.run`, with configuration in each of dlt's ways."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from salesnav_source import salesnav
from salesnav_source.days.windows import Window
from salesnav_source.run import items as handed_over
from salesnav_source.sandbox import faults

from .house import NAMES, ONE, PATIENCE, TWO, House, house, query, tables

pytestmark = pytest.mark.long(
    "each is two or three whole runs, 3 s of CPU; one stands for each way to run",
    but=(
        "test_a_window_that_fails_is_noted_and_asked_for_by_the_next_bare_run",
        "test_a_step_of_the_users_is_given_the_rows",
        "test_nothing_is_asked_before_the_run",
    ),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, day=None) as made:
        yield made


def source(home: House, **changes: object) -> object:
    values: dict[str, object] = {
        "credentials": home.sandbox.access_token,
        "base_url": home.sandbox.base_url,
        "contracts": [ONE, TWO],
        "start_date": str(home.first_day),
        "poll_interval": 0.02,
        **changes,
    }
    return salesnav(**values)  # type: ignore[arg-type]


def test_a_bare_run_gives_the_same_tables_twice_in_a_row(home: House) -> None:
    pipeline = home.pipeline()
    pipeline.run(source(home))
    home.assert_truth()
    assert tables(home.database) == {"contracts", *NAMES, "export_jobs", "rejected_rows", "export_columns"}
    assert len(home.jobs()) == 6
    # no copy of the rows stays on the disk
    assert not list((home.folder / "machine").rglob("*.parquet"))
    columns = {table: list(pipeline.default_schema.tables[table]["columns"]) for table in tables(home.database)}
    seen = len(home.sandbox.requests)
    home.pipeline().run(source(home))
    assert [request.call for request in home.sandbox.requests[seen:]] == ["contracts"]
    home.assert_truth()
    home.sync()
    assert [request.call for request in home.sandbox.requests[seen:]] == ["contracts", "contracts"]
    schema = home.pipeline().default_schema
    assert columns == {table: list(schema.tables[table]["columns"]) for table in columns}


def test_a_bare_run_and_the_script_share_what_is_loaded(home: House) -> None:
    home.sync(end_date=str(home.day(4)))
    home.pipeline().run(source(home))
    home.assert_truth()
    assert len(home.jobs()) == len(home.sandbox.jobs) == 12


def test_bare_runs_leave_the_schema_of_the_last_one_and_the_one_before(home: House) -> None:
    for back in (7, 5, 3, 1):
        home.pipeline().run(source(home, end_date=str(home.day(back))))
    home.assert_truth()
    assert home.rows("SELECT count(*) FROM salesnav._dlt_version WHERE schema_name = 'salesnav'") == [(2,)]
    assert home.rows("SELECT count(*) FROM salesnav._dlt_loads") == [(4,)]


def test_the_same_source_object_runs_twice(home: House) -> None:
    one = source(home)
    home.pipeline().run(one)
    home.pipeline().run(one)
    home.assert_truth()
    assert len(home.posts()) == 6


def test_resources_can_be_selected(home: House) -> None:
    home.pipeline().run(source(home).with_resources("seats"))  # type: ignore[attr-defined]
    assert tables(home.database) == {"seats"}
    assert {job.export for job in home.sandbox.jobs} == {"seats"}
    home.pipeline().run(source(home).with_resources("activities", "export_jobs", "contracts"))  # type: ignore[attr-defined]
    home.pipeline().run(source(home))
    home.assert_truth()
    assert len(home.posts()) == 6


def test_a_window_that_fails_is_noted_and_asked_for_by_the_next_bare_run(home: House) -> None:
    home.sandbox.add_fault(faults.internal_error().where(export="seats", contract=TWO, times=None))
    home.pipeline().run(source(home))
    missing = {("seats", TWO): [Window(home.first_day, home.yesterday)]}
    home.assert_truth(missing=missing)
    assert len(home.jobs("error IS NOT NULL")) == 3
    home.sandbox.clear_faults()
    seen = len(home.posts())
    home.pipeline().run(source(home))
    home.assert_truth()
    assert [asked[:2] for asked in home.posts()[seen:]] == [("seats", TWO)]


def test_settings_come_from_the_environment(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN", home.sandbox.access_token)
    monkeypatch.setenv("SOURCES__SALESNAV__BASE_URL", home.sandbox.base_url)
    monkeypatch.setenv("SOURCES__SALESNAV__CONTRACTS", f'["{ONE}"]')
    monkeypatch.setenv("SOURCES__SALESNAV__START_DATE", str(home.first_day))
    monkeypatch.setenv("SOURCES__SALESNAV__POLL_INTERVAL", "0.02")
    home.pipeline().run(salesnav())
    home.contracts = (ONE,)
    home.assert_truth()


def test_settings_come_from_files(home: House) -> None:
    folder = home.folder / "project"
    (folder / ".dlt").mkdir(parents=True)
    (folder / ".dlt" / "config.toml").write_text(
        "[runtime]\ndlthub_telemetry = false\n"
        f'[sources.salesnav]\nbase_url = "{home.sandbox.base_url}"\ncontracts = ["{TWO}"]\n'
        f'start_date = {home.first_day}\nend_date = "{home.yesterday}"\npoll_interval = 0.02\n'
    )
    (folder / ".dlt" / "secrets.toml").write_text(
        f'[sources.salesnav.credentials]\naccess_token = "{home.sandbox.access_token}"\n'
    )
    script = (
        "import dlt\nfrom salesnav_source import salesnav\n"
        f"pipeline = dlt.pipeline('mine', destination=dlt.destinations.duckdb({str(home.database)!r}),"
        " dataset_name='salesnav')\nprint(pipeline.run(salesnav()))\n"
    )
    environment = {**os.environ, "HOME": str(home.folder), "DLT_DATA_DIR": str(home.folder / "data")}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert ended.returncode == 0, ended.stderr
    home.contracts = (TWO,)
    home.assert_truth()


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has every file handed over as it is, unless somebody wants to see its rows."""
    monkeypatch.setattr(handed_over, "LARGE_ROWS", 1)


def test_a_step_of_the_users_is_given_the_rows(home: House, large: None) -> None:
    def mask(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("email")
        return table.set_column(place, table.schema.field(place), pc.utf8_upper(table["email"]))

    loaded: Any = source(home)
    loaded.seats.add_map(mask)
    home.pipeline().run(loaded)
    emails = [email for (email,) in home.rows("SELECT email FROM salesnav.seats WHERE email IS NOT NULL")]
    assert emails and all(email == email.upper() for email in emails)
    home.assert_truth(exports=["activities", "activity_outcomes"])


def test_a_transformer_of_the_users_is_given_the_rows(home: House, large: None) -> None:
    @dlt.transformer
    def days(table: pa.Table) -> pa.Table:
        return table.group_by(["contract", "activity_date"]).aggregate([([], "count_all")])

    loaded: Any = source(home)
    loaded.resources["days"] = loaded.activities | days
    home.pipeline().run(loaded)
    home.assert_truth()
    counted = sum(count for (count,) in home.rows("SELECT count_all FROM salesnav.days"))
    assert counted == sum(len(home.world.rows("activities", one, home.first_day, home.yesterday)) for one in (ONE, TWO))


def test_nothing_is_asked_before_the_run(home: House) -> None:
    source(home)
    assert not home.sandbox.requests
    assert query is not None

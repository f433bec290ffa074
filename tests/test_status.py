import hashlib
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import dlt
import duckdb
import pytest
from runs.house import house, wait_until

from salesnav_source.days.windows import Window
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.jobs.journal import Journal
from salesnav_source.run.lock import PipelineLock
from salesnav_source.run.sync import sync
from salesnav_source.run.upkeep.status import GONE, NO_ACCESS, ExportStatus, Status, collect
from salesnav_source.run.upkeep.status_text import render
from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.sandbox.faults import data_delay, internal_error, not_found
from salesnav_source.settings.configuration import Settings, resolve_settings

NORTH, SOUTH, CLOSED = (f"urn:li:contract:{number}" for number in (1, 2, 3))
SPECS = (
    ContractSpec(NORTH, "North"),
    ContractSpec(SOUTH, "South"),
    ContractSpec(CLOSED, "No", has_reporting_access=False),
)
NAME = "status_pipeline"


class Loaded(NamedTuple):
    """A pipeline that has run, as it was left."""

    folder: Path
    settings: Settings
    yesterday: date

    @property
    def working_dir(self) -> Path:
        return self.folder / NAME

    @property
    def journal_path(self) -> Path:
        return self.folder / f"{NAME}.salesnav.sqlite"

    def journal(self, base_url: str | None = None) -> closing[Journal]:
        return closing(Journal(self.journal_path, base_url or self.settings.base_url))

    def status(self, epoch: float | None = None, **changes: object) -> Status:
        return collect(NAME, replace(self.settings, **changes), str(self.folder), epoch)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")


def small_world() -> World:
    return World(contracts=SPECS, seats_per_contract=2, activities_per_seat=2)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Loads ten days, of which yesterday is delayed for one export of one contract, and one export of another fails."""
    folder = tmp_path_factory.mktemp("pipelines")
    yesterday = datetime.now(timezone.utc).date() - timedelta(days=1)
    faults = [
        data_delay().where(contract=NORTH, export="seats"),
        internal_error().where(contract=SOUTH, export="activities", times=None),
        not_found("create").where(contract=SOUTH, export="seats", times=None),
    ]
    with Sandbox(small_world(), faults=faults, job_seconds=(0, 0)) as sandbox:
        settings = resolve_settings(
            {
                "credentials": sandbox.access_token,
                "base_url": sandbox.base_url,
                "poll_interval": 0.05,
                "start_date": str(yesterday - timedelta(days=9)),
            }
        )
        # the file does not have the name that dlt would guess
        destination = dlt.destinations.duckdb(str(folder / "a file.duckdb"))
        pipeline = dlt.pipeline(NAME, pipelines_dir=str(folder), destination=destination, dataset_name="salesnav")
        sync(pipeline, settings)
        pipeline.deactivate()
    return Loaded(folder, settings, yesterday)


@pytest.fixture
def loaded(original: Loaded, tmp_path: Path) -> Loaded:
    """A copy of the pipeline that a test may change; its destination is still the original one."""
    shutil.copytree(original.working_dir, tmp_path / "pipelines" / NAME)
    shutil.copy(original.journal_path, tmp_path / "pipelines")
    return original._replace(folder=tmp_path / "pipelines")


def of(status: Status, contract: str, export: str) -> ExportStatus:
    return next(one for one in status["exports"] if (one["contract"], one["export"]) == (contract, export))


def prints(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_days_are_covered_open_or_failed(original: Loaded) -> None:
    status = original.status()
    first, yesterday = str(original.yesterday - timedelta(days=9)), str(original.yesterday)
    before = str(original.yesterday - timedelta(days=1))

    assert of(status, NORTH, "activities")["covered"] == [{"first": first, "last": yesterday, "days": 10}]
    assert of(status, NORTH, "activities")["open"] == of(status, NORTH, "activities")["failed"] == []

    delayed = of(status, NORTH, "seats")
    assert delayed["covered"] == [{"first": first, "last": before, "days": 9}]
    assert [(span["first"], span["days"]) for span in delayed["open"]] == [(yesterday, 1)]
    assert "delayed" in str(delayed["open"][0]["reason"])

    for export, reason in (("activities", "internal error"), ("seats", "404")):
        failed = of(status, SOUTH, export)
        assert failed["covered"] == failed["open"] == []
        assert [(span["first"], span["last"], span["days"]) for span in failed["failed"]] == [(first, yesterday, 10)]
        assert reason in str(failed["failed"][0]["reason"])

    assert not status["running"] and not status["interrupted"] and not status["jobs"] and not status["notes"]
    assert status["next_run"] == {
        "jobs_to_take_over": 0,
        "jobs_to_create": 3,
        "days": 21,
        "contracts_known": True,
    }


def test_contracts_without_access_are_wanted_only_if_configured(original: Loaded) -> None:
    assert CLOSED not in {one["contract"] for one in original.status()["exports"]}
    status = original.status(contracts=(CLOSED,))
    assert [span["reason"] for span in of(status, CLOSED, "seats")["failed"]] == [NO_ACCESS]
    assert of(status, NORTH, "seats")["open"] == []
    assert status["next_run"]["jobs_to_create"] == 0


def test_an_earlier_start_leaves_days_that_were_not_asked_for(original: Loaded) -> None:
    start = original.yesterday - timedelta(days=14)
    status = original.status(start_date=start)
    assert of(status, NORTH, "activities")["open"] == [
        {
            "first": str(start),
            "last": str(start + timedelta(days=4)),
            "days": 5,
            "reason": "not asked for yet",
            "job_id": None,
        }
    ]


def test_the_next_day_brings_a_day_to_load_and_days_to_read_again(original: Loaded) -> None:
    status = original.status(epoch=time.time() + 86400)
    one = of(status, NORTH, "activities")
    assert [span["first"] for span in one["open"]] == [str(original.yesterday + timedelta(days=1))]
    assert [span["last"] for span in one["to_read_again"]] == [str(original.yesterday)]


def test_nothing_is_changed(original: Loaded) -> None:
    before = prints(original.folder)
    original.status()
    assert prints(original.folder) == before


def test_a_destination_that_is_in_use_is_noted(original: Loaded) -> None:
    with closing(duckdb.connect(str(original.folder / "a file.duckdb"))):
        status = original.status()
    (note,) = status["notes"]
    assert "could not be read" in note and "the days covered are those that this machine remembers" in note
    assert [span["reason"] for span in of(status, SOUTH, "activities")["open"]] == [None]
    assert of(status, NORTH, "activities")["covered"]


def test_nothing_counts_that_was_loaded_into_a_file_that_is_gone(original: Loaded) -> None:
    file, elsewhere = original.folder / "a file.duckdb", original.folder / "elsewhere"
    file.rename(elsewhere)
    try:
        status = original.status()
        assert not file.exists()
    finally:
        elsewhere.rename(file)
    (note,) = status["notes"]
    assert note.startswith(f"{file} does not exist")
    for export in ("activities", "seats"):
        one = of(status, NORTH, export)
        assert one["covered"] == [] and {span["reason"] for span in one["open"]} == {GONE}
    assert status["names"][NORTH] == "North" and status["next_run"]["jobs_to_create"] > 3
    assert "every day wanted is covered" not in render(status)


def test_a_missing_destination_is_noted_and_not_made(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    # without them the file is where dlt would put it, as in what earlier versions have left
    (loaded.working_dir / "trace.pickle").unlink()
    state = loaded.working_dir / "state.json"
    state.write_text(state.read_text().replace("salesnav_database", "something_else"))
    monkeypatch.chdir(loaded.folder)
    assert "could not be read" in loaded.status()["notes"][0]
    assert not list(loaded.folder.rglob("*.duckdb"))


def test_the_file_is_known_after_a_run_that_had_nothing_to_load(tmp_path: Path) -> None:
    with house(tmp_path, days=2) as home:
        home.sync()
        home.sync()
        home.database.rename(tmp_path / "elsewhere")
        status = collect("house", home.settings(), str(tmp_path / home.machine), home.clock())
    assert status["database"] == str(home.database)
    assert not any(one["covered"] for one in status["exports"]) and len(status["exports"]) == 6


def test_a_table_that_was_dropped_is_named(tmp_path: Path) -> None:
    with house(tmp_path, days=2) as home:
        home.sync()
        with duckdb.connect(str(home.database)) as database:
            database.execute("DROP TABLE salesnav.seats")
        status = collect("house", home.settings(), str(tmp_path / home.machine), home.clock())
    reasons = {span["reason"] for one in status["exports"] for span in one["open"] if one["export"] == "seats"}
    assert reasons == {"the table seats does not exist any more"}
    assert all(one["covered"] for one in status["exports"] if one["export"] != "seats")


@contextmanager
def at_work(pipeline: Loaded) -> Iterator[None]:
    """Holds the pipeline's lock as a run does, on a thread of its own."""
    lock = PipelineLock(str(pipeline.folder), NAME)
    with ThreadPoolExecutor(1) as run:
        run.submit(lock.acquire).result()
        try:
            yield
        finally:
            run.submit(lock.release).result()


def test_jobs_in_flight_of_a_run_at_work(loaded: Loaded) -> None:
    with loaded.journal() as journal, at_work(loaded):
        window = Window(loaded.yesterday, loaded.yesterday)
        journal.created(journal.ask(NORTH, "seats", window, time.time()), 77)
        with journal._database.transaction():
            status = loaded.status()
    assert status["running"]
    assert [(job["job_id"], job["contract"], job["export"], job["first"]) for job in status["jobs"]] == [
        (77, NORTH, "seats", str(loaded.yesterday))
    ]
    assert of(status, NORTH, "seats")["open"][0]["reason"] == "job 77 is in flight"
    assert not loaded.status()["running"]


@pytest.mark.parametrize(
    ("age", "base_url", "taken_over"),
    [(60.0, None, True), (100_000.0, None, False), (60.0, "http://elsewhere/v2", False)],
    ids=["fresh", "too-old", "of-another-api"],
)
def test_which_jobs_the_next_run_takes_over(loaded: Loaded, age: float, base_url: str | None, taken_over: bool) -> None:
    with loaded.journal(base_url) as journal:
        window = Window(loaded.yesterday, loaded.yesterday)
        journal.created(journal.ask(NORTH, "seats", window, time.time() - age), 77)
    status = loaded.status()
    assert [job["taken_over"] for job in status["jobs"]] == ([taken_over] if base_url is None else [])
    assert ("1 more jobs are in flight at another base_url." in status["notes"]) == (base_url is not None)
    assert status["next_run"]["jobs_to_take_over"] == taken_over
    text = render(status)
    assert ("goes on with it" in text) == taken_over
    assert "is in flight" not in text


def test_a_run_that_was_interrupted(loaded: Loaded) -> None:
    pipeline = dlt.attach(NAME, pipelines_dir=str(loaded.folder))
    pipeline.extract([{"a": 1}], table_name="something", schema=pipeline.default_schema)
    pipeline.deactivate()
    status = loaded.status()
    assert status["interrupted"]
    text = render(status)
    assert "A run was interrupted while it loaded: what it had received is fetched again." in text
    assert "Next: a run creates 3 jobs" in text


def test_a_damaged_journal_is_noted_and_left(loaded: Loaded) -> None:
    path = loaded.journal_path
    path.write_bytes(b"not a database at all" * 100)
    assert str(path) in loaded.status()["notes"][0]
    assert path.read_bytes().startswith(b"not a database")


def test_a_pipeline_that_never_ran(tmp_path: Path, original: Loaded) -> None:
    with pytest.raises(ConfigurationError, match="no pipeline nothing in"):
        collect("nothing", original.settings, str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A first run, in another process, whose jobs do not end, and the API that it asks."""
    with Sandbox(small_world(), job_seconds=(1000, 1000)) as sandbox:
        code = (
            "import dlt\n"
            "from salesnav_source.settings.configuration import resolve_settings\n"
            "from salesnav_source.run.sync import sync\n"
            f"settings = resolve_settings({{'credentials': 'sandbox-token', 'base_url': '{sandbox.base_url}'}})\n"
            f"sync(dlt.pipeline('{NAME}', '{tmp_path}', destination=dlt.destinations.duckdb('{tmp_path}/x.duckdb')), settings)"
        )
        process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.DEVNULL)
        try:
            # created, and noted
            wait_until(lambda: len(sandbox.jobs) == 6 and noted(tmp_path) == 6)
            yield process, sandbox.base_url
        finally:
            process.kill()
            process.wait()


def noted(folder: Path) -> int:
    """Returns how many jobs the journal has with their numbers."""
    with closing(sqlite3.connect(folder / f"{NAME}.salesnav.sqlite")) as journal:
        return int(journal.execute("SELECT count(job_id) FROM jobs").fetchone()[0])


def test_a_run_at_work_and_after_it_was_killed(endless: tuple[subprocess.Popen[bytes], str], tmp_path: Path) -> None:
    process, base_url = endless
    settings = resolve_settings({"credentials": "none", "base_url": base_url})
    status = collect(NAME, settings, str(tmp_path))
    assert status["running"] and len(status["jobs"]) == 6
    process.kill()
    process.wait()
    status = collect(NAME, settings, str(tmp_path))
    assert not status["running"]
    assert status["next_run"]["jobs_to_take_over"] == 6
    assert "a run goes on with 6 jobs in flight (540 days" in render(status)


def test_text_for_a_person(original: Loaded) -> None:
    lines = render(original.status()).splitlines()
    assert lines[0].startswith(f"Pipeline {NAME} to duckdb, dataset salesnav, as of ")
    assert lines[1].startswith("Its working folder is ") and NAME in lines[1]
    assert lines[2] == f"Its last run loaded into {original.folder / 'a file.duckdb'}."
    assert lines[4].split("  ")[0] == "contract"
    assert any(line.startswith(f"  seats of North ({NORTH}), {original.yesterday}: ") for line in lines)
    assert lines.index("Open:") < lines.index("Failed:")
    assert lines[-1] == "Next: a run creates 3 jobs (21 days in all, over contracts and exports)."

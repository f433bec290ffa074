"""The prologue: which mode makes which check, and that every entry refuses what it should before anything is touched."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from salesnav_source import erase, salesnav
from salesnav_source.days.windows import Window
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.run.handed.directory import import_directory
from salesnav_source.run.handed.importing import Import, import_files
from salesnav_source.run.handed.planning import GivenDays
from salesnav_source.run.prepare import CHECKS, SAME_PERSONAL_DATA, STAGES_APART, Mode
from salesnav_source.run.sync import plan, sync
from salesnav_source.run.upkeep.shards import move
from salesnav_source.settings.privacy import PersonalData
from salesnav_source.warehouse.requirements import (
    require_destination,
    require_no_package,
    require_own_packages,
    require_replacing,
    require_restoring,
    require_rows_elsewhere,
)

from .house import House, house

pytestmark = pytest.mark.long(
    "each loads a warehouse first; one mode stands for each check",
    but=(
        "load---",
        "bare---",
        "test_no_mode_is_without_a_line_in_the_table",
        "load",
        "test_an_incremental_hint_is_refused_before_it_thins_out_loaded_days",
    ),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, activities=1.0, days=5) as made:
        yield made


LOADS = (require_destination, require_replacing, require_restoring)
EMPTIES = (*LOADS, require_rows_elsewhere, require_own_packages)


@pytest.mark.parametrize(
    ("mode", "checks", "stages_apart", "same_personal_data"),
    [
        (Mode.LOAD, EMPTIES, True, True),
        (Mode.PLAN, EMPTIES, True, True),
        (Mode.BARE, (*LOADS, require_no_package), False, True),
        (Mode.IMPORT, EMPTIES, True, True),
        (Mode.MOVE, EMPTIES, True, True),
        (Mode.ERASE, EMPTIES, True, False),
        (Mode.STATUS, (require_destination,), True, False),
    ],
    ids=lambda value: value.value if isinstance(value, Mode) else "",
)
def test_each_mode_makes_its_checks(
    mode: Mode, checks: tuple[Any, ...], stages_apart: bool, same_personal_data: bool
) -> None:
    assert CHECKS[mode] == checks
    assert (mode in STAGES_APART, mode in SAME_PERSONAL_DATA) == (stages_apart, same_personal_data)


def test_no_mode_is_without_a_line_in_the_table() -> None:
    assert set(CHECKS) == set(Mode)


TEntry = Callable[[House, Any], Any]


def bare(home: House, pipeline: Any) -> Any:
    settings = home.settings()
    return pipeline.run(
        salesnav(
            credentials=settings.credentials,
            base_url=settings.base_url,
            contracts=list(settings.contracts),
            start_date=str(home.first_day),
            poll_interval=0.02,
        )
    )


def handed(home: House, pipeline: Any) -> Any:
    path = home.folder / "activities.csv"
    path.write_bytes(b"".join(home.world.csv("activities", home.contracts[0], home.first_day, home.yesterday)))
    wanted = Import([path], "activities", home.contracts[0], GivenDays())
    return import_files(pipeline, home.settings(), wanted)


def people(home: House) -> Path:
    path = home.folder / "people.csv"
    path.write_text("email,team\na@example.com,North\n")
    return path


EMPTYING: dict[str, TEntry] = {
    "load": lambda home, pipeline: sync(pipeline, home.settings()),
    "plan": lambda home, pipeline: plan(pipeline, home.settings()),
    "import": lambda home, pipeline: handed(home, pipeline),
    "directory": lambda home, pipeline: import_directory(pipeline, home.settings(), people(home)),
    "erase": lambda home, pipeline: erase(pipeline, PersonalData(), seat_id=1),
    "move": lambda home, pipeline: move(pipeline, home.pipeline("other"), home.contracts, home.settings()),
}

ALL: dict[str, TEntry] = {**EMPTYING, "bare": bare}


def refusal(entry: TEntry, home: House, pipeline: Any) -> str:
    with pytest.raises((ConfigurationError, PipelineStepFailed)) as refused:
        entry(home, pipeline)
    cause: BaseException = refused.value
    while not isinstance(cause, ConfigurationError) and (cause.__cause__ or getattr(cause, "exception", None)):
        cause = cause.__cause__ or cause.exception  # type: ignore[attr-defined]
    assert isinstance(cause, ConfigurationError)
    assert home.posts() == []
    return str(cause)


@pytest.mark.parametrize("entry", [name for name in ALL if name != "bare"])
def test_a_pipeline_without_a_destination_is_refused_in_a_sentence(home: House, entry: str) -> None:
    pipeline = dlt.pipeline("nowhere", pipelines_dir=str(home.folder / "machine"))
    assert "The pipeline has no destination" in refusal(ALL[entry], home, pipeline)


@pytest.mark.parametrize("entry", ALL)
def test_a_destination_that_cannot_replace_days_is_refused(home: House, entry: str) -> None:
    pipeline = home.pipeline(destination=dlt.destinations.filesystem((home.folder / "lake").as_uri()))
    assert "filesystem cannot be loaded into" in refusal(ALL[entry], home, pipeline)


@pytest.mark.parametrize("entry", ALL)
def test_a_state_that_is_not_restored_is_refused(home: House, entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORE_FROM_DESTINATION", "false")
    assert "restore_from_destination is off" in refusal(ALL[entry], home, home.pipeline())


@pytest.mark.parametrize("entry", EMPTYING)
def test_a_database_in_dlts_folder_is_refused_and_keeps_its_rows(home: House, entry: str) -> None:
    inside = home.pipeline(destination=dlt.destinations.duckdb(":pipeline:"))
    bare(home, inside)
    (database,) = Path(inside.working_dir).glob("*.duckdb")
    before = database.read_bytes()
    seen = len(home.posts())
    with pytest.raises(ConfigurationError, match="has rows, and is in dlt's working folder"):
        EMPTYING[entry](home, home.pipeline(destination=dlt.destinations.duckdb(":pipeline:")))
    assert database.read_bytes() == before
    assert len(home.posts()) == seen


@pytest.mark.parametrize("name", ["other.duckdb", "notes.db"])
def test_a_database_of_others_in_dlts_folder_is_refused_too(home: House, name: str) -> None:
    home.sync()
    folder = Path(home.pipeline().working_dir)
    shutil.copy(home.database, folder / name)
    with pytest.raises(ConfigurationError, match=name):
        home.sync()
    assert (folder / name).exists()


def test_other_files_in_dlts_folder_are_no_obstacle(home: House) -> None:
    home.sync()
    (Path(home.pipeline().working_dir) / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    home.sync()
    home.assert_truth()


def test_an_incremental_hint_is_refused_before_it_thins_out_loaded_days(home: House) -> None:
    home.sync()
    home.clock.next_day()
    seen = len(home.posts())
    settings = home.settings()
    source = salesnav(credentials=settings.credentials, base_url=settings.base_url, contracts=list(settings.contracts))
    source.activities.apply_hints(incremental=dlt.sources.incremental("created_at"))
    with pytest.raises(PipelineStepFailed, match=r"hint dlt\.sources\.incremental"):
        home.pipeline().run(source)
    assert home.posts()[seen:] == []
    home.assert_truth([Window(home.first_day, home.day(2))])

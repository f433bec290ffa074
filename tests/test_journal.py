"""The journal of jobs in flight: what survives a crash, what settles a load, and journals that are no good."""

import os
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from salesnav_source.days.windows import Window
from salesnav_source.exceptions import JournalError
from salesnav_source.jobs.journal import Journal, LoadOutcome, peek
from tests.fakes import EPOCH, OTHER_URN, URN, single_days, window_of

BASE_URL = "https://api.linkedin.com/v2"
FILE_NAME = "journal.sqlite"
WAREHOUSE, ANOTHER = "duckdb one", "duckdb another"
WINDOW = Window(date(2024, 2, 28), date(2024, 3, 1))


def add_job(journal: Journal, job_id: int, window: Window = WINDOW, contract: str = URN, now: float = EPOCH) -> int:
    entry = journal.ask(contract, "activities", window, now)
    journal.created(entry, job_id)
    return entry


def job_ids(journal: Journal) -> list[int]:
    return [job.job_id for job in journal.in_flight()]


def add_many(journal: Journal, count: int = 200) -> None:
    """Adds so many jobs, enough for the file to have several pages."""
    for number, window in enumerate(single_days(count)):
        add_job(journal, number, window)


def reopened(journal: Journal, base_url: str = BASE_URL) -> Journal:
    journal.close()
    return Journal(journal.path, base_url)


def record(job_id: int, export: str = "activities", **more: Any) -> dict[str, Any]:
    return {"job_id": job_id, "export": export, **more}


def outcome(*exports: str, records: bool = True) -> LoadOutcome:
    return LoadOutcome(set(exports), records)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / FILE_NAME, BASE_URL)


def test_a_new_journal_is_empty_and_says_nothing(journal: Journal) -> None:
    assert (journal.in_flight(), journal.take_records("b"), journal.note) == ([], [], None)


def test_a_job_survives_a_crash_bound_to_its_window(journal: Journal) -> None:
    add_job(journal, 100_002)
    job = Journal(journal.path, BASE_URL).in_flight()[0]
    assert (job.job_id, job.contract, job.export, job.window) == (100_002, URN, "activities", WINDOW)
    assert job.created_at == EPOCH


def test_a_job_that_was_asked_for_but_got_no_id_is_not_in_flight(journal: Journal) -> None:
    journal.ask(URN, "activities", WINDOW, EPOCH)
    assert reopened(journal).in_flight() == []


def test_jobs_are_told_apart_by_contract_export_and_window(journal: Journal) -> None:
    add_job(journal, 1)
    add_job(journal, 2, contract=OTHER_URN)
    add_job(journal, 3, window_of(2))
    entry = journal.ask(URN, "seats", WINDOW, EPOCH)
    journal.created(entry, 4)
    assert job_ids(reopened(journal)) == [1, 2, 3, 4]


def test_of_two_jobs_for_a_window_the_newer_is_in_flight(journal: Journal) -> None:
    add_job(journal, 2, now=EPOCH + 1)
    add_job(journal, 1, now=EPOCH)
    assert job_ids(journal) == [2]


def test_large_ids_are_kept(journal: Journal) -> None:
    add_job(journal, 2**62)
    assert job_ids(reopened(journal)) == [2**62]


def test_jobs_at_another_api_are_left_alone(journal: Journal) -> None:
    add_job(journal, 1)
    elsewhere = reopened(journal, "http://127.0.0.1:8080/v2")
    assert elsewhere.in_flight() == []
    add_job(elsewhere, 2)
    assert job_ids(reopened(elsewhere)) == [1]


def test_a_loaded_job_is_in_flight_again_where_its_load_is_not_in_the_warehouse(journal: Journal) -> None:
    journal.begin_load("one", WAREHOUSE)
    journal.loaded(add_job(journal, 1), record(1), "one")
    assert journal.in_flight() == []
    again = reopened(journal)
    again.settle(WAREHOUSE, {})
    assert job_ids(again) == [1]
    assert again.take_records("two") == []


def test_what_the_warehouse_holds_of_a_load_is_dropped(journal: Journal) -> None:
    journal.begin_load("one", WAREHOUSE)
    journal.loaded(add_job(journal, 1), record(1), "one")
    add_job(journal, 3, window_of(2))
    journal.ended(add_job(journal, 4, window_of(3)), record(4))
    assert journal.take_records("one") == [record(1), record(4)]
    journal.begin_load("two", WAREHOUSE)
    journal.loaded(add_job(journal, 2, window_of(1)), record(2), "two")
    again = reopened(journal)
    again.settle(WAREHOUSE, {"one": outcome("activities")})
    assert sorted(job_ids(again)) == [2, 3]
    assert again.take_records("three") == []


def test_records_of_a_load_that_is_not_in_the_warehouse_are_taken_again(journal: Journal) -> None:
    journal.begin_load("one", WAREHOUSE)
    journal.ended(add_job(journal, 1), record(1, error="too large"))
    journal.keep_record(record(2))
    assert len(journal.take_records("one")) == 2
    assert journal.take_records("one") == []
    again = reopened(journal)
    again.settle(WAREHOUSE, {"another": outcome("activities")})
    again.begin_load("two", WAREHOUSE)
    assert again.take_records("two") == [record(1, error="too large"), record(2)]
    again.settle(WAREHOUSE, {"two": outcome()})
    assert again.take_records("three") == []


def test_of_a_load_that_the_warehouse_holds_in_part_the_rest_is_in_flight_again(journal: Journal) -> None:
    journal.begin_load("one", WAREHOUSE)
    journal.loaded(add_job(journal, 1), record(1), "one")
    entry = journal.ask(URN, "seats", WINDOW, EPOCH)
    journal.created(entry, 2)
    journal.loaded(entry, record(2, "seats"), "one")
    journal.take_records("one")
    journal.settle(WAREHOUSE, {"one": outcome("activities")})
    assert job_ids(journal) == [2]
    assert journal.take_records("two") == []


def test_records_that_the_warehouse_lacks_are_written_by_the_next_load(journal: Journal) -> None:
    journal.begin_load("one", WAREHOUSE)
    journal.loaded(add_job(journal, 1), record(1), "one")
    journal.ended(add_job(journal, 2, window_of(1)), record(2))
    journal.take_records("one")
    journal.settle(WAREHOUSE, {"one": outcome("activities", records=False)})
    assert job_ids(journal) == []
    assert journal.begin_load("two", WAREHOUSE) == ["one"]
    assert journal.take_records("two") == [record(1), record(2)]


def test_a_job_that_is_loaded_after_all_leaves_one_record(journal: Journal) -> None:
    journal.begin_load("one", WAREHOUSE)
    entry = add_job(journal, 1)
    journal.loaded(entry, record(1, rows=5), "one")
    journal.take_records("one")
    journal.settle(WAREHOUSE, {})
    journal.begin_load("two", WAREHOUSE)
    journal.loaded(entry, record(1, rows=6), "two")
    assert journal.take_records("two") == [record(1, rows=6)]


def test_a_load_under_way_is_left_alone(journal: Journal) -> None:
    journal.begin_load("one", WAREHOUSE)
    journal.loaded(add_job(journal, 1), record(1), "one")
    journal.settle(WAREHOUSE, {}, keep="one")
    assert job_ids(journal) == []
    assert journal.take_records("one") == [record(1)]


def test_settling_one_warehouse_says_nothing_of_another(journal: Journal) -> None:
    journal.begin_load("one", ANOTHER)
    journal.loaded(add_job(journal, 1), record(1), "one")
    journal.settle(WAREHOUSE, {})
    assert job_ids(journal) == []
    assert journal.unsettled(WAREHOUSE) == {}
    assert journal.unsettled(ANOTHER) == {"one": 0}
    journal.settle(ANOTHER, {})
    assert job_ids(journal) == [1]


def test_settling_twice_changes_nothing(journal: Journal) -> None:
    add_job(journal, 1)
    journal.ended(add_job(journal, 2, window_of(1)), record(2))
    for _ in range(2):
        journal.settle(WAREHOUSE, {"one": outcome("activities")})
    assert job_ids(journal) == [1]
    assert journal.take_records("two") == [record(2)]


def test_unsettled_loads_are_told_with_the_records_that_they_have_taken(journal: Journal) -> None:
    journal.begin_load("one", WAREHOUSE)
    journal.keep_record(record(1))
    journal.keep_record(record(2))
    journal.take_records("one")
    journal.begin_load("two", WAREHOUSE)
    assert reopened(journal).unsettled(WAREHOUSE) == {"one": 2, "two": 0}


def test_a_load_replaces_the_records_of_those_that_were_not_completed_until_one_is(journal: Journal) -> None:
    assert journal.begin_load("one", WAREHOUSE) == []
    assert journal.begin_load("elsewhere", ANOTHER) == []
    journal.settle(WAREHOUSE, {})
    assert journal.begin_load("two", WAREHOUSE) == ["one"]
    journal.settle(WAREHOUSE, {})
    assert sorted(journal.begin_load("three", WAREHOUSE)) == ["one", "two"]
    journal.settle(WAREHOUSE, {"three": outcome()})
    assert journal.begin_load("four", WAREHOUSE) == []


def test_what_was_verified_is_kept_for_each_warehouse(journal: Journal) -> None:
    journal.note_verified(WAREHOUSE, {("seats", "one"), ("seats", "two")})
    journal.note_verified(ANOTHER, {("activities", "one")})
    journal.note_verified(WAREHOUSE, {("seats", "two")})
    again = reopened(journal)
    assert again.verified(WAREHOUSE) == {("seats", "two")}
    assert again.verified(ANOTHER) == {("activities", "one")}


def test_peeking_tells_of_all_jobs_that_are_not_known_to_be_loaded_and_changes_nothing(journal: Journal) -> None:
    journal.begin_load("one", WAREHOUSE)
    journal.loaded(add_job(journal, 1), record(1), "one")
    add_job(journal, 2, window_of(1))
    journal.ask(URN, "seats", WINDOW, EPOCH)
    elsewhere = reopened(journal, "http://127.0.0.1:8080/v2")
    add_job(elsewhere, 3)
    elsewhere.close()
    before = journal.path.read_bytes()
    found = peek(journal.path)
    assert [(base_url, job.job_id) for base_url, job in found] == [
        (BASE_URL, 1), (BASE_URL, 2), ("http://127.0.0.1:8080/v2", 3)
    ]  # fmt: skip
    assert journal.path.read_bytes() == before


def test_peeking_makes_no_file_and_names_one_that_is_no_good(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    assert peek(path) == []
    assert not path.exists()
    text_file(path)
    with pytest.raises(JournalError, match="cannot be read") as caught:
        peek(path)
    assert str(path) in str(caught.value)


def test_a_job_that_ended_without_a_file_is_no_more_in_flight(journal: Journal) -> None:
    journal.ended(add_job(journal, 1), record(1))
    assert reopened(journal).in_flight() == []


def test_jobs_are_forgotten(journal: Journal) -> None:
    entries = [add_job(journal, number, window) for number, window in enumerate(single_days(3))]
    journal.forget(entries[:2])
    journal.forget([])
    assert job_ids(journal) == [2]


def test_old_jobs_and_those_without_an_id_are_unusable(journal: Journal) -> None:
    add_job(journal, 1, now=EPOCH - 90_000)
    add_job(journal, 2, window_of(1), now=EPOCH)
    lost = journal.ask(URN, "activities", window_of(2), EPOCH)
    journal.forget_unusable(EPOCH - 86_400)
    assert job_ids(journal) == [2]
    journal.created(lost, 3)
    assert job_ids(journal) == [2]


def test_records_keep_any_text(journal: Journal) -> None:
    row = {"error": "naïve \N{SNOWMAN} \x00 '\"", "row_count": None, "created_at": 1.5}
    journal.keep_record(row)
    assert reopened(journal).take_records("b") == [row]


def test_many_threads_write_at_once(journal: Journal) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for n in range(10):
                job_id = number * 100 + n
                entry = add_job(journal, job_id, contract=f"urn:li:contract:{job_id}")
                journal.in_flight()
                if n % 2:
                    journal.ended(entry, record(job_id))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert errors == []
    assert len(reopened(journal).in_flight()) == 40


def text_file(path: Path) -> None:
    path.write_text("not a database, though long enough to be taken for the head of one " * 10)


def random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(8192))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def cut_to_a_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096])


def cut_head(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def overwritten(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def other_version(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 7")
    db.close()


def other_tables(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.executescript("DROP TABLE jobs; CREATE TABLE jobs (entry INTEGER, batch TEXT)")
    db.close()


def other_records(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.executescript("DROP TABLE records; CREATE TABLE records (record INTEGER PRIMARY KEY)")
    db.close()


def nonsense_values(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE jobs SET first_day = '2024-13-01'")
    db.close()


DAMAGES = [
    text_file, random_bytes, truncated, cut_to_a_page, cut_head, overwritten, other_version, other_tables,
    other_records, nonsense_values,
]  # fmt: skip


def use(journal: Journal) -> None:
    """Does what a run does with a journal."""
    journal.settle(WAREHOUSE, {})
    journal.in_flight()
    journal.begin_load("two", WAREHOUSE)
    entry = add_job(journal, 9, window_of(9))
    journal.ended(entry, record(9))
    journal.take_records("two")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_journal_that_is_no_good_is_set_aside(journal: Journal, damage: Callable[[Path], None]) -> None:
    add_many(journal)
    journal.close()
    damage(journal.path)
    new = reopened(journal)
    assert new.note is not None
    assert new.in_flight() == []
    aside = sorted(path for path in journal.path.parent.iterdir() if "unusable" in path.name)
    assert len(aside) == 1
    assert aside[0].name in new.note and "asked for again" in new.note
    assert aside[0].stat().st_size > 0
    use(new)
    assert reopened(new).note is None


def test_journals_set_aside_pile_up_under_their_own_names(journal: Journal) -> None:
    for _ in range(3):
        journal.close()
        text_file(journal.path)
        journal = reopened(journal)
    assert len([path for path in journal.path.parent.iterdir() if "unusable" in path.name]) == 3


def test_no_damage_crashes_a_run(tmp_path: Path) -> None:
    sound = Journal(tmp_path / "sound" / FILE_NAME, BASE_URL)
    for number, window in enumerate(single_days(8)):
        entry = add_job(sound, number, window)
        if number % 2:
            sound.ended(entry, record(number, error="too large"))
    sound.close()
    content = sound.path.read_bytes()
    chance = random.Random(7)
    for number in range(150):
        folder = tmp_path / str(number)
        folder.mkdir()
        damaged = bytearray(content)
        start = chance.choice([chance.randrange(100), chance.randrange(len(content))])
        for n in range(start, min(start + chance.choice([1, 4, 40]), len(content))):
            damaged[n] = chance.randrange(256)
        cut = chance.choice([len(content), len(content), chance.randrange(len(content))])
        (folder / FILE_NAME).write_bytes(damaged[:cut])
        try:
            use(Journal(folder / FILE_NAME, BASE_URL))
        except JournalError:
            pass
        except Exception as error:
            raise AssertionError(f"bytes from {start} on changed, cut to {cut}: {error!r}") from error


def test_an_empty_file_is_a_new_journal(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    journal = Journal(tmp_path / FILE_NAME, BASE_URL)
    use(journal)
    assert journal.note is None


def directory_in_its_place(folder: Path) -> Path:
    (folder / FILE_NAME).mkdir()
    (folder / FILE_NAME / "file").touch()
    return folder


def file_in_place_of_the_folder(folder: Path) -> Path:
    (folder / "pipeline").touch()
    return folder / "pipeline"


def read_only_folder(folder: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("nothing is read-only for root")
    folder.chmod(0o500)
    return folder


@pytest.mark.parametrize(
    "make", [directory_in_its_place, file_in_place_of_the_folder, read_only_folder], ids=lambda make: make.__name__
)
def test_a_place_where_no_journal_can_be_is_named(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    folder = make(tmp_path)
    with pytest.raises(JournalError) as caught:
        Journal(folder / FILE_NAME, BASE_URL)
    assert str(folder / FILE_NAME) in str(caught.value)


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    use(Journal(tmp_path / "a" / "b" / FILE_NAME, BASE_URL))


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda journal: journal.ask(URN, "seats", WINDOW, EPOCH), id="ask"),
        pytest.param(lambda journal: journal.created(1, 2), id="created"),
        pytest.param(lambda journal: journal.ended(1, {}), id="ended"),
        pytest.param(lambda journal: journal.in_flight(), id="in-flight"),
        pytest.param(lambda journal: journal.settle(WAREHOUSE, {}), id="settle"),
        pytest.param(lambda journal: journal.take_records("one"), id="take-records"),
    ],
)
@pytest.mark.parametrize("trouble", ["closed", "overwritten"])
def test_a_journal_that_fails_in_use_says_so(journal: Journal, act: Callable[[Journal], Any], trouble: str) -> None:
    add_many(journal)
    if trouble == "closed":
        journal.close()
    else:
        overwritten(journal.path)
        journal._database.connection.execute("PRAGMA cache_size = 0")
        journal._database.connection.execute("PRAGMA shrink_memory")
    said = str(journal.path)
    try:
        act(journal)
    except JournalError as error:
        said = str(error)
    assert str(journal.path) in said


def test_a_journal_that_another_process_holds_says_so(journal: Journal) -> None:
    add_job(journal, 1)
    journal._database.connection.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(journal.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(JournalError, match="locked"):
        journal.ask(URN, "seats", WINDOW, EPOCH)
    with pytest.raises(JournalError, match="locked"):
        journal.in_flight()
    other.execute("ROLLBACK")
    other.close()
    assert job_ids(journal) == [1]


def test_a_copy_of_the_folder_is_a_journal(journal: Journal, tmp_path: Path) -> None:
    add_job(journal, 1)
    shutil.copytree(tmp_path, tmp_path / "copy")
    assert job_ids(Journal(tmp_path / "copy" / FILE_NAME, BASE_URL)) == [1]


def test_a_full_disk_is_named_and_the_journal_goes_on_once_there_is_room(journal: Journal) -> None:
    add_job(journal, 1)
    connection = journal._database.connection
    ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalError, match="database or disk is full"):
        journal.keep_record(record(2, error="x" * 100_000))
    connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    journal.keep_record(record(3))
    assert job_ids(reopened(journal)) == [1]

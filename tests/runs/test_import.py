"""Files that were handed over: loaded as a job's file is, once, beside jobs and in any order."""

import datetime as dt
import gzip
import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from dlt.destinations.exceptions import DatabaseTransientException
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from test_first_hour import assert_fits, load_schema

from salesnav_source.cli import main
from salesnav_source.days.windows import Days, Window
from salesnav_source.exceptions import ConfigurationError, DestinationError
from salesnav_source.run.handed import files as handed_files
from salesnav_source.run.handed.importing import Import, import_files
from salesnav_source.run.handed.planning import GivenDays
from salesnav_source.run.result import RunReport
from salesnav_source.run.text import render
from salesnav_source.schema import EXPORTS

from .house import ONE, TWO, House, Timer, house, overlapping, windows

DAYS = 10


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, activities=1.0, days=DAYS, contracts=(ONE,)) as made:
        yield made


def write(home: House, name: str, first: int, last: int, export: str = "activities", contract: str = ONE) -> Path:
    """Writes the export of some days back, 1 for yesterday, packed as the name's ending says."""
    folder = home.folder / "files"
    folder.mkdir(exist_ok=True)
    return pack(folder / name, b"".join(home.world.csv(export, contract, home.day(first), home.day(last))))


def pack(path: Path, data: bytes) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(data))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("export.csv", data)
    else:
        path.write_bytes(data)
    return path


def bring(
    home: House,
    *paths: Path,
    export: str = "activities",
    days: tuple[int | None, int | None] = (None, None),
    contract: str = ONE,
    full_refresh: bool = False,
    plan_only: bool = False,
    **changes: object,
) -> RunReport:
    first, last = (None if back is None else home.day(back) for back in days)
    wanted = Import(paths, export, contract, GivenDays(first, last), full_refresh)
    return import_files(home.pipeline(), home.settings(**changes), wanted, plan_only, clock=Timer(home.clock))


def keys(home: House, export: str = "activities") -> list[tuple[object, ...]]:
    names = ", ".join(EXPORTS[export].key)
    return sorted(home.rows(f"SELECT {names} FROM salesnav.{export}"))


def truth(home: House, first: int, last: int, export: str = "activities") -> list[tuple[object, ...]]:
    rows = home.world.rows(export, ONE, home.day(first), home.day(last))
    return sorted(tuple(row[name] for name in EXPORTS[export].key) for row in rows)


def why(report: RunReport) -> str:
    named = [*report.files, *report.failed]
    return " ".join(f"{one.in_words(report.names)}: {one.reason}" for one in named)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "zip"])
@pytest.mark.parametrize("export", list(EXPORTS))
def test_a_file_is_loaded_as_a_jobs_file_is_and_its_days_are_not_asked_for(
    home: House, export: str, ending: str
) -> None:
    report = bring(home, write(home, f"old.{ending}", DAYS, 4, export), export=export, days=(DAYS, 4))
    assert report.exit_code == 0 and home.posts() == []
    assert keys(home, export) == truth(home, DAYS, 4, export)
    (job,) = home.jobs()
    assert (job["status"], job["job_id"], job["error"]) == ("IMPORTED", None, None)
    assert (job["window_start"], job["window_end"]) == (home.day(DAYS), home.day(4))
    note = home.rows("SELECT note FROM salesnav.export_jobs")[0][0]
    (number,) = {n for (n,) in home.rows(f"SELECT DISTINCT export_job_id FROM salesnav.{export}")} or {None}
    assert f"old.{ending}" in note and number < 0 and str(number) in note
    home.sync(exports=[export])
    assert set(windows(home.posts()).values()) <= overlapping(Days((Window(home.day(3), home.day(1)),)))
    home.assert_truth(exports=[export])


def test_a_folder_is_loaded_in_one_go_and_again_without_effect(home: House) -> None:
    for number in range(5):
        write(home, f"part-{number}.csv", DAYS - 2 * number, DAYS - 2 * number - 1)
    (home.folder / "files" / "notes.md").write_text("x")
    report = bring(home, home.folder / "files")
    assert report.exit_code == 0 and len(report.loaded) == 5
    assert any("notes.md" in note for note in report.notes)
    assert any("not known to be loaded" in note for note in report.notes)
    assert keys(home) == truth(home, DAYS, 1)
    before = home.rows("SELECT count(*), max(load_id) FROM salesnav._dlt_loads")
    again = bring(home, home.folder / "files")
    assert again.exit_code == 0 and [one.state for one in again.files] == ["loaded_before"] * 5
    assert home.rows("SELECT count(*), max(load_id) FROM salesnav._dlt_loads") == before
    assert len(home.jobs()) == 5


def test_what_a_killed_import_has_not_loaded_is_loaded_by_the_next_one(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from salesnav_source.run.context import LoadLimits

    days = [back for back in range(DAYS, 0, -1) if truth(home, back, back)][:4]
    paths = [write(home, f"part-{back}.csv", back, back) for back in days]

    class Killed(BaseException):
        pass

    commits = 0

    def die(commit: object) -> None:
        nonlocal commits
        commits += 1
        if commits == 2:
            raise Killed

    wanted = Import(paths, "activities", ONE, GivenDays())
    with pytest.raises(Killed):
        import_files(
            home.pipeline(), home.settings(), wanted, limits=LoadLimits(rows=1), clock=Timer(home.clock), on_commit=die
        )
    loaded = len(home.jobs())
    assert 0 < loaded < len(days)
    report = import_files(home.pipeline(), home.settings(), wanted, clock=Timer(home.clock))
    assert report.exit_code == 0
    assert len(report.loaded) == len(days) - loaded and len(home.jobs()) == len(days)
    assert keys(home) == truth(home, DAYS, days[-1])


def test_days_of_a_job_stay_and_the_rest_of_the_file_is_loaded(home: House) -> None:
    path = write(home, "old.csv", DAYS, 1)
    home.sync(exports=["activities"], start_date=str(home.day(6)), end_date=str(home.day(4)))
    jobs = {number for (number,) in home.rows("SELECT DISTINCT export_job_id FROM salesnav.activities")}
    report = bring(home, path, days=(DAYS, 1))
    assert report.exit_code == 0
    assert keys(home) == truth(home, DAYS, 1)
    of_days = f"activity_date BETWEEN '{home.day(6)}' AND '{home.day(4)}'"
    kept = home.rows(f"SELECT DISTINCT export_job_id FROM salesnav.activities WHERE {of_days}")
    assert {number for (number,) in kept} <= jobs
    assert (
        "rows of days that are loaded already left out"
        in home.rows("SELECT note FROM salesnav.export_jobs WHERE status = 'IMPORTED'")[0][0]
    )


def test_a_warehouse_that_fails_meanwhile_is_said_and_the_next_import_goes_on(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(home, "old.csv", DAYS, 1)
    with monkeypatch.context() as gone:
        gone.setenv("LOAD__RAISE_ON_MAX_RETRIES", "2")
        gone.setattr(DuckDbCopyJob, "run", _refuse)
        with pytest.raises(DestinationError, match="gone away\nImport the files again"):
            bring(home, path, days=(DAYS, 1))
    assert bring(home, path, days=(DAYS, 1)).exit_code == 0
    assert keys(home) == truth(home, DAYS, 1)


def _refuse(*_: object) -> None:
    raise DatabaseTransientException(duckdb.IOException("the server has gone away"))


def test_a_file_with_more_rows_of_loaded_days_is_not_called_complete(home: House) -> None:
    whole = write(home, "whole.csv", DAYS, 4)
    head, *rows = whole.read_bytes().splitlines(keepends=True)
    part = pack(home.folder / "part.csv", head + b"".join(rows[::2]))
    assert bring(home, part, days=(DAYS, 4)).exit_code == 0
    report = bring(home, whole, days=(DAYS, 4))
    assert report.exit_code == 3
    assert "whole.csv: activities of" in why(report) and "these days stay as they are; --full-refresh" in why(report)
    (brought, held) = re.search(r"it has (\d+) rows of loaded days, which have (\d+)", why(report)).groups()
    assert int(brought) - int(held) == len(rows) - len(rows[::2])
    assert bring(home, whole, days=(DAYS, 4), full_refresh=True).exit_code == 0
    assert keys(home) == truth(home, DAYS, 4)
    assert bring(home, whole, part, days=(DAYS, 4)).exit_code == 3
    assert bring(home, whole, days=(DAYS, 4)).exit_code == 0


def test_members_of_an_archive_that_are_passed_over_are_named(home: House) -> None:
    path = write(home, "both.zip", DAYS, 4)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("november", b"x")
    report = bring(home, path, days=(DAYS, 4))
    assert report.exit_code == 0
    assert any(f"passed over: {path}/november" in note for note in report.notes)


def test_a_full_refresh_replaces_loaded_days_and_the_last_file_counts(home: House) -> None:
    home.sync(exports=["activities"])
    header = b"activityId,activityType,createdAt,seatId\n"
    day = f"{home.day(3):%m-%d-%Y}".encode()
    rows = [pack(home.folder / f"{n}.csv", header + b"mine-%d,SAVED_LEAD,%s 10:00:00,1\n" % (n, day)) for n in (1, 2)]
    assert bring(home, rows[0]).exit_code == 0
    assert keys(home) == truth(home, DAYS, 1)
    report = bring(home, *rows, full_refresh=True)
    assert report.exit_code == 0
    found = [one for one in keys(home) if str(one[1]).startswith("mine")]
    assert found == [(ONE, "mine-2")]
    expected = [one for one in truth(home, DAYS, 1) if one not in truth(home, 3, 3)]
    assert [one for one in keys(home) if one not in found] == expected


def test_a_plan_changes_nothing(home: House) -> None:
    report = bring(home, write(home, "old.csv", DAYS, 4), days=(DAYS, 4), plan_only=True)
    assert [str(task.days) for task in report.dry_run] == [f"{home.day(DAYS)} to {home.day(4)}"]
    assert not Path(home.database).exists()


SEATS_WITHOUT_DAY = b"seatId,firstName\n1,Ada\n"
ACTIVITIES = b"activityId,activityType,createdAt,seatId\n"


@pytest.mark.parametrize(
    ("content", "export", "told"),
    [
        (b"", "activities", "is empty"),
        (ACTIVITIES, "activities", "has a header and no row, so it does not show its days"),
        (b"<html><body>Sign in</body></html>", "activities", "a page of HTML"),
        (b"PK\x03\x04nonsense", "activities", "a zip archive that is damaged"),
        (b"\x1f\x8bnonsense", "activities", "damaged or cut short"),
        (b"%PDF-1.7", "activities", "a PDF document"),
        (ACTIVITIES.replace(b",", b";"), "activities", "separated by semicolons"),
        (ACTIVITIES + b"a,SAVED_LEAD,03-02-2026 10:00:00,1\n", "activity_outcomes", "import it --as activities"),
        (ACTIVITIES + b"a,INMAIL_ACCEPTED,03-02-2026 10:00:00,1\n", "activities", "import it --as activity_outcomes"),
        (
            ACTIVITIES + b"a,SAVED_LEAD,03-02-2026 10:00:00,1\n",
            "seats",
            "It is no file of seats: its columns are those of activities",
        ),
        (ACTIVITIES + b"a,SAVED_LEAD,03-02-2026 10:00:00,1\nb,SAVED_L", "activities", "breaks off in the midst"),
        (SEATS_WITHOUT_DAY, "seats", "no column with the day of its rows"),
        (
            ACTIVITIES + b"".join(b"a%d,X,%02d-02-2026 10:00:00,1\n" % (n, n) for n in range(1, 10)),
            "activities",
            "with the day first",
        ),
        (
            ACTIVITIES + b"a,SAVED_LEAD,01-31-1970 10:00:00,1\nb,SAVED_LEAD,03-02-2026 10:00:00,1\n",
            "activities",
            "LinkedIn exports at most 90",
        ),
    ],
)
def test_a_file_that_cannot_be_loaded_is_named_and_the_others_are_loaded(
    home: House, content: bytes, export: str, told: str
) -> None:
    bad = pack(home.folder / "bad.csv", content)
    good = write(home, "good.csv", DAYS, 4, export)
    report = bring(home, bad, good, export=export)
    assert report.exit_code == 3
    assert told in why(report) and f"bad.csv: {export} of {ONE}" in why(report)
    assert keys(home, export) == truth(home, DAYS, 4, export)


def test_two_files_with_other_rows_of_the_same_days_are_not_loaded_and_others_are(home: House) -> None:
    one = write(home, "one.csv", DAYS, 6)
    two = pack(home.folder / "files" / "two.csv", one.read_bytes().replace(b"SAVED", b"LOST", 1) + ACTIVITIES[:0])
    two.write_bytes(two.read_bytes().rsplit(b"\n", 2)[0] + b"\n")
    three = write(home, "three.csv", 4, 1)
    report = bring(home, one, two, three)
    assert report.exit_code == 3
    assert sorted(one.file or "" for one in report.failed) == ["one.csv", "two.csv"]
    assert "has other rows of" in why(report) and "--full-refresh" in why(report)
    assert keys(home) == truth(home, 4, 1)


def test_files_that_share_days_with_equal_rows_are_no_contradiction(home: House) -> None:
    paths = [write(home, "one.csv", DAYS, 5), write(home, "copy.csv.gz", DAYS, 5), write(home, "two.csv", 6, 1)]
    report = bring(home, *paths)
    assert report.exit_code == 0 and [one.state for one in report.files] == ["repeated"]
    assert keys(home) == truth(home, DAYS, 1)


def daily(home: House, days: list[dt.date], form: str) -> list[Path]:
    """Writes a file for each day, which a form of strftime writes."""
    rows = {day: f"a-{day},SAVED_LEAD,{day.strftime(form)} 10:00:00,1\n".encode() for day in days}
    return [pack(home.folder / f"{day}.csv", ACTIVITIES + row) for day, row in rows.items()]


def test_daily_files_with_the_day_first_are_not_read_as_other_months(home: House) -> None:
    home.clock.turn(dt.date(2026, 6, 1))
    april = [dt.date(2026, 4, day) for day in range(1, 21)]
    paths = daily(home, april, "%d/%m/%Y")
    report = bring(home, *paths)
    assert report.exit_code == 3
    # the fourth of April is the same day in both orders
    sure = [april[3], *april[12:]]
    assert [day for (day,) in home.rows("SELECT activity_date FROM salesnav.activities ORDER BY 1")] == sure
    assert "2026-04-20.csv has the day first: give them by --start-date and --end-date" in why(report)
    # without the others nothing but the months that they would be spread over shows it
    alone = bring(home, *paths[:12])
    assert alone.exit_code == 3 and "may be read with the month first" in why(alone)
    for path, day in zip(paths, april, strict=True):
        again = Import([path], "activities", ONE, GivenDays(day, day))
        assert import_files(home.pipeline(), home.settings(), again, clock=Timer(home.clock)).exit_code == 0
    assert [day for (day,) in home.rows("SELECT activity_date FROM salesnav.activities ORDER BY 1")] == april


def test_rows_of_other_days_than_those_given_are_said_to_be(home: House) -> None:
    report = bring(home, write(home, "old.csv", DAYS, 8), days=(3, None))
    assert report.exit_code == 3 and "is of the days given" in why(report)


def test_a_day_that_has_not_come_is_a_day_read_wrongly(home: House) -> None:
    home.clock.turn(dt.date(2026, 6, 1))
    report = bring(home, *daily(home, [dt.date(2026, 4, 12)], "%d/%m/%Y"))
    assert report.exit_code == 3
    assert "it has rows of 2026-12-04, a day that has not come" in why(report)


def test_a_day_that_nothing_settles_is_read_as_documented_and_said(home: House) -> None:
    home.clock.turn(dt.date(2026, 6, 1))
    report = bring(home, *daily(home, [dt.date(2026, 3, 2)], "%m-%d-%Y"))
    assert report.exit_code == 0
    assert home.rows("SELECT activity_date FROM salesnav.activities") == [(dt.date(2026, 3, 2),)]
    assert any("have the month or the day first. They are read with the month first" in note for note in report.notes)


def test_days_that_fit_both_orders_and_rows_that_fit_one_each_leave_no_stack_trace(home: House) -> None:
    home.clock.turn(dt.date(2026, 6, 1))
    days = (b"13/04/2026", b"04/14/2026", b"04/05/2026")
    rows = b"".join(b"a%d,SAVED_LEAD,%s 10:00:00,1\n" % (n, day) for n, day in enumerate(days))
    report = bring(home, pack(home.folder / "mixed.csv", ACTIVITIES + rows))
    assert [one.rows_rejected for one in report.loaded] == [1]


def same_ids(home: House, back: int, number: int = 8) -> Path:
    """Writes a day of activities with ids that each day has, as where a count begins anew."""
    day = home.day(back)
    rows = [b"number-%d,SAVED_LEAD,%s 10:00:00,1\n" % (n, day.strftime("%m-%d-%Y").encode()) for n in range(number)]
    return pack(home.folder / f"{day}.csv", ACTIVITIES + b"".join(rows))


@pytest.mark.parametrize("at_once", [True, False])
def test_ids_that_come_again_each_day_take_no_row_from_another_day(home: House, at_once: bool) -> None:
    first, second = same_ids(home, 5), same_ids(home, 4)
    reports = [bring(home, first, second)] if at_once else [bring(home, first), bring(home, second)]
    assert reports[-1].exit_code == 3
    where = "in the file of another window" if at_once else "on other days of the warehouse"
    assert f"8 of 8 keys stand {where} with another time" in why(reports[-1])
    assert home.rows("SELECT activity_date, count(*) FROM salesnav.activities GROUP BY 1") == [(home.day(5), 8)]
    assert {one.window.last for one in reports[-1].failed} == {home.day(4)}
    forced = bring(home, second, max_rejected=1.0)
    assert forced.exit_code == 0
    assert home.rows("SELECT activity_date, count(*) FROM salesnav.activities GROUP BY 1") == [(home.day(4), 8)]
    assert "8 keys stand on other days of the warehouse, too" in str(home.rows("SELECT note FROM salesnav.export_jobs"))


def test_days_given_are_what_all_files_stand_for(home: House) -> None:
    paths = [write(home, "one.csv", 9, 8), write(home, "two.csv", 5, 4)]
    assert bring(home, *paths, days=(DAYS, 2)).exit_code == 0
    home.sync(exports=["activities"])
    # the day before is asked for, too, and not replaced
    assert windows(home.posts()) == {("activities", ONE): Days((Window(home.day(2), home.day(1)),))}


def test_days_between_files_are_left_open_where_a_file_could_not_be_read(home: House) -> None:
    paths = [write(home, "one.csv", 9, 8), pack(home.folder / "bad.csv", b""), write(home, "two.csv", 5, 4)]
    assert bring(home, *paths, days=(DAYS, 2)).exit_code == 3
    home.sync(exports=["activities"])
    asked = windows(home.posts())["activities", ONE]
    assert asked.contains(Window(home.day(7), home.day(6)))


def test_a_day_that_was_not_over_when_the_file_was_made_stays_open(home: House) -> None:
    path = write(home, "one.csv", 6, 3)
    made = dt.datetime.combine(home.day(3), dt.time(15), dt.timezone.utc).timestamp()
    os.utime(path, (made, made))
    report = bring(home, path)
    assert report.exit_code == 0 and [str(one.window) for one in report.open] == [str(home.day(3))]
    assert keys(home) == truth(home, 6, 4)


def test_a_file_that_unpacks_to_more_than_an_export_can_be_is_not_read(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed_files, "LARGEST_FILE", 10_000)
    for ending in ("zip", "csv.gz"):
        bomb = pack(home.folder / f"bomb.{ending}", ACTIVITIES + b"0" * 50_000)
        report = bring(home, bomb)
        assert report.exit_code == 3 and "larger than" in why(report)


def test_the_contract_is_checked_and_no_contract_is_made_up(home: House) -> None:
    path = write(home, "one.csv", 9, 8)
    with pytest.raises(ConfigurationError, match="neither the URN"):
        bring(home, path, contract="One")
    home.sync(exports=["seats"])
    assert bring(home, path, contract="One").exit_code == 0
    broken = home.folder / "broken.csv"
    broken.write_text("<html>")
    assert f"activities of One ({ONE}): " in render(bring(home, broken, contract=ONE))
    report = bring(home, write(home, "two.csv", 9, 8, contract=TWO), contract="urn:li:contract:77")
    assert any("none of the contracts that the warehouse knows" in note for note in report.notes)
    assert home.rows("SELECT count(*) FROM salesnav.contracts WHERE contract = 'urn:li:contract:77'") == [(0,)]


def test_personal_data_and_erased_seats_hold_for_files(home: House) -> None:
    path = write(home, "seats.csv", 5, 2, "seats")
    changes = {"personal_data": "pseudonymize", "pseudonym_key": "a key of sixteen letters"}
    assert bring(home, path, export="seats", **changes).exit_code == 0
    names = {one for (one,) in home.rows("SELECT DISTINCT email FROM salesnav.seats WHERE email IS NOT NULL")}
    assert names and all(len(one) == 64 for one in names)
    with pytest.raises(ConfigurationError, match="this warehouse was loaded with"):
        bring(home, path, export="seats")


def test_the_command_says_what_became_of_each_file(
    home: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "data"))
    write(home, "good.csv", DAYS, 4)
    (home.folder / "files" / "bad.csv").write_text("<html>")
    options = ["import", str(home.folder / "files"), "--as", "activities", "--database", str(tmp_path / "cli.duckdb")]
    assert main(options) == 2
    assert "--contract is missing" in capsys.readouterr().err
    options += ["--contract", "1", "--report-json", str(tmp_path / "report.json")]
    assert main([*options, "--plan"]) == 3
    out, _ = capsys.readouterr()
    assert "2 files: 1 to load, 1 not loaded." in out and "Nothing was changed." in out
    assert not (tmp_path / "cli.duckdb").exists()
    assert main(options) == 3
    out, _ = capsys.readouterr()
    assert "2 files: 1 loaded, 1 not loaded." in out and "bad.csv: activities of urn:li:contract:1: " in out
    report = json.loads((tmp_path / "report.json").read_text())
    assert_fits(report, load_schema())
    assert [(one["state"], Path(one["file"]).name) for one in report["files"]] == [("failed", "bad.csv")]
    assert [(one["outcome"], one["file"]) for one in report["windows"]] == [("loaded", "good.csv")]
    (home.folder / "files" / "bad.csv").unlink()
    assert main([*options, "--quiet"]) == 0
    assert capsys.readouterr().out == ""


TSteps = tuple[tuple[str, int, int], ...]
ORDERS: tuple[TSteps, ...] = (
    (("file", 8, 4), ("job", 6, 2), ("file", 10, 7)),
    (("job", 5, 3), ("file", 10, 2), ("file", 7, 1)),
)
"""Files and jobs, each with its first and last day back."""


@pytest.mark.parametrize("export", list(EXPORTS))
@pytest.mark.parametrize("steps", ORDERS, ids=["file-first", "job-first"])
def test_files_and_jobs_in_any_order_end_in_the_same_rows(home: House, export: str, steps: TSteps) -> None:
    for number, (kind, first, last) in enumerate(steps):
        if kind == "file":
            path = write(home, f"{number}.csv", first, last, export)
            assert (report := bring(home, path, export=export, days=(first, last))).exit_code == 0, why(report)
        else:
            home.sync(exports=[export], start_date=str(home.day(first)), end_date=str(home.day(last)))
    home.sync(exports=[export])
    home.assert_truth(exports=[export])

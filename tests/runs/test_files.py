"""What LinkedIn's files may hold, through whole runs: read rightly, or the row is rejected with a reason."""

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from salesnav_source.days.windows import Window
from salesnav_source.run.text import render
from salesnav_source.run.upkeep.status import collect
from salesnav_source.run.upkeep.status_text import render as render_status
from salesnav_source.sandbox import ContractSpec, Fault, faults
from salesnav_source.sandbox import transforms as to
from salesnav_source.schema import EXPORTS

from .house import NAMES, ONE, TWO, House, house

pytestmark = pytest.mark.long(
    "each is a whole run or two, 2 s of CPU; what is made of each form is tested in tests/reader",
    but=(
        "bom-and-crlf",
        "gzip-file",
        "test_rows_that_cannot_be_read_are_rejected_with_line_and_reason",
        "test_a_file_with_nothing_but_a_header_clears_no_loaded_days_unless_they_are_asked_for_again",
        "half-of-the-times",
        "test_a_value_that_cannot_be_read_costs_the_value",
    ),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def when(text: str) -> dt.datetime:
    """Returns the time that a file of LinkedIn's tells."""
    return dt.datetime.strptime(text, "%m-%d-%Y %H:%M:%S").replace(tzinfo=dt.timezone.utc)


def iso(text: str, minutes: int = 0) -> str:
    """Returns a time as ISO 8601 has it, so many minutes before UTC."""
    return when(text).astimezone(dt.timezone(dt.timedelta(minutes=minutes))).isoformat(timespec="milliseconds")


SPELLINGS = {
    "activityId": "Activity ID",
    "activityType": "ACTIVITY_TYPE",
    "createdAt": "created at",
    "seatId": "seat-id",
    "memberIdentityKey": "member.identity.key",
    "date": "snapshotDate",
    "ssiBrand": "brandScore",
    "totalConnections": "connection_count",
    "email": "E-Mail Address",
}
FORMS: dict[str, Fault] = {
    "bom-and-crlf": faults.content(to.compose(to.crlf, to.add_bom)),
    "order-and-spellings": faults.content(to.compose(to.shuffle_columns(7), to.rename_columns(SPELLINGS))),
    "no-final-newline": faults.content(to.no_final_newline),
    "gzip-encoding": faults.gzip_download(),
    "gzip-file": faults.gzip_file(),
    "duplicate-headers": faults.content(to.extra_columns({"activityId": "x", "seatId": "7", "createdAt": "y"})),
    "rows-twice": faults.content(to.repeat_rows(every=2)),
    "iso-times": faults.content(to.map_column("createdAt", lambda text: iso(text))),
    "times-elsewhere": faults.content(to.map_column("createdAt", lambda text: iso(text, 330))),
    "epoch-times": faults.content(to.map_column("createdAt", lambda text: f"{when(text).timestamp() * 1000:.0f}")),
    "thousands": faults.content(to.map_column("totalConnections", lambda text: f"{int(text):,}" if text else "N/A")),
    "header-again": faults.content(to.repeat_header(before_row=3)),
    "header-again-uncounted": faults.content(to.repeat_header(before_row=3), call="download"),
    "utf-16": faults.content(lambda records: [b"".join(records).decode().encode("utf-16")], call="download"),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_a_file_make_no_difference(home: House, form: str) -> None:
    home.sandbox.add_fault(FORMS[form].where(times=None))
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert home.rows("SELECT count(*) FROM salesnav.rejected_rows") == [(0,)]
    assert len(home.posts()) == 6
    if form == "rows-twice":
        assert "rows were in their file twice and were loaded once" in render(report)
        told = home.rows("SELECT sum(row_count - rows_loaded) = sum(rows_repeated) FROM salesnav.export_jobs")
        assert told == [(True,)]


def test_undocumented_columns_are_kept_also_when_they_come_later(home: House) -> None:
    home.sandbox.add_fault(
        faults.content(to.extra_columns({"Team Name": "Alpha", "2nd": ""})).where(export="seats", contract=ONE)
    )
    home.sync(end_date=str(home.day(3)))
    assert home.rows("SELECT DISTINCT contract, team_name FROM salesnav.seats ORDER BY 1") == [
        (ONE, "Alpha"),
        (TWO, None),
    ]
    home.sandbox.add_fault(
        faults.content(to.extra_columns({"sourceApp": "mobile"})).where(export="activities", times=None)
    )
    home.sync()
    home.assert_truth()
    found = home.rows(
        "SELECT source_app, min(activity_date), max(activity_date) FROM salesnav.activities GROUP BY 1 ORDER BY 1"
    )
    # day 3 is read again with the new days, and its newer rows are loaded
    assert found == [("mobile", home.day(3), home.day(1)), (None, home.first_day, home.day(4))]
    home.clock.next_day()
    home.sandbox.clear_faults()
    home.sync()
    home.assert_truth()


def test_rows_that_cannot_be_read_are_rejected_with_line_and_reason(home: House) -> None:
    spoil = to.compose(
        to.newlines_in_values("memberIdentityKey", 1),
        to.short_row(2, fields=3),
        to.long_row(3),
        to.set_value("seatId", "many", 4),
        to.set_value("createdAt", "03/01/2026 00:00:00", 5),
        to.set_value("activityId", "", 6),
        to.set_value("memberIdentityKey", 'He said "hello, world"', 7),
        to.set_value("memberIdentityKey", "x" * 300_000, 8),
        to.repeat_header(before_row=12),
        to.corrupt(9, b"\xff\xfe"),
        to.corrupt(10, b"\x00"),
    )
    home.sandbox.add_fault(faults.content(spoil).where(export="activities", contract=ONE))
    report = home.sync(max_rejected=0.5)
    assert not report.not_loaded
    (job,) = [job for job in home.sandbox.jobs if (job.export, job.contract) == ("activities", ONE)]
    rows = job.file.rows()
    rejected = {line: (reason, row) for line, reason, row in home.rows(
        "SELECT line_number, reason, row FROM salesnav.rejected_rows"
    )}  # fmt: skip
    # the value of row 1 has a line end, so that row n is on line n + 2
    # the day with slashes is one of those asked for, so row 5 is read
    assert set(rejected) - {11, 12} == {4, 5, 6, 8}
    assert "seat_id" in rejected[6][0].lower() or "seatid" in rejected[6][0].lower()
    assert "many" in rejected[6][1]
    assert rows[1]["activity_id"] in rejected[4][1]
    assert all(reason and row for reason, row in rejected.values())
    kept = [row for number, row in enumerate(rows, 1) if number + 2 not in rejected and number + 2 < 11]
    kept += [row for number, row in enumerate(rows, 1) if number > 10]
    found = home.rows(f"SELECT activity_id FROM salesnav.activities WHERE contract = '{ONE}'")
    assert {row["activity_id"] for row in kept} <= {name for (name,) in found}
    values = dict(
        home.rows(f"SELECT activity_id, member_identity_key FROM salesnav.activities WHERE contract = '{ONE}'")
    )
    assert values[rows[0]["activity_id"]] == f"{rows[0]['member_identity_key'] or ''}\nsecond line"
    assert values[rows[6]["activity_id"]] == 'He said "hello, world"'
    assert values[rows[7]["activity_id"]] == "x" * 300_000
    told = home.jobs(f"job_id = {job.id} AND export = 'activities' AND contract = '{ONE}'")[0]
    # the header that is repeated is no row, whether or not LinkedIn counts it
    assert told["row_count"] == len(rows) + 1 == told["rows_loaded"] + told["rows_rejected"] + 1
    assert told["rows_rejected"] == len(rejected)
    assert "Rejected rows are in the table rejected_rows" in render(report)
    home.assert_truth(exports=["activity_outcomes", "seats"])


def test_a_second_reading_replaces_what_was_rejected_before(home: House) -> None:
    home.sandbox.add_fault(faults.content(to.short_row(1, 3)).where(export="activities", contract=ONE))
    home.sync(start_date=str(home.day(1)))
    home.clock.next_day()
    home.sync(start_date=str(home.day(2)))
    home.assert_truth([Window(home.day(2), home.day(1))])
    assert home.rows("SELECT count(*) FROM salesnav.rejected_rows") == [(1,)]


@pytest.mark.parametrize("how", ["dropped", "empty"])
def test_optional_columns_may_be_absent_or_empty(home: House, how: str) -> None:
    columns = {"activities": "memberIdentityKey", "activity_outcomes": "seatId", "seats": "ssiBrand"}
    names = {"activities": ["member_identity_key"], "activity_outcomes": ["seat_id"], "seats": ["ssi_brand"]}
    for export, column in columns.items():
        change = to.drop_columns(column) if how == "dropped" else to.set_value(column, "", row=None)
        home.sandbox.add_fault(faults.content(change).where(export=export, times=None))
    assert not home.sync().not_loaded
    home.assert_truth(blank=names)


def test_na_and_null_are_values_and_quoted_empty_is_null(home: House) -> None:
    change = to.compose(
        to.set_value("memberIdentityKey", "NA", 1),
        to.set_value("memberIdentityKey", "null", 2),
        to.set_value("memberIdentityKey", "", 3),
        to.quote_all,
    )
    home.sandbox.add_fault(faults.content(change).where(export="activities", contract=ONE))
    home.sync(exports=["activities"])
    rows = home.sandbox.jobs[[job.contract for job in home.sandbox.jobs].index(ONE)].file.rows()
    values = dict(
        home.rows(f"SELECT activity_id, member_identity_key FROM salesnav.activities WHERE contract = '{ONE}'")
    )
    assert [values[row["activity_id"]] for row in rows[:3]] == ["NA", "null", None]


def test_outcomes_without_a_date_read_again_are_not_doubled(home: House) -> None:
    home.sandbox.add_fault(faults.content(to.drop_columns("createdAt")).where(export="activity_outcomes", times=None))
    for _ in range(3):
        home.sync()
        home.assert_truth(blank={"activity_outcomes": ["created_at", "outcome_date"]})
        home.clock.next_day()


def test_seats_without_a_date_are_of_the_day_that_was_asked_for(home: House) -> None:
    home.sandbox.add_fault(faults.content(to.drop_columns("date")).where(export="seats", times=None))
    home.sync(exports=["seats"], start_date=str(home.yesterday))
    found = home.rows(
        "SELECT snapshot_date, contract, count(*), count(DISTINCT seat_id) FROM salesnav.seats GROUP BY ALL"
    )
    assert sorted((day, rows, seats) for day, _, rows, seats in found) == [
        (home.yesterday, 3, 3),
        (home.yesterday, 4, 4),
    ]


def test_seats_without_a_date_over_several_days_are_not_made_up(home: House) -> None:
    home.sandbox.add_fault(faults.content(to.drop_columns("date")).where(export="seats", times=None))
    report = home.sync(exports=["seats"])
    assert report.exit_code == 3
    assert all("does not show the day" in one.reason for one in report.failed), report.failed
    assert home.rows("SELECT count(*) FROM salesnav.seats") == [(0,)]


def test_a_file_with_nothing_but_a_header_clears_no_loaded_days_unless_they_are_asked_for_again(home: House) -> None:
    home.sync()
    for export in NAMES:
        home.world.withdraw(export, TWO, lambda row: True)
    before = home.rows(f"SELECT count(*) FROM salesnav.activities WHERE contract = '{TWO}'")
    home.clock.next_day()
    report = home.sync()
    assert {one.contract for one in report.failed} == {TWO}
    assert home.rows(f"SELECT count(*) FROM salesnav.activities WHERE contract = '{TWO}'") == before
    assert home.sync(full_refresh=True).exit_code == 0
    assert home.rows(f"SELECT count(*) FROM salesnav.activities WHERE contract = '{TWO}'") == [(0,)]


def test_a_job_without_rows_may_name_no_file(tmp_path: Path) -> None:
    with house(tmp_path, days=3, activities=0.0) as home:
        home.sandbox.add_fault(faults.omit("downloadUrl").where(export="activities", times=None))
        report = home.sync(exports=["activities"])
        assert not report.not_loaded
        assert not home.calls("download")
        home.assert_truth(exports=["activities"])


OTHER_FORMS = {
    "half-of-the-times": (
        to.edit_fields(lambda fields, _, number: [*fields[:2], "yesterday", *fields[3:]] if number % 2 else fields),
        "created_at",
        "like 'a'",
    ),
    "seats-as-names": (to.map_column("seatId", lambda text: f"urn:{text}"), "seat_id", "like 'a:9"),
    "a-field-more": (to.edit_fields(lambda fields, _, number: [*fields, "x"] if number else fields), "6 fields", ""),
}


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_a_file_of_another_form_fails_and_replaces_nothing(home: House, form: str) -> None:
    change, column, example = OTHER_FORMS[form]
    home.sync()
    first = home.first_day
    home.clock.next_day()
    home.sandbox.add_fault(faults.content(change).where(export="activities", times=None))
    report = home.sync(start_date=str(first))
    assert {window.export for window in report.failed} == {"activities"}
    assert all(column in window.reason and example in window.reason for window in report.failed)
    assert "Incomplete" in render(report) and "max_rejected" in render(report)
    gone = {("activities", contract): [Window(home.day(1), home.day(1))] for contract in (ONE, TWO)}
    home.assert_truth([Window(first, home.day(1))], missing=gone)
    jobs = len(home.sandbox.jobs)
    home.sandbox.clear_faults()
    assert not home.sync(start_date=str(first)).not_loaded
    assert len(home.sandbox.jobs) > jobs
    home.assert_truth([Window(first, home.day(1))])


def test_a_file_of_few_rows_and_of_another_form_replaces_nothing(tmp_path: Path) -> None:
    small = (ContractSpec(ONE, "One", None, seats=1),)
    with house(tmp_path, days=4, specs=small, contracts=[ONE], activities=2.0) as home:
        home.sync()
        first = home.first_day
        home.clock.next_day()
        days = to.map_column("date", lambda text: "yesterday")
        home.sandbox.add_fault(faults.content(days).where(export="seats", times=None))
        home.sandbox.add_fault(
            faults.content(OTHER_FORMS["half-of-the-times"][0]).where(export="activities", times=None)
        )
        before = {name: home.rows(f"SELECT * FROM salesnav.{name} ORDER BY ALL") for name in ("seats", "activities")}
        assert {window.export for window in home.sync(start_date=str(first)).failed} == {"seats", "activities"}
        assert before == {name: home.rows(f"SELECT * FROM salesnav.{name} ORDER BY ALL") for name in before}


def test_more_may_be_rejected_if_that_is_configured(home: House) -> None:
    home.sandbox.add_fault(faults.content(OTHER_FORMS["half-of-the-times"][0]).where(export="activities", times=None))
    assert not home.sync(exports=["activities"], max_rejected=0.6).not_loaded
    assert home.rows("SELECT count(*) > 10 FROM salesnav.rejected_rows") == [(True,)]


def test_a_value_that_cannot_be_read_costs_the_value(home: House) -> None:
    change = to.compose(to.set_value("totalConnections", "many", 1), to.set_value("ssi", "very high", 1))
    home.sandbox.add_fault(faults.content(change).where(export="seats", contract=ONE))
    report = home.sync()
    assert not report.not_loaded
    assert "2 values could not be read" in render(report)
    found = home.rows("SELECT export, line_number, reason FROM salesnav.rejected_rows ORDER BY reason")
    assert [(export, line, reason.split(" is not ")[0]) for export, line, reason in found] == [
        ("seats", 2, "ssi"),
        ("seats", 2, "total_connections"),
    ]
    told = home.rows("SELECT rows_rejected, values_rejected FROM salesnav.export_jobs ORDER BY 2 DESC")
    assert told == [(0, 2), *[(0, 0)] * 5]
    (job,) = [job for job in home.sandbox.jobs if (job.export, job.contract) == ("seats", ONE)]
    row = next(iter(job.file.rows()))
    where = f"seat_id = {row['seat_id']} AND snapshot_date = '{row['snapshot_date']}' AND contract = '{ONE}'"
    assert home.rows(f"SELECT total_connections, ssi, email FROM salesnav.seats WHERE {where}") == [
        (None, None, row["email"])
    ]
    home.assert_truth(exports=["activities", "activity_outcomes"])
    home.sync()
    assert len(home.posts()) == 6


def test_a_seat_that_was_never_activated_has_no_values(home: House) -> None:
    blank = ("ssi", "ssiBrand", "ssiFind", "ssiEngage", "ssiBuild", "totalConnections")
    change = to.compose(*(to.set_value(name, "N/A", None) for name in blank))
    home.sandbox.add_fault(faults.content(change).where(export="seats", times=None))
    assert not home.sync().not_loaded
    columns = ["ssi", "ssi_brand", "ssi_find", "ssi_engage", "ssi_build", "total_connections"]
    home.assert_truth(blank={"seats": columns})
    assert home.rows("SELECT count(*) FROM salesnav.rejected_rows") == [(0,)]


def test_a_footer_is_told_and_fails_nothing(home: House) -> None:
    def with_footer(records: Iterable[bytes]) -> Iterable[bytes]:
        whole = list(records)
        return [*whole, b"Total rows: %d\n" % (len(whole) - 1)]

    home.sandbox.add_fault(
        faults.content(with_footer, call="download").where(export="activities", contract=ONE, times=None)
    )
    report = home.sync()
    assert not report.not_loaded
    home.assert_truth()
    assert len(home.posts()) == 6
    ((rows, line),) = home.rows(
        "SELECT row_count, line_number FROM salesnav.rejected_rows JOIN salesnav.export_jobs ON export_job_id = job_id"
    )
    assert line == rows + 2
    assert f"line {line}: the row has 1 fields" in render(report)
    assert home.rows("SELECT count(*) FROM salesnav.export_jobs WHERE note LIKE '%surplus rows%'") == [(1,)]


def test_columns_that_come_and_go_are_told_once(home: House) -> None:
    home.sync()
    rename = faults.content(to.rename_columns({"ssiBrand": "brandPoints"})).where(export="seats", times=None)
    home.sandbox.add_fault(rename)
    home.clock.next_day()
    first = home.first_day
    report = home.sync(start_date=str(first))
    assert not report.not_loaded
    assert (
        f"The columns of seats of One ({ONE}), Two ({TWO}) have changed: ssi_brand gone; brandPoints new."
        in report.notes
    )
    assert "add that spelling" in render(report)
    status = collect("house", home.settings(start_date=str(first)), str(home.folder / "machine"), home.clock())
    changed = {(one["export"], one["contract"]): one["columns_changed"] for one in status["exports"]}
    # the days that were read again have the new column
    on = str(home.day(4))
    assert changed["seats", ONE] == {"on": on, "gone": ["ssi_brand"], "come": ["brandPoints"]}
    assert changed["activities", ONE] is None
    assert f"seats of One ({ONE}), on {on}: ssi_brand gone; brandPoints new" in render_status(status)
    covered = {(one["export"], one["contract"]): one["covered"] for one in status["exports"]}
    assert covered["seats", ONE] == [{"first": str(first), "last": str(home.yesterday), "days": 11}]
    home.clock.next_day()
    assert not [note for note in home.sync(start_date=str(first)).notes if "columns" in note]
    home.sandbox.clear_faults()
    home.clock.next_day()
    told = [note for note in home.sync(start_date=str(first)).notes if "brandPoints gone; ssi_brand new" in note]
    assert len(told) == 1 and ONE in told[0] and TWO in told[0]


def test_columns_in_duckdb_have_their_descriptions_as_comments(home: House) -> None:
    home.sync()
    found = home.rows(
        "SELECT column_name, comment FROM duckdb_columns()"
        " WHERE schema_name = 'salesnav' AND table_name = 'activity_outcomes'"
    )
    described = {column.name: column.description for column in EXPORTS["activity_outcomes"].columns}
    assert {name: comment for name, comment in found if name in described} == described
    assert any("'" in comment for comment in described.values())

"""What LinkedIn's files may hold, through whole runs: read rightly, or the row is rejected with a reason."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from salesnav_source.report import render
from salesnav_source.sandbox import Fault, faults
from salesnav_source.sandbox import transforms as to
from salesnav_source.windows import Window

from .house import NAMES, ONE, TWO, House, house


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


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
        assert "rows came twice in their file and were loaded once" in render(report)
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
    assert found == [("mobile", home.day(2), home.day(1)), (None, home.first_day, home.day(3))]
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
    assert set(rejected) - {11, 12} == {4, 5, 6, 7, 8}
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


def test_na_null_and_quoted_empty_are_values(home: House) -> None:
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
    assert [values[row["activity_id"]] for row in rows[:3]] == ["NA", "null", ""]


def test_outcomes_without_a_date_read_again_are_not_doubled(home: House) -> None:
    home.sandbox.add_fault(faults.content(to.drop_columns("createdAt")).where(export="activity_outcomes", times=None))
    for _ in range(3):
        home.sync()
        home.assert_truth(blank={"activity_outcomes": ["created_at"]})
        home.clock.next_day()


def test_seats_without_a_date_bear_the_last_day_of_their_window(home: House) -> None:
    home.sandbox.add_fault(faults.content(to.drop_columns("date")).where(export="seats", times=None))
    for days in (1, 2):
        home.sync(exports=["seats"])
        found = home.rows(
            "SELECT snapshot_date, contract, count(*), count(DISTINCT seat_id) FROM salesnav.seats GROUP BY ALL"
        )
        assert Counter((rows, seats) for _, _, rows, seats in found) == {(4, 4): days, (3, 3): days}
        assert max(day for day, *_ in found) == home.yesterday
        home.clock.next_day()


def test_a_file_with_nothing_but_a_header_clears_its_days(home: House) -> None:
    home.sync()
    for export in NAMES:
        home.world.withdraw(export, TWO, lambda row: True)
    home.clock.next_day()
    home.sync()
    left = home.rows(f"SELECT max(activity_date) FROM salesnav.activities WHERE contract = '{TWO}'")
    assert left[0][0] < home.day(4)


def test_a_job_without_rows_may_name_no_file(tmp_path: Path) -> None:
    with house(tmp_path, days=3, activities=0.0) as home:
        home.sandbox.add_fault(faults.omit("downloadUrl").where(export="activities", times=None))
        report = home.sync(exports=["activities"])
        assert not report.not_loaded
        assert not home.calls("download")
        home.assert_truth(exports=["activities"])

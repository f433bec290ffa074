"""`salesnav inspect`: what a file has, without its values."""

import gzip
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.cli import main
from salesnav_source.cli.inspect import shape
from salesnav_source.linkedin.guesses import GUESSES

SEATS = """Seat ID,date,email,SSI,totalConnections,Team,Team
123456,03-01-2026,ada.lovelace@example.com,67.25,"1,234",Secret Squad,x
123457,2026-03-02,zoe@example.com,N/A,many,Secret Squad,x
123458,03 of 2026,,5,,,
Seat ID,date,email,SSI,totalConnections,Team,Team
Total,3
"""


def said(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    """Returns the exit code of the command, and what it wrote."""
    code = main(["inspect", *options])
    out, err = capsys.readouterr()
    return code, out, err


def test_tells_what_a_file_has_and_shows_no_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file.csv"
    path.write_text(SEATS)
    code, out, _ = said(capsys, str(path))
    assert code == 0
    lines = {line.split()[0]: " ".join(line.split()) for line in out.splitlines() if line}
    assert "4 rows, compared with seats" in out
    assert lines["seat_id"] == "seat_id bigint Seat ID 3 1234"
    assert lines["snapshot_date"].endswith("1 MM-DD-YYYY; 1 YYYY-MM-DD; 1 cannot be read, like '99 a 9999' 1")
    assert lines["ssi"] == "ssi double SSI 2 1234.5; 1 no value"
    assert lines["total_connections"].endswith("1 1,234; 1 cannot be read, like 'a' 1; 1 empty")
    assert "'a.a@a.a' 1" in lines["email"] and "'a@a.a' 1" in lines["email"]
    assert lines["seat_status"] == "seat_status text missing"
    assert out.count("(unknown)") == 2 and "Team" in out
    assert "1 rows cannot be loaded: the row has 2 fields, the header has 7." in out
    assert "The header is in the file 1 more times." in out
    for value in ("123456", "03-01", "lovelace", "example", "67", "Squad", "many", "Total"):
        assert value not in out


def test_the_export_may_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file.csv"
    path.write_text("activityId,activityType,createdAt,seatId\na,T,2026-03-01T10:00:00Z,5\n")
    code, out, _ = said(capsys, str(path))
    assert code == 0 and "compared with activities" in out and "1 YYYY-MM-DDTHH:MM:SSZ (ISO 8601)" in out
    code, out, _ = said(capsys, str(path), "--export", "activity_outcomes")
    assert code == 0 and "compared with activity_outcomes" in out
    path.write_text("activityId,createdAt,seatId\na,2026-03-01T10:00:00Z,5\n")
    code, out, _ = said(capsys, str(path), "--export", "activities")
    assert code == 2 and "Without activity_type the file cannot be loaded." in out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a-1,SAVED_LEAD,02-29-2024 23:59:59,5,-77\n", "not the header of any known export"),
        (b"<html>SAVED_LEAD</html>", "a page of HTML"),
        (b'{"name": "SAVED_LEAD"}', "a message in JSON"),
        (b"PK\x03\x04SAVED_LEAD", "a zip archive"),
        (b"activityId;activityType;createdAt;seatId\na;SAVED_LEAD;x;5\n", "separated by semicolons"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_export_is_called_by_its_name_and_not_shown(
    content: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    code, out, err = said(capsys, str(path))
    assert code == 2
    assert told in out + err
    assert "SAVED_LEAD" not in out + err


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, str(tmp_path / "none.csv"))
    assert code == 2 and "cannot be read" in err


def seats(
    header: str = "date", form: str = "%m-%d-%Y", connections: str = "512", name: bytes = b"x", days: int = 3
) -> bytes:
    """Returns a file of two seats, the first days of March."""
    rows = [
        f'{seat},{date(2026, 3, 1 + day):{form}},"{connections}",{day}'.encode() + name
        for day in range(days)
        for seat in (1, 2)
    ]
    return b"\n".join([f"seatId,{header},totalConnections,firstName".encode(), *rows, b""])


OUTCOMES = b"activityId,activityType,createdAt\n"
ACTIVITIES = b"activityId,activityType,createdAt,seatId\n"


@pytest.mark.parametrize(
    ("content", "guess", "verdict"),
    [
        (seats(), "seats_are_daily", "confirmed"),
        (seats("calendarDate"), "seats_are_daily", "refuted"),
        (seats("week", "week"), "seats_are_daily", "refuted"),
        (seats("week", "week", days=1), "seats_are_daily", "not shown"),
        (seats(days=0), "seats_are_daily", "not shown"),
        (OUTCOMES, "seats_are_daily", "not shown"),
        (seats(), "day_is_the_day", "confirmed"),
        (seats("createdAt,calendarDate", "05-05-2020,%m-%d-%Y"), "day_is_the_day", "refuted"),
        (seats("calendarDate"), "day_is_the_day", "not shown"),
        (seats(), "month_first", "confirmed"),
        (seats(form="%d-%m-%Y"), "month_first", "refuted"),
        (seats(form="%Y-%m-%d"), "month_first", "not shown"),
        (seats(days=0), "month_first", "not shown"),
        (seats(connections="1,234"), "marks_of_numbers", "confirmed"),
        (seats(connections="1.234"), "marks_of_numbers", "refuted"),
        (seats(connections="1.000"), "marks_of_numbers", "not shown"),
        (seats(), "marks_of_numbers", "not shown"),
        (seats(name="é".encode()), "text_is_utf8", "confirmed"),
        (seats(name=b"\xe9"), "text_is_utf8", "refuted"),
        (seats(), "text_is_utf8", "not shown"),
        (seats("date,shoeSize", "%m-%d-%Y,1"), "spellings", "not shown"),
        (seats(), "spellings", "confirmed"),
        (seats(), "keys_are_unique", "confirmed"),
        (seats() + seats().split(b"\n")[1] + b"\n", "keys_are_unique", "refuted"),
        (seats(days=0), "keys_are_unique", "not shown"),
        (OUTCOMES + b"a,T,03-02-2026 10:00:00\n", "outcomes_lie_in_their_days", "confirmed"),
        (OUTCOMES + b"a,T,04-02-2026 10:00:00\n", "outcomes_lie_in_their_days", "refuted"),
        (OUTCOMES, "outcomes_lie_in_their_days", "not shown"),
        (
            ACTIVITIES + b"a,T,03-01-2026 00:10:00,5\nb,T,03-03-2026 23:55:00,5\n",
            "days_end_at_midnight_utc",
            "confirmed",
        ),
        (ACTIVITIES + b"a,T,03-01-2026 08:10:00,5\nb,T,03-04-2026 07:55:00,5\n", "days_end_at_midnight_utc", "refuted"),
        (ACTIVITIES + b"a,T,03-01-2026 08:10:00,5\n", "days_end_at_midnight_utc", "not shown"),
        (gzip.compress(seats()), "files_are_compressed_once", "confirmed"),
        (gzip.compress(gzip.compress(seats())), "files_are_compressed_once", "refuted"),
        (seats(), "interval_ends_with_a_day", "not shown"),
    ],
)
def test_says_what_a_file_shows_of_a_guess(
    content: bytes, guess: str, verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    _, out, _ = said(capsys, str(path), "--start-date", "2026-03-01", "--end-date", "2026-03-03")
    text = " ".join(out.split())
    what = GUESSES[guess].what
    if GUESSES[guess].in_file:
        assert f"{verdict} {what}: " in text
    else:
        assert what in text.partition("a single file cannot show it: ")[2]
    assert "01-2026" not in out and "1.234" not in out


def test_without_its_days_a_file_shows_less(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(seats(form="%d-%m-%Y"))
    code, out, _ = said(capsys, str(path))
    assert code == 0 and "give --start-date and --end-date to tell" in " ".join(out.split())


def test_a_file_whose_window_would_fail_ends_with_another_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(seats("week", "week", connections="5").replace(b'"5",1', b'"6",1'))
    assert said(capsys, str(path))[0] == 2


@pytest.mark.parametrize("days", [("2026-03-01", "2026-02-01"), ("March", "2026-03-03")])
def test_days_that_are_none_are_refused(
    days: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(seats())
    code, _, err = said(capsys, str(path), "--start-date", days[0], "--end-date", days[1])
    assert code == 2 and "--end-date" in err


@given(st.text())
def test_a_shape_has_no_letters_or_digits_of_the_text(text: str) -> None:
    assert not {one for one in shape(text, True) if one.isalnum()} - {"a", "9"}

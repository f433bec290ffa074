"""`salesnav inspect`: what a file has, without its values."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.cli import main
from salesnav_source.cli.inspect import shape

SEATS = """Seat ID,date,email,SSI,totalConnections,Team,Team
123456,03-01-2026,ada.lovelace@example.com,67.25,"1,234",Secret Squad,x
123457,2026-03-02,zoe@example.com,N/A,many,Secret Squad,x
123458,01/03/2026,,5,,,
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
    assert "4 rows, held against seats" in out
    assert lines["seat_id"] == "seat_id bigint Seat ID 3 1234"
    assert lines["snapshot_date"].endswith("1 MM-DD-YYYY; 1 YYYY-MM-DD; 1 cannot be read, like '99/99/9999' 1")
    assert lines["ssi"] == "ssi double SSI 2 1234.5; 1 no value"
    assert lines["total_connections"].endswith("1 1,234; 1 cannot be read, like 'a' 1; 1 empty")
    assert "'a.a@a.a' 1" in lines["email"] and "'a@a.a' 1" in lines["email"]
    assert lines["seat_status"] == "seat_status text missing"
    assert out.count("(unknown)") == 2 and "Team" in out
    assert "1 rows cannot be loaded: the row has 2 fields, the header has 7." in out
    assert "The header stands in the file 1 times more." in out
    for value in ("123456", "03-01", "lovelace", "example", "67", "Squad", "many", "Total"):
        assert value not in out


def test_the_export_may_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file.csv"
    path.write_text("activityId,activityType,createdAt,seatId\na,T,2026-03-01T10:00:00Z,5\n")
    code, out, _ = said(capsys, str(path))
    assert code == 0 and "held against activities" in out and "1 YYYY-MM-DDTHH:MM:SSZ (ISO 8601)" in out
    code, out, _ = said(capsys, str(path), "--export", "activity_outcomes")
    assert code == 0 and "held against activity_outcomes" in out
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
        (b"activityId;activityType;createdAt;seatId\na;SAVED_LEAD;x;5\n", "divided by semicolons"),
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


@given(st.text())
def test_a_shape_has_no_letters_or_digits_of_the_text(text: str) -> None:
    assert not {one for one in shape(text, True) if one.isalnum()} - {"a", "9"}

"""Faults of files: their columns, values, quotes and compression."""

import csv
import datetime as dt
import gzip
import io
import re
from typing import Any

import pytest

from salesnav_source.sandbox import FAULTS, World, parse_fault
from salesnav_source.sandbox import faults as f

URN = "urn:li:contract:1"
STAMP = "%m-%d-%Y %H:%M:%S"
SEATS = 40
"""Rows of a file of seats: four seats, ten days."""


def fetched(serve: Any, *faults: f.Fault, export: str = "seats") -> bytes:
    """Returns the file of a job, whose rows the job has counted rightly."""
    client = serve(*faults)
    return client.download(client.completed(export=export)).content


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(errors="surrogateescape"), newline="")))


def column(content: bytes, name: str) -> list[str]:
    return [row[name] for row in table(content)]


@pytest.mark.parametrize(
    ("fault", "header"),
    [
        ("unknown-day-header", "calendarDate"),
        ("unknown-day-header=Stichtag", "Stichtag"),
        ("foreign-day-header", "日付"),
        ("unnamed-day-header", ""),
    ],
)
def test_the_day_stands_under_another_header(serve: Any, fault: str, header: str) -> None:
    whole, changed = fetched(serve), fetched(serve, parse_fault(fault))
    assert column(changed, header) == column(whole, "date")
    assert "date" not in table(changed)[0]
    assert fetched(serve, parse_fault(fault), export="activities") == fetched(serve, export="activities")


def test_created_at_is_when_the_seat_was_made(serve: Any) -> None:
    whole, changed = fetched(serve), fetched(serve, f.seat_created_at())
    assert column(changed, "calendarDate") == column(whole, "date")
    made = {(row["seatId"], row["createdAt"]) for row in table(changed)}
    assert len(made) == len({seat for seat, _ in made}) == 4
    assert all(dt.datetime.strptime(when, STAMP) < dt.datetime(2025, 1, 1) for _, when in made)


def test_created_at_may_be_all_that_there_is(serve: Any) -> None:
    rows = table(fetched(serve, f.seat_created_at_alone()))
    assert len(rows) == len({row["seatId"] for row in rows}) == 4
    assert all("date" not in row and row["createdAt"] for row in rows)


@pytest.mark.parametrize(
    ("fault", "form"),
    [
        ("day-first-dates", "%d-%m-%Y %H:%M:%S"),
        ("slash-dates", "%m/%d/%Y %H:%M:%S"),
        ("day-first-slash-dates", "%d/%m/%Y %H:%M:%S"),
        ("iso-dates", "%Y-%m-%d %H:%M:%S"),
    ],
)
@pytest.mark.parametrize(("export", "name"), [("activities", "createdAt"), ("seats", "date")])
def test_timestamps_have_another_form(serve: Any, fault: str, form: str, export: str, name: str) -> None:
    whole, changed = fetched(serve, export=export), fetched(serve, parse_fault(fault), export=export)
    expected = [dt.datetime.strptime(value, STAMP).strftime(form) for value in column(whole, name)]
    assert column(changed, name) == expected
    assert changed != whole


def test_days_have_no_time(serve: Any) -> None:
    assert all(re.fullmatch(r"\d\d-\d\d-2026", day) for day in column(fetched(serve, f.days_without_time()), "date"))


def test_whole_numbers_have_dots(serve: Any) -> None:
    whole, changed = fetched(serve), fetched(serve, f.dotted_thousands())
    values = column(changed, "totalConnections")
    assert any("." in value for value in values)
    assert [value.replace(".", "") for value in values] == column(whole, "totalConnections")
    rounded = column(fetched(serve, f.round_thousands()), "totalConnections")
    assert all(re.fullmatch(r"(\d+\.000)?", value) for value in rounded) and any(rounded)


def test_a_letter_is_not_utf_8(serve: Any) -> None:
    content = fetched(serve, f.latin_1_name())
    assert content.count(b"Jos\xe9") == SEATS / 4
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    assert {row["firstName"] for row in table(content)} == {"Seat", "Jos\udce9"}


def test_columns_swap_places(serve: Any) -> None:
    client = serve(f.swapped_columns())
    files = [client.download(client.completed(export="seats")).content for _ in range(3)]
    headers = [content.splitlines()[0].split(b",")[-2:] for content in files]
    assert headers[0] == headers[2] == headers[1][::-1] == [b"Team Name", b"team_name"]
    for content in files:
        assert {(row["Team Name"], row["team_name"]) for row in table(content)} == {("north", "A7")}


def test_each_lane_begins_with_the_same_order(serve: Any) -> None:
    client = serve(f.swapped_columns())
    for export in ("activities", "seats"):
        assert client.download(client.completed(export=export)).content.splitlines()[0].endswith(b"Team Name,team_name")


def test_empty_fields_are_quoted(serve: Any) -> None:
    whole, changed = fetched(serve), fetched(serve, f.quoted_empty())
    assert table(changed) == table(whole)
    assert b',"",' in changed and b',"",' not in whole
    assert b',""\n' in changed
    assert not re.search(rb",(,|\n)", changed)


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ("ssi-screen-names", ["overall", "PROFESSIONAL_BRAND", "STRONG_RELATIONSHIP"]),
        ("ssi-camel-names", ["overall", "professionalBrand", "strongRelationship"]),
        ("ssi-score-names", ["overallScore", "professionalBrandScore", "strongRelationshipScore"]),
        ("ssi-short-names", ["overall", "profBrand", "relationship"]),
    ],
)
def test_the_ssi_has_other_names(serve: Any, fault: str, names: list[str]) -> None:
    whole, changed = fetched(serve), fetched(serve, parse_fault(fault))
    for name, old in zip(names, ["ssi", "ssiBrand", "ssiBuild"], strict=True):
        assert column(changed, name) == column(whole, old)
    assert not any(name.startswith("ssi") for name in table(changed)[0])


def test_files_are_compressed_twice(serve: Any) -> None:
    whole, changed = fetched(serve), fetched(serve, f.gzip_twice())
    assert gzip.decompress(gzip.decompress(changed)) == whole
    client = serve(f.gzip_twice(), f.gzip_download())
    reply = client.download(client.completed(export="seats"))
    assert reply.headers["content-encoding"] == "gzip"
    assert gzip.decompress(gzip.decompress(gzip.decompress(reply.content))) == whole


@pytest.mark.parametrize(
    ("faults", "header", "values"),
    [
        (["unknown-day-header", "day-first-dates"], "calendarDate", r"(2\d-02|01-03)-2026 00:00:00"),
        (["seat-created-at", "iso-dates"], "calendarDate", r"2026-0[23]-\d\d 00:00:00"),
        (["ssi-short-names", "no-value-metrics"], "profBrand", r"N/A|\d+\.\d\d"),
    ],
)
@pytest.mark.parametrize("turn", [1, -1])
def test_faults_combine_in_either_order(serve: Any, faults: list[str], header: str, values: str, turn: int) -> None:
    content = fetched(serve, *(parse_fault(name) for name in faults[::turn]))
    assert all(re.fullmatch(values, value) for value in column(content, header))


FILES = ("zip-file", "utf-16", "gzip-twice", "quoted-empty", "footer", "latin-1-name", "swapped-columns")


@pytest.mark.parametrize(
    "name", [*FILES, "unknown-day-header", "day-first-dates", "dotted-thousands", "seat-created-at"]
)
def test_changed_files_tell_their_true_number_of_rows(serve: Any, world: World, name: str) -> None:
    client = serve(FAULTS[name]())
    assert (
        client.completed(export="seats")["rowCount"]
        == SEATS
        == len(world.rows("seats", URN, dt.date(2026, 2, 20), dt.date(2026, 3, 1)))
    )

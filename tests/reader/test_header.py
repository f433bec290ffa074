"""What the header tells: where columns stand, which are missing, and how the others are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.exceptions import ReadError
from salesnav_source.schema import ACTIVITIES, ACTIVITY_OUTCOMES, SEATS, Export
from salesnav_source.settings.privacy import PersonalData

from .helpers import Read, refused

SEAT = "seatId,snapshotDate,"


def test_finds_columns_in_any_order() -> None:
    read = Read(b"seatId,createdAt,memberIdentityKey,activityType,activityId\n5,01-01-2024 00:00:00,,SAVED_LEAD,x\n")
    assert read.column("activity_id") == ["x"]
    assert read.column("member_identity_key") == [None]


@pytest.mark.parametrize(
    ("header", "export", "column"),
    [
        (b"activityType,createdAt,seatId", ACTIVITIES, "activity_id"),
        (b"activityId,activityType,createdAt", ACTIVITIES, "seat_id"),
        (b"activityId,activityType,seatId", ACTIVITIES, "created_at"),
        (b"activityId,createdAt", ACTIVITY_OUTCOMES, "activity_type"),
        (b"snapshotDate,ssi", SEATS, "seat_id"),
    ],
)
def test_a_missing_key_column_is_an_error_that_helps(header: bytes, export: Export, column: str) -> None:
    error = refused(header + b"\n1,2\n", export)
    assert isinstance(error, ReadError)
    assert column in str(error)
    assert export.column(column).spellings[0] in str(error)
    assert header.decode().replace(",", ", ") in str(error)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("Region,region", ("Region", "region_2")),
        ("Region,Region,Region", ("Region", "Region_2", "Region_3")),
        ("Region,Region_2,Region", ("Region", "Region_2", "Region_3")),
        (",x, ", ("column_3", "x", "column_5")),
        ("---,a+,ax", ("column_3", "a+", "ax_2")),
        ("SEATID,Contract,exportJobId,_dlt_load_id", ("SEATID_2", "Contract_2", "exportJobId_2", "_dlt_load_id_2")),
        ('"two, words"', ("two, words",)),
    ],
    ids=["case", "repeated", "suffix-taken", "blank", "symbols", "declared", "quoted"],
)
def test_keeps_undocumented_columns_under_unique_names(header: str, names: tuple[str, ...]) -> None:
    read = Read(f"seatId,snapshotDate,{header}\n1,01-01-2024{',v' * len(names)}\n".encode(), SEATS)
    assert read.result.extra_columns == names
    assert [read.rows[0][name] for name in names] == ["v"] * len(names)
    assert read.schema.names[-len(names) :] == list(names)


def columns_of(header: list[str], known: dict[str, str]) -> dict[str, str]:
    """Returns the column that each header of a file of seats leads to, having checked whose values each column has."""
    values = [f"of {title}" for title in header]
    content = f"{SEAT}{','.join(header)}\n1,01-01-2024,{','.join(values)}\n"
    read = Read(content.encode(), SEATS, known_columns=known)
    found = {one.header: one.column_name for one in read.result.headers if one.state == "kept"}
    for title, value in zip(header, values, strict=True):
        assert read.rows[0][found[title]] == value
    return found


@given(st.lists(st.lists(st.sampled_from(["Region", "region", "REGION", "re_gion", "Region_2", "x"]), unique=True)))
def test_a_header_keeps_its_column_for_good(files: list[list[str]]) -> None:
    known: dict[str, str] = {}
    for header in files:
        found = columns_of(header, known)
        assert {title: name for title, name in found.items() if title in known}.items() <= known.items()
        known |= found
    assert len({name.lower() for name in known.values()}) == len(known)


@given(st.permutations(["Region", "region", "REGION", "Team"]))
def test_the_order_of_new_columns_does_not_matter(header: list[str]) -> None:
    assert columns_of(header, {}) == {"REGION": "REGION", "Region": "Region_2", "region": "region_3", "Team": "Team"}


def test_a_known_name_that_is_declared_by_now_is_not_given() -> None:
    assert columns_of(["x", "y"], {"x": "ssi", "y": "x", "seatId": "x_2"}) == {"x": "x_3", "y": "x"}


def test_reports_what_becomes_of_each_header() -> None:
    content = b"Seat ID,date,Team,Team, ,ssi\n1,01-01-2024,a,b,c,5\n"
    headers = [tuple(one) for one in Read(content, SEATS).result.headers]
    assert headers[:6] == [
        ("Seat ID", "seat_id", "declared"),
        ("date", "snapshot_date", "declared"),
        ("Team", "Team", "kept"),
        ("Team (2)", "Team_2", "kept"),
        ("column_5", "column_5", "kept"),
        ("ssi", "ssi", "declared"),
    ]
    assert ("email", "email", "missing") in headers[6:]
    assert {state for _, _, state in headers[6:]} == {"missing"}
    left = Read(content, SEATS, personal_data=PersonalData("drop")).result.headers
    assert [one.state for one in left[:6]] == ["declared", "declared", *["left_out"] * 3, "declared"]


@pytest.mark.parametrize("header", [["Team", "Team", "Team (2)"], ["Team (2)", "Team", "Team"], ["", " ", "column_3"]])
def test_equal_headers_are_told_apart(header: list[str]) -> None:
    result = Read(f"{SEAT}{','.join(header)}\n".encode(), SEATS).result
    assert len({one.header for one in result.headers}) == len(result.headers)

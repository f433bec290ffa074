"""What the header tells: where columns stand, which are missing, and how the others are called."""

import pytest

from salesnav_source.exceptions import ReadError
from salesnav_source.schema import ACTIVITIES, ACTIVITY_OUTCOMES, SEATS, Export

from .helpers import Read, refused


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

"""Personal values while a file is read: pseudonyms, what is left out, and seats that were erased."""

import hmac
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.exceptions import IncompleteFileError
from salesnav_source.schema import SEATS
from salesnav_source.settings.privacy import PersonalData, names_seat

from .helpers import HEADER, Read, refused

KEY = b"sixteen letters!"
HASHED, DROPPED = PersonalData("pseudonymize", KEY), PersonalData("drop")
HEAD = b"seatId,snapshotDate,email,ssi,total_connections\n"


@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=30), st.sampled_from(["name", "email", "member"]))
def test_a_pseudonym_is_an_hmac_of_kind_and_value(values: list[str | None], kind: Any) -> None:

    covered = HASHED.cover(pa.array(values, pa.string()), kind).to_pylist()
    assert len(covered) == len(values)
    for value, pseudonym in zip(values, covered, strict=True):
        if value is None or not value.strip():
            assert pseudonym == value
        else:
            assert pseudonym == HASHED.pseudonym(value, kind) == HASHED.pseudonym(f" {value}\t", kind)
            assert len(pseudonym) == 64 and (len(value) < 8 or value not in pseudonym)
    assert DROPPED.cover(pa.array(values, pa.string()), kind).to_pylist() == [None] * len(values)
    assert PersonalData().cover(pa.array(values, pa.string()), kind).to_pylist() == values


@pytest.mark.parametrize("key", [KEY, b"k" * 64, b"k" * 65, b"k" * 200])
def test_keys_of_any_length_do_as_hmac_says(key: bytes) -> None:
    assert (
        PersonalData("pseudonymize", key).pseudonym("A@B.C", "email")
        == hmac.digest(key, b"email:a@b.c", "sha256").hex()
    )


def test_another_key_has_another_fingerprint_which_is_not_the_key() -> None:
    records = [HASHED.record, PersonalData("pseudonymize", KEY[::-1]).record]
    assert records[0] != records[1]
    assert KEY.decode() not in repr(records) + repr(HASHED)
    assert (PersonalData().record, DROPPED.record) == (None, {"mode": "drop"})


def test_rows_that_differ_in_what_is_left_out_alone_are_one(block_size: int) -> None:
    content = HEAD + b"1,01-02-2024,a@x.y,1,1\n1,01-02-2024,b@x.y,1,1\n"
    assert Read(content, SEATS).counts == (2, 1, 1, 0)
    assert Read(content, SEATS, personal_data=DROPPED).counts == (2, 1, 0, 1)


ROWS = {
    7: b"a,T,01-01-2024 00:00:00,7,1\n",
    8: b"b,T,01-01-2024 00:00:00,8,2\n",
    9: b"c,T,01-01-2024 00:00:00,9,3\n",
}


@given(seats=st.lists(st.sampled_from([7, 8, 9]), max_size=30), erased=st.sets(st.sampled_from([7, 8, 9, 10])))
def test_rows_of_erased_seats_count_and_are_not_loaded(seats: list[int], erased: set[int]) -> None:
    content = HEADER + b"".join(b"%d%s" % (n, ROWS[seat]) for n, seat in enumerate(seats))
    read = Read(content, expected_rows=len(seats), erased_seats=frozenset(erased))
    left = [seat for seat in seats if seat not in erased]
    assert read.column("seat_id") == left
    assert read.result.rows_erased == len(seats) - len(left)
    assert read.counts == (len(seats), len(left), 0, 0)


def test_erased_rows_hide_no_missing_one() -> None:
    content = HEADER + ROWS[7] + ROWS[8]
    assert isinstance(refused(content, expected_rows=3, erased_seats=frozenset({7})), IncompleteFileError)
    assert isinstance(refused(content, expected_rows=1, erased_seats=frozenset({7})), IncompleteFileError)


def test_a_file_of_erased_seats_alone_is_no_other_form() -> None:
    read = Read(HEADER + ROWS[7] * 20 + b"x,T\n", erased_seats=frozenset({7}), max_rejected=0.1)
    assert (read.result.rows_erased, read.result.rows_rejected, read.rows) == (20, 1, [])


def test_of_an_erased_seat_nothing_is_rejected_or_repeated(block_size: int) -> None:
    rows = b"7,01-02-2024,a@x.y,high,1\n7,01-02-2024,a@x.y,1,1\n7,01-02-2024,b@x.y,2,1\n8,01-02-2024,c@x.y,high,1\n"
    read = Read(HEAD + rows, SEATS, erased_seats=frozenset({7}))
    assert read.result.rows_erased == 3
    assert [(row["line_number"], row["row"]) for row in read.rejected] == [(5, "8,01-02-2024,c@x.y,high,1")]


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("1234567,x", True),
        ('x,"1,234,567"', True),
        ("x,1234567.0", True),
        ("urn:li:seat:1234567", True),
        ("12345678,x", False),
        ("x,01234567", True),
        ("9" * 40, False),
        ("", False),
    ],
)
def test_a_seat_is_found_in_rows_of_any_form(row: str, named: bool) -> None:
    assert names_seat(row, {1234567}) == named
    assert not names_seat(row, set())

"""Keys that occur again: what repeats is left out, what contradicts is rejected."""

import itertools
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.linkedin.reader import hash_parts, hashes, repetitions
from salesnav_source.schema import ACTIVITY_OUTCOMES, SEATS

from .helpers import A1, A2, B1, HEADER, OUTCOMES_HEADER, Read


@pytest.mark.parametrize(
    ("rows", "members", "rejected", "repeated"),
    [
        ([A1, B1, A1], ["1", "3"], [], 1),
        ([A1, A1, A1], ["1"], [], 2),
        ([A1, B1, A2], ["3", "2"], [(2, 4)], 0),
        ([A1, A1, A2], ["2"], [(2, 4)], 1),
        ([A1, A2, A1], ["1"], [(2, 3), (3, 4)], 0),
        ([A1, b"\n", A2, b"bad\n", A2], ["2"], [(2, 4), (5, 0)], 1),
    ],
    ids=["equal", "thrice", "other-values", "equal-then-other", "back-again", "among-bad-rows"],
)
@pytest.mark.parametrize("colliding", [False, True], ids=["hashes-differ", "hashes-collide"])
def test_repeated_keys(
    rows: list[bytes],
    members: list[str],
    rejected: list[tuple[int, int]],
    repeated: int,
    colliding: bool,
    block_size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if colliding:
        monkeypatch.setattr(hashes, "FACTOR", np.uint64(0))
    read = Read(HEADER + b"".join(rows))
    assert read.column("member_identity_key") == members
    assert read.result.rows_repeated == repeated
    assert [row["line_number"] for row in read.rejected] == [line for line, _ in rejected]
    for row, (_, again) in zip(read.rejected, rejected, strict=True):
        assert not again or row["reason"] == f"its key occurs again with other values on line {again}"


@given(
    blocks=st.lists(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 5, 2**63, 2**64 - 1]))),
    most_bytes=st.sampled_from([0, 40, 1 << 20]),
)
def test_hashes_that_occur_again_are_found_in_memory_and_on_the_disk(blocks: list[list[int]], most_bytes: int) -> None:
    with (
        mock.patch.object(hash_parts, "MOST_BYTES", most_bytes),
        TemporaryDirectory() as folder,
        repetitions.KeyHashes(Path(folder)) as hashes,
    ):
        for block in blocks:
            hashes.add(np.sort(np.array(block, np.uint64)))
        counted = Counter(itertools.chain(*blocks))
        assert hashes.repeated().tolist() == sorted(value for value, count in counted.items() if count > 1)
        assert not list(Path(folder).iterdir())


def test_outcomes_of_one_activity_differ_by_type() -> None:
    read = Read(OUTCOMES_HEADER + b"a,X,,,\na,Y,,,\nb,X,,,\n", ACTIVITY_OUTCOMES)
    assert read.counts == (3, 3, 0, 0)


def test_seats_repeat_by_value_not_by_spelling() -> None:
    read = Read(b"seatId,date,ssi\n1,01-02-2024,5\n1.0,2024-01-02,5.0\n1,01-03-2024,5\n", SEATS)
    assert read.counts == (3, 2, 0, 1)


def test_long_keys_are_told_apart() -> None:
    ids = [b"k" * 3000 + b"%d" % number for number in (1, 2, 1)] + [b"", b"k"]
    rows = b"".join(b"%s,T,01-01-2024 00:00:00,5,\n" % id_ for id_ in ids)
    assert Read(HEADER + rows).counts == (5, 3, 1, 1)

"""Rows told apart: lines, quotes and line ends of every kind, in blocks of any size."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.linkedin.reader import blocks
from salesnav_source.schema import ACTIVITIES, Export

from .helpers import A1, A2, GOOD, HEADER, Read, refused


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_counts_lines_with_every_line_end(line_end: bytes, before: int, block_size: int) -> None:
    content = HEADER + GOOD * before + b"bad\n" + A1
    assert Read(content.replace(b"\n", line_end)).rejected[0]["line_number"] == 2 + before


def test_reads_fields_of_megabytes(block_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", max(block_size, 1 << 19))
    long = b"x\n" * (3 << 20)
    row = b'a-0,T,01-01-2024 00:00:00,5,"' + long + b'"\n'
    read = Read(HEADER + row + GOOD + b"bad\n")
    assert read.column("member_identity_key") == [long.decode(), "-77"]
    assert read.rejected[0]["line_number"] == 4 + (3 << 20)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_quote_never_closed_costs_one_row(line_end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    monkeypatch.setattr(blocks, "MAX_ROW_BYTES", 500)
    rows = [b"a-%d,T,01-01-2024 00:00:00,5,\n" % number for number in range(100)]
    rows[3] = b'a-3,"T,01-01-2024 00:00:00,5,\n'
    rows[90] = b"bad\n"
    read = Read((HEADER + b"".join(rows)).replace(b"\n", line_end))
    assert read.counts == (100, 98, 2, 0)
    assert [row["line_number"] for row in read.rejected] == [5, 92]


def test_a_line_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    monkeypatch.setattr(blocks, "MAX_ROW_BYTES", 500)
    assert isinstance(refused(HEADER + GOOD + b"x" * 1000), ReadError)


PIECES = [
    HEADER.strip(),
    GOOD,
    A1,
    A2,
    b"\n",
    b"\r\n",
    b"\r",
    b'"',
    b'""',
    b",",
    b"x",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"5",
]


def read_with_blocks_of(size: int, content: bytes, export: Export) -> Any:
    """Returns all that reading gives, or the type of its error."""
    usual = blocks.BLOCK_BYTES
    blocks.BLOCK_BYTES = size
    try:
        read = Read(content, export)
    except (ReadError, IncompleteFileError) as error:
        return type(error)
    finally:
        blocks.BLOCK_BYTES = usual
    result = read.result
    assert result.rows == result.rows_loaded + result.rows_rejected + result.rows_repeated
    assert result.rows_loaded == len(read.rows)
    assert result.rows_rejected + result.values_rejected == len(read.rejected)
    return read.rows, read.rejected, read.counts


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200) | st.lists(st.sampled_from(PIECES) | st.binary(max_size=2), max_size=40).map(b"".join),
    st.booleans(),
)
def test_any_bytes_read_the_same_in_any_blocks(content: bytes, with_header: bool) -> None:
    content = HEADER + content if with_header else content
    whole = read_with_blocks_of(4 << 20, content, ACTIVITIES)
    for size in (1, 13, 90):
        assert read_with_blocks_of(size, content, ACTIVITIES) == whole


TEXTS = st.text(
    st.sampled_from("ab,\"\n\r'é😀 ") | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, st.integers(-(2**63), 2**63 - 1), TEXTS), max_size=30),
    # with other line ends, minimal quoting leaves a carriage return bare
    style=st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\n"), (csv.QUOTE_NONNUMERIC, "\n")]),
    faults=st.dictionaries(st.integers(0, 29), st.sampled_from(["width", "seat", "day"])),
    size=st.sampled_from([5, 100, 4 << 20]),
)
def test_gives_back_what_was_written(
    rows: list[tuple[str, int, str]], style: tuple[int, str], faults: dict[int, str], size: int
) -> None:
    quoting, line_end = style
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type]
    writer.writerow(["activityId", "activityType", "createdAt", "seatId", "memberIdentityKey"])
    good, bad = [], []
    for number, (kind, seat, member) in enumerate(rows):
        line = lines_of(file.getvalue()) + 1
        fault = faults.get(number)
        day = "06-30-2024 00:00:00" if fault == "day" else "01-01-2024 00:00:00"
        values = [f"{number}", f"T{kind}", day, "x" if fault == "seat" else seat, member]
        writer.writerow(values + ["more"] if fault == "width" else values)
        if fault:
            bad.append(line)
        else:
            good.append((f"{number}", f"T{kind}", seat, member or None))
    content = file.getvalue().encode()
    if bad and not good and "day" not in [faults.get(number) for number in range(len(rows))]:
        assert read_with_blocks_of(size, content, ACTIVITIES) is ReadError
        return
    loaded, rejected, counts = read_with_blocks_of(size, content, ACTIVITIES)
    found = [(row["activity_id"], row["activity_type"], row["seat_id"], row["member_identity_key"]) for row in loaded]
    assert found == good
    assert [row["line_number"] for row in rejected] == bad
    assert counts == (len(rows), len(good), len(bad), 0)
    assert all(row["row"] in file.getvalue() for row in rejected)


def lines_of(text: str) -> int:
    """Returns how many lines of a text have ended."""
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")

"""A file that is read while it is still being received."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.linkedin.spool import Spool, SpoolClosedError


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "file.csv")


def in_background(work: Callable[[], Any]) -> Any:
    return ThreadPoolExecutor(1).submit(work)


def fill(spool: Spool, *chunks: bytes) -> None:
    with spool.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)


@given(chunks=st.lists(st.binary(max_size=300), max_size=20), size=st.integers(1, 500))
def test_is_read_as_it_was_written_while_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], size: int
) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool") / "file.csv")

    def write() -> None:
        fill(spool, *chunks)
        spool.end()

    writing = threading.Thread(target=write)
    writing.start()
    with spool.open("rb") as file:
        read = list(iter(lambda: file.read(size), b""))
    writing.join()
    whole = b"".join(chunks)
    assert read == [whole[start : start + size] for start in range(0, len(whole), size)]
    assert spool.size == len(whole)
    assert not spool.path.exists()


def test_who_reads_waits_for_what_is_still_to_come(spool: Spool) -> None:
    with spool.open("rb") as source, spool.open("wb") as target:
        reading = in_background(lambda: source.read(4))
        target.write(b"abc")
        assert not wait([reading], timeout=0.05).done
        target.write(b"d")
        assert reading.result(timeout=300) == b"abcd"


def test_is_read_again_from_the_start(spool: Spool) -> None:
    fill(spool, b"abc")
    spool.end()
    for _ in range(2):
        with spool.open("rb") as file:
            assert file.read(2) == b"ab"
            file.seek(0)
            assert file.read() == b"abc"


def test_an_error_of_the_transfer_is_raised_to_who_reads(spool: Spool) -> None:
    with spool.open("rb") as file:
        reading = in_background(lambda: file.read(4))
        fill(spool, b"abc")
        spool.end(ValueError("broken off"))
        with pytest.raises(ValueError, match="broken off"):
            reading.result(timeout=300)


def test_writing_ends_when_nobody_reads_any_more(spool: Spool) -> None:
    with spool.open("wb") as file:
        file.write(b"abc")
        spool.end()
        with pytest.raises(SpoolClosedError):
            file.write(b"d")


def test_what_was_said_of_the_end_first_holds(tmp_path: Path) -> None:
    whole, broken = Spool(tmp_path / "whole.csv"), Spool(tmp_path / "broken.csv")
    whole.end()
    broken.end(ValueError("broken off"))
    for spool in (whole, broken):
        spool.end(SpoolClosedError())
    with whole.open("rb") as file:
        assert file.read() == b""
    with broken.open("rb") as file, pytest.raises(ValueError, match="broken off"):
        file.read()


def test_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"old")
    spool = Spool(path)
    spool.end()
    with spool.open("rb") as file:
        assert file.read() == b""

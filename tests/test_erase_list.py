"""`salesnav erase --list`: the erased seats outside the warehouse, which are erased again after a backup was restored."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salesnav_source.cli import erase as command
from salesnav_source.cli import main
from salesnav_source.run.upkeep.erasure import Erasure, Seat
from tests.fakes import OTHER_URN, URN


@pytest.fixture
def erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Seat]:
    """The seats that were erased, in a warehouse that has any."""
    found: list[Seat] = []

    def erase(pipeline: Any, personal_data: Any, confirm: Callable[[Erasure], bool], **who: Any) -> Erasure | None:
        seat = Seat(who["contract"] or URN, who["seat_id"] or 7)
        erasure = Erasure([seat], {"seats": 1})
        if not confirm(erasure):
            return None
        found.append(seat)
        return erasure

    monkeypatch.setattr(command, "erase", erase)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)
    return found


def call(*options: str) -> int:
    return main(["erase", "duckdb", "--yes", *options])


def test_a_list_grows_and_is_erased_again(erased: list[Seat], tmp_path: Path) -> None:
    path = tmp_path / "kept" / "erased.jsonl"
    assert call("--seat", "7", "--list", str(path)) == 0
    assert call("--seat", "8", "--contract", OTHER_URN, "--list", str(path)) == 0
    assert call("--email", "ann@example.com", "--list", str(path)) == 0
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"contract": URN, "seat_id": 7},
        {"contract": OTHER_URN, "seat_id": 8},
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "ann" not in path.read_text()
    erased.clear()
    assert call("--list", str(path)) == 0
    assert erased == [Seat(URN, 7), Seat(OTHER_URN, 8)]


def test_without_a_yes_nothing_is_erased_or_listed(
    erased: list[Seat], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["erase", "duckdb", "--seat", "7", "--list", "erased.jsonl"]) == 2
    assert not erased and not (tmp_path / "erased.jsonl").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no JSON",
        "[" * 100_000,
        '"text"',
        "7",
        '{"contract": "urn:li:contract:1"}',
        '{"contract": "urn:li:contract:1", "seat_id": "x"}',
        '{"contract": "urn:li:contract:1", "seat_id": null}',
        '{"contract": "urn:li:contract:1\' OR 1=1", "seat_id": 7}',
        '{"contract": 1, "seat_id": 7}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_list_is_refused_and_stays(content: str | bytes, erased: list[Seat], tmp_path: Path) -> None:
    path = tmp_path / "erased.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    assert call("--list", str(path)) == 2
    assert not erased and path.read_bytes() == before


def test_a_list_that_cannot_be_written_is_refused_before_anything_is_removed(
    erased: list[Seat], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert call("--seat", "7", "--list", str(tmp_path / "file" / "erased.jsonl")) == 2
    assert not erased
    assert "--list" in capsys.readouterr().err

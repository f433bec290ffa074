"""`salesnav compact`: the same rows in a smaller file, or the file as it was."""

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from salesnav_source.cli import main
from salesnav_source.exceptions import ConfigurationError, DestinationError
from salesnav_source.warehouse import compact as compacting
from salesnav_source.warehouse.compact import compact


def replace_days(path: Path, mornings: int, rows: int = 3000) -> None:
    """Fills a file as mornings do: each replaces the last four days."""
    with duckdb.connect(str(path)) as db:
        db.execute("CREATE SCHEMA salesnav")
        db.execute("CREATE TABLE salesnav.activities (activity_id VARCHAR NOT NULL, activity_date DATE NOT NULL)")
        db.execute("COMMENT ON COLUMN salesnav.activities.activity_id IS 'an id'")
        db.execute("CREATE VIEW salesnav.newest AS SELECT max(activity_date) AS day FROM salesnav.activities")
    first = date(2026, 1, 1)
    for number in range(mornings):
        last = first + timedelta(days=number)
        with duckdb.connect(str(path)) as db:
            db.execute("DELETE FROM salesnav.activities WHERE activity_date > ?", [last - timedelta(days=4)])
            for day in range(max(0, number - 3), number + 1):
                values = [day, first + timedelta(days=day), rows]
                db.execute(
                    "INSERT INTO salesnav.activities SELECT md5(concat(?, '-', r)), ? FROM range(?) t(r)", values
                )


def content(path: Path) -> tuple[object, ...]:
    with duckdb.connect(str(path), read_only=True) as db:
        rows = db.execute("SELECT count(*), sum(hash(activity_id, activity_date)) FROM salesnav.activities").fetchone()
        columns = db.execute("SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() ORDER BY 1")
        return rows, columns.fetchall(), db.execute("SELECT day FROM salesnav.newest").fetchone()


def test_the_file_holds_the_same_and_is_smaller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "many mornings' file.duckdb"
    replace_days(path, 30)
    path.chmod(0o640)
    before, size = content(path), path.stat().st_size
    assert main(["compact", "--database", str(path)]) == 0
    assert content(path) == before
    assert path.stat().st_size < size
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert f"{size / 1e6:,.1f} MB before" in capsys.readouterr().out


def test_a_link_stays_a_link_and_no_copy_of_the_rows_is_left(tmp_path: Path) -> None:
    file, link = tmp_path / "elsewhere.duckdb", tmp_path / "link.duckdb"
    replace_days(file, 3)
    link.symlink_to(file)
    before = file.stat().st_ino
    compact(link)
    assert link.is_symlink() and file.stat().st_ino != before
    assert sorted(os.listdir(tmp_path)) == ["elsewhere.duckdb", "link.duckdb"]


def test_a_file_that_another_program_has_open_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "open.duckdb"
    replace_days(path, 1)
    code = f"import duckdb, sys; db = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        with pytest.raises(ConfigurationError, match="another program has it open"):
            compact(path)
        other.communicate()
    assert content(path)[0] is not None


def test_a_copy_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.duckdb"
    replace_days(path, 5)
    before = path.read_bytes()

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DestinationError, match="No space left on device"):
        compact(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_copy_with_other_rows_is_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.duckdb"
    replace_days(path, 2)
    before = content(path)
    monkeypatch.setattr(compacting, "_rows", lambda connection, database: {("s", "t"): len(database)})
    with pytest.raises(DestinationError, match="other rows"):
        compact(path)
    assert content(path) == before


def test_without_a_file_there_is_nothing_to_compact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compact", "--database", str(tmp_path / "none.duckdb")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

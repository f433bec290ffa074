"""Files that commands write: for their owner alone, a link stays a link, and what is no file stays what it is."""

import os
import stat
from pathlib import Path

import pytest

from salesnav_source.run.record import check_writable, write_record
from salesnav_source.run.result import RunReport
from salesnav_source.settings.files import replace_file


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_report_is_its_owners_alone_and_one_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"
    before = os.umask(0)
    try:
        check_writable(path)
        assert not path.exists()
        write_record(path, RunReport("one"), 0, None)
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    path.chmod(0o644)
    check_writable(path)
    write_record(path, RunReport("two"), 0, None)
    assert mode(path) == 0o644 and '"two"' in path.read_text()
    assert os.listdir(path.parent) == ["report.json"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_a_link(tmp_path: Path, is_there: bool) -> None:
    link, file = tmp_path / "link.json", tmp_path / "elsewhere.json"
    link.symlink_to(file)
    if is_there:
        file.touch()
    check_writable(link)
    assert link.is_symlink() and file.exists() is is_there
    replace_file(link, b"new")
    assert link.is_symlink() and file.read_bytes() == b"new"


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # open at both ends, so that what is written stays there until it is read
    both_ends = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        check_writable(pipe)
        replace_file(pipe, b"new")
        assert os.read(both_ends, 10) == b"new" and stat.S_ISFIFO(pipe.stat().st_mode)
    finally:
        os.close(both_ends)

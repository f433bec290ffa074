"""Outputs that are closed or full: the exit code says so, the report for machines is written, and nothing is a stack trace."""

import argparse
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from salesnav_source import cli
from salesnav_source.cli import execution
from salesnav_source.cli.terminal import print_any_letter, say, show
from salesnav_source.run.exit_codes import INCOMPLETE, NOT_TRIED, PIPE_CLOSED
from salesnav_source.run.result import RunReport


def test_a_load_whose_reader_has_seen_enough_writes_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr(execution, "stop_output", lambda: stopped.append(True))

    def work(report: RunReport, stop_events: list[threading.Event]) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    options = argparse.Namespace(pipeline="one", report_json=str(tmp_path / "report.json"))
    assert execution.run_reported(options, work, "") == PIPE_CLOSED
    assert stopped and capsys.readouterr().err == ""
    assert json.loads((tmp_path / "report.json").read_text())["exit_code"] == PIPE_CLOSED


def test_an_output_that_was_closed_before_takes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr", "excepthook"):
        monkeypatch.setattr(sys, name, None)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    print_any_letter()
    show("text")
    say("text")
    assert not sys.stdout.isatty()
    for stream in (sys.stdout, sys.stderr):
        stream.close()


FULL = Path("/dev/full")
full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@full
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_an_output_that_is_full_is_a_sentence(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FULL.open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main([option]) == INCOMPLETE
    said = capsys.readouterr().err
    assert said.startswith("The output could not be written: No space left on device.") and said.count("\n") == 1


@full
@pytest.mark.parametrize(("begun", "code"), [(False, NOT_TRIED), (True, INCOMPLETE)], ids=["at-first", "at-the-end"])
def test_a_load_whose_output_is_full_says_whether_jobs_were_created(
    begun: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(report: RunReport, stop_events: list[threading.Event]) -> int:
        report.begun = begun
        show("all that was loaded")
        return 0

    options = argparse.Namespace(pipeline="one", report_json=str(tmp_path / "report.json"))
    with FULL.open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert execution.run_reported(options, work, "") == code
    said = capsys.readouterr().err
    assert "The output could not be written" in said
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["exit_code"] == code and written["message"] in said


@full
def test_messages_that_cannot_be_written_end_nothing() -> None:
    program = (
        "from salesnav_source.cli.terminal import *; print_any_letter(); say('a' * 100_000); say('b'); show('went on')"
    )
    with FULL.open("w") as stream:
        done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=stream, text=True)
    assert (done.returncode, done.stdout) == (0, "went on\n")

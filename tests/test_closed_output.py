"""Outputs that are closed: the exit code says so, the report for machines is written, and no stack trace is printed."""

import argparse
import json
import sys
import threading
from pathlib import Path

import pytest

from salesnav_source.cli import execution
from salesnav_source.cli.terminal import print_any_letter, say, show
from salesnav_source.run.exit_codes import PIPE_CLOSED
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

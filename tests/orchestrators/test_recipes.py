"""The code in docs/orchestrators.md, run as it stands there."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from runs.house import ROOT, TWO, House, Process, house

from salesnav_source.sandbox import faults

from .environment import program, run, variables

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "orchestrators.md").read_text(), re.DOTALL)
HOOK = "services/T000/B000/secret"


def recipe(mark: str, folder: Path) -> Path:
    """Returns the script with the block of code that has a mark."""
    (code,) = [block for block in BLOCKS if mark in block]
    path = folder / "recipe.py"
    path.write_text(code)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, day=None, days=4) as made:
        yield made


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Path]]:
    """A house, and the report of a run of which a window has failed."""
    with house(tmp_path_factory.mktemp("failed"), day=None, days=4) as made:
        made.sandbox.add_fault(faults.internal_error().where(export="seats", contract=TWO, times=None))
        path = made.folder / "report.json"
        assert Process(made).run("--report-json", str(path)).returncode == 3
        yield made, path


class Slack(HTTPServer):
    """Takes messages as Slack does."""

    def __init__(self, status: int = 200) -> None:
        self.messages: list[dict[str, Any]] = []
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                slack.messages.append({"path": self.path, **json.loads(body)})
                self.send_response(status)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self) -> "Slack":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{HOOK}"


def send(home: House, report: Path, slack: Slack) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(recipe("send_slack_message", home.folder)), str(report)],
        cwd=home.folder,
        env=variables(home, RUNTIME__SLACK_INCOMING_HOOK=slack.hook),
        capture_output=True,
        text=True,
    )


def test_slack_is_told_what_failed(failed: tuple[House, Path]) -> None:
    home, report = failed
    with Slack() as slack:
        done = send(home, report, slack)
    assert done.returncode == 0, done.stderr
    (message,) = slack.messages
    assert message["path"] == f"/{HOOK}"
    assert "salesnav_to_duckdb: incomplete" in message["text"]
    assert f"seats of {TWO}, {home.first_day} to {home.yesterday}: LinkedIn had an internal error" in message["text"]


def test_slack_is_told_nothing_of_a_good_run(failed: tuple[House, Path], tmp_path: Path) -> None:
    home, report = failed
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**json.loads(report.read_text()), "exit_code": 0, "result": "complete"}))
    with Slack() as slack:
        assert send(home, path, slack).returncode == 0
    assert slack.messages == []


def test_slack_s_refusal_does_not_tell_the_hook(failed: tuple[House, Path]) -> None:
    home, report = failed
    with Slack(404) as slack:
        done = send(home, report, slack)
    assert done.returncode == 1 and "Slack did not take the message" in done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_prometheus_is_given_numbers_that_it_can_read(failed: tuple[House, Path]) -> None:
    home, report = failed
    path = home.folder / "salesnav.prom"
    run([program("deploy"), str(recipe("write_to_textfile", home.folder)), str(report), str(path)], home.folder)
    parse = (
        "import json, sys; from prometheus_client.parser import text_string_to_metric_families as parse;"
        "print(json.dumps({s.name: [s.labels, s.value] for f in parse(open(sys.argv[1]).read()) for s in f.samples}))"
    )
    samples = json.loads(run([program("deploy"), "-c", parse, str(path)], home.folder))
    told = json.loads(report.read_text())
    assert {json.dumps(labels) for labels, _ in samples.values()} == {'{"pipeline": "salesnav_to_duckdb"}'}
    values = {name.removeprefix("salesnav_"): value for name, (_, value) in samples.items()}
    assert values["exit_code"] == 3 and values["windows_failed"] == 1 and values["windows_loaded"] == 5
    for name in ("rows_loaded", "rows_rejected", "values_rejected", "jobs_created"):
        assert values[name] == told[name]
    assert values["started_timestamp_seconds"] > 1_700_000_000


def test_commits_are_printed_as_they_happen(home: House) -> None:
    script = recipe("on_commit=tell", home.folder)
    made = "import dlt\npipeline = dlt.pipeline('own', destination='duckdb', dataset_name='salesnav')\n"
    script.write_text(made + script.read_text())
    said = run([sys.executable, str(script)], home.folder, **variables(home))
    assert len(said.splitlines()) == 6
    assert sum(int(line.split()[-1]) for line in said.splitlines()) == sum(
        home.rows(f"SELECT count(*) FROM salesnav.{name}")[0][0]
        for name in ("activities", "activity_outcomes", "seats")
    )


def test_an_outcome_is_printed(home: House) -> None:
    script = recipe("print(outcome.exit_code", home.folder)
    said = run([sys.executable, str(script)], home.folder, **variables(home))
    assert said.split() == ["0", "Complete.", "False"]
    home.assert_truth()

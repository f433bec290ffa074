"""Dagster: its own tests of the assets, and the example project run, stopped and killed by its own executor."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runs.house import ROOT, House, assert_no_day_asked_twice, house, wait_until
from runs.test_secrets import TOKEN, assert_kept

from .environment import DEPLOY, HERE, program, run, variables

pytestmark = pytest.mark.long(
    "Dagster is installed first, and run in processes of its own",
    but=("test_without_dagster_it_is_said_how_to_get_it",),
)

PROJECT = DEPLOY / "dagster"


class Project:
    """The example project, run by `dagster job execute`."""

    def __init__(self, home: House) -> None:
        self.home = home
        self.instance = home.folder / "dagster_home"
        self.instance.mkdir()
        shutil.copy(PROJECT / "dagster.yaml", self.instance)
        self.environment = variables(home, DAGSTER_HOME=str(self.instance), DAGSTER_DISABLE_TELEMETRY="yes")

    def start(self) -> "subprocess.Popen[str]":
        command = [
            program("dagster", "dagster"),
            "job",
            "execute",
            "-f",
            str(PROJECT / "definitions.py"),
            "-j",
            "salesnav",
        ]
        return subprocess.Popen(
            command,
            cwd=self.home.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @property
    def state(self) -> dict[str, Any]:
        said = run(
            [program("dagster"), "-W", "ignore", str(HERE / "dagster_state.py")], self.home.folder, **self.environment
        )
        found: dict[str, Any] = json.loads(said)
        return found


def polled(home: House) -> int:
    return len({request.path for request in home.calls("poll")})


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, day=None, job_seconds=(3600, 3601), access_token=TOKEN) as made:
        yield made


def test_without_dagster_it_is_said_how_to_get_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import salesnav_source.dagster"], cwd=ROOT, capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: salesnav_source.dagster needs Dagster: ") and 'pip install "dagster' in last


def test_assets_checks_and_partitions(tmp_path: Path) -> None:
    command = [
        program("dagster"),
        "-m",
        "pytest",
        "-c",
        os.devnull,
        "-p",
        "no:cacheprovider",
        "-q",
        "--no-header",
        "--noconftest",
    ]
    command += ["-W", "ignore", "--rootdir", str(HERE), str(HERE / "assets_in_dagster.py")]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "RUNTIME__DLTHUB_TELEMETRY": "false"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-8000:]


def test_the_example_is_stopped_killed_and_goes_on_with_the_same_jobs(home: House) -> None:
    project = Project(home)

    stopped = project.start()
    wait_until(lambda: polled(home) == 6)
    stopped.send_signal(signal.SIGTERM)
    said, _ = stopped.communicate(timeout=300)
    assert all(job.ends_at > home.clock() for job in home.sandbox.jobs), said[-4000:]

    seen = len(home.calls("poll"))
    killed = project.start()
    wait_until(lambda: len(home.calls("poll")) > seen)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()

    home.clock.offset += 4000
    last = project.start()
    said, _ = last.communicate(timeout=300)
    assert last.returncode == 0, said[-6000:]
    home.assert_truth()
    assert len(home.sandbox.jobs) == 6
    assert_no_day_asked_twice(home.posts())
    state = project.state
    # neither is a secret in what Dagster keeps of its runs
    assert_kept(home, said)
    # a run that was killed is known as started until Dagster's monitoring looks for it
    assert state["runs"] == ["FAILURE", "STARTED", "SUCCESS"]
    assert {table: one["materialized"] for table, one in state["tables"].items()} == dict.fromkeys(
        ("contracts", "activities", "activity_outcomes", "seats", "export_jobs", "rejected_rows", "export_columns"), 1
    )

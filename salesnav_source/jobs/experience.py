"""How long jobs have taken in this run, from which it follows when the others are polled."""

from bisect import insort
from collections import defaultdict, deque
from dataclasses import replace

from dlt.common import logger

from salesnav_source.jobs.machine import its_turn, until_first_poll
from salesnav_source.jobs.task import KNOWN_FROM, JobStatus, Policy, Polled, Task
from salesnav_source.linkedin.client import Job

RECENT = 20
"""Jobs of an export that tell how soon the next one may have ended: the last ones, as LinkedIn may get slower."""
SCOUTED, QUICKEST = 5, 20
"""Parts of `poll_interval` after which the first job of a run is polled, and others at the soonest."""


class Experience:
    """What the jobs of a run have shown so far."""

    def __init__(self, policy: Policy) -> None:
        """Starts without a job."""
        self._policy = policy
        self._durations: dict[str, list[float]] = defaultdict(list)
        """How long jobs have taken, by export, in order."""
        self._surely: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RECENT))
        """How long the last jobs were seen to be still at work, by export: none of them ended sooner."""
        self._unknown: set[str] = set()
        """Statuses that are none of the known ones."""
        self._scouted = False

    @property
    def ended(self) -> int:
        """How many of the last jobs are known to have ended with a file."""
        return sum(map(len, self._surely.values()))

    def take_turn(self, task: Task, now: float) -> Task:
        """Marks the job of a task as first in its lane, which decides when it is polled for the first time."""
        first_poll = self._first_poll(task.export)
        if not self._scouted:
            self._scouted = True
            first_poll = min(first_poll, self._policy.poll_interval / SCOUTED)
        return its_turn(task, now, first_poll)

    def hasten(self, task: Task) -> Task:
        """Returns a task with its first poll due by what is known now."""
        return until_first_poll(task, self._first_poll(task.export))

    def add(self, task: Task, event: Polled, now: float) -> Polled:
        """Notes the answer to a poll, and adds how long other jobs have taken."""
        self._log_unknown(event.job)
        others = self._durations[task.export]
        job = task.job
        if task.at_linkedin and job is not None and JobStatus.parse(event.job.status) is JobStatus.COMPLETED:
            turn = job.turn if job.turn is not None else job.known_since
            insort(others, now - turn)
            self._surely[task.export].append(0.0 if job.seen_running is None else job.seen_running - turn)
        return replace(event, others=others)

    def _first_poll(self, export: str) -> float:
        """Returns how many seconds after its turn a job of an export is polled for the first time."""
        recent = self._surely[export]
        if len(recent) >= KNOWN_FROM:
            soonest = min(recent)
        else:
            # a job that had ended by its first poll tells that LinkedIn is quick, whichever export it was of
            all_at_once = self.ended and not any(any(seen) for seen in self._surely.values())
            soonest = 0.0 if all_at_once else self._policy.poll_interval
        return min(self._policy.poll_max_interval, max(self._policy.poll_interval / QUICKEST, soonest))

    def _log_unknown(self, job: Job) -> None:
        status = job.status or "(none)"
        if JobStatus.parse(job.status) is JobStatus.UNKNOWN and status not in self._unknown:
            self._unknown.add(status)
            logger.warning(f"LinkedIn gave job {job.id} the unknown status {status!r}; waiting as for a running job.")

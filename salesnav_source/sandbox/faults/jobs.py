"""Faults of export jobs: how they are reported, and how they end."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from salesnav_source.sandbox.faults.calls import not_found, reset
from salesnav_source.sandbox.faults.declaring import declared
from salesnav_source.sandbox.faults.effects import BareCreated, Change, Named, Outcome, Rewrite, Status
from salesnav_source.sandbox.faults.model import Fault, TCall

_GROUP = "Jobs"


@declared(_GROUP)
def lost_create() -> Fault:
    """A job is created, but the connection is reset before its id is sent."""
    return reset("create", made=True)


@declared(_GROUP)
def bare_created(header: str = "x-restli-id") -> Fault:
    """Creating a job is answered with 201, no body, and the job's id in the header x-restli-id."""
    return Fault("create", BareCreated(header), times=None)


@declared(_GROUP)
def text_id(name: Callable[[int], int | str] = "export-{}".format) -> Fault:
    """Jobs have ids that are no numbers."""
    return Fault("create", Named(name), times=None)


@declared(_GROUP)
def huge_id() -> Fault:
    """Jobs have ids beyond 2^63."""
    return text_id(lambda number: 2**63 + number)


@declared(_GROUP)
def young_job_not_found(seconds: float = 5.0) -> Fault:
    """Jobs are not found (404) in the first five seconds of their life."""
    return not_found().where(times=None, younger_than=seconds)


@declared(_GROUP, name="omit-row-count")
def omit(*names: str, call: TCall = "poll") -> Fault:
    """Fields are missing from a JSON answer, e.g. status, downloadUrl or rowCount."""
    return Fault(call, Change(omit=names or ("rowCount",)))


@declared(_GROUP)
def null_row_count() -> Fault:
    """Completed jobs have null for rowCount."""
    return _rewrite(lambda job: {**job, "rowCount": None} if "rowCount" in job else job)


@declared(_GROUP)
def text_row_count() -> Fault:
    """Completed jobs have rowCount as text."""
    return _rewrite(lambda job: {name: str(job[name]) if name == "rowCount" else job[name] for name in job})


@declared(_GROUP)
def upper_case_url() -> Fault:
    """Completed jobs name their URL downloadURL, as LinkedIn's tutorial does once."""
    return _rewrite(lambda job: {"downloadURL" if name == "downloadUrl" else name: job[name] for name in job})


@declared(_GROUP)
def lower_case_status() -> Fault:
    """Statuses of jobs are written in lower case."""
    return _rewrite(lambda job: {name: job[name].lower() if name == "status" else job[name] for name in job})


def _rewrite(function: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return Fault(("create", "poll"), Rewrite(function), times=None)


@declared(_GROUP)
def unknown_status(status: str = "ON_HOLD") -> Fault:
    """A job is said to have a status that nobody documented."""
    return Fault("poll", Status(status))


@declared(_GROUP)
def slow_job(seconds: float = 60.0) -> Fault:
    """A job takes a minute, or the given time."""
    return Fault("create", Outcome(seconds=seconds))


@declared(_GROUP)
def endless_job() -> Fault:
    """A job never ends."""
    return slow_job(float("inf"))


@declared(_GROUP)
def too_large(longer_than: int = 30) -> Fault:
    """Jobs over more than 30 days fail because their file is too large."""
    effect = Outcome("FAILED_DUE_TO_EXCEEDED_FILE_SIZE_ERROR")
    return Fault("create", effect, longer_than=longer_than, times=None)


@declared(_GROUP)
def timed_out() -> Fault:
    """A job fails because it took LinkedIn too long."""
    return Fault("create", Outcome("FAILED_DUE_TO_TIMED_OUT"))


@declared(_GROUP)
def internal_error() -> Fault:
    """A job fails because of an error at LinkedIn."""
    return Fault("create", Outcome("FAILED_DUE_TO_INTERNAL_ERROR"))


def failed_job(status: str) -> Fault:
    """A job ends with this status."""
    return Fault("create", Outcome(status))


@declared(_GROUP)
def failed() -> Fault:
    """A job ends with FAILED, which is not documented."""
    return failed_job("FAILED")


@declared(_GROUP)
def cancelled() -> Fault:
    """A job ends with CANCELLED, which is not documented."""
    return failed_job("CANCELLED")


@declared(_GROUP)
def failed_newly(reason: str = "SHARD_REBALANCING") -> Fault:
    """A job ends with FAILED_DUE_TO_ something that is not documented."""
    return failed_job(f"FAILED_DUE_TO_{reason}")


@declared(_GROUP)
def data_delay(later_than: dt.date | None = None) -> Fault:
    """Jobs that include yesterday (or a day later than a given one) fail because the data is late."""
    newest = 1 if later_than is None else None
    effect = Outcome("FAILED_DUE_TO_DATA_DELAY")
    return Fault("create", effect, later_than=later_than, newest_days=newest, times=None)


@declared(_GROUP)
def delayed_weeks(days: int = 21) -> Fault:
    """Jobs that include one of the last three weeks' days fail because the data is late."""
    return data_delay().where(newest_days=days)

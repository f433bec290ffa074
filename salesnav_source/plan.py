"""What a run will ask LinkedIn for: a value that can be printed before anything is requested, and is then run as it is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from dlt.common import logger

from salesnav_source.client import Client, Contract
from salesnav_source.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    ThrottledError,
    UnavailableError,
)
from salesnav_source.exports import LONGEST_RETRY_AFTER, MAX_FAILURES, MAX_THROTTLES, Policy, Task, TTimer, WindowReport
from salesnav_source.journal import JobInFlight
from salesnav_source.settings import Settings
from salesnav_source.windows import Coverage, Window, plan_windows

WRONG_ZONE = timedelta(hours=16)
"""A machine's clock may be off by its time zone, at most 14 hours; what is off by more was set on purpose."""
ADOPTABLE_SECONDS = 86400.0
"""How old a job in flight may be to be taken over; LinkedIn refreshes export data every 24 hours (documented)."""


@dataclass(frozen=True)
class Plan:
    """The jobs to run, and the windows that cannot be."""

    today: date
    tasks: tuple[Task, ...]
    """In the order in which they are started; those with a job id go on from a job already at LinkedIn."""
    out_of_reach: tuple[WindowReport, ...]
    """Windows of contracts that cannot be exported, with the reason."""

    @property
    def new_jobs(self) -> int:
        """How many jobs have to be created."""
        return sum(task.job_id is None for task in self.tasks)


def make_plan(
    settings: Settings,
    contracts: Mapping[str, Contract] | None,
    exports: Sequence[str],
    coverage: Callable[[str, str], Coverage],
    in_flight: Iterable[JobInFlight],
    today: date,
    epoch: float,
) -> Plan:
    """Returns what a run will ask for.

    Args:
        settings: the days and contracts wanted.
        contracts: the contracts LinkedIn lists, by URN; None if it has not been asked, which takes configured contracts.
        exports: names of the exports wanted.
        coverage: what is loaded, by export and contract.
        in_flight: jobs that earlier runs left at LinkedIn.
        today: the current UTC day.
        epoch: seconds since the epoch.

    Raises:
        ConfigurationError: if none of the contracts wanted can be exported.
    """
    reachable, unreachable = _reachable(settings, contracts)
    jobs = {
        (job.contract, job.export, job.window): job for job in in_flight if epoch - job.asked_at < ADOPTABLE_SECONDS
    }
    tasks, out_of_reach = [], []
    for export in exports:
        for contract in (*reachable, *unreachable):
            covered = coverage(export, contract)
            own = [window for (urn, name, window) in jobs if (urn, name) == (contract, export)]
            windows = plan_windows(settings.wanted(today, covered), covered, today, settings.lookback_days, own)
            if contract in unreachable:
                out_of_reach += [
                    WindowReport(export, contract, window, "failed", unreachable[contract]) for window in windows
                ]
            else:
                tasks += [
                    _task(contract, export, window, jobs.get((contract, export, window)), epoch) for window in windows
                ]
    tasks.sort(key=lambda task: task.window.last, reverse=True)
    return Plan(today, tuple(tasks), tuple(out_of_reach))


def _task(contract: str, export: str, window: Window, job: JobInFlight | None, epoch: float) -> Task:
    if job is None:
        return Task(contract, export, window)
    return Task(
        contract,
        export,
        window,
        stage="poll",
        job_id=job.job_id,
        entry=job.entry,
        asked_at=job.asked_at,
        age_before=max(0.0, epoch - job.asked_at),
        status="ENQUEUED",
        jobs=1,
    )


def _reachable(settings: Settings, contracts: Mapping[str, Contract] | None) -> tuple[list[str], dict[str, str]]:
    if contracts is None:
        return list(settings.contracts), {}
    allowed = [urn for urn, contract in contracts.items() if contract.has_reporting_access]
    wanted = settings.contracts or tuple(allowed)
    refused = {
        urn: (
            "LinkedIn gives no reporting access to this contract: ask its administrator for a reporting role"
            if urn in contracts
            else "LinkedIn does not list this contract for the token's owner"
        )
        for urn in wanted
        if urn not in allowed
    }
    if not allowed or len(refused) == len(wanted):
        raise ConfigurationError(_nothing_to_export(contracts, refused))
    return [urn for urn in wanted if urn in allowed], refused


def _nothing_to_export(contracts: Mapping[str, Contract], refused: Mapping[str, str]) -> str:
    lines = ["No contract can be exported."]
    lines += [f"{urn}: {reason}." for urn, reason in refused.items()]
    if contracts:
        lines.append("The token's owner has seats on these contracts:")
        lines += [
            f"  {contract.urn}  {contract.name}" + ("" if contract.has_reporting_access else "  (no reporting access)")
            for contract in contracts.values()
        ]
    else:
        lines.append("LinkedIn lists no contract for the token's owner.")
    lines.append(
        "Exports take a reporting or administrator role, and a contract of the edition Advanced or Advanced Plus."
    )
    return "\n".join(lines)


def list_contracts(client: Client, policy: Policy, timer: TTimer) -> dict[str, Contract]:
    """Lists the contracts by URN, trying again with growing pauses where that can help.

    Raises:
        ApiError: if LinkedIn refuses, or does not answer within the tries.
    """
    failures = throttles = 0
    while True:
        try:
            return {contract.urn: contract for contract in client.contracts()}
        except AccessDeniedError as error:
            raise AccessDeniedError(f"The contracts cannot be listed. {error}", error.status, error.code) from None
        except ThrottledError as error:
            throttles += 1
            if throttles >= MAX_THROTTLES:
                raise UnavailableError(
                    "LinkedIn's quota of calls is used up: the contracts could not be listed. It resets at midnight UTC.",
                    429,
                ) from None
            told = error.retry_after
            pause = policy.pause(throttles, 0.5)
            if told is not None and told <= LONGEST_RETRY_AFTER:
                pause = max(told, pause)
        except UnavailableError as error:
            failures += 1
            if failures >= MAX_FAILURES:
                raise UnavailableError(
                    f"The contracts could not be listed. {error} Tried {failures} times.", error.status, error.code
                ) from None
            pause = policy.pause(failures, 0.5)
        logger.info(f"The listing of contracts is tried again in {pause:.1f} s.")
        timer.sleep(pause)


def utc_today(timer: TTimer, server_time: datetime | None) -> date:
    """Returns the current UTC day; the earlier one where this machine's clock and LinkedIn's differ by a time zone.

    Args:
        timer: this machine's time.
        server_time: the time that LinkedIn's last answer bore.
    """
    own = datetime.fromtimestamp(timer.epoch(), timezone.utc)
    if server_time is None or abs(own - server_time) >= WRONG_ZONE:
        return own.date()
    if own.date() != server_time.astimezone(timezone.utc).date():
        logger.warning(
            f"This machine's clock says {own:%Y-%m-%d %H:%M} UTC, LinkedIn's {server_time:%Y-%m-%d %H:%M} UTC;"
            " days are counted by the earlier one."
        )
    return min(own.date(), server_time.astimezone(timezone.utc).date())

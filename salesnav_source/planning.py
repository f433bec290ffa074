"""What a run will ask LinkedIn for: a value that can be printed before anything is requested, and is then run as it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from dlt.common import logger

from salesnav_source.client import Client, Contract
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ConfigurationError,
    ThrottledError,
    UnavailableError,
)
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.machine import LONGEST_RETRY_AFTER, MAX_TOKEN_REFUSALS, JobAttempt, Policy, Task
from salesnav_source.jobs.runner import WindowReport
from salesnav_source.journal import JobInFlight
from salesnav_source.settings import Settings
from salesnav_source.state import Ledger
from salesnav_source.windows import ONE_DAY, Coverage, Days, Window, plan_windows

WRONG_ZONE = timedelta(hours=16)
"""A machine's clock may be off by its time zone, at most 14 hours; what is off by more was set on purpose."""
ADOPTABLE_SECONDS = 7 * 86400.0
"""How old a job in flight may be to be adopted; LinkedIn keeps files for 7 days (documented)."""

UNREACHABLE_SECONDS = 30.0
"""Seconds for which the first call is tried while no connection can be made at all."""

NO_ACCESS = "LinkedIn gives no reporting access to this contract{}: ask its administrator for a reporting role"
NOT_LISTED = "LinkedIn does not list this contract{} for the token's owner"
"""With the contract's name in brackets, where it is known."""
HOW_TO_RETIRE = "; if it is not wanted any more, name those that are under contracts in [sources.salesnav]"


@dataclass(frozen=True)
class Refresh:
    """What is asked for anew although it is loaded: of the days wanted or loaded, those between the named ones."""

    first: date | None = None
    last: date | None = None

    def days(self, wanted: Days, coverage: Coverage) -> Days:
        """Returns the days to ask for."""
        named = Window(self.first or date.min + ONE_DAY, self.last or date.max - ONE_DAY)
        return (wanted | coverage.loaded) & Days((named,))


@dataclass(frozen=True)
class Plan:
    """The jobs to run, and the windows that cannot be."""

    today: date
    tasks: tuple[Task, ...]
    """Those with a job go on from a job that is at LinkedIn."""
    out_of_reach: tuple[WindowReport, ...]
    """Windows of contracts that cannot be exported, with the reason."""

    @property
    def new_jobs(self) -> int:
        """How many jobs have to be created."""
        return sum(task.job is None for task in self.tasks)


def make_plan(
    settings: Settings,
    contracts: Mapping[str, Contract] | None,
    exports: Mapping[str, str],
    ledger: Ledger,
    in_flight: Iterable[JobInFlight],
    today: date,
    epoch: float,
    refresh: Refresh | None = None,
) -> Plan:
    """Plans the windows to ask for, newest first, over all exports and contracts.

    Args:
        settings: what is wanted.
        contracts: the contracts of the token's owner by URN, None if LinkedIn was not asked.
        exports: what stands for each export wanted in the ledger, by name.
        ledger: what is loaded.
        in_flight: jobs that earlier runs left at LinkedIn.
        today: the current UTC day.
        epoch: seconds since the epoch.
        refresh: what is asked for anew although it is loaded.

    Raises:
        ConfigurationError: if none of the contracts wanted can be exported.
    """
    reachable, unreachable = _reachable(settings, contracts, ledger.contracts(exports.values()), ledger.names)
    jobs = {
        (job.contract, job.export, job.window): job
        for job in in_flight
        if _is_adoptable(job, today, epoch, settings.lookback_days, refresh)
    }
    tasks, out_of_reach = [], []
    for export, key in exports.items():
        for contract in (*reachable, *unreachable):
            covered = ledger.coverage(key, contract)
            own = [window for (urn, name, window) in jobs if (urn, name) == (contract, export)]
            wanted = settings.wanted(today, covered)
            if refresh is not None:
                wanted = refresh.days(wanted, covered)
                covered = Coverage()
            windows = plan_windows(wanted, covered, today, settings.lookback_days, own)
            if contract in unreachable:
                reason = unreachable[contract]
                out_of_reach += [WindowReport(export, contract, window, "failed", reason) for window in windows]
            else:
                tasks += [_task(contract, export, one, jobs.get((contract, export, one)), epoch) for one in windows]
    tasks.sort(key=lambda task: task.window.last, reverse=True)
    return Plan(today, tuple(tasks), tuple(out_of_reach))


def _is_adoptable(job: JobInFlight, today: date, epoch: float, lookback_days: int, refresh: Refresh | None) -> bool:
    """Tells whether a job's file is as good as one that is asked for now: its days are settled, or it was made today."""
    created_on = datetime.fromtimestamp(job.created_at, timezone.utc).date()
    if epoch - job.created_at >= ADOPTABLE_SECONDS:
        return False
    settled = refresh is None and job.window.last + timedelta(days=lookback_days) < created_on
    return settled or created_on >= today


def _task(contract: str, export: str, window: Window, job: JobInFlight | None, epoch: float) -> Task:
    if job is None:
        return Task(contract, export, window)
    attempt = JobAttempt(job.job_id, job.entry, job.created_at, age_before=max(0.0, epoch - job.created_at))
    return Task(contract, export, window, stage="poll", job=attempt, jobs=1)


def _reachable(
    settings: Settings,
    contracts: Mapping[str, Contract] | None,
    loaded: Iterable[str],
    names: Mapping[str, str],
) -> tuple[list[str], dict[str, str]]:
    """Returns the contracts to export, and those that are wanted and cannot be, with the reason.

    A contract of which anything is loaded stays wanted, unless the contracts are configured.
    """
    if contracts is None:
        return list(settings.contracts), {}
    allowed = [urn for urn, contract in contracts.items() if contract.has_reporting_access]
    wanted = settings.contracts or tuple(dict.fromkeys((*allowed, *loaded)))
    advice = "" if settings.contracts else HOW_TO_RETIRE
    names = {**names, **{urn: contract.name for urn, contract in contracts.items()}}
    refused = {
        urn: (NO_ACCESS if urn in contracts else NOT_LISTED).format(f" ({names[urn]})" if urn in names else "") + advice
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


def list_contracts(client: Client, policy: Policy, clock: Clock) -> dict[str, Contract]:
    """Lists the contracts by URN, trying again with growing pauses where that can help.

    Raises:
        ApiError: if LinkedIn refuses, or does not answer for as long as `outage_timeout`.
    """
    begun, tries, refusals = clock.now(), 0, 0
    while True:
        try:
            return {contract.urn: contract for contract in client.contracts()}
        except AccessDeniedError as error:
            raise AccessDeniedError(f"The contracts cannot be listed. {error}", error.status, error.code) from None
        except AccessTokenError:
            refusals += 1
            if refusals >= MAX_TOKEN_REFUSALS:
                raise
            pause = policy.pause(refusals + 1, 0.5)
        except (ThrottledError, UnavailableError) as error:
            tries += 1
            waited = clock.now() - begun
            # what cannot even be connected to is more likely misspelt, or this machine offline
            patience = policy.outage_timeout if error.status else min(policy.outage_timeout, UNREACHABLE_SECONDS)
            if waited >= patience and tries > 1:
                raise _given_up(error, waited) from None
            pause = policy.pause(tries, 0.5)
            told = error.retry_after if isinstance(error, ThrottledError) else None
            if told is not None and told <= LONGEST_RETRY_AFTER:
                pause = max(told, pause)
            if tries == 1:
                logger.warning(
                    f"The contracts could not be listed yet: {error} It is tried again for {patience:,.0f} s."
                )
        logger.info(f"The listing of contracts is tried again in {pause:.1f} s.")
        clock.sleep(pause)


def _given_up(error: ThrottledError | UnavailableError, waited: float) -> UnavailableError:
    if isinstance(error, ThrottledError):
        return UnavailableError(
            "LinkedIn's quota of calls is used up: the contracts could not be listed. It resets at midnight UTC.", 429
        )
    return UnavailableError(
        f"The contracts could not be listed. {error} Tried for {waited:,.0f} s.",
        error.status,
        error.code,
    )


def utc_today(clock: Clock, server_time: datetime | None) -> date:
    """Returns the current UTC day; the earlier one where this machine's clock and LinkedIn's differ by a time zone.

    Args:
        clock: this machine's time.
        server_time: the time that LinkedIn's last answer bore.
    """
    own = datetime.fromtimestamp(clock.epoch(), timezone.utc)
    if server_time is None or abs(own - server_time) >= WRONG_ZONE:
        return own.date()
    if own.date() != server_time.astimezone(timezone.utc).date():
        logger.warning(
            f"This machine's clock says {own:%Y-%m-%d %H:%M} UTC, LinkedIn's {server_time:%Y-%m-%d %H:%M} UTC;"
            " days are counted by the earlier one."
        )
    return min(own.date(), server_time.astimezone(timezone.utc).date())

"""The plan of a run: what it will ask LinkedIn for. It can be printed before anything is requested."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from types import MappingProxyType

from dlt.common import logger

from salesnav_source.days.windows import ONE_DAY, Coverage, Days, Window, plan_windows, utc_day
from salesnav_source.exceptions import (
    ConfigurationError,
)
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.journal import JobInFlight
from salesnav_source.jobs.results import WindowResult
from salesnav_source.jobs.task import JobAttempt, Task
from salesnav_source.linkedin.client import Contract
from salesnav_source.schema import EXPORTS
from salesnav_source.settings.configuration import Settings
from salesnav_source.settings.urns import in_words
from salesnav_source.warehouse.state import Ledger

WRONG_ZONE = timedelta(hours=16)
"""A machine's clock may be wrong by its time zone, at most 14 hours. A larger difference was set on purpose."""
ADOPTABLE_SECONDS = 7 * 86400.0
"""Most seconds since the creation of a job that a run adopts. LinkedIn keeps files for 7 days (documented)."""

NO_ACCESS = "LinkedIn gives no reporting access to this contract: ask its administrator for a reporting role"
NOT_LISTED = "LinkedIn does not list this contract for the token's owner"
RESTS = "LinkedIn has no data of days so far back; they are asked for again once a week"
HOW_TO_RETIRE = "; if you no longer want it, list the contracts that you want under contracts in [sources.salesnav]"


@dataclass(frozen=True)
class Refresh:
    """Days to ask for again although they are loaded: those wanted or loaded, between the given ones."""

    first: date | None = None
    last: date | None = None

    @staticmethod
    def of(wanted: "Refresh | bool") -> "Refresh | None":
        """Returns what to ask for again; true means everything."""
        if isinstance(wanted, Refresh):
            return wanted
        return Refresh() if wanted else None

    def days(self, wanted: Days, coverage: Coverage) -> Days:
        """Returns the days to ask for."""
        named = Window(self.first or date.min + ONE_DAY, self.last or date.max - ONE_DAY)
        return (wanted | coverage.loaded) & Days((named,))


@dataclass(frozen=True)
class Plan:
    """The jobs to run, and the windows that cannot be."""

    today: date
    tasks: tuple[Task, ...]
    """Tasks; those with a job go on from one that is at LinkedIn."""
    out_of_reach: tuple[WindowResult, ...]
    """Windows of contracts that cannot be exported, with the reason."""
    not_available: tuple[WindowResult, ...] = ()
    """Windows so far back that LinkedIn refused them this week. They are not asked for again yet."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The known names of contracts, by URN."""

    @cached_property
    def windows(self) -> Mapping[tuple[str, str], list[Window]]:
        """The windows of the tasks by contract and export."""
        found: dict[tuple[str, str], list[Window]] = defaultdict(list)
        for task in self.tasks:
            found[task.lane].append(task.window)
        return found

    @property
    def new_jobs(self) -> int:
        """How many jobs have to be created."""
        return sum(task.job is None for task in self.tasks)


def make_plan(
    settings: Settings,
    contracts: Mapping[str, Contract] | None,
    exports: Sequence[str],
    ledger: Ledger,
    in_flight: Iterable[JobInFlight],
    today: date,
    epoch: float,
    refresh: Refresh | None = None,
    resting: Mapping[tuple[str, str], Days] = MappingProxyType({}),
) -> Plan:
    """Plans the windows to ask for, newest first, over all exports and contracts.

    Args:
        settings: what is wanted.
        contracts: the contracts of the token's owner by URN, None if LinkedIn was not asked.
        exports: names of the exports wanted.
        ledger: what is loaded.
        in_flight: jobs that earlier runs left at LinkedIn.
        today: the current UTC day.
        epoch: seconds since the epoch.
        refresh: what is asked for again although it is loaded.
        resting: days by contract and export that LinkedIn refused this week because they are too far back.

    Raises:
        ConfigurationError: if no wanted contract can be exported.
    """
    names = {**ledger.names, **{urn: contract.name for urn, contract in (contracts or {}).items()}}
    reachable, unreachable = _reachable(settings, contracts, ledger.contracts(exports), names)
    jobs = {
        (job.contract, job.export, job.window): job
        for job in in_flight
        if _is_adoptable(job, today, epoch, settings.lookback_days, refresh)
    }
    tasks, out_of_reach, not_available = [], [], []
    for export in exports:
        for contract in (*reachable, *unreachable):
            covered = ledger.coverage(export, contract)
            own = [window for (urn, name, window) in jobs if (urn, name) == (contract, export)]
            wanted = settings.wanted(today, covered)
            if refresh is not None:
                wanted = refresh.days(wanted, covered)
                covered = Coverage()
            else:
                rest = (wanted - covered.loaded) & resting.get((contract, export), Days())
                wanted = wanted - rest
                not_available += [WindowResult(contract, export, one, "not_available", RESTS) for one in rest]
            overlaps = refresh is None and not EXPORTS[export].key_holds_day
            windows = plan_windows(wanted, covered, today, settings.lookback_days, own, overlaps)
            if contract in unreachable:
                reason = unreachable[contract]
                out_of_reach += [WindowResult(contract, export, window, "failed", reason) for window in windows]
            else:
                tasks += [_task(contract, export, one, jobs.get((contract, export, one)), epoch) for one in windows]
    tasks.sort(key=lambda task: task.window.last, reverse=True)
    return Plan(today, tuple(tasks), tuple(out_of_reach), tuple(not_available), names)


def _is_adoptable(job: JobInFlight, today: date, epoch: float, lookback_days: int, refresh: Refresh | None) -> bool:
    """Returns true if a job's file is as good as a new one: its days get no more late rows, or it was created today."""
    created_on = utc_day(job.created_at)
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
    """Returns the contracts to export, and the wanted ones that cannot be exported, with the reason.

    A contract with loaded days stays wanted, unless the contracts are configured.
    """
    if contracts is None:
        return list(settings.contracts), {}
    allowed = [urn for urn, contract in contracts.items() if contract.has_reporting_access]
    wanted = settings.contracts or tuple(dict.fromkeys((*allowed, *loaded)))
    advice = "" if settings.contracts else HOW_TO_RETIRE
    refused = {urn: (NO_ACCESS if urn in contracts else NOT_LISTED) + advice for urn in wanted if urn not in allowed}
    if not allowed or len(refused) == len(wanted):
        raise ConfigurationError(_nothing_to_export(contracts, refused, names))
    return [urn for urn in wanted if urn in allowed], refused


def _nothing_to_export(contracts: Mapping[str, Contract], refused: Mapping[str, str], names: Mapping[str, str]) -> str:
    lines = ["No contract can be exported."]
    lines += [f"{in_words(urn, names)}: {reason}." for urn, reason in refused.items()]
    if contracts:
        lines.append("The token's owner has seats on these contracts:")
        lines += [
            f"  {in_words(contract.urn, names)}" + ("" if contract.has_reporting_access else "  (no reporting access)")
            for contract in contracts.values()
        ]
    else:
        lines.append("LinkedIn lists no contract for the token's owner.")
    lines.append(
        "Exports need a reporting or administrator role, and a contract of the edition Advanced or Advanced Plus."
    )
    return "\n".join(lines)


def utc_today(clock: Clock, server_time: datetime | None) -> date:
    """Returns the current UTC day. If this machine's clock and LinkedIn's differ by a time zone, the earlier day.

    Args:
        clock: this machine's time.
        server_time: the time in LinkedIn's last answer.
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

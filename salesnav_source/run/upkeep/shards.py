"""Contracts divided among several pipelines of one dataset, and moved from one of them to another with what is loaded."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256

import dlt

from salesnav_source.days.windows import Coverage
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.jobs.journal import JobInFlight
from salesnav_source.run.context import RunContext
from salesnav_source.run.contracts import urns_of
from salesnav_source.run.prepare import Mode, Wishes, prepare
from salesnav_source.run.settle import commit_state
from salesnav_source.settings.configuration import Settings
from salesnav_source.settings.urns import in_words


def divide(contracts: Sequence[str], count: int) -> list[list[str]]:
    """Divides contracts among shards.

    Where a contract belongs depends on its URN and the count alone: others that come or go move none. With one shard more,
    only those move that go into it.

    Args:
        contracts: URNs.
        count: how many shards there are to be.
    """
    shards: list[list[str]] = [[] for _ in range(count)]
    for urn in sorted(set(contracts)):
        weights = [sha256(f"{urn} {shard}".encode()).digest() for shard in range(count)]
        shards[weights.index(max(weights))].append(urn)
    return shards


@dataclass(frozen=True)
class Moved:
    """What was moved of an export of a contract."""

    export: str
    contract: str
    days: int
    """Days that are loaded, and are so for the other pipeline now."""


@dataclass(frozen=True)
class Move:
    """What a move has done."""

    moved: list[Moved]
    jobs: list[JobInFlight]
    """Jobs in flight, which the other pipeline goes on with."""
    names: Mapping[str, str]
    """The known names of contracts, by URN."""


def move(giving: dlt.Pipeline, taking: dlt.Pipeline, contracts: Sequence[str], settings: Settings) -> Move:
    """Moves contracts from one pipeline to another of the same dataset, so that nothing is asked of LinkedIn again.

    The rows stay where they are; what is loaded, what is to be read again and jobs in flight go over. A move that was cut off
    is done again: until it is complete, both pipelines count the days as loaded.

    Args:
        giving: has loaded the contracts.
        taking: loads them from now on.
        contracts: URNs or names.
        settings: where the journals are.

    Raises:
        ConfigurationError: if that cannot be; nothing was moved then.
        PipelineBusyError: if a run of either is at work.
        DestinationError: if the destination cannot be used.
    """
    if giving.pipeline_name == taking.pipeline_name:
        raise ConfigurationError(f"Both pipelines are {giving.pipeline_name}: name the other one. Nothing was moved.")
    with ExitStack() as stack:
        wishes = Wishes.of(settings)
        giver, taker = (stack.enter_context(prepare(one, Mode.MOVE, wishes)) for one in (giving, taking))
        if giver.warehouse_name != taker.warehouse_name:
            raise ConfigurationError(
                f"{giving.pipeline_name} and {taking.pipeline_name} do not load into the same dataset, and rows are not moved:"
                " let the other pipeline load them again. Nothing was moved."
            )
        names = {**taker.ledger.names, **giver.ledger.names}
        urns = urns_of(contracts, names)
        jobs = [job for job in giver.journal.in_flight() if job.contract in urns]
        moved = [
            Moved(export, urn, sum(window.days for window in own[urn].loaded))
            for export, own in giver.ledger.settled.items()
            for urn in urns
            if urn in own
        ]
        _require_something(giving, urns, moved, jobs, names)
        for one in moved:
            own = taker.ledger.settled.setdefault(one.export, {})
            own[one.contract] = own.get(one.contract, Coverage()) | giver.ledger.settled[one.export][one.contract]
        _commit(taking, taker, settings)
        taker.journal.adopt(jobs)
        giver.journal.forget([job.entry for job in jobs])
        for one in moved:
            del giver.ledger.settled[one.export][one.contract]
        _commit(giving, giver, settings)
        return Move(moved, jobs, names)


def _require_something(
    giving: dlt.Pipeline,
    urns: Sequence[str],
    moved: Sequence[Moved],
    jobs: Sequence[JobInFlight],
    names: Mapping[str, str],
) -> None:
    unknown = sorted(set(urns) - {one.contract for one in moved} - {job.contract for job in jobs})
    if unknown:
        raise ConfigurationError(
            f"Of {'; '.join(in_words(urn, names) for urn in unknown)} pipeline {giving.pipeline_name} has loaded nothing: there"
            " is nothing to move. `salesnav status --pipeline NAME` shows what a pipeline has. Nothing was moved."
        )


def _commit(pipeline: dlt.Pipeline, context: RunContext, settings: Settings) -> None:
    commit_state(pipeline, context.ledger, settings.personal_data)
    pipeline.deactivate()

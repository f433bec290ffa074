"""Contracts divided among several pipelines of one dataset, and moved from one of them to another with what is loaded."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256

import dlt

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.journal import JobInFlight
from salesnav_source.loading import commit_state, opened
from salesnav_source.session import Session
from salesnav_source.settings import Settings
from salesnav_source.windows import Coverage


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


def move(giving: dlt.Pipeline, taking: dlt.Pipeline, contracts: Sequence[str], settings: Settings) -> Move:
    """Moves contracts from one pipeline to another of the same dataset, so that nothing is asked of LinkedIn again.

    The rows stay where they are; what is loaded, what is to be read again and jobs in flight go over. A move that was cut off
    is done again: until it is complete, both pipelines count the days as loaded.

    Args:
        giving: has loaded the contracts.
        taking: loads them from now on.
        contracts: URNs.
        settings: where the journals are.

    Raises:
        ConfigurationError: if that cannot be; nothing was moved then.
        PipelineBusyError: if a run of either is at work.
        DestinationError: if the destination cannot be used.
    """
    if giving.pipeline_name == taking.pipeline_name:
        raise ConfigurationError(f"Both pipelines are {giving.pipeline_name}: name the other one. Nothing was moved.")
    with ExitStack() as stack:
        giver, taker = (stack.enter_context(opened(Session(settings), one)) for one in (giving, taking))
        assert giver.warehouse is not None and taker.warehouse is not None
        if giver.warehouse.name != taker.warehouse.name:
            raise ConfigurationError(
                f"{giving.pipeline_name} and {taking.pipeline_name} do not load into the same dataset, and rows are not moved:"
                " let the other pipeline load them anew. Nothing was moved."
            )
        jobs = [job for job in giver.journal.in_flight() if job.contract in contracts]
        moved = [
            Moved(key, urn, sum(window.days for window in own[urn].loaded))
            for key, own in giver.ledger.settled.items()
            for urn in contracts
            if urn in own
        ]
        unknown = sorted(set(contracts) - {one.contract for one in moved} - {job.contract for job in jobs})
        if unknown:
            raise ConfigurationError(
                f"Of {', '.join(unknown)} pipeline {giving.pipeline_name} has loaded nothing: there is nothing to move."
                " `salesnav status --pipeline NAME` shows what a pipeline has. Nothing was moved."
            )
        for one in moved:
            own = taker.ledger.settled.setdefault(one.export, {})
            own[one.contract] = own.get(one.contract, Coverage()) | giver.ledger.settled[one.export][one.contract]
            if (columns := giver.ledger.columns.get(one.export, {}).get(one.contract)) is not None:
                taker.ledger.columns.setdefault(one.export, {})[one.contract] = columns
        _commit(taking, taker)
        taker.journal.adopt(jobs)
        giver.journal.forget([job.entry for job in jobs])
        for one in moved:
            del giver.ledger.settled[one.export][one.contract]
            giver.ledger.columns.get(one.export, {}).pop(one.contract, None)
        _commit(giving, giver)
        return Move(moved, jobs)


def _commit(pipeline: dlt.Pipeline, session: Session) -> None:
    commit_state(pipeline, session.ledger, session.settings.personal_data)
    pipeline.deactivate()

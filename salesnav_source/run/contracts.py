"""The contracts of the token's owner: lists them, and finds those that are named."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

from dlt.common import logger

from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ConfigurationError,
    ThrottledError,
    UnavailableError,
)
from salesnav_source.jobs.clock import Clock
from salesnav_source.jobs.machine import LONGEST_RETRY_AFTER, MAX_TOKEN_REFUSALS
from salesnav_source.jobs.task import Policy
from salesnav_source.linkedin.client import Client, Contract
from salesnav_source.settings.urns import in_words, is_contract_urn

UNREACHABLE_SECONDS = 30.0
"""Seconds to retry the first call if there is no connection at all."""


@dataclass(frozen=True)
class ContractListing:
    """The contracts that LinkedIn has listed, by URN."""

    contracts: Mapping[str, Contract]

    def __bool__(self) -> bool:
        return bool(self.contracts)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of `contracts`."""
        return [
            {
                "contract": contract.urn,
                "name": contract.name,
                "description": contract.description,
                "has_reporting_access": contract.has_reporting_access,
            }
            for contract in sorted(self.contracts.values(), key=lambda contract: contract.urn)
        ]

    @property
    def digest(self) -> str:
        """A hash that changes when a contract does."""
        return sha256(json.dumps(self.rows).encode()).hexdigest()

    @property
    def names(self) -> dict[str, str]:
        """Names by URN."""
        return {urn: contract.name for urn, contract in self.contracts.items()}

    def urns_of(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Returns the URNs of contracts given by URN or name.

        Raises:
            ConfigurationError: if no listed contract has the name, or several have it.
        """
        return urns_of(wanted, self.names)


def urns_of(wanted: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the URNs of contracts given by URN or name.

    Args:
        wanted: URNs or names.
        names: the known names, by URN.

    Raises:
        ConfigurationError: if no known contract has the name, or several have it.
    """
    return tuple(dict.fromkeys(one if is_contract_urn(one) else _urn_named(one, names) for one in wanted))


NOT_LISTED = "is configured, but not listed for the token's owner"


def urns_where_listed(wanted: Iterable[str], contracts: Iterable[Contract]) -> list[str]:
    """Returns contracts that are wanted by URN or name: by URN if one of those listed has the name, else as they are wanted."""
    found: dict[str, list[str]] = defaultdict(list)
    for contract in contracts:
        found[contract.name.strip().casefold()].append(contract.urn)
    urns = [[one] if is_contract_urn(one) else found.get(one.strip().casefold(), [one]) for one in wanted]
    return list(dict.fromkeys(urn for some in urns for urn in some))


def _urn_named(name: str, names: Mapping[str, str]) -> str:
    plain = name.strip().casefold()
    found = sorted(urn for urn, own in names.items() if own.strip().casefold() == plain)
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f"{name!r} is the name of several contracts: {', '.join(found)}. Name one by its URN or its number."
        )
    known = "; ".join(in_words(urn, names) for urn in sorted(names)) or "none"
    by_name = {own.strip().casefold(): own for own in names.values()}
    close = get_close_matches(plain, sorted(by_name), 1, 0.6)
    meant = f" Did you mean {by_name[close[0]]!r}?" if close else ""
    raise ConfigurationError(
        f"{name!r} is not a contract: it is neither a URN or number, such as urn:li:contract:123456, nor one of these names:"
        f" {known}.{meant}"
    )


def list_contracts(client: Client, policy: Policy, clock: Clock) -> dict[str, Contract]:
    """Lists the contracts by URN. If a retry can help, retries with growing pauses.

    Raises:
        ApiError: if LinkedIn refuses, or does not answer for `outage_timeout`.
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
            pause = _pause_after(error, tries, clock.now() - begun, policy)
        logger.info(f"The listing of contracts is retried in {pause:.1f} s.")
        clock.sleep(pause)


def _pause_after(error: ThrottledError | UnavailableError, tries: int, waited: float, policy: Policy) -> float:
    """Returns the pause before the next try.

    Raises:
        UnavailableError: if LinkedIn has not answered for too long.
    """
    # without any connection, the address is probably misspelt or this machine offline
    patience = policy.outage_timeout if error.status else min(policy.outage_timeout, UNREACHABLE_SECONDS)
    if waited >= patience and tries > 1:
        raise _given_up(error, waited) from None
    if tries == 1:
        logger.warning(f"The contracts could not be listed yet: {error} It is retried for {patience:,.0f} s.")
    pause = policy.pause(tries, 0.5)
    named = error.retry_after if isinstance(error, ThrottledError) else None
    return max(named, pause) if named is not None and named <= LONGEST_RETRY_AFTER else pause


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

"""`salesnav shards`: divides the contracts among several pipelines."""

import argparse
import json

from salesnav_source.cli.terminal import COMPLETE, say
from salesnav_source.client import Client
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.settings import resolve_settings
from salesnav_source.shards import divide


def run(options: argparse.Namespace) -> int:
    """Prints a division of the contracts; asks LinkedIn for them where none are configured."""
    contracts = list(resolve_settings({"credentials": "none"}).contracts)
    if not contracts:
        client = Client(resolve_settings({}))
        contracts = [one.urn for one in client.contracts() if one.has_reporting_access]
        for note in client.tokens.notes:
            say(note)
    if not contracts:
        raise ConfigurationError(
            "No contract may be exported, so there is nothing to divide. `salesnav contracts` lists them."
        )
    shards = divide(contracts, options.count)
    named = [{"pipeline": f"salesnav_{number}", "contracts": shard} for number, shard in enumerate(shards, start=1)]
    print(json.dumps([one for one in named if one["contracts"]]) if options.json else _render(shards))
    return COMPLETE


def _render(shards: list[list[str]]) -> str:
    return "\n".join(
        f"{number:>2}  {len(shard)} contract{'s' * (len(shard) != 1)}: {', '.join(shard) or 'none'}"
        for number, shard in enumerate(shards, start=1)
    )

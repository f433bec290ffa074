"""`salesnav shards`: divides the contracts among several pipelines."""

import argparse
import json

from salesnav_source.cli.grammar import add_sandbox
from salesnav_source.cli.terminal import say, show
from salesnav_source.cli.workplace import settings_of
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.linkedin.client import Client
from salesnav_source.run.exit_codes import COMPLETE
from salesnav_source.run.upkeep.shards import divide
from salesnav_source.settings.configuration import resolve_settings


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Prints a division of contracts among pipelines: the configured ones, or else all that may be exported. The"
        " division is stable: a contract that comes or goes moves no other, and a new shard only gets contracts, so that the"
        " others exchange none."
    )
    parser.add_argument("--count", type=_count, required=True, metavar="N", help="the number of shards")
    parser.add_argument(
        "--json", action="store_true", help="print JSON: a pipeline with its contracts for each shard that has any"
    )
    add_sandbox(parser, "divide the contracts of the sandbox")


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Prints a division of the contracts. Asks LinkedIn for them if none are configured."""
    contracts = [] if options.sandbox else list(resolve_settings(needs_token=False).contracts)
    if not contracts:
        with settings_of(options) as settings:
            client = Client(settings)
            contracts = [one.urn for one in client.contracts() if one.has_reporting_access]
            for note in (*client.notes, *client.tokens.notes):
                say(note)
    if not contracts:
        raise ConfigurationError(
            "No contract may be exported, so there is nothing to divide. `salesnav contracts` lists them."
        )
    shards = divide(contracts, options.count)
    named = [{"pipeline": f"salesnav_{number}", "contracts": shard} for number, shard in enumerate(shards, start=1)]
    show(json.dumps([one for one in named if one["contracts"]]) if options.json else _render(shards))
    return COMPLETE


def _render(shards: list[list[str]]) -> str:
    return "\n".join(
        f"{number:>2}  {len(shard)} contract{'s' * (len(shard) != 1)}: {', '.join(shard) or 'none'}"
        for number, shard in enumerate(shards, start=1)
    )

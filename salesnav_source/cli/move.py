"""`salesnav move`: moves contracts from one pipeline to another, with what is loaded."""

import argparse

import dlt

from salesnav_source.cli.grammar import add_contract, add_destination, add_sandbox
from salesnav_source.cli.terminal import show, width
from salesnav_source.cli.workplace import apart
from salesnav_source.run.exit_codes import COMPLETE
from salesnav_source.run.layout import fitted
from salesnav_source.run.upkeep.shards import move
from salesnav_source.settings.configuration import resolve_settings
from salesnav_source.settings.names import DATASET
from salesnav_source.settings.urns import in_words
from salesnav_source.warehouse import destinations


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Lets another pipeline of the same dataset go on with contracts. It takes over which days are loaded and which jobs"
        " are in flight, so nothing is asked of LinkedIn again. The rows stay where they are."
    )
    add_destination(parser)
    add_contract(parser, "a contract to move", required=True)
    parser.add_argument("--from", dest="giving", required=True, metavar="PIPELINE", help="the one that has loaded them")
    parser.add_argument("--to", dest="taking", required=True, metavar="PIPELINE", help="the one that will load them")
    parser.add_argument(
        "--pipelines-dir", metavar="DIR", help="where pipelines keep their state; default dlt's own place"
    )
    add_sandbox(parser, "move contracts that were loaded with --sandbox")


def run(options: argparse.Namespace) -> int:
    """Moves contracts, and says what was moved."""
    settings = resolve_settings({"contracts": options.contract}, needs_token=False)
    options.pipeline = options.giving
    destination = destinations.make(options)
    dataset = apart(destination)[1] if options.sandbox else DATASET
    giving, taking = (
        dlt.pipeline(name, destination=one, dataset_name=dataset, pipelines_dir=options.pipelines_dir)
        for name, one in ((options.giving, destination), (options.taking, destinations.make(options)))
    )
    done = move(giving, taking, settings.contracts, settings)
    moved = sorted(done.moved, key=lambda one: (one.contract, one.export))
    rows = [(in_words(one.contract, done.names), one.export, f"{one.days:,}") for one in moved]
    show("\n".join(fitted(("contract", "export", "days loaded"), rows, width())))
    show(f"{len(done.jobs)} jobs in flight were moved as well. {options.taking} loads these contracts from now on.")
    return COMPLETE

"""`salesnav move`: moves contracts from one pipeline to another, with what is loaded."""

import argparse

import dlt

from salesnav_source import destinations
from salesnav_source.cli.terminal import COMPLETE, width
from salesnav_source.names import DATASET
from salesnav_source.report import fitted
from salesnav_source.settings import resolve_settings
from salesnav_source.shards import move


def run(options: argparse.Namespace) -> int:
    """Moves contracts, and says what was moved."""
    # LinkedIn is not asked, so it takes no credentials
    settings = resolve_settings({"credentials": "none", "contracts": options.contract})
    options.pipeline = options.giving
    giving, taking = (
        dlt.pipeline(name, destination=getattr(destinations, options.destination)(options), dataset_name=DATASET)
        for name in (options.giving, options.taking)
    )
    done = move(giving, taking, settings.contracts, settings)
    rows = sorted((one.contract, one.export, f"{one.days:,}") for one in done.moved)
    print("\n".join(fitted(("contract", "export", "days loaded"), rows, width())))
    print(f"{len(done.jobs)} jobs in flight went along. {options.taking} loads these contracts from now on.")
    return COMPLETE

"""`salesnav load`: loads the wanted days that are not loaded yet."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from salesnav_source.cli.grammar import (
    Parser,
    add_contract,
    add_days,
    add_export,
    add_sandbox,
    add_version,
    exit_codes,
)
from salesnav_source.cli.terminal import print_any_letter
from salesnav_source.settings.names import DATASET
from salesnav_source.warehouse.destinations import DESTINATIONS, make

EXIT_CODES = exit_codes(
    _0="complete, or only waiting for LinkedIn's data",
    _2="no export job was created, and nothing was changed; the message says why",
    _3="incomplete, a new run loads what is missing",
    _130_143="stopped by SIGINT, SIGTERM",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Loads the wanted days that are not loaded yet into a warehouse. Each destination has its own --help."
    )
    parser.epilog = EXIT_CODES
    destinations = parser.add_subparsers(title="destinations", required=True, metavar="DESTINATION")
    for name, destination in DESTINATIONS.items():
        own = destinations.add_parser(
            name,
            help=f"into {name}" + ("" if destination.tried else ", as dlt does; not tried"),
            description=f"Loads LinkedIn Sales Navigator exports into {name}, dataset {DATASET}: the wanted days that are not"
            " loaded yet. An option overrides the setting of the same name.",
            epilog=EXIT_CODES,
        )
        _add_load_options(own, destination.database, destination.meaning)
        own.set_defaults(destination=name, pipeline=f"salesnav_to_{name}", is_script=False)


def script_parser(pipeline_name: str) -> argparse.ArgumentParser:
    """Returns the parser of a script with a destination of its own."""
    parser = Parser(
        description="Loads LinkedIn Sales Navigator exports, day by day. An option overrides the setting of the same name.",
        epilog=EXIT_CODES,
    )
    _add_load_options(parser, "NAME", "where to load, if the script uses it")
    parser.set_defaults(pipeline=pipeline_name, is_script=True)
    return parser


def run(options: argparse.Namespace) -> int:
    """Loads into one of the destinations that the command knows."""
    from salesnav_source.cli.execution import load

    return load(make, options)


def main(
    pipeline_name: str, destination: Callable[[argparse.Namespace], Any], argv: Sequence[str] | None = None
) -> int:
    """Runs a script that loads into its own destination, and returns its exit code.

    Args:
        pipeline_name: name of the pipeline; the sandbox has its own.
        destination: returns the destination for the options; raises ConfigurationError if they do not fit it.
        argv: the options; those of the process if None.
    """
    print_any_letter()
    options = script_parser(pipeline_name).parse_args(argv)
    from salesnav_source.cli.execution import load

    return load(destination, options)


def _add_load_options(parser: argparse.ArgumentParser, metavar: str, database: str) -> None:
    add_sandbox(parser, "load invented data from a stand-in for LinkedIn's API")
    add_contract(parser, "a contract to export")
    add_export(parser)
    add_days(parser, "first day wanted; default 90 days back", "last day wanted; default yesterday")
    parser.add_argument("--database", metavar=metavar, help=database)
    parser.add_argument("--pipeline", metavar="NAME", help="the pipeline to load by; default %(default)s")
    parser.add_argument("--plan", action="store_true", help="print what would be asked for, and create no job")
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="export again what the other options name (with none: everything); each day is replaced once its new rows are"
        " there",
    )
    parser.add_argument("--report-json", metavar="PATH", help="write a report of the run to a file, also if it fails")
    parser.add_argument("--quiet", action="store_true", help="print nothing if all is well")
    add_version(parser)

"""The options of the commands, apart from what they do: `--help` has to answer at once, so nothing heavy is imported."""

import argparse
from typing import TypeAlias

from salesnav_source import __version__
from salesnav_source.names import DATASET, DEFAULT_PIPELINE, MARTS

TSubparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

EXPORTS = ("activities", "activity_outcomes", "seats")
"""As in the schema, which takes longer to import."""

DATABASES = {
    "duckdb": ("PATH", "the DuckDB file to load into; default salesnav_to_duckdb.duckdb in the current folder"),
    "bigquery": ("PROJECT", "the project to load into; default the configured one"),
    "snowflake": ("NAME", "the database to load into; default the configured one"),
    "postgres": ("NAME", "the database to load into; default the configured one"),
}
"""The destinations of `salesnav load`, and what `--database` is there."""

LOAD_EXIT_CODES = (
    "exit codes: 0 complete, or only waiting for LinkedIn's data; 2 nothing was tried (configuration, token or access"
    " refused); 3 incomplete, a new run takes up what is missing; 130, 143 stopped by SIGINT, SIGTERM"
)


def command_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command `salesnav`."""
    parser = argparse.ArgumentParser(
        prog="salesnav",
        description="Loads LinkedIn Sales Navigator exports into a warehouse, and what goes with that. Settings come from"
        " .dlt/*.toml in the current folder and from the environment.",
        epilog="exit codes: 0 done, or in order; 2 not done, or not in order; 3 incomplete; 130 stopped by Ctrl-C",
    )
    _add_version(parser)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_load(commands)
    _add_init(commands)
    _add_contracts(commands)
    _add_shards(commands)
    _add_move(commands)
    commands.add_parser(
        "check",
        help="say whether configuration, token, access and addresses are in order",
        description="Says whether configuration, token, access, addresses and the clock are in order, and how long the token"
        " lives. Asks LinkedIn, and creates no job.",
        epilog="exit codes: 0 in order, there may be warnings; 2 a run would fail",
    ).set_defaults(command="check")
    _add_status(commands)
    _add_erase(commands)
    _add_transform(commands)
    _add_dashboard(commands)
    _add_report(commands)
    _add_inspect(commands)
    _add_sandbox(commands)
    return parser


def script_parser(pipeline_name: str) -> argparse.ArgumentParser:
    """Returns the parser of a script with a destination of its own."""
    parser = argparse.ArgumentParser(
        description="Loads LinkedIn Sales Navigator exports, day by day. An option overrides the setting of the same name.",
        epilog=LOAD_EXIT_CODES,
    )
    _add_load_options(parser, "NAME", "where to load, if the script heeds it")
    parser.set_defaults(pipeline=pipeline_name, command=None)
    return parser


def _add_load(commands: TSubparsers) -> None:
    load = commands.add_parser(
        "load",
        help="load what is missing into a warehouse",
        description="Loads into a warehouse what is wanted and not loaded yet. Each destination has its own --help.",
        epilog=LOAD_EXIT_CODES,
    )
    destinations = load.add_subparsers(title="destinations", required=True, metavar="DESTINATION")
    for name, (metavar, meaning) in DATABASES.items():
        parser = destinations.add_parser(
            name,
            help=f"into {name}",
            description=f"Loads LinkedIn Sales Navigator exports into {name}, dataset {DATASET}: what is wanted and not"
            " loaded yet. An option overrides the setting of the same name.",
            epilog=LOAD_EXIT_CODES,
        )
        _add_load_options(parser, metavar, meaning)
        parser.set_defaults(command="load", destination=name, pipeline=f"salesnav_to_{name}")


def _add_load_options(parser: argparse.ArgumentParser, metavar: str, database: str) -> None:
    parser.add_argument("--sandbox", action="store_true", help="load invented data from a stand-in for LinkedIn's API")
    parser.add_argument("--contract", action="append", metavar="URN", help="a contract to export (may be repeated)")
    parser.add_argument(
        "--export",
        action="append",
        choices=EXPORTS,
        metavar="NAME",
        help=f"one of {', '.join(EXPORTS)} (may be repeated)",
    )
    parser.add_argument("--start-date", metavar="DAY", help="first day wanted, YYYY-MM-DD, UTC; default 90 days back")
    parser.add_argument("--end-date", metavar="DAY", help="last day wanted, YYYY-MM-DD, UTC; default yesterday")
    parser.add_argument("--database", metavar=metavar, help=database)
    parser.add_argument("--pipeline", metavar="NAME", help="the pipeline to load by; default %(default)s")
    parser.add_argument("--plan", action="store_true", help="print what would be asked for, and create no job")
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="ask again for what is named (exports, contracts, days), or for all that is wanted or loaded, and replace each"
        " day when it has come",
    )
    parser.add_argument("--report-json", metavar="PATH", help="write what the run has done to a file, also if it fails")
    parser.add_argument("--quiet", action="store_true", help="print nothing if all is well")
    _add_version(parser)


def _add_init(commands: TSubparsers) -> None:
    init = commands.add_parser(
        "init",
        help="write configuration, an example of secrets and a script into a folder",
        description="Writes .dlt/config.toml, .dlt/secrets.toml.example, a script and lines of .gitignore into a folder."
        " What is there stays as it is.",
    )
    init.add_argument("folder", nargs="?", default=".", metavar="FOLDER", help="default the current one")
    init.add_argument(
        "--destination",
        choices=list(DATABASES),
        default="duckdb",
        metavar="NAME",
        help=f"where the script loads: one of {', '.join(DATABASES)}; default %(default)s",
    )
    init.set_defaults(command="init")


def _add_contracts(commands: TSubparsers) -> None:
    contracts = commands.add_parser(
        "contracts",
        help="list the contracts, or choose which to export",
        description="Lists the contracts on which the token's owner has a seat, and whether they may be exported.",
    )
    contracts.add_argument(
        "--choose",
        action="store_true",
        help="choose on the terminal, and write the choice to .dlt/config.toml; without a terminal, print what to put"
        " there and exit with 2",
    )
    contracts.set_defaults(command="contracts")


def _add_shards(commands: TSubparsers) -> None:
    shards = commands.add_parser(
        "shards",
        help="divide the contracts among several pipelines",
        description="Prints a division of the contracts among pipelines: those configured, else those that may be exported."
        " It is stable: a contract that comes or goes moves no other, and one shard more takes from the others only what it"
        " gets.",
    )
    shards.add_argument("--count", type=_count, required=True, metavar="N", help="how many shards there are to be")
    shards.add_argument(
        "--json", action="store_true", help="print JSON: a pipeline with its contracts for each shard that has any"
    )
    shards.set_defaults(command="shards")


def _add_move(commands: TSubparsers) -> None:
    move = commands.add_parser(
        "move",
        help="move contracts from one pipeline to another, with what is loaded",
        description="Lets another pipeline of the same dataset go on with contracts: which days are loaded and which jobs are"
        " in flight goes over, and nothing is asked of LinkedIn again. The rows stay where they are.",
    )
    destinations = move.add_subparsers(title="destinations", required=True, metavar="DESTINATION")
    for name, (metavar, meaning) in DATABASES.items():
        parser = destinations.add_parser(name, help=f"in {name}", description=move.description)
        parser.add_argument(
            "--contract", action="append", required=True, metavar="URN", help="a contract to move (may be repeated)"
        )
        parser.add_argument("--from", dest="giving", required=True, metavar="PIPELINE", help="which has loaded them")
        parser.add_argument(
            "--to", dest="taking", required=True, metavar="PIPELINE", help="which loads them from now on"
        )
        parser.add_argument("--database", metavar=metavar, help=meaning)
        parser.set_defaults(command="move", destination=name, sandbox=False)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _add_status(commands: TSubparsers) -> None:
    status = commands.add_parser(
        "status",
        help="show which days are covered, open or failed, and what is in flight",
        description="Shows which days of each contract and export a pipeline has loaded, which are open or failed and why, and"
        " which jobs are in flight. Asks the warehouse and the journal, not LinkedIn.",
        epilog="exit codes: 0 shown; 2 there is no such pipeline; 3 days are missing, with --fail-on",
    )
    status.add_argument("--pipeline", default=DEFAULT_PIPELINE, metavar="NAME", help=f"default {DEFAULT_PIPELINE}")
    status.add_argument(
        "--pipelines-dir", metavar="DIR", help="where pipelines keep their state; default dlt's own place"
    )
    status.add_argument("--json", action="store_true", help="print JSON")
    status.add_argument(
        "--fail-on",
        choices=("failed", "open"),
        metavar="failed|open",
        help="exit with 3 if days have failed, or if any day is missing (failed or open)",
    )
    status.set_defaults(command="status")


def _add_erase(commands: TSubparsers) -> None:
    erase = commands.add_parser(
        "erase",
        help="remove a seat holder's rows from all tables, and keep the seat out of later loads",
        description="Removes the rows of a seat holder from the tables that a pipeline loads, and keeps the seat out of later"
        " loads. Shows first how many rows there are, and asks. LinkedIn is asked for nothing.",
        epilog="exit codes: 0 removed; 2 nothing was removed; 3 the warehouse failed on the way, erase again to go on",
    )
    erase.add_argument("destination", nargs="?", default="duckdb", choices=list(DATABASES), help="default %(default)s")
    who = erase.add_mutually_exclusive_group(required=True)
    who.add_argument("--email", metavar="ADDRESS", help="the address of the seat holder, as it was loaded")
    who.add_argument("--seat", type=int, metavar="NUMBER", help="the number of the seat")
    erase.add_argument("--contract", metavar="URN", help="the contract of the seat, where it is in several")
    erase.add_argument("--database", metavar="NAME", help="the DuckDB file, database or project; as in loading")
    erase.add_argument("--dataset", metavar="NAME", help="where the tables are; default as in loading")
    erase.add_argument("--pipeline", metavar="NAME", help="the pipeline that loads them; default as in loading")
    erase.add_argument(
        "--pipelines-dir", metavar="DIR", help="where pipelines keep their state; default dlt's own place"
    )
    erase.add_argument("--sandbox", action="store_true", help="erase from what was loaded with --sandbox")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    erase.set_defaults(command="erase")


def _add_transform(commands: TSubparsers) -> None:
    transform = commands.add_parser(
        "transform",
        help="build the models of the dbt package on the loaded tables",
        description="Builds the models of the dbt package in the warehouse that dlt's configuration names, by the dbt that is"
        " there.",
        epilog="exit codes: 0 built and tested; 2 nothing was built; 3 a model or a test failed, dbt says which",
    )
    _add_where_marts_are(transform, "build on")
    transform.add_argument("--dbt", metavar="PATH", help="the dbt to use; default the one that is installed")
    transform.add_argument("--docs", action="store_true", help="make the docs too, as one HTML file")
    transform.add_argument("--full-refresh", action="store_true", help="build incremental models from nothing")
    transform.add_argument("--vars", metavar="JSON", help="variables of the package")
    transform.add_argument("--threads", type=int, default=4, metavar="N", help="default %(default)s")
    transform.add_argument("--target-path", metavar="DIR", help="where dbt writes; default target/salesnav")
    transform.add_argument(
        "--dbt-options",
        default="",
        metavar="TEXT",
        help="more for dbt build: --dbt-options='--select salesnav__seats+'",
    )
    transform.set_defaults(command="transform")


def _add_dashboard(commands: TSubparsers) -> None:
    dashboard = commands.add_parser(
        "dashboard",
        help="show what the models tell, in a browser",
        description="Serves pages on use, search, InMail, SSI, seats and data, made from what `salesnav transform` has built,"
        " until Ctrl-C. On this machine only, unless --host says otherwise.",
    )
    _add_where_marts_are(dashboard)
    dashboard.add_argument("--port", type=int, default=0, metavar="N", help="default any free one")
    dashboard.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to serve on; default %(default)s, which is"
        " this machine alone. On any other, whoever reaches it sees everything",
    )
    dashboard.add_argument("--hide-names", action="store_true", help="name nobody: seats are shown by their number")
    dashboard.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    dashboard.set_defaults(command="dashboard")


def _add_report(commands: TSubparsers) -> None:
    report = commands.add_parser(
        "report",
        help="write what the models tell as one HTML file, or as pictures",
        description="Writes the pages of `salesnav dashboard` into one file that opens from disk and asks nobody for"
        " anything. Prints the paths of what it has written.",
        epilog="exit codes: 0 written; 2 not written, the message says what to do",
    )
    _add_where_marts_are(report)
    report.add_argument("--output", required=True, metavar="PATH", help="the file to write; for pictures a folder")
    report.add_argument("--format", default="html", choices=("html", "png", "svg"), help="default %(default)s")
    report.add_argument(
        "--contract", action="append", metavar="URN", help="a contract, by URN, number or name (may be repeated)"
    )
    report.add_argument(
        "--from", dest="first", metavar="DAY", help="first day, YYYY-MM-DD; by default the period has 90 days"
    )
    report.add_argument("--to", dest="last", metavar="DAY", help="last day; default the newest that is loaded")
    report.add_argument("--names", action="store_true", help="name people; left out, seats are shown by their number")
    report.set_defaults(command="report")


def _add_where_marts_are(parser: argparse.ArgumentParser, verb: str = "look at") -> None:
    parser.add_argument("destination", nargs="?", default="duckdb", choices=list(DATABASES), help="default %(default)s")
    parser.add_argument("--sandbox", action="store_true", help=f"{verb} what was loaded with --sandbox")
    parser.add_argument("--database", metavar="PATH", help="the DuckDB file, database or project; as in loading")
    parser.add_argument("--dataset", metavar="NAME", help="where the tables are; default as in loading")
    parser.add_argument("--schema", default=MARTS, metavar="NAME", help="where the models are; default %(default)s")


def _add_inspect(commands: TSubparsers) -> None:
    inspect = commands.add_parser(
        "inspect",
        help="compare a file with the declared schema, and show what its values look like, not the values",
        description="Compares a file with the columns that this package declares: which was found under which header, which are"
        " missing or unknown, and what the values look like. Values themselves are not shown, so the output may be shared.",
    )
    inspect.add_argument("file", metavar="FILE", help="a file that LinkedIn has exported, plain or compressed by gzip")
    inspect.add_argument(
        "--export",
        choices=("activities", "activity_outcomes", "seats"),
        help="what it is an export of; default the one whose columns it has most of",
    )
    inspect.set_defaults(command="inspect")


def _add_sandbox(commands: TSubparsers) -> None:
    from salesnav_source.sandbox import FAULTS, describe

    width = max(map(len, FAULTS))
    sandbox = commands.add_parser(
        "sandbox",
        help="serve a stand-in for LinkedIn's API, with invented data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Serves a stand-in for LinkedIn's API on loopback until Ctrl-C, and tells how to use it.",
        epilog="faults:\n" + "\n".join(f"  {name:<{width}}  {describe(name)}" for name in FAULTS),
    )
    sandbox.add_argument("--port", type=int, default=0, metavar="N", help="default any free one")
    sandbox.add_argument(
        "--seed", type=int, default=1, metavar="N", help="the same seed invents the same data; default 1"
    )
    sandbox.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME[:TIMES]",
        help="what goes wrong, and how many times, or 'always' (may be repeated)",
    )
    sandbox.add_argument(
        "--job-seconds",
        type=float,
        nargs=2,
        default=(1.0, 3.0),
        metavar=("MIN", "MAX"),
        help="how long a job takes; default 1 to 3",
    )
    sandbox.set_defaults(command="sandbox")


def _fault(text: str) -> object:
    from salesnav_source.sandbox import parse_fault

    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", action="version", version=f"salesnav-source {__version__}")

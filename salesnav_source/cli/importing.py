"""`salesnav import FILE…`: loads export files that were obtained earlier, without asking LinkedIn for anything."""

import argparse
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from salesnav_source.cli.grammar import (
    add_contract,
    add_database,
    add_days,
    add_sandbox,
    exit_codes,
)
from salesnav_source.schema import EXPORTS
from salesnav_source.warehouse.destinations import DESTINATIONS

if TYPE_CHECKING:
    from salesnav_source.run.result import RunReport

DIRECTORY = "directory"

_STOPPED = "Stopped. What was committed stays; import the same files again, and what is missing is loaded."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Loads export files that were obtained earlier, e.g. by a colleague with a token: plain, gzip or zip, also whole"
        " folders. Days that are loaded stay as they are, so the same command may be called again. LinkedIn is asked for"
        " nothing, and no token is needed."
    )
    parser.epilog = exit_codes(
        _0="everything handed over is in the warehouse, but for days that a job has loaded",
        _2="nothing was changed; the message says why",
        _3="incomplete: the report names each file that is not loaded, and why; the others are",
        _130_143="stopped by SIGINT, SIGTERM",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file, a zip archive, or a folder of them")
    kinds = (*EXPORTS, DIRECTORY)
    parser.add_argument(
        "--as",
        dest="kind",
        required=True,
        choices=kinds,
        metavar="NAME",
        help=f"what the files are: {', '.join(EXPORTS)}, or {DIRECTORY}: people and teams, by the Admin Center or your own",
    )
    add_contract(parser, "the one contract that the files are of", is_single=True)
    add_days(
        parser,
        "first day that the files were exported for; default that of their rows",
        "last day that the files were exported for; default that of their rows",
    )
    parser.add_argument(
        "--destination",
        choices=list(DESTINATIONS),
        default="duckdb",
        metavar="NAME",
        help=f"one of {', '.join(DESTINATIONS)}; default %(default)s",
    )
    add_database(parser)
    parser.add_argument("--pipeline", metavar="NAME", help="the pipeline to load by; default salesnav_to_DESTINATION")
    parser.add_argument("--plan", action="store_true", help="print what would be loaded, and change nothing")
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="replace days that are loaded already; of files with the same days the last one counts",
    )
    parser.add_argument("--report-json", metavar="PATH", help="write what the run has done to a file, also if it fails")
    parser.add_argument("--quiet", action="store_true", help="print nothing if all is well")
    add_sandbox(parser, "import into what is loaded with --sandbox")


def run(options: argparse.Namespace) -> int:
    """Imports as the options say."""
    from salesnav_source.cli.execution import run_reported

    def work(report: "RunReport", stop_events: list[threading.Event]) -> int:
        if options.kind == DIRECTORY:
            return _import_directory(options, report)
        return _import(options, report, stop_events)

    return run_reported(options, work, _STOPPED)


def _import(options: argparse.Namespace, report: "RunReport", stop_events: list[threading.Event]) -> int:
    from salesnav_source.cli.display import chosen_display
    from salesnav_source.cli.terminal import say, show, width
    from salesnav_source.cli.workplace import pipeline_of, remember_file
    from salesnav_source.exceptions import ConfigurationError
    from salesnav_source.run.context import ExportRun
    from salesnav_source.run.exit_codes import COMPLETE
    from salesnav_source.run.handed.importing import Import, import_files
    from salesnav_source.run.handed.planning import GivenDays
    from salesnav_source.run.text import render, render_import_plan
    from salesnav_source.settings.configuration import misspelt_settings, resolve_settings

    if not options.contract:
        raise ConfigurationError(
            "--contract is missing: say of which contract the files are, by URN, number or name, e.g. --contract 123456. The"
            " files do not tell. Nothing was loaded."
        )
    if len(options.contract) > 1:
        raise ConfigurationError("--contract: files of one contract are imported at a time. Nothing was loaded.")
    given = {"contracts": options.contract, "start_date": options.start_date or "", "end_date": options.end_date or ""}
    settings = resolve_settings(given, needs_token=False)
    for note in misspelt_settings():
        say(note)
    wanted = Import(
        [Path(one) for one in options.files],
        options.kind,
        settings.contracts[0],
        GivenDays(settings.start_date, settings.end_date),
        options.full_refresh,
    )

    def watch(run: ExportRun) -> None:
        stop_events.append(run.stopping)
        display.watch(run)

    with ExitStack() as stack:
        display = chosen_display(options.quiet)
        stack.enter_context(display.shown())
        pipeline = pipeline_of(options, progress=display.collector)
        try:
            import_files(pipeline, settings, wanted, options.plan, on_start=watch, report=report)
        finally:
            if not options.plan:
                remember_file(pipeline)
        display.close()
        code = report.exit_code
        if not (options.quiet and code == COMPLETE):
            show(render_import_plan(report, width()) if options.plan else render(report, width()))
        return code


def _import_directory(options: argparse.Namespace, report: "RunReport") -> int:
    from salesnav_source.cli.terminal import show, width
    from salesnav_source.cli.workplace import pipeline_of, remember_file
    from salesnav_source.exceptions import ConfigurationError
    from salesnav_source.run.exit_codes import COMPLETE, INCOMPLETE
    from salesnav_source.run.handed.directory import import_directory, lines_of
    from salesnav_source.run.layout import wrapped
    from salesnav_source.settings.configuration import resolve_settings

    if len(options.files) != 1 or len(options.contract or ()) > 1:
        raise ConfigurationError(f"--as {DIRECTORY} takes one file, and at most one --contract. Nothing was changed.")
    if options.start_date or options.end_date or options.full_refresh:
        raise ConfigurationError(
            f"--as {DIRECTORY} takes no days and no --full-refresh: it replaces what is there. Nothing was changed."
        )
    settings = resolve_settings({"contracts": options.contract or []}, needs_token=False)
    pipeline = pipeline_of(options)
    report.into(pipeline)
    contract = settings.contracts[0] if options.contract else None
    try:
        done = import_directory(pipeline, settings, Path(options.files[0]), contract, options.plan)
    finally:
        if not options.plan:
            remember_file(pipeline)
    report.notes += lines_of(done, options.plan)
    code = COMPLETE if done.complete else INCOMPLETE
    if not (options.quiet and code == COMPLETE):
        show(wrapped(report.notes, width()))
    return code

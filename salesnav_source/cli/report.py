"""`salesnav report`: writes the pages of the marts as one HTML file, or charts and tables as files."""

import argparse
from datetime import date
from pathlib import Path

from salesnav_source.cli.grammar import add_contract, add_where_marts_are, exit_codes
from salesnav_source.cli.marts import marts_of, require_extra
from salesnav_source.cli.terminal import say, show
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.run.exit_codes import COMPLETE, INCOMPLETE
from salesnav_source.settings.files import replace_file

_ENDINGS = {"html": (".html", ".htm"), "png": (), "svg": (), "csv": ()}
"""The endings that `--output` may have. If there are none, it names a folder."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Writes the pages of `salesnav dashboard` into one file that opens from disk and needs no network. Prints the paths"
        " of the files that it has written."
    )
    parser.epilog = exit_codes(
        _0="written",
        _2="not written, the message says what to do",
        _3="there is nothing to report in the period, or a chart could not be drawn",
    )
    add_where_marts_are(parser)
    parser.add_argument(
        "--output",
        required=True,
        metavar="PATH",
        help="the file to write, ending in .html; for the other formats a folder",
    )
    parser.add_argument(
        "--format",
        default="html",
        choices=("html", "png", "svg", "csv"),
        help="html: all pages in one file; png, svg: each chart as a picture; csv: each list, and the figures of each chart;"
        " default %(default)s",
    )
    add_contract(parser, "a contract")
    parser.add_argument("--team", metavar="NAME", help="a team; default all")
    parser.add_argument(
        "--from", dest="first", metavar="DAY", help="first day, YYYY-MM-DD; by default the period has 90 days"
    )
    parser.add_argument("--to", dest="last", metavar="DAY", help="last day; default the newest that is loaded")
    parser.add_argument("--names", action="store_true", help="name people; left out, seats are shown by their number")


def run(options: argparse.Namespace) -> int:
    """Writes the report.

    Raises:
        ConfigurationError: if it cannot be made, with what to do.
    """
    require_extra()
    output = _output(options)
    first, last = _day(options.first, "--from"), _day(options.last, "--to")
    marts = marts_of(options)
    from salesnav_source.marts.dashboard.drawing import DrawingError, Renderer
    from salesnav_source.marts.dashboard.report import all_pages, files, render, why_empty
    from salesnav_source.marts.dashboard.scope import Scope

    with Renderer() as renderer:
        scope = Scope.of(marts)
        team = scope.find_team(options.team) if options.team else None
        filters = scope.filters(
            first, last, contracts=scope.find(options.contract or []), team=team, names=options.names
        )
        pages = all_pages(marts, filters, scope)
        empty = why_empty(pages)
        if empty:
            say(
                f"There is nothing to report, {filters.period}. {empty} Nothing was written. Load these days, or choose others"
                " with --from and --to, --contract and --team."
            )
            return INCOMPLETE
        try:
            if options.format == "html":
                written = {output: render(pages, filters, scope, renderer).encode("utf-8")}
            else:
                written = {output / name: content for name, content in files(pages, options.format, renderer)}
        except DrawingError as error:
            say(f"{error} Nothing was written; --format csv writes the figures without drawing.")
            return INCOMPLETE
    for path, content in written.items():
        replace_file(path, content)
        show(str(path))
    return COMPLETE


def _output(options: argparse.Namespace) -> Path:
    """Returns the path to write.

    Raises:
        ConfigurationError: if the ending is that of another format, or a folder is named for a file or a file for a folder.
    """
    output, kind = Path(options.output), options.format
    ending, fitting = output.suffix.lower(), _ENDINGS[kind]
    if fitting:
        if output.is_dir():
            raise ConfigurationError(
                f"--output {output} is a folder. Name a file in it, e.g. {output / 'report.html'}."
            )
        if ending not in fitting:
            raise ConfigurationError(
                f"--output {output} does not end in {fitting[0]}, which is what --format {kind} writes. Name"
                f" {output.with_suffix(fitting[0]).name}, or choose another --format."
            )
    elif output.is_file() or ending in (".html", ".htm", ".png", ".svg", ".csv", ".pdf"):
        raise ConfigurationError(
            f"--output {output} names a file. --format {kind} writes several: name a folder for them."
        )
    return output


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ConfigurationError(f"{option} takes a day as YYYY-MM-DD, not {text}.") from None

"""`salesnav report`: writes what the marts tell as one HTML file, or the charts as pictures."""

import argparse
from datetime import date
from pathlib import Path

from salesnav_source.cli.marts import marts_of, require_extra
from salesnav_source.cli.terminal import COMPLETE
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.files import replace_file


def run(options: argparse.Namespace) -> int:
    """Writes the report.

    Raises:
        ConfigurationError: if it cannot be made, with what to do.
    """
    require_extra()
    from salesnav_source.dashboard.report import all_pages, pictures, render
    from salesnav_source.dashboard.scope import Scope

    output = Path(options.output)
    first, last = _day(options.first, "--from"), _day(options.last, "--to")
    marts = marts_of(options)
    scope = Scope.of(marts)
    filters = scope.filters(first, last, contracts=scope.find(options.contract or []), names=options.names)
    pages = all_pages(marts, filters, scope)
    if options.format == "html":
        if output.is_dir():
            raise ConfigurationError(
                f"--output {output} is a folder. Name a file in it, e.g. {output / 'report.html'}."
            )
        # a new file that names people is its owner's, as other files with rows are
        mode = 0o600 if options.names and not output.exists() else None
        replace_file(output, render(pages, filters, scope).encode("utf-8"), mode)
        written = [output]
    else:
        if output.is_file() or output.suffix.lower() == f".{options.format}":
            raise ConfigurationError(f"--output {output} names a file. Charts are several: name a folder for them.")
        written = []
        for name, content in pictures(pages, options.format):
            replace_file(output / name, content)
            written.append(output / name)
    for path in written:
        print(path)
    return COMPLETE


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ConfigurationError(f"{option} takes a day as YYYY-MM-DD, not {text}.") from None

"""`salesnav compact`: writes the DuckDB file anew, without the room that replaced rows have left."""

import argparse

from salesnav_source.cli.grammar import add_pipeline, add_sandbox, exit_codes
from salesnav_source.cli.terminal import show
from salesnav_source.cli.workplace import pipeline_of
from salesnav_source.run.exit_codes import COMPLETE
from salesnav_source.settings.files import private_files
from salesnav_source.warehouse.compact import compact
from salesnav_source.warehouse.connection import database_file


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Writes the DuckDB file anew, without the room that replaced rows have left. It takes as much room on the disk"
        " meanwhile as the rows do. Servers give such room back by themselves."
    )
    parser.epilog = exit_codes(_0="done", _2="not done, nothing was changed")
    parser.add_argument("--database", metavar="PATH", help="the DuckDB file; as in loading")
    add_pipeline(parser)
    add_sandbox(parser, "compact the file that was loaded with --sandbox")
    parser.set_defaults(destination="duckdb")


def run(options: argparse.Namespace) -> int:
    """Compacts the file, and says how large it was and is.

    Raises:
        SalesnavError: if it cannot be done; nothing was changed then.
    """
    path = database_file(pipeline_of(options))
    assert path is not None  # the destination is DuckDB
    with private_files():
        done = compact(path)
    show(f"{path.name}: {done.before / 1e6:,.1f} MB before, {done.after / 1e6:,.1f} MB now.")
    return COMPLETE

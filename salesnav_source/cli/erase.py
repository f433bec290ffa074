"""`salesnav erase`: removes a seat holder from the warehouse, and keeps the seat out of later loads."""

import argparse
import sys

import dlt

from salesnav_source import destinations
from salesnav_source.cli.load import apart, remember_file
from salesnav_source.cli.terminal import COMPLETE, NOT_TRIED, say
from salesnav_source.erasing import Erasure, erase
from salesnav_source.files import private_files
from salesnav_source.names import DATASET
from salesnav_source.report import table
from salesnav_source.settings import resolve_personal_data

AFTERWARDS = """\
Not reached by this: models that dbt has built on these tables (build them again: salesnav transform --full-refresh), backups
and the time travel of the warehouse, and what others have copied. docs/privacy.md has the list.\
"""


def run(options: argparse.Namespace) -> int:
    """Erases a seat holder, once a person or `--yes` has confirmed it.

    Raises:
        SalesnavError: if there is nothing to erase, or the warehouse fails.
    """
    personal_data = resolve_personal_data()
    # where files are named as in loading
    options.pipeline = options.pipeline or f"salesnav_to_{options.destination}"
    warehouse, name, dataset = getattr(destinations, options.destination)(options), options.pipeline, DATASET
    if options.sandbox:
        name, dataset = apart(warehouse)
    pipeline = dlt.pipeline(
        name, destination=warehouse, dataset_name=options.dataset or dataset, pipelines_dir=options.pipelines_dir
    )
    with private_files():
        try:
            erased = erase(
                pipeline,
                personal_data,
                email=options.email,
                seat_id=options.seat,
                contract=options.contract,
                confirm=lambda erasure: _confirm(erasure, options.yes),
            )
        finally:
            remember_file(pipeline)
    if erased is None:
        say("Nothing was removed. To go on without being asked, add --yes.")
        return NOT_TRIED
    print("Removed. No row of this seat is loaded any more, as its number is in the table erased_seats.")
    print(AFTERWARDS)
    return COMPLETE


def _confirm(erasure: Erasure, sure: bool) -> bool:
    """Shows what will be removed, without names; tells whether to go on."""
    print(
        "Of "
        + "; ".join(f"seat {seat.seat_id} of {seat.contract}" for seat in erasure.seats)
        + " these rows are there:"
    )
    print("\n".join(table(("table", "rows"), [(name, f"{count:,}") for name, count in erasure.rows.items()])))
    if sure or not sys.stdin.isatty():
        return sure
    return input("Remove them, and keep the seat out of later loads? [y/N] ").strip().lower() in ("y", "yes")

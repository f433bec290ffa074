"""`salesnav erase`: removes a seat holder from the warehouse, and keeps the seat out of later loads."""

import argparse
import json
import sys
from pathlib import Path

from salesnav_source.cli.grammar import (
    add_contract,
    add_dataset,
    add_destination,
    add_pipeline,
    add_sandbox,
    exit_codes,
)
from salesnav_source.cli.terminal import say, show
from salesnav_source.cli.workplace import pipeline_of, remember_file
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.run.exit_codes import COMPLETE, NOT_TRIED
from salesnav_source.run.layout import table
from salesnav_source.run.record import check_writable
from salesnav_source.run.upkeep.erasure import Erasure, Seat, erase, named
from salesnav_source.settings.configuration import resolve_settings
from salesnav_source.settings.files import replace_file
from salesnav_source.settings.urns import is_contract_urn

AFTERWARDS = """\
Not reached by this: models that dbt has built on these tables (build them again: salesnav transform --full-refresh), backups
and the time travel of the warehouse, and what others have copied. A backup from before brings these rows back, and its table
erased_seats does not know of it: erase again then, by --list. docs/privacy.md has the list.\
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Removes the rows of a seat holder from the tables that a pipeline loads, and keeps the seat out of later"
        " loads. First shows how many rows there are, and asks. LinkedIn is not asked."
    )
    parser.epilog = exit_codes(_0="removed", _2="nothing was removed", _3="the warehouse failed, erase again to go on")
    add_destination(parser)
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--email", metavar="ADDRESS", help="the address of the seat holder, as it was loaded")
    who.add_argument("--seat", type=int, metavar="NUMBER", help="the number of the seat")
    add_contract(parser, "the contract of the seat, if several have it", is_single=True)
    add_dataset(parser)
    add_pipeline(parser)
    add_sandbox(parser, "erase from what was loaded with --sandbox")
    parser.add_argument(
        "--list",
        type=Path,
        metavar="FILE",
        help="keep the erased seats in this file, outside the warehouse; with neither --email nor --seat, erase those in it"
        " again, as after a backup was restored",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(options: argparse.Namespace) -> int:
    """Erases a seat holder, once a person or `--yes` has confirmed it.

    Raises:
        SalesnavError: if there is nothing to erase, or the warehouse fails.
    """
    if options.contract and len(options.contract) > 1:
        raise ConfigurationError("--contract: a seat is erased in one contract at a time. Nothing was removed.")
    settings = resolve_settings({"contracts": options.contract or []}, needs_token=False)
    kept = _read_list(options.list)
    again = options.email is None and options.seat is None
    if again and not kept:
        raise ConfigurationError(
            f"{options.list} lists no erased seat. Nothing was removed."
            if options.list
            else "Say who is to be erased: --email or --seat, or --list FILE for those that were erased before."
        )
    if options.list:
        check_writable(options.list, "--list")
    pipeline = pipeline_of(options)
    named = Seat(next(iter(settings.contracts), None) or "", options.seat)
    wanted = sorted(kept) if again else [named]
    try:
        for seat in wanted:
            erased = erase(
                pipeline,
                settings.personal_data,
                email=options.email,
                seat_id=seat.seat_id,
                contract=seat.contract or None,
                confirm=lambda erasure: _confirm(erasure, options.yes),
                journal_url=settings.journal_url,
            )
            if erased is None:
                say("Nothing was removed. To go on without being asked, add --yes.")
                return NOT_TRIED
            kept |= set(erased.seats)
            _write_list(options.list, kept)
    finally:
        remember_file(pipeline)
    show("Removed. No row of this seat is loaded any more, as its number is in the table erased_seats.")
    if options.list:
        show(f"{options.list} lists {len(kept)} erased seats. Keep it apart from the warehouse and its backups.")
    show(AFTERWARDS)
    return COMPLETE


def _read_list(path: Path | None) -> set[Seat]:
    """Returns the seats that a file lists, none if it is not there yet.

    Raises:
        ConfigurationError: if it is something else.
    """
    if path is None or not path.exists():
        return set()
    try:
        given = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        seats = {Seat(one["contract"], int(one["seat_id"])) for one in given}
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is no list of erased seats ({type(error).__name__}). Nothing was removed."
        ) from None
    if not all(is_contract_urn(seat.contract) for seat in seats):
        raise ConfigurationError(f"{path} names something that is not a contract. Nothing was removed.")
    return seats


def _write_list(path: Path | None, seats: set[Seat]) -> None:
    if path is not None:
        lines = [json.dumps({"contract": seat.contract, "seat_id": seat.seat_id}) + "\n" for seat in sorted(seats)]
        replace_file(path, "".join(lines).encode(), 0o600)


def _confirm(erasure: Erasure, sure: bool) -> bool:
    """Shows what will be removed, without names. Returns true to go on."""
    show(f"Rows of {named(erasure.seats, erasure.names)}:")
    show("\n".join(table(("table", "rows"), [(name, f"{count:,}") for name, count in erasure.rows.items()])))
    if sure or not sys.stdin.isatty():
        return sure
    return input("Remove them, and keep the seat out of later loads? [y/N] ").strip().lower() in ("y", "yes")

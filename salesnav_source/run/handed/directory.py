"""A directory: who belongs to which team, by LinkedIn's Admin Center or a list of one's own, as the table `seat_directory`.

The table is replaced as a whole; with a contract, the entries of that contract are.
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource

from salesnav_source.exceptions import ConfigurationError, ReadError
from salesnav_source.jobs.clock import Clock
from salesnav_source.linkedin.reader.blocks import unpacked
from salesnav_source.run.context import RunContext, receiving
from salesnav_source.run.destination import run_on_destination
from salesnav_source.run.handed.files import GivenFile, find_files
from salesnav_source.run.handed.looking import likely_export
from salesnav_source.run.prepare import Mode, Wishes, prepare
from salesnav_source.run.sync import drop_working_folder
from salesnav_source.schema import (
    PARTS_OF_NAMES,
    SEAT_DIRECTORY,
    SEATS,
    Column,
    Export,
    is_no_value,
    simplify,
)
from salesnav_source.settings.configuration import SECTION, Settings
from salesnav_source.settings.privacy import PersonalData, normal
from salesnav_source.settings.urns import in_words, is_contract_urn, urn_of_number
from salesnav_source.warehouse import dlt_compat, tables
from salesnav_source.warehouse.connection import OpenWarehouse
from salesnav_source.warehouse.state import Ledger, StateWriter

MOST_BYTES = 256 << 20
"""Bytes of a list: that is more than a million entries."""

DELIMITERS = ",;\t|"

_ROUNDED = re.compile(r"[0-9]+([.,][0-9]+)?[Ee]\+?[0-9]+")
"""A number that a spreadsheet has rounded: which seat it was is lost."""

TEntry = dict[str, Any]


@dataclass
class DirectoryReport:
    """What a directory has brought."""

    entries: int = 0
    """Entries that are in the table now."""
    contract: str | None = None
    """The contract whose entries were replaced; None if all were."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The known names of contracts, by URN."""
    columns: list[str] = field(default_factory=list)
    """Columns that the list has."""
    passed_over: list[str] = field(default_factory=list)
    """Headers that are not loaded."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Entries that are not loaded, by the reason."""
    unread: dict[str, int] = field(default_factory=dict)
    """Values that could not be read, by column; their entries are loaded without them."""
    at_odds: int = 0
    """Seats and addresses of which two entries say different things: the marts take one of them."""
    seats: int | None = None
    """Seats that are loaded; None if none are."""
    seats_found: int = 0
    """Seats that have an entry."""
    without_seat: int = 0
    """Entries that fit no loaded seat."""

    @property
    def complete(self) -> bool:
        """True if all that the list says is loaded, but for people who were erased."""
        return not self.unread and not set(self.left_out) - {ERASED}


ERASED = "are of seats that were erased"
_NAMELESS = "name neither a seat nor an e-mail address"
_OTHER_CONTRACT = "are of other contracts than the one that was named"
_UNKNOWN_CONTRACT = "name a contract that is neither a URN or number nor a known name"


@dataclass(frozen=True)
class DirectoryList:
    """A list as it stands in the file."""

    header: list[str]
    entries: list[TEntry]
    headers: dict[str, str]
    """Headers by the column that they lead to."""
    passed_over: list[str]

    @property
    def columns(self) -> list[str]:
        """Columns of the table that the list has."""
        return list(self.headers)

    @property
    def export(self) -> Export | None:
        """The export of which it has more columns than of a list of people; None if there is none."""
        likely = likely_export(self.header)
        return likely if len(likely.match(self.header)) > len(self.headers) else None


def import_directory(
    pipeline: dlt.Pipeline,
    settings: Settings,
    path: Path,
    contract: str | None = None,
    plan_only: bool = False,
    clock: Clock | None = None,
) -> DirectoryReport:
    """Loads a list of people and teams into `seat_directory`.

    Args:
        pipeline: where to load.
        settings: what becomes of personal data.
        path: the list: a CSV, plain or compressed.
        contract: URN or name of the contract that the list is of; as the list says if None.
        plan_only: true if nothing is changed.
        clock: the time; this machine's if None.

    Raises:
        ConfigurationError: if there is no such file, or the contract is not known.
        ReadError: if it is no list of people.
        IncompleteFileError: if it is damaged.
        DestinationError: if the destination cannot be reached or fails.
    """
    found, _ = find_files([path])
    if len(found) != 1:
        raise ConfigurationError(f"{path} holds {len(found):,} files: name the one with the list. Nothing was changed.")
    with prepare(pipeline, Mode.IMPORT, Wishes.of(settings), clock) as context:
        with receiving(context, settings):
            read = read_list(found[0], context.folder)
        if read.export is not None:
            raise ReadError(
                f"{found[0]} is no list of people, but a file of {read.export.name}: import it --as {read.export.name}. Nothing"
                " was changed"
            )
        report = DirectoryReport(columns=read.columns, passed_over=read.passed_over)
        names, seats = _known(context)
        report.names = names
        if contract is not None:
            report.contract = _urn(contract, names)
            if report.contract is None:
                raise ConfigurationError(
                    f"{contract!r} is neither the URN nor the number nor the known name of a contract. Nothing was changed."
                )
        now = datetime.fromtimestamp(context.clock.epoch(), timezone.utc)
        entries = _entries(read, report, names, context.erased_seats, now)
        covered = _covered(entries, settings.personal_data)
        _match(covered, seats, report)
        report.entries = len(covered)
        if not entries:
            raise ReadError(f"No entry of {found[0]} can be loaded: {_reasons(report)}. Nothing was changed")
        if not plan_only:
            _write(pipeline, context.ledger, settings.personal_data, covered, report.contract)
    return report


def _reasons(report: DirectoryReport) -> str:
    return "; ".join(f"{count:,} {reason}" for reason, count in report.left_out.items()) or "it has a header alone"


def read_list(file: GivenFile, folder: Path) -> DirectoryList:
    """Reads a list of people.

    Args:
        file: the file.
        folder: where it is unpacked.

    Raises:
        ReadError: if it is no such list.
        IncompleteFileError: if it is damaged.
        OSError: if it cannot be read.
    """
    chunks, size = [], 0
    for chunk in unpacked(file.opened(folder), SEATS):
        size += len(chunk)
        if size > MOST_BYTES:
            raise ReadError(f"{file} is larger than {MOST_BYTES >> 20} MB, and is not read as a list of people")
        chunks.append(chunk)
    text = _decoded(b"".join(chunks), file)
    rows = _rows(text)
    header = next(rows, [])
    matched = SEAT_DIRECTORY.match(header)
    parts = _name_parts(header) if all(column.name != "name" for column in matched.values()) else []
    headers = {column.name: header[place].strip() for place, column in matched.items()}
    if parts:
        headers["name"] = ", ".join(header[place].strip() for place in parts)
    if not {"seat_id", "email"} & set(headers):
        raise ReadError(
            f"{file} is no list of people: its first line has neither a seat (looked for {_spellings('seat_id')}) nor an"
            f" e-mail address (looked for {_spellings('email')}). Nothing was changed"
        )
    entries = []
    for row in rows:
        entry = {column.name: row[place].strip() for place, column in matched.items() if place < len(row)}
        if parts:
            entry["name"] = " ".join(filter(None, (row[place].strip() for place in parts if place < len(row))))
        if any(cell.strip() for cell in row):
            entries.append({name: value for name, value in entry.items() if value})
    others = [title.strip() for place, title in enumerate(header) if place not in {*matched, *parts} and title.strip()]
    return DirectoryList(header, entries, headers, others)


def _spellings(name: str) -> str:
    return ", ".join(dict.fromkeys((*SEAT_DIRECTORY.column(name).spellings, name)))


def _decoded(data: bytes, file: GivenFile) -> str:
    """Returns the text of a list: UTF-8 or UTF-16, or what Excel writes in Western Europe and America."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if data.startswith(b"PK") or b"\0" in data[:4096]:
        raise ReadError(f"{file} is no CSV; a workbook of Excel's is saved as CSV UTF-8 first. Nothing was changed")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _rows(text: str) -> Iterator[list[str]]:
    """Yields the rows, by the delimiter with which the first line has most known columns."""
    first = text.lstrip("\r\n").partition("\n")[0]

    def known(delimiter: str) -> int:
        return len(SEAT_DIRECTORY.match(next(csv.reader([first.rstrip("\r")], delimiter=delimiter), [])))

    reader = csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=max(DELIMITERS, key=known))
    try:
        yield from reader
    except csv.Error as error:
        raise ReadError(
            f"Line {reader.line_num} of the list cannot be read as CSV: {error}. Nothing was changed"
        ) from None


def _name_parts(header: Sequence[str]) -> list[int]:
    places = {simplify(title): place for place, title in reversed(list(enumerate(header)))}
    found = [next((places[simplify(one)] for one in own if simplify(one) in places), None) for own in PARTS_OF_NAMES]
    return [place for place in found if place is not None]


def _known(context: RunContext) -> tuple[dict[str, str], list[tuple[str, str, str | None]] | None]:
    """Returns the names of the contracts by URN, and the seats with the addresses that they had; None without any."""
    warehouse = context.warehouse
    if warehouse is None or not warehouse.exists:
        return {}, None
    with warehouse.opened() as opened:
        return opened.contract_names(), _seats(opened) or None


def _seats(opened: OpenWarehouse) -> list[tuple[str, str, str | None]]:
    found = opened.rows("SELECT DISTINCT contract, seat_id, email FROM {}", SEATS.name)
    return [(str(urn), str(seat), email and normal(str(email), "email")) for urn, seat, email in found]


def _urn(written: str, names: Mapping[str, str]) -> str | None:
    """Returns the URN of a contract that is named by URN, number or known name; None if it is none."""
    text = written.strip()
    if is_contract_urn(text):
        return text
    if (urn := urn_of_number(text)) is not None:
        return urn
    found = [urn for urn, name in names.items() if name.strip().casefold() == text.casefold()]
    return found[0] if len(found) == 1 else None


def _entries(
    read: DirectoryList,
    report: DirectoryReport,
    names: Mapping[str, str],
    erased: Mapping[str, Collection[int]],
    now: datetime,
) -> list[TEntry]:
    entries: list[TEntry] = []
    for entry in read.entries:
        if _ROUNDED.fullmatch(entry.get("seat_id", "")):
            del entry["seat_id"]
            report.unread["seat_id"] = report.unread.get("seat_id", 0) + 1
        reason = _require_usable(entry, report.contract, names, erased)
        if reason is not None:
            report.left_out[reason] = report.left_out.get(reason, 0) + 1
            continue
        for column in SEAT_DIRECTORY.columns:
            if column.type == "double" and column.name in entry:
                entry[column.name] = _number(entry[column.name], column, report.unread)
        whole = {column.name: entry.get(column.name) for column in SEAT_DIRECTORY.columns}
        entries.append({**whole, "imported_at": now})
    distinct = [dict(one) for one in dict.fromkeys(tuple(entry.items()) for entry in entries)]
    report.at_odds = _at_odds(distinct)
    return distinct


def _at_odds(entries: Sequence[TEntry]) -> int:
    """Returns of how many seats and addresses two entries say different things."""
    said: dict[tuple[Any, ...], set[tuple[Any, ...]]] = {}
    for entry in entries:
        email = entry["email"] and normal(entry["email"], "email")
        who = (entry["contract"], _seat_number(entry["seat_id"]), email)
        what = tuple(
            entry[name] for name in entry if name not in ("contract", "seat_id", "email", "name", "imported_at")
        )
        said.setdefault(who, set()).add(what)
    return sum(len(one) > 1 for one in said.values())


def _require_usable(
    entry: TEntry, contract: str | None, names: Mapping[str, str], erased: Mapping[str, Collection[int]]
) -> str | None:
    """Fills in the contract of an entry, and returns why it is not loaded; None if it is."""
    if not (entry.get("seat_id") or entry.get("email")):
        return _NAMELESS
    if "contract" in entry:
        urn = _urn(entry["contract"], names)
        if urn is None:
            return _UNKNOWN_CONTRACT
        if contract not in (None, urn):
            return _OTHER_CONTRACT
        entry["contract"] = urn
    elif contract is not None:
        entry["contract"] = contract
    number = _seat_number(entry.get("seat_id"))
    own = entry.get("contract")
    if any(number == str(seat) for urn, seats in erased.items() if own in (None, urn) for seat in seats):
        return ERASED
    return None


def _seat_number(text: str | None) -> str | None:
    """Returns the number of a seat without the zeros before it, by which the list and the exports are compared."""
    if text is None:
        return None
    return text.strip().lstrip("0") if re.fullmatch("[0-9]+", text.strip()) else text.strip()


def _number(text: str, column: Column, unread: dict[str, int]) -> float | None:
    if is_no_value(text):
        return None
    plain = text.strip().removesuffix("%").strip().replace(",", ".")
    try:
        number = float(plain) / (100 if text.strip().endswith("%") and column.most == 1 else 1)
    except ValueError:
        number = -1.0
    if not 0 <= number <= (column.most if column.most is not None else float("1e9")):
        unread[column.name] = unread.get(column.name, 0) + 1
        return None
    return number


def _covered(entries: Sequence[TEntry], personal_data: PersonalData) -> list[TEntry]:
    """Returns the entries as they are loaded: personal columns as the settings say."""
    covered = [dict(entry) for entry in entries]
    for column in SEAT_DIRECTORY.columns:
        if column.personal is not None:
            texts = pa.array([entry[column.name] for entry in covered], pa.string())
            for entry, value in zip(covered, personal_data.cover(texts, column.personal).to_pylist(), strict=True):
                entry[column.name] = value
    return covered


def _match(
    entries: Sequence[TEntry], seats: Sequence[tuple[str, str, str | None]] | None, report: DirectoryReport
) -> None:
    """Counts the seats that have an entry, and the entries that have no seat."""
    if seats is None:
        return
    by_number: dict[str, set[str]] = {}
    by_email: dict[str, set[tuple[str, str]]] = {}
    for urn, seat, email in seats:
        by_number.setdefault(seat, set()).add(urn)
        if email:
            by_email.setdefault(email, set()).add((urn, seat))
    found: set[tuple[str, str]] = set()
    for entry in entries:
        own, number = entry["contract"], _seat_number(entry["seat_id"])
        fits = {(urn, number) for urn in by_number.get(number or "", ()) if number and own in (None, urn)}
        email = normal(entry["email"], "email") if entry["email"] else None
        fits |= {one for one in by_email.get(email or "", ()) if own in (None, one[0])}
        found |= fits
        report.without_seat += not fits
    report.seats, report.seats_found = len({(urn, seat) for urn, seat, _ in seats}), len(found)


def _write(
    pipeline: dlt.Pipeline,
    ledger: Ledger,
    personal_data: PersonalData,
    entries: Sequence[TEntry],
    contract: str | None,
) -> None:
    pipeline.activate()
    drop_working_folder(pipeline)
    scope = f"contract = {tables.literal(contract)}" if contract is not None else "1 = 1"
    rows = tables.arrow_table(SEAT_DIRECTORY, entries)
    source = _directory_alone(rows, scope, lambda writer: writer.note_personal_data(personal_data.record), ledger)
    run_on_destination(pipeline, lambda: pipeline.run(source))


@dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
def _directory_alone(rows: pa.Table, scope: str, note: Callable[[StateWriter], None], ledger: Ledger) -> DltResource:
    def entries() -> Iterator[Any]:
        load_id = dlt_compat.current_load_id()
        writer = StateWriter(dlt.current.source_state(), ledger, load_id)
        writer.settle()
        writer.note_directory()
        note(writer)
        yield tables.with_load_id(rows, load_id)

    hints = tables.hints(SEAT_DIRECTORY)
    merge = {"disposition": "merge", "strategy": "delete-insert", "destination_scope": scope, "deduplicated": True}
    return dlt.resource(entries, **{**hints, "write_disposition": merge})


def lines_of(report: DirectoryReport, plan_only: bool = False) -> list[str]:
    """Returns what a person is told of an imported directory."""
    before = (
        "the whole table" if report.contract is None else f"the entries of {in_words(report.contract, report.names)}"
    )
    what = "would replace" if plan_only else "replace"
    lines = [f"{report.entries:,} entries {what} {before} in seat_directory, with {', '.join(report.columns)}."]
    if report.passed_over:
        lines.append(f"Not loaded are the columns {', '.join(report.passed_over)}.")
    lines += [f"{count:,} entries are not loaded: they {reason}." for reason, count in report.left_out.items()]
    lines += [f"{count:,} values of {name} cannot be read, and are left out." for name, count in report.unread.items()]
    if report.at_odds:
        lines.append(
            f"Entries say different things of one seat or address ({report.at_odds:,}); the marts take one of them."
        )
    if report.seats is None:
        lines.append("No seats are loaded yet, so no entry has found its seat.")
    else:
        lines.append(
            f"{report.seats_found:,} of {report.seats:,} loaded seats have an entry; {report.without_seat:,} entries fit no"
            " loaded seat."
        )
    lines.append(
        "Nothing was changed." if plan_only else "The marts have it once they are built again: salesnav transform."
    )
    return lines

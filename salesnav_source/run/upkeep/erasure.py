"""Erasing a seat holder: the rows that are there are removed, and no row of the seat is loaded any more.

What is erased is a seat of a contract. Its number is noted in the table `erased_seats`, which belongs to no source of dlt, so
that nothing that drops the tables of this source drops it; and it is noted first, so that whoever breaks off can begin again.
Claims of loads are settled before rows are removed: they say exactly how many rows there are.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import dlt

from salesnav_source.exceptions import ConfigurationError, DestinationError
from salesnav_source.run.context import RunContext
from salesnav_source.run.contracts import urns_of
from salesnav_source.run.destination import run_on_destination
from salesnav_source.run.prepare import Mode, Wishes, prepare
from salesnav_source.run.settle import commit_state
from salesnav_source.schema import (
    ACTIVITIES,
    ACTIVITY_OUTCOMES,
    ERASED_SEATS,
    LOAD_ID,
    REJECTED_ROWS,
    SEAT_DIRECTORY,
    SEATS,
)
from salesnav_source.settings.privacy import PersonalData, names_seat, normal
from salesnav_source.settings.urns import in_words
from salesnav_source.warehouse import tables
from salesnav_source.warehouse.connection import OpenWarehouse, Warehouse, database_file
from salesnav_source.warehouse.state import PERSONAL_DATA
from salesnav_source.warehouse.tables import literal

_AT_A_TIME = 200
"""Rejected rows that are removed by one statement."""


@dataclass(frozen=True, order=True)
class Seat:
    """A seat of a contract."""

    contract: str
    seat_id: int


@dataclass
class Erasure:
    """What is erased."""

    seats: list[Seat]
    rows: dict[str, int] = field(default_factory=dict)
    """Rows that are there, by table."""
    names: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The known names of contracts, by URN."""


def erase(
    pipeline: dlt.Pipeline,
    personal_data: PersonalData,
    email: str | None = None,
    seat_id: int | None = None,
    contract: str | None = None,
    confirm: Callable[[Erasure], bool] = lambda erasure: True,
    journal_url: str | None = None,
) -> Erasure | None:
    """Removes a seat holder's rows from all tables that a pipeline loads, and keeps them out of later loads.

    LinkedIn is asked for nothing. The pipeline's working folder is emptied. Called again, it also removes what has come
    meanwhile of any seat that was erased, e.g. by a run on another machine.

    Args:
        pipeline: what loads the rows.
        personal_data: as the rows were loaded; its key finds the pseudonym of an address.
        email: the address of the seat holder; either this or `seat_id`.
        seat_id: the number of the seat.
        contract: the URN of the contract, where the seat is to be erased in one of several.
        confirm: is shown what will be removed; true to go on.
        journal_url: where the journal is kept beside this machine, as in the settings.

    Returns:
        What was removed; None if it was not confirmed.

    Raises:
        ConfigurationError: if no such seat is found, or it is not clear which one is meant.
        PipelineBusyError: if a run of the pipeline is at work.
        DestinationError: if the destination fails; erasing again goes on from there.
    """
    wishes = Wishes(journal_url=journal_url)
    with prepare(pipeline, Mode.ERASE, wishes) as context:
        warehouse = context.warehouse
        assert warehouse is not None  # a pipeline has one
        if not warehouse.exists:
            raise ConfigurationError(f"There is nothing to erase: {database_file(pipeline)} does not exist.")
        return _erase(context, warehouse, _Wanted(personal_data, email, seat_id, contract), confirm)


@dataclass(frozen=True)
class _Wanted:
    """Who is to be erased."""

    personal_data: PersonalData
    email: str | None
    seat_id: int | None
    contract: str | None

    def seats(self, opened: OpenWarehouse, names: Mapping[str, str]) -> list[Seat]:
        """Returns the seats that are meant.

        Raises:
            ConfigurationError: if there is none, or it is not clear which one is meant.
        """
        contract = urns_of([self.contract], names)[0] if self.contract is not None else None
        if self.email is not None:
            return _seats_of(opened, self.email, _as_loaded(self.personal_data, opened.source_state()), contract, names)
        if self.seat_id is None:
            raise ConfigurationError("Say who is to be erased: by email or by seat_id. Nothing was removed.")
        return _contracts_of(opened, self.seat_id, contract, names)


def _erase(
    context: RunContext, warehouse: Warehouse, wanted: _Wanted, confirm: Callable[[Erasure], bool]
) -> Erasure | None:
    with warehouse.opened() as opened:
        _require_tables(opened)
        names = {**context.ledger.names, **opened.contract_names()}
        seats = wanted.seats(opened, names)
        earlier = [Seat(urn, seat) for urn, found in context.erased_seats.items() for seat in found]
        rows = _Rows(opened, sorted({*seats, *earlier}))
        erasure = Erasure(seats, rows.count(), names)
        if not confirm(erasure):
            return None
    pipeline = context.pipeline
    try:
        _note(pipeline, seats)
        # claims say exactly how many rows there are
        commit_state(pipeline, context.ledger)
        with warehouse.opened() as opened:
            rows.remove(opened)
    except DestinationError as error:
        raise DestinationError(f"{error}\nErase again to go on.", in_vain=False) from error
    return erasure


def _require_tables(opened: OpenWarehouse) -> None:
    """Makes sure that something was loaded here: elsewhere, "removed" would be said of people who are still there.

    Raises:
        ConfigurationError: if the dataset has no table of a load.
    """
    loaded = {table.name for table in (ACTIVITIES, ACTIVITY_OUTCOMES, SEATS, REJECTED_ROWS, SEAT_DIRECTORY)}
    if opened.missing(loaded) == loaded:
        raise ConfigurationError(
            f"There is nothing to erase: the dataset {opened.dataset} has no table that a load has made. Name the database and"
            " the dataset that were loaded. Nothing was removed."
        )


def _as_loaded(personal_data: PersonalData, state: Mapping[str, Any]) -> PersonalData:
    """Makes sure that addresses can be compared with those in the warehouse.

    Raises:
        ConfigurationError: if they cannot.
    """
    before = dict(state.get(PERSONAL_DATA) or {"mode": "keep"})
    if before["mode"] == "drop":
        raise ConfigurationError(
            'This warehouse holds no e-mail addresses, as it was loaded with personal_data = "drop". Name the seat by --seat.'
        )
    if before["mode"] == "keep":
        return PersonalData()
    if before != personal_data.record:
        raise ConfigurationError(
            "This warehouse holds pseudonyms of e-mail addresses. To find one, set personal_data and the pseudonym_key with"
            " which it was loaded in [sources.salesnav], or name the seat by --seat."
        )
    return personal_data


def _seats_of(
    opened: OpenWarehouse, email: str, personal_data: PersonalData, contract: str | None, names: Mapping[str, str]
) -> list[Seat]:
    """Returns the seats that have an e-mail address.

    Raises:
        ConfigurationError: if there is none, or one of them has had another address as well.
    """

    def compared(value: str) -> str:
        return normal(value, "email") if personal_data.is_kept else value

    wanted = normal(email, "email") if personal_data.is_kept else personal_data.pseudonym(email, "email")
    addresses: dict[Seat, set[str]] = {}
    found = opened.rows("SELECT DISTINCT contract, seat_id, email FROM {} WHERE email IS NOT NULL", SEATS.name)
    for urn, seat, address in found:
        if contract in (None, urn) and address.strip():
            addresses.setdefault(Seat(str(urn), int(seat)), set()).add(compared(str(address)))
    seats = sorted(seat for seat, own in addresses.items() if wanted in own)
    if not seats:
        raise ConfigurationError(
            "No seat with this e-mail address is in the table seats. If the address has changed, give the one that was loaded,"
            " or name the seat by --seat."
        )
    shared = [seat for seat in seats if len(addresses[seat]) > 1]
    if shared:
        raise ConfigurationError(
            f"Other e-mail addresses are loaded for {named(shared, names)} on other days: it may have had another holder, or"
            " the address was changed. Look at its rows in the table seats; if all of them are to be erased, name the seat by"
            " --seat."
        )
    return seats


def _contracts_of(opened: OpenWarehouse, seat_id: int, contract: str | None, names: Mapping[str, str]) -> list[Seat]:
    """Returns a seat with its contract.

    Raises:
        ConfigurationError: if it is in none or in several, and none was named.
    """
    if contract is not None:
        return [Seat(contract, seat_id)]
    found: set[str] = set()
    for table in (SEATS, ACTIVITIES, ACTIVITY_OUTCOMES):
        rows = opened.rows(f"SELECT DISTINCT contract FROM {{}} WHERE seat_id = {seat_id}", table.name)
        found.update(str(urn) for (urn,) in rows)
    found.update(urn for urn, seats in opened.erased_seats().items() if seat_id in seats)
    if not found:
        raise ConfigurationError(
            f"No table has a row of seat {seat_id}. To keep it out of later loads all the same, name its contract by"
            " --contract."
        )
    if len(found) > 1:
        several = "; ".join(in_words(urn, names) for urn in sorted(found))
        raise ConfigurationError(f"Seat {seat_id} is in several contracts: {several}. Name one by --contract.")
    return [Seat(found.pop(), seat_id)]


def named(seats: Sequence[Seat], names: Mapping[str, str]) -> str:
    """Returns seats for a person.

    Args:
        seats: to be named.
        names: the known names of contracts, by URN.
    """
    return "; ".join(f"seat {seat.seat_id} of {in_words(seat.contract, names)}" for seat in seats)


def _note(pipeline: dlt.Pipeline, seats: Sequence[Seat]) -> None:
    """Notes that seats are erased, in a pipeline of its own that leaves nothing on this machine."""
    now = datetime.now(timezone.utc)
    rows = [{"contract": seat.contract, "seat_id": seat.seat_id, "erased_at": now} for seat in seats]
    hints = tables.hints(ERASED_SEATS)
    del hints["columns"][LOAD_ID]
    folder = tempfile.mkdtemp(prefix="salesnav-")
    try:
        apart = dlt.pipeline(
            f"{pipeline.pipeline_name}_erase",
            pipelines_dir=folder,
            destination=pipeline.destination,
            dataset_name=pipeline.dataset_name,
        )
        run_on_destination(apart, lambda: apart.run(dlt.resource(rows, **hints)))
    finally:
        pipeline.activate()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _Condition:
    """A condition of rows, in which braces stand for other tables."""

    text: str
    tables: tuple[str, ...] = ()
    """The names of these tables, in turn."""


class _Rows:
    """The rows of seats, in all tables."""

    def __init__(self, opened: OpenWarehouse, seats: Sequence[Seat]) -> None:
        """Looks for rejected rows, as what is known of the seat holders is needed to find them."""
        self._seats: dict[str, set[int]] = {}
        for seat in seats:
            self._seats.setdefault(seat.contract, set()).add(seat.seat_id)
        self._opened = opened
        self._rejected = self._find_rejected()

    def count(self) -> dict[str, int]:
        """Returns how many there are, by table."""
        counts = {table: self._count(table, conditions) for table, conditions in self._conditions()}
        if not counts[SEAT_DIRECTORY.name]:
            del counts[SEAT_DIRECTORY.name]
        return {**counts, REJECTED_ROWS.name: sum(map(len, self._rejected.values()))}

    def remove(self, opened: OpenWarehouse) -> None:
        """Removes them; those of `seats` last, by which an address leads to its seat when this has broken off."""
        for contract, lines in self._rejected.items():
            for start in range(0, len(lines), _AT_A_TIME):
                some = " OR ".join(
                    f"(export_job_id = {job} AND line_number = {line})"
                    for job, line in lines[start : start + _AT_A_TIME]
                )
                opened.change(f"DELETE FROM {{}} WHERE contract = {_quoted(contract)} AND ({some})", REJECTED_ROWS.name)
        self._delete(opened)
        for staged in opened.staging():
            self._delete(staged)
            for contract in self._seats:
                staged.change(f"DELETE FROM {{}} WHERE contract = {_quoted(contract)}", REJECTED_ROWS.name)

    def _count(self, table: str, conditions: Sequence[_Condition]) -> int:
        """Returns how many rows of a table meet one of the conditions whose tables are there."""
        usable = [one for one in conditions if not (one.tables and self._opened.missing(set(one.tables)))]
        condition = " OR ".join(one.text for one in usable)
        rows = self._opened.rows(
            f"SELECT count(*) FROM {{}} WHERE {condition}", table, *(name for one in usable for name in one.tables)
        )
        return int(rows[0][0]) if rows else 0

    def _delete(self, opened: OpenWarehouse) -> None:
        """Removes rows by one condition after the other: where another table is not there, its condition alone does nothing."""
        for table, conditions in self._conditions():
            for one in conditions:
                opened.change(f"DELETE FROM {{}} WHERE {one.text}", table, *one.tables)

    def _conditions(self) -> Iterator[tuple[str, list[_Condition]]]:
        """Yields tables with the conditions of their rows; the first needs no other table."""
        of_seats = _Condition(self._of_seats)
        through_activities = _Condition(self._of_activities("{}"), (ACTIVITIES.name,) * len(self._seats))
        through_seats = _Condition(
            f"lower(trim(email)) IN (SELECT lower(trim(email)) FROM {{}} WHERE {self._of_seats})", (SEATS.name,)
        )
        yield ACTIVITY_OUTCOMES.name, [of_seats, through_activities]
        yield ACTIVITIES.name, [of_seats]
        yield SEAT_DIRECTORY.name, [_Condition(self._of_entries), through_seats]
        yield SEATS.name, [of_seats]

    @property
    def _of_seats(self) -> str:
        return " OR ".join(
            f"(contract = {_quoted(contract)} AND seat_id IN ({', '.join(map(str, sorted(seats)))}))"
            for contract, seats in sorted(self._seats.items())
        )

    @property
    def _of_entries(self) -> str:
        """The condition of the entries of a directory that name a seat; the list may have zeros before its number."""
        return " OR ".join(
            f"((contract IS NULL OR contract = {_quoted(contract)}) AND ltrim(seat_id, '0')"
            f" IN ({', '.join(literal(str(seat)) for seat in sorted(seats))}))"
            for contract, seats in sorted(self._seats.items())
        )

    def _of_activities(self, table: str) -> str:
        return " OR ".join(
            f"(contract = {_quoted(contract)} AND activity_id IN (SELECT activity_id FROM {table} WHERE contract ="
            f" {_quoted(contract)} AND seat_id IN ({', '.join(map(str, sorted(seats)))})))"
            for contract, seats in sorted(self._seats.items())
        )

    def _find_rejected(self) -> dict[str, list[tuple[int, int]]]:
        """Returns the rejected rows that name a seat or its holder, by contract: job and line."""
        known = self._opened.rows(
            f"SELECT DISTINCT contract, first_name, last_name, full_name, email FROM {{}} WHERE {self._of_seats}",
            SEATS.name,
        )
        people: dict[str, list[list[str]]] = {}
        for contract, first, last, full, email in known:
            both = [first, last] if first and last else []
            people.setdefault(str(contract), []).extend(
                [str(text).strip().casefold() for text in texts] for texts in (both, [full], [email]) if all(texts)
            )
        found: dict[str, list[tuple[int, int]]] = {}
        row = self._opened.escaped("row")
        for contract, seats in self._seats.items():
            rows = self._opened.rows(
                f"SELECT export_job_id, line_number, {row} FROM {{}}"
                f" WHERE contract = {_quoted(contract)} AND {row} IS NOT NULL",
                REJECTED_ROWS.name,
            )
            for job, line, text in rows:
                if names_seat(text, seats) or any(_names(text, texts) for texts in people.get(contract, ()) if texts):
                    found.setdefault(contract, []).append((int(job), int(line)))
        return found


def _quoted(text: str) -> str:
    """Returns a text as a literal of a statement in which braces stand for tables."""
    return literal(text).replace("{", "{{").replace("}", "}}")


def _names(row: str, texts: Sequence[str]) -> bool:
    """Returns true if all of the texts stand in a row, each as words of their own."""
    plain = row.casefold()
    return all(re.search(rf"(?<!\w){re.escape(text)}(?!\w)", plain) for text in texts)

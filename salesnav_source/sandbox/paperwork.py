"""What the sandbox's administrators know and no export has: who belongs to which team, and what was bought."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from salesnav_source.sandbox.data import ContractSpec, World
from salesnav_source.sandbox.stories import Team, team_of
from salesnav_source.schema import SEATS

DIRECTORY, TERMS = "seat_directory", "contract_terms"
"""The tables for it."""

PRICE_OF_A_SEAT = 1200
CURRENCY = "EUR"
TARGETS = {"target_active_days_28": 16, "target_inmails_28": 6, "target_ssi": 70}
_FORGOTTEN = 14
"""Every so many seats the administrators have forgotten one."""
_FIRST_INVITED = 9_000_000_001
"""Seats that nobody has activated have numbers that are not among those of the exports."""

TRow = dict[str, Any]


def directory(world: World) -> list[TRow]:
    """Returns the team of each seat on the newest day with data, for contracts with teams."""
    day = world.today() - dt.timedelta(days=1)
    return [entry for spec in world.specs() if spec.stories.teams for entry in _entries(world, spec, day)]


def contract_terms(world: World) -> list[TRow]:
    """Returns what was bought of each contract that may be exported, in terms of a year without an end."""
    first_day = dt.date(world.today().year - 1, 1, 1)
    return [_terms(world, spec, first_day) for spec in world.specs() if spec.has_reporting_access]


def write(database: Path, dataset: str, world: World) -> None:
    """Writes both into a DuckDB file beside the loaded tables; a directory that was imported stays."""
    import duckdb

    with duckdb.connect(str(database)) as connection:
        columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?"
        held = {name for (name,) in connection.execute(columns, [dataset, DIRECTORY]).fetchall()}
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{dataset}"')
        if "_dlt_load_id" not in held:
            _replace(connection, dataset, DIRECTORY, directory(world))
        _replace(connection, dataset, TERMS, contract_terms(world))


def _entries(world: World, spec: ContractSpec, day: dt.date) -> Iterator[TRow]:
    # a contract may have no snapshots for some days
    rows = world.rows(SEATS.name, spec.urn, day - dt.timedelta(days=7), day)
    newest = {row["seat_id"]: row for row in sorted(rows, key=lambda row: row["snapshot_date"])}
    numbers = world.numbers(spec.urn)
    for seat_id, row in newest.items():
        if numbers[seat_id] % _FORGOTTEN:
            yield _entry(spec, team_of(numbers[seat_id]), seat_id, row["email"])
    for number in range(spec.stories.invited_seats):
        seat_id = _FIRST_INVITED + number
        yield _entry(spec, team_of(number), seat_id, f"seat-{seat_id}@example.com")


def _entry(spec: ContractSpec, team: Team, seat_id: int, email: str) -> TRow:
    who = {"contract": spec.urn, "seat_id": str(seat_id), "email": email}
    return {**who, "team": team.name, "manager": team.manager, "region": team.region, **TARGETS}


def _terms(world: World, spec: ContractSpec, first_day: dt.date) -> TRow:
    seats = len(world.numbers(spec.urn)) + spec.stories.spare_seats
    what = {"contract": spec.urn, "purchased_seats": seats, "cost": PRICE_OF_A_SEAT * seats, "currency": CURRENCY}
    return {**what, "from": str(first_day), "to": None}


def _replace(connection: Any, dataset: str, table: str, rows: list[TRow]) -> None:
    names = list(rows[0]) if rows else []
    if not names:
        return
    columns = ", ".join(f'"{name}" VARCHAR' for name in names)
    connection.execute(f'CREATE OR REPLACE TABLE "{dataset}"."{table}" ({columns})')
    marks = ", ".join("?" for _ in names)
    connection.executemany(f'INSERT INTO "{dataset}"."{table}" VALUES ({marks})', [list(row.values()) for row in rows])

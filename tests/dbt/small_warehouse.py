"""A small warehouse as loads leave it, written by SQL: whole days replaced, late rows, rows withdrawn, tables dropped."""

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any

FIRST_DAY = dt.date(2026, 3, 2)
CONTRACTS = ("urn:li:contract:1", "urn:li:contract:2")
SEATS = (11, 12, 13)
TYPES = ("SEARCH_PERFORMED", "PROFILE_VIEWED", "SAVED_LEAD", "INMAIL_SENT", "CONNECTION_MADE", "SANG_A_SONG")

_TABLES = {
    "contracts": "contract text, name text, has_reporting_access boolean",
    "activities": "contract text, activity_id text, activity_type text, created_at timestamptz, activity_date date,"
    " seat_id bigint, member_identity_key text, export_job_id bigint",
    "activity_outcomes": "contract text, activity_id text, activity_type text, created_at timestamptz, outcome_date date,"
    " seat_id bigint, member_identity_key text, export_job_id bigint",
    "seats": "contract text, seat_id bigint, snapshot_date date, first_name text, last_name text, email text,"
    " seat_status text, ssi float8, ssi_brand float8, total_connections bigint, export_job_id bigint",
    "export_jobs": "contract text, export text, window_start date, window_end date, status text, rows_rejected bigint,"
    " completed_at timestamptz, error text",
}
_DAY_COLUMNS = {"activities": "activity_date", "activity_outcomes": "outcome_date", "seats": "snapshot_date"}
_EMAIL = 5
"""Where the column that may be missing stands among those of seats."""


class SmallWarehouse:
    """The tables of the source, and what happens to them."""

    def __init__(self, execute: Callable[[str], Any]) -> None:
        """Makes the tables.

        Args:
            execute: runs a statement.
        """
        self._execute = execute
        self._clock = 1000
        self._behind: set[str] = set()
        self._has_email = True
        self._tables: set[str] = set()
        execute("DROP SCHEMA IF EXISTS salesnav CASCADE")
        execute("CREATE SCHEMA salesnav")
        for contract in CONTRACTS:
            self._insert("contracts", [(contract, contract[-1], True)], "1")

    def load(self, contract: int, first: int, days: int, version: int, exports: str = "aos") -> None:
        """Replaces the days of a window by what is there in a version of the world; version 0 has no rows."""
        urn, load_id = CONTRACTS[contract], self._load_id(CONTRACTS[contract])
        window = [FIRST_DAY + dt.timedelta(days=first + number) for number in range(days)]
        for export, column in _DAY_COLUMNS.items():
            if export[0] not in exports and not (export == "activity_outcomes" and "o" in exports):
                continue
            self._make(export)
            self._execute(
                f"DELETE FROM salesnav.{export} WHERE contract = '{urn}' AND {column} BETWEEN '{window[0]}' AND '{window[-1]}'"
            )
            rows = [row for day in window for row in _rows(export, urn, day, version)] if version else []
            self._insert(export, rows, load_id)
            self._job(urn, export, window[0], window[-1], load_id)

    def stray(self, contract: int, day: int, to: int) -> None:
        """Brings a row that lies outside of its job's window, and takes the place of one of the same key on another day."""
        urn, load_id = CONTRACTS[contract], self._load_id(CONTRACTS[contract])
        self._make("activities")
        old, new = (FIRST_DAY + dt.timedelta(days=number) for number in (day, to))
        key = f"{urn[-1]}-{old}-0"
        self._execute(f"DELETE FROM salesnav.activities WHERE contract = '{urn}' AND activity_id = '{key}'")
        self._insert("activities", [(urn, key, "SAVED_LEAD", f"{new} 10:00:00+00", new, SEATS[0], "5", 1)], load_id)
        self._job(urn, "activities", FIRST_DAY, FIRST_DAY, load_id)

    def erase(self, contract: int, seat: int) -> None:
        """Removes the rows of a seat, which leaves no job."""
        for export in self._tables & set(_DAY_COLUMNS):
            self._execute(
                f"DELETE FROM salesnav.{export} WHERE contract = '{CONTRACTS[contract]}' AND seat_id = {SEATS[seat]}"
            )

    def drop(self, table: str) -> None:
        """Drops a table; the next load makes it again."""
        self._execute(f"DROP TABLE IF EXISTS salesnav.{table}")
        self._tables.discard(table)

    def turn_column(self) -> None:
        """Adds or removes the column of e-mail addresses."""
        self._has_email = not self._has_email
        if "seats" in self._tables:
            change = "ADD COLUMN email text" if self._has_email else "DROP COLUMN email"
            self._execute(f"ALTER TABLE salesnav.seats {change}")

    def move(self, contract: int) -> None:
        """Lets another machine go on with a contract, whose clock is behind."""
        self._behind ^= {CONTRACTS[contract]}

    def _load_id(self, contract: str) -> str:
        self._clock += 1
        return f"{self._clock - (500 if contract in self._behind else 0)}.5"

    def _job(self, contract: str, export: str, first: dt.date, last: dt.date, load_id: str) -> None:
        completed = dt.datetime(2026, 6, 1, tzinfo=dt.timezone.utc) + dt.timedelta(minutes=self._clock)
        self._insert("export_jobs", [(contract, export, first, last, "COMPLETED", 0, completed, None)], load_id)

    def _make(self, table: str) -> None:
        if table not in self._tables:
            columns = _TABLES[table]
            if table == "seats" and not self._has_email:
                columns = columns.replace(" email text,", "")
            self._execute(f"CREATE TABLE salesnav.{table} ({columns}, _dlt_load_id text)")
            self._tables.add(table)

    def _insert(self, table: str, rows: list[tuple[Any, ...]], load_id: str) -> None:
        self._make(table)
        if not rows:
            return
        columns = [column.split()[0] for column in _TABLES[table].split(", ")]
        if table == "seats" and not self._has_email:
            del columns[_EMAIL]
            rows = [(*row[:_EMAIL], *row[_EMAIL + 1 :]) for row in rows]
        values = ", ".join(f"({', '.join(map(_literal, (*row, load_id)))})" for row in rows)
        self._execute(f"INSERT INTO salesnav.{table} ({', '.join(columns)}, _dlt_load_id) VALUES {values}")


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, bool | int | float) else f"'{value}'"


def _rows(export: str, contract: str, day: dt.date, version: int) -> list[tuple[Any, ...]]:
    """Returns the rows of a day in a version of the world."""
    draw = Random(f"{export} {contract} {day} {version}")
    short = contract[-1]
    if export == "seats":
        rows: list[tuple[Any, ...]] = []
        for seat in SEATS:
            if draw.random() < 0.15:
                continue
            # who holds a seat changes now and then, and may change back
            person = f"P{seat}{Random(f'{contract} {seat} {day.isocalendar().week // 2} {version}').randrange(3)}"
            ssi = None if draw.random() < 0.2 else draw.randrange(20, 90)
            status = draw.choice(["ACTIVE", "PENDING", None])
            names = (person, "X", f"{person.lower()}@example.com") if draw.random() < 0.9 else (None, None, None)
            rows.append((contract, seat, day, *names, status, ssi, ssi and ssi / 5, draw.randrange(9), 1))
        return rows
    if export == "activities":
        return [
            (
                contract,
                f"{short}-{day}-{number}",
                draw.choice(TYPES),
                f"{day} {draw.randrange(24):02}:30:00+00",
                day,
                draw.choice(SEATS),
                draw.choice(["-1", "5", "6", "7", None]),
                1,
            )
            for number in range(draw.randrange(4))
        ]
    return [
        (
            contract,
            f"{short}-{day - dt.timedelta(days=draw.randrange(9))}-{draw.randrange(3)}",
            f"INMAIL_{draw.choice(['ACCEPTED', 'DECLINED'])}_{number}",
            f"{day} {draw.randrange(24):02}:40:00+00",
            day,
            draw.choice(SEATS),
            None,
            1,
        )
        for number in range(draw.randrange(3))
    ]

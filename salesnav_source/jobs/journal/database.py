"""The SQLite file of a journal. It is changed in transactions; one that cannot be used is set aside."""

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from salesnav_source.exceptions import JournalError

VERSION = 2
"""Version of the tables' form."""

TContent = dict[str, list[list[Any]]]
"""The rows of each table, by its name."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS jobs (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    base_url TEXT NOT NULL,
    contract TEXT NOT NULL,
    export TEXT NOT NULL,
    first_day TEXT NOT NULL,
    last_day TEXT NOT NULL,
    created_at REAL NOT NULL,
    job_id INTEGER,
    load_id TEXT
);
CREATE TABLE IF NOT EXISTS records (
    record INTEGER PRIMARY KEY,
    entry INTEGER,
    export TEXT,
    row TEXT NOT NULL,
    load_id TEXT
);
CREATE TABLE IF NOT EXISTS loads (
    load_id TEXT PRIMARY KEY,
    warehouse TEXT NOT NULL,
    cleaned_by TEXT
);
CREATE TABLE IF NOT EXISTS verified (
    warehouse TEXT NOT NULL,
    load_id TEXT NOT NULL,
    key TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS holds (
    holder TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    current INTEGER NOT NULL
);
PRAGMA user_version = {VERSION};
"""

STORED = {
    "jobs": "entry, base_url, contract, export, first_day, last_day, created_at, job_id, load_id",
    "records": "record, entry, export, row, load_id",
    "loads": "load_id, warehouse, cleaned_by",
    "verified": "warehouse, load_id, key",
}
"""The tables that a `JournalStore` copies, and their columns."""

ASKED_AGAIN = "Jobs that were in flight are asked for again."

TCheck = Callable[[sqlite3.Connection], None]
"""Raises an error of SQLite, ValueError or TypeError if the rows of a file cannot be used."""


class Database:
    """The file of one journal, for several threads of one process.

    A commit survives the end of the process, but not a power cut right after it. A power cut can cost jobs, which are created
    again, and no rows: which days are loaded is read from the warehouse.
    """

    def __init__(self, path: Path, check: TCheck) -> None:
        """Opens the file. If it cannot be used, opens a new one in its place.

        Args:
            path: the file.
            check: run on a file that exists.

        Raises:
            JournalError: if no file can be written there.
        """
        self.path = path
        self.note: str | None = None
        """What the user should know about opening it, if anything."""
        self._check = check
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = self._open()
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"The journal of export jobs, {self.path}, cannot be written: {error}.") from None

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Changes the file completely or not at all.

        Raises:
            JournalError: if it cannot be written.
        """
        with self._lock:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self.connection
                    self.connection.execute("COMMIT")
                except BaseException:
                    # SQLite has rolled back by itself, e.g. if the disk is full
                    if self.connection.in_transaction:
                        self.connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise JournalError(f"The journal of export jobs, {self.path}, cannot be written: {error}.") from None

    def read(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Returns the rows of a query.

        Raises:
            JournalError: if the file cannot be read.
        """
        with self._lock:
            try:
                return self.connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise JournalError(f"The journal of export jobs, {self.path}, cannot be read: {error}.") from None

    def dump(self) -> TContent:
        """Returns what a `JournalStore` keeps."""
        return {
            table: [list(row) for row in self.read(f"SELECT {columns} FROM {table} ORDER BY 1")]
            for table, columns in STORED.items()
        }

    def _open(self) -> sqlite3.Connection:
        existed = self.path.exists() and self.path.stat().st_size > 0
        try:
            db = self._connect()
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if existed and version != VERSION:
                raise sqlite3.DatabaseError(f"it is of version {version}, not {VERSION}")
            db.executescript(_SCHEMA)
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("it is damaged")
            self._check(db)
            return db
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):
                raise
            reason = str(error)
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            reason = str(error)
        aside = self._set_aside()
        self.note = (
            f"The journal of export jobs could not be used ({reason}); it was set aside as {aside.name}. {ASKED_AGAIN}"
        )
        db = self._connect()
        db.executescript(_SCHEMA)
        return db

    def _set_aside(self) -> Path:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.unusable-{number}")).exists():
            number += 1
        os.replace(self.path, aside)
        for ending in ("-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(f"{self.path}{ending}")
        return aside

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=10.0, isolation_level=None, check_same_thread=False)
        # a commit survives a killed process, because the system has it by then; waiting for the disk took 18 ms each
        db.execute("PRAGMA synchronous = OFF")
        return db


@contextlib.contextmanager
def in_memory(content: TContent) -> Iterator[sqlite3.Connection]:
    """Gives the rows of a stored journal as tables.

    Raises:
        sqlite3.Error: if they do not fit; ValueError, TypeError or AttributeError likewise.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_SCHEMA)
        fill(db, content)
        yield db


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Gives a file for reading only."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        yield db


def fill(db: sqlite3.Connection, content: TContent) -> None:
    """Replaces the rows of the tables with those of a stored journal."""
    for table, columns in STORED.items():
        db.execute(f"DELETE FROM {table}")
        values = ", ".join("?" * len(columns.split(", ")))
        db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values})", content.get(table, []))


def require_records(db: sqlite3.Connection) -> None:
    """Makes sure that all records can be read.

    Raises:
        ValueError: if one cannot; other errors likewise.
    """
    for _, row in db.execute("SELECT load_id, row FROM records WHERE entry IS NULL OR entry").fetchall():
        json.loads(row)

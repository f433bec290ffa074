"""Jobs in flight and jobs not yet accounted for, kept across a crash.

dlt keeps state only after an extract that succeeded, so what LinkedIn has been asked is kept apart from it: in a small SQLite
file in the pipeline's working directory. An entry is written before the job is created, gets its id right after, and stays
until the load that holds its data and its row in `export_jobs` has been committed.
"""

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from salesnav_source.exceptions import JournalError
from salesnav_source.windows import Window

FILE_NAME = "salesnav_journal.sqlite"
VERSION = 1

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS jobs (
    entry INTEGER PRIMARY KEY,
    base_url TEXT NOT NULL,
    contract TEXT NOT NULL,
    export TEXT NOT NULL,
    first_day TEXT NOT NULL,
    last_day TEXT NOT NULL,
    asked_at REAL NOT NULL,
    job_id INTEGER,
    batch TEXT
);
CREATE TABLE IF NOT EXISTS accounts (
    account INTEGER PRIMARY KEY,
    entry INTEGER,
    row TEXT NOT NULL,
    batch TEXT
);
PRAGMA user_version = {VERSION};
"""

_IN_FLIGHT = (
    "SELECT base_url, entry, contract, export, first_day, last_day, job_id, asked_at FROM jobs"
    " WHERE job_id IS NOT NULL AND batch IS NULL"
)
_OLDEST_FIRST = "ORDER BY asked_at, entry"


@dataclass(frozen=True)
class JobInFlight:
    """A job that LinkedIn was asked for, whose file has not been loaded."""

    entry: int
    contract: str
    export: str
    window: Window
    job_id: int
    asked_at: float
    """When it was asked for, in seconds since the epoch."""


class Journal:
    """The journal of one pipeline. Usable from several threads of one process."""

    def __init__(self, folder: Path, base_url: str) -> None:
        """Opens the journal, or a new one in place of one that cannot be read.

        Args:
            folder: the pipeline's working directory.
            base_url: the API that is asked; jobs of another are left alone.

        Raises:
            JournalError: if no journal can be written there.
        """
        self.path = folder / FILE_NAME
        self.note: str | None = None
        """What the user should be told of the opening, if anything."""
        self._base_url = base_url
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"The journal of export jobs, {self.path}, cannot be written: {error}.") from None

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._db.close()

    def ask(self, contract: str, export: str, window: Window, now: float) -> int:
        """Notes that a job is about to be created, and returns the entry's number."""
        return self._write(
            "INSERT INTO jobs (base_url, contract, export, first_day, last_day, asked_at) VALUES (?, ?, ?, ?, ?, ?)",
            (self._base_url, contract, export, str(window.first), str(window.last), now),
        )

    def created(self, entry: int, job_id: int) -> None:
        """Notes the id under which LinkedIn took the job."""
        self._write("UPDATE jobs SET job_id = ? WHERE entry = ?", (job_id, entry))

    def loaded(self, entry: int, row: dict[str, Any], batch: str) -> None:
        """Notes that a batch holds the file of a job, with the job's row for `export_jobs`.

        The job stays in flight until that batch is known to be committed.
        """
        with self._transaction() as db:
            db.execute("UPDATE jobs SET batch = ? WHERE entry = ?", (batch, entry))
            db.execute("INSERT INTO accounts (entry, row) VALUES (?, ?)", (entry, json.dumps(row)))

    def ended(self, entry: int, row: dict[str, Any]) -> None:
        """Notes that a job has ended without a file, with its row for `export_jobs`."""
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE entry = ?", (entry,))
            db.execute("INSERT INTO accounts (row) VALUES (?)", (json.dumps(row),))

    def keep_row(self, row: dict[str, Any]) -> None:
        """Keeps a row for `export_jobs` of a window without a job, or whose job stays in flight."""
        self._write("INSERT INTO accounts (row) VALUES (?)", (json.dumps(row),))

    def in_flight(self) -> list[JobInFlight]:
        """Returns the jobs whose file is not loaded, oldest first; the newest one where a window has several."""
        return [
            job for _, job in _newest(self._read(f"{_IN_FLIGHT} AND base_url = ? {_OLDEST_FIRST}", (self._base_url,)))
        ]

    @staticmethod
    def peek(folder: Path) -> list[tuple[str, JobInFlight]]:
        """Returns the jobs in flight as `in_flight` does, each with the API that was asked, and changes nothing.

        Args:
            folder: the pipeline's working directory; one without a journal has no jobs in flight.

        Raises:
            JournalError: if the journal cannot be read.
        """
        path = folder / FILE_NAME
        if not path.exists():
            return []
        try:
            with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
                return _newest(db.execute(f"{_IN_FLIGHT} {_OLDEST_FIRST}").fetchall())
        except sqlite3.Error as error:
            raise JournalError(f"The journal of export jobs, {path}, cannot be read: {error}.") from None

    def take_accounts(self, batch: str) -> list[dict[str, Any]]:
        """Returns the rows for `export_jobs` that no batch has taken yet, and marks them as taken by this one."""
        with self._transaction() as db:
            found = db.execute("SELECT account, row FROM accounts WHERE batch IS NULL ORDER BY account").fetchall()
            db.executemany("UPDATE accounts SET batch = ? WHERE account = ?", [(batch, number) for number, _ in found])
        return [json.loads(row) for _, row in found]

    def settle(self, committed: str | None) -> None:
        """Drops what the committed batch holds, and takes back what other batches were to hold.

        Args:
            committed: the batch named in the pipeline's state, which is committed together with the data.
        """
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE batch = ?", (committed,))
            db.execute("DELETE FROM accounts WHERE batch = ? OR entry IS NOT NULL", (committed,))
            db.execute("UPDATE jobs SET batch = NULL")
            db.execute("UPDATE accounts SET batch = NULL")

    def forget(self, entries: Sequence[int]) -> None:
        """Drops jobs in flight that are of no use any more."""
        with self._transaction() as db:
            db.executemany("DELETE FROM jobs WHERE entry = ?", [(entry,) for entry in entries])

    def forget_unusable(self, before: float) -> None:
        """Drops jobs asked for before a time, and those of which it is not known whether LinkedIn created them.

        Args:
            before: seconds since the epoch.
        """
        self._write("DELETE FROM jobs WHERE job_id IS NULL OR asked_at < ?", (before,))

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
            _newest(db.execute(_IN_FLIGHT).fetchall())
            for _, row in db.execute("SELECT batch, row FROM accounts WHERE entry IS NULL OR entry").fetchall():
                json.loads(row)
            return db
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):
                raise
            reason = str(error)
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            reason = str(error)
        aside = self._set_aside()
        self.note = (
            f"The journal of export jobs could not be used ({reason}); it was set aside as {aside.name}. Jobs that were in"
            " flight are asked for again."
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
        return sqlite3.connect(self.path, timeout=10.0, isolation_level=None, check_same_thread=False)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                raise JournalError(f"The journal of export jobs, {self.path}, cannot be written: {error}.") from None

    def _write(self, statement: str, values: tuple[Any, ...]) -> int:
        with self._transaction() as db:
            return db.execute(statement, values).lastrowid or 0

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise JournalError(f"The journal of export jobs, {self.path}, cannot be read: {error}.") from None


def _newest(rows: list[tuple[Any, ...]]) -> list[tuple[str, JobInFlight]]:
    """Returns one job of each API, contract, export and window: the last one."""
    jobs = {}
    for base_url, entry, contract, export, first, last, job_id, asked_at in rows:
        window = Window(date.fromisoformat(first), date.fromisoformat(last))
        jobs[base_url, contract, export, window] = JobInFlight(entry, contract, export, window, job_id, asked_at)
    return [(base_url, job) for (base_url, *_), job in jobs.items()]

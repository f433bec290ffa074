"""Jobs in flight, and records of jobs that no load has written yet: kept across a crash.

dlt keeps state only with a load that is complete, and its working folder may be emptied at any time. So what LinkedIn has
been asked is kept apart from both, in a small SQLite file beside that folder. An entry is written before the job is created,
gets its id right after, and stays until the warehouse is seen to hold the job's rows and its record.

With `journal_url` the same rows are kept in a folder or a bucket as well, see `journal_store`: after each change, and before
the job is created. The SQLite file is then what this worker works with, and is filled from there when it begins.
"""

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from salesnav_source.exceptions import JournalError, JournalUnreachableError
from salesnav_source.journal_store import VERSION, JournalStore, StoredJournal, TContent
from salesnav_source.windows import Window

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

_COLUMNS = "base_url, entry, contract, export, first_day, last_day, job_id, created_at"
_IN_FLIGHT = f"SELECT {_COLUMNS} FROM jobs WHERE job_id IS NOT NULL"
_OLDEST_FIRST = "ORDER BY created_at, entry"

_KEPT = {
    "jobs": "entry, base_url, contract, export, first_day, last_day, created_at, job_id, load_id",
    "records": "record, entry, export, row, load_id",
    "loads": "load_id, warehouse, cleaned_by",
    "verified": "warehouse, load_id, key",
}
"""What a `JournalStore` is given: the columns of each table."""


@dataclass(frozen=True)
class JobInFlight:
    """A job that LinkedIn was asked for, whose file is not known to be loaded."""

    entry: int
    contract: str
    export: str
    window: Window
    job_id: int
    created_at: float
    """When it was asked for, in seconds since the epoch."""


@dataclass(frozen=True)
class LoadOutcome:
    """What the warehouse was seen to hold of a load."""

    exports: Collection[str]
    """Exports whose rows are there."""
    records: bool
    """Whether its rows of `export_jobs` and `rejected_rows` are there."""


class Journal:
    """The journal of one pipeline. Usable from several threads of one process."""

    def __init__(self, path: Path, base_url: str) -> None:
        """Opens the journal, or a new one in place of one that cannot be read.

        Args:
            path: the file.
            base_url: the API that is asked; jobs of another are left alone.

        Raises:
            JournalError: if no journal can be written there.
        """
        self.path = path
        self.note: str | None = None
        """What the user should be told of the opening, if anything."""
        self._base_url = base_url
        self._store: JournalStore | None = None
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"The journal of export jobs, {self.path}, cannot be written: {error}.") from None

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._db.close()

    def keep_in(self, store: JournalStore) -> None:
        """Keeps the journal in a folder or bucket as well from now on, and goes on with what another worker has left there.

        Args:
            store: the place; it is held until it is released.

        Raises:
            PipelineBusyError: if another worker is at work.
            ConfigurationError: if the store cannot keep two workers apart.
            JournalError: if it cannot be reached.
        """
        if not store.held:
            self._hold(store)
        self._store = store

    def _hold(self, store: JournalStore) -> None:
        own = dict(self._read("SELECT holder, current FROM holds WHERE url = ?", (store.url,)))
        found: list[StoredJournal | None] = []

        def content_of(stored: StoredJournal | None) -> TContent:
            # what this machine has left there itself it may know better, as a change is written here first
            known = own.get(stored.holder) if stored else not any(own.values())
            if known:
                return self._dump()
            found.append(stored)
            return self._readable(stored, store.url) if stored else {}

        self._write("INSERT INTO holds (holder, url, current) VALUES (?, ?, 0)", (store.holder, store.url))
        store.acquire(own, content_of)
        with self._transaction() as db:
            for stored in found:
                _fill(db, self._readable(stored, store.url) if stored else {})
            db.execute("DELETE FROM holds WHERE url = ? AND holder <> ?", (store.url, store.holder))
            db.execute("UPDATE holds SET current = 1")

    def _readable(self, stored: StoredJournal, url: str) -> TContent:
        """Returns the rows of a stored journal, none if they cannot be used."""
        try:
            if stored.version != VERSION:
                raise ValueError(f"it is of version {stored.version}, not {VERSION}")
            with contextlib.closing(sqlite3.connect(":memory:")) as db:
                db.executescript(_SCHEMA)
                _fill(db, stored.content)
                _require_usable(db)
            return stored.content
        except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError) as error:
            self.note = f"The journal of export jobs at {url} could not be used ({error}). {_ASKED_AGAIN}"
            return {}

    def require(self) -> None:
        """Makes sure that no other worker has taken over this pipeline.

        Raises:
            LeaseLostError: if one has.
        """
        if self._store is not None:
            self._store.require()

    def require_surely(self) -> None:
        """Makes sure that no other worker can have taken over this pipeline, right before a job is created.

        Raises:
            LeaseLostError: if one has.
            JournalUnreachableError: if that cannot be told.
        """
        if self._store is not None:
            self._store.require_surely()

    def ask(self, contract: str, export: str, window: Window, now: float) -> int:
        """Notes that a job is about to be created, and returns the entry's number.

        Raises:
            JournalError: if it cannot be noted.
            LeaseLostError: if another worker has taken over.
        """
        insert = (
            "INSERT INTO jobs (base_url, contract, export, first_day, last_day, created_at) VALUES (?, ?, ?, ?, ?, ?)"
        )
        with self._transaction() as db:
            values = (self._base_url, contract, export, str(window.first), str(window.last), now)
            entry = db.execute(insert, values).lastrowid or 0
        if self._store is not None:
            try:
                self._store.save(self._dump, must=True)
            except JournalUnreachableError:
                with self._transaction() as db:
                    db.execute("DELETE FROM jobs WHERE entry = ?", (entry,))
                raise
        return entry

    def created(self, entry: int, job_id: int) -> None:
        """Notes the id under which LinkedIn took the job."""
        self._write("UPDATE jobs SET job_id = ? WHERE entry = ?", (job_id, entry))

    def loaded(self, entry: int, record: Mapping[str, Any], load_id: str) -> None:
        """Notes that a load takes the file of a job, with the job's record.

        The job stays in flight until the warehouse is known to hold its rows.
        """
        with self._change() as db:
            db.execute("UPDATE jobs SET load_id = ? WHERE entry = ?", (load_id, entry))
            db.execute(
                "INSERT INTO records (entry, export, row) VALUES (?, ?, ?)",
                (entry, record["export"], json.dumps(record)),
            )

    def ended(self, entry: int, record: Mapping[str, Any]) -> None:
        """Notes that a job has ended without a file, with its record."""
        with self._change() as db:
            db.execute("DELETE FROM jobs WHERE entry = ?", (entry,))
            db.execute("INSERT INTO records (row) VALUES (?)", (json.dumps(record),))

    def keep_record(self, record: Mapping[str, Any]) -> None:
        """Keeps the record of a window without a job, or whose job stays in flight."""
        self._write("INSERT INTO records (row) VALUES (?)", (json.dumps(record),))

    def in_flight(self) -> list[JobInFlight]:
        """Returns the jobs whose file is not loaded, oldest first; the newest one where a window has several."""
        statement = f"{_IN_FLIGHT} AND load_id IS NULL AND base_url = ? {_OLDEST_FIRST}"
        return [job for _, job in _newest(self._read(statement, (self._base_url,)))]

    @staticmethod
    def peek(path: Path, stored: TContent | None = None) -> list[tuple[str, JobInFlight]]:
        """Returns the jobs in flight, each with the API that was asked, and changes nothing.

        Jobs that a load has taken of which it is not known whether it is complete count as in flight.

        Args:
            path: the file; where there is none, no job is in flight.
            stored: what a `JournalStore` holds, in place of the file.

        Raises:
            JournalError: if the journal cannot be read.
        """
        if stored is not None:
            with contextlib.closing(sqlite3.connect(":memory:")) as db:
                try:
                    db.executescript(_SCHEMA)
                    _fill(db, stored)
                    return _newest(db.execute(f"{_IN_FLIGHT} {_OLDEST_FIRST}").fetchall())
                except (sqlite3.Error, ValueError, TypeError, AttributeError) as error:
                    raise JournalError(f"The stored journal of export jobs cannot be read: {error}.") from None
        if not path.exists():
            return []
        try:
            with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
                return _newest(db.execute(f"{_IN_FLIGHT} {_OLDEST_FIRST}").fetchall())
        except sqlite3.Error as error:
            raise JournalError(f"The journal of export jobs, {path}, cannot be read: {error}.") from None

    def begin_load(self, load_id: str, warehouse: str) -> list[str]:
        """Notes that a load begins, and returns the loads whose records it has to replace: they were not completed.

        Args:
            load_id: dlt's id of the load.
            warehouse: where it goes.
        """
        with self._change() as db:
            found = db.execute(
                "SELECT load_id FROM loads WHERE warehouse = ? AND load_id <> ?", (warehouse, load_id)
            ).fetchall()
            db.execute("UPDATE loads SET cleaned_by = ? WHERE warehouse = ?", (load_id, warehouse))
            db.execute(
                "INSERT OR REPLACE INTO loads (load_id, warehouse) VALUES (?, ?)",
                (load_id, warehouse),
            )
        return [found_id for (found_id,) in found]

    def take_records(self, load_id: str) -> list[dict[str, Any]]:
        """Returns the records that no load has taken yet, and marks them as taken by this one."""
        with self._change() as db:
            found = db.execute("SELECT record, row FROM records WHERE load_id IS NULL ORDER BY record").fetchall()
            marks = [(load_id, number) for number, _ in found]
            db.executemany("UPDATE records SET load_id = ? WHERE record = ?", marks)
        return [json.loads(row) for _, row in found]

    def unsettled(self, warehouse: str) -> dict[str, int]:
        """Returns the loads into a warehouse that are not known to be complete, with the records that each has taken."""
        found = self._read(
            "SELECT load_id, (SELECT count(*) FROM records r WHERE r.load_id = l.load_id) FROM loads l WHERE warehouse = ?",
            (warehouse,),
        )
        return dict(found)

    def settle(self, warehouse: str, outcomes: Mapping[str, LoadOutcome], keep: str | None = None) -> None:
        """Drops what the warehouse holds, and takes back what it does not.

        Args:
            warehouse: where the loads went.
            outcomes: what it was seen to hold, by load; nothing of a load that is not named.
            keep: a load that is under way.
        """
        with self._change() as db:
            for (load_id,) in db.execute("SELECT load_id FROM loads WHERE warehouse = ?", (warehouse,)).fetchall():
                if load_id != keep:
                    self._settle(db, load_id, outcomes.get(load_id))

    def _settle(self, db: sqlite3.Connection, load_id: str, outcome: LoadOutcome | None) -> None:
        held = list(outcome.exports) if outcome else []
        of_held = f"load_id = ? AND export IN ({', '.join('?' * len(held))})"
        db.execute(f"DELETE FROM jobs WHERE {of_held}", (load_id, *held))
        db.execute("UPDATE jobs SET load_id = NULL WHERE load_id = ?", (load_id,))
        if outcome is not None and outcome.records:
            db.execute("DELETE FROM records WHERE load_id = ?", (load_id,))
            db.execute("DELETE FROM loads WHERE load_id = ? OR cleaned_by = ?", (load_id, load_id))
        else:
            # records of jobs that are in flight again come anew with their files
            db.execute(f"UPDATE records SET entry = NULL WHERE {of_held}", (load_id, *held))
            db.execute("UPDATE records SET load_id = NULL WHERE load_id = ?", (load_id,))
            db.execute("UPDATE loads SET cleaned_by = NULL WHERE cleaned_by = ?", (load_id,))
        db.execute(
            "DELETE FROM records WHERE load_id IS NULL AND entry IN (SELECT entry FROM jobs WHERE load_id IS NULL)"
        )

    def verified(self, warehouse: str) -> set[tuple[str, str]]:
        """Returns the exports, with the load, whose rows were seen in a warehouse as the load claims."""
        return set(self._read("SELECT key, load_id FROM verified WHERE warehouse = ?", (warehouse,)))

    def note_verified(self, warehouse: str, claims: Collection[tuple[str, str]]) -> None:
        """Notes which claims were seen to hold, in place of what was noted of this warehouse before.

        A load that is killed may replace a part of what an earlier one has brought, which would then look broken.

        Args:
            warehouse: where the rows are.
            claims: exports and loads.
        """
        with self._change() as db:
            db.execute("DELETE FROM verified WHERE warehouse = ?", (warehouse,))
            rows = [(warehouse, load_id, key) for key, load_id in claims]
            db.executemany("INSERT INTO verified (warehouse, load_id, key) VALUES (?, ?, ?)", rows)

    def adopt(self, jobs: Sequence[JobInFlight]) -> None:
        """Takes over jobs in flight from the journal of another pipeline, but those that it has already."""
        values = [
            (
                self._base_url,
                one.contract,
                one.export,
                str(one.window.first),
                str(one.window.last),
                one.created_at,
                one.job_id,
            )
            for one in jobs
            if one.job_id not in {own.job_id for own in self.in_flight()}
        ]
        insert = "INSERT INTO jobs (base_url, contract, export, first_day, last_day, created_at, job_id)"
        with self._change() as db:
            db.executemany(f"{insert} VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def forget(self, entries: Sequence[int]) -> None:
        """Drops jobs in flight that are of no use any more."""
        with self._change() as db:
            db.executemany("DELETE FROM jobs WHERE entry = ?", [(entry,) for entry in entries])

    def forget_unusable(self, before: float) -> None:
        """Drops jobs asked for before a time, and those of which it is not known whether LinkedIn created them.

        Args:
            before: seconds since the epoch.
        """
        self._write("DELETE FROM jobs WHERE job_id IS NULL OR created_at < ?", (before,))

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
            _require_usable(db)
            return db
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):
                raise
            reason = str(error)
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            reason = str(error)
        aside = self._set_aside()
        self.note = (
            f"The journal of export jobs could not be used ({reason}); it was set aside as {aside.name}. {_ASKED_AGAIN}"
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
    def _change(self) -> Iterator[sqlite3.Connection]:
        """Changes the file, and then what is kept elsewhere; where that is out of reach it is changed later."""
        with self._transaction() as db:
            yield db
        if self._store is not None:
            self._store.save(self._dump)

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

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._change() as db:
            db.execute(statement, values)

    def _dump(self) -> TContent:
        return {
            table: [list(row) for row in self._read(f"SELECT {columns} FROM {table} ORDER BY 1", ())]
            for table, columns in _KEPT.items()
        }

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise JournalError(f"The journal of export jobs, {self.path}, cannot be read: {error}.") from None


_ASKED_AGAIN = "Jobs that were in flight are asked for again."


def _fill(db: sqlite3.Connection, content: TContent) -> None:
    """Puts the rows of a stored journal in the place of those of a file."""
    for table, columns in _KEPT.items():
        db.execute(f"DELETE FROM {table}")
        values = ", ".join("?" * len(columns.split(", ")))
        db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values})", content.get(table, []))


def _require_usable(db: sqlite3.Connection) -> None:
    """Makes sure that all rows can be read.

    Raises:
        ValueError: if one cannot; other errors likewise.
    """
    _newest(db.execute(_IN_FLIGHT).fetchall())
    for _, row in db.execute("SELECT load_id, row FROM records WHERE entry IS NULL OR entry").fetchall():
        json.loads(row)


def _newest(rows: list[tuple[Any, ...]]) -> list[tuple[str, JobInFlight]]:
    """Returns one job of each API, contract, export and window: the last one."""
    jobs = {}
    for base_url, entry, contract, export, first, last, job_id, created_at in rows:
        window = Window(date.fromisoformat(first), date.fromisoformat(last))
        jobs[base_url, contract, export, window] = JobInFlight(entry, contract, export, window, job_id, created_at)
    return [(base_url, job) for (base_url, *_), job in jobs.items()]

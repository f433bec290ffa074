"""Jobs in flight, and records of jobs that no load has written yet. Both survive a crash.

dlt saves state only with a complete load, and its working folder may be emptied at any time. So the jobs are in a small SQLite
file beside that folder. An entry is written before the job is created, and gets the id right after. It stays until the
warehouse was seen to have the job's rows and its record.

With `journal_url`, a folder or a bucket has the same rows, see `lease`. They are written there after each change, and before a
job is created. This worker still works with its SQLite file, and fills it from there at its start.
"""

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from salesnav_source.days.windows import Window
from salesnav_source.exceptions import JournalError, JournalUnreachableError
from salesnav_source.jobs.journal.database import (
    ASKED_AGAIN,
    VERSION,
    Database,
    TContent,
    fill,
    in_memory,
    read_only,
    require_records,
)
from salesnav_source.jobs.journal.lease import JournalStore, StoredJournal

_COLUMNS = "base_url, entry, contract, export, first_day, last_day, job_id, created_at"
_IN_FLIGHT = f"SELECT {_COLUMNS} FROM jobs WHERE job_id IS NOT NULL"
_OLDEST_FIRST = "ORDER BY created_at, entry"


@dataclass(frozen=True)
class JobInFlight:
    """A job at LinkedIn whose file is not known to be loaded."""

    entry: int
    contract: str
    export: str
    window: Window
    job_id: int
    created_at: float
    """When it was created, in seconds since the epoch."""


@dataclass(frozen=True)
class LoadOutcome:
    """What the warehouse was seen to have of a load."""

    exports: Collection[str]
    """Exports whose rows are there."""
    records: bool
    """True if its rows of `export_jobs` and `rejected_rows` are there."""


class Journal:
    """The journal of one pipeline, for several threads of one process."""

    def __init__(self, path: Path, base_url: str) -> None:
        """Opens the journal. If it cannot be read, opens a new one in its place.

        Args:
            path: the file.
            base_url: the API in use; jobs of other APIs are left alone.

        Raises:
            JournalError: if no journal can be written there.
        """
        self._base_url = base_url
        self._store: JournalStore | None = None
        self._database = Database(path, _require_usable)
        self.note = self._database.note
        """What the user should know about opening it, if anything."""

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    @property
    def notes(self) -> list[str]:
        """What the user should know about the journal and its store."""
        return [note for note in (self.note, self._store.note if self._store is not None else None) if note]

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def keep_in(self, store: JournalStore) -> None:
        """Keeps a copy in a folder or bucket from now on, and takes over what another worker has left there.

        Args:
            store: the place; this worker has the lease until it releases the store.

        Raises:
            PipelineBusyError: if another worker is at work.
            ConfigurationError: if the store cannot keep two workers apart.
            JournalError: if it cannot be reached.
        """
        if not store.held:
            self._hold(store)
        self._store = store

    def _hold(self, store: JournalStore) -> None:
        own = dict(self._database.read("SELECT holder, current FROM holds WHERE url = ?", (store.url,)))
        found: list[StoredJournal | None] = []

        def content_of(stored: StoredJournal | None) -> TContent:
            # for what this machine has written there itself its own file may be newer: each change is written here first
            known = own.get(stored.holder) if stored else not any(own.values())
            if known:
                return self._database.dump()
            found.append(stored)
            return self._readable(stored, store.url) if stored else {}

        self._write("INSERT INTO holds (holder, url, current) VALUES (?, ?, 0)", (store.holder, store.url))
        store.acquire(own, content_of)
        with self._database.transaction() as db:
            for stored in found:
                fill(db, self._readable(stored, store.url) if stored else {})
            db.execute("DELETE FROM holds WHERE url = ? AND holder <> ?", (store.url, store.holder))
            db.execute("UPDATE holds SET current = 1")

    def _readable(self, stored: StoredJournal, url: str) -> TContent:
        """Returns the rows of a stored journal, none if they cannot be used."""
        try:
            if stored.version != VERSION:
                raise ValueError(f"it is of version {stored.version}, not {VERSION}")
            with in_memory(stored.content) as db:
                _require_usable(db)
            return stored.content
        except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError) as error:
            self.note = f"The journal of export jobs at {url} could not be used ({error}). {ASKED_AGAIN}"
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
            JournalUnreachableError: if the store cannot say.
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
        with self._database.transaction() as db:
            values = (self._base_url, contract, export, str(window.first), str(window.last), now)
            entry = db.execute(insert, values).lastrowid or 0
        if self._store is not None:
            try:
                self._store.save(self._database.dump, must=True)
            except JournalUnreachableError:
                with self._database.transaction() as db:
                    db.execute("DELETE FROM jobs WHERE entry = ?", (entry,))
                raise
        return entry

    def created(self, entry: int, job_id: int) -> None:
        """Notes the id that LinkedIn gave the job."""
        self._write("UPDATE jobs SET job_id = ? WHERE entry = ?", (job_id, entry))

    def loaded(self, entry: int, record: Mapping[str, Any], load_id: str) -> None:
        """Notes that a load has the file of a job, with the job's record.

        The job stays in flight until the warehouse is known to have its rows.
        """
        with self._change() as db:
            db.execute("UPDATE jobs SET load_id = ? WHERE entry = ?", (load_id, entry))
            db.execute(
                "INSERT INTO records (entry, export, row) VALUES (?, ?, ?)",
                (entry, record["export"], json.dumps(record)),
            )

    def imported(self, record: Mapping[str, Any], load_id: str, now: float) -> None:
        """Notes that a load takes a file that was handed over, with its record, which is dropped if the load fails.

        Args:
            record: the row of `export_jobs`.
            load_id: the load.
            now: seconds since the epoch.
        """
        insert = (
            "INSERT INTO jobs (base_url, contract, export, first_day, last_day, created_at, load_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        days = (record["window_start"], record["window_end"])
        with self._change() as db:
            values = (self._base_url, record["contract"], record["export"], *days, now, load_id)
            entry = db.execute(insert, values).lastrowid
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
        """Returns the jobs whose file is not loaded, oldest first. If a window has several, only the newest one."""
        statement = f"{_IN_FLIGHT} AND load_id IS NULL AND base_url = ? {_OLDEST_FIRST}"
        return [job for _, job in _newest(self._database.read(statement, (self._base_url,)))]

    def begin_load(self, load_id: str, warehouse: str) -> list[str]:
        """Notes that a load begins. Returns the loads that were not completed, whose records it must replace.

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

    def has_records(self) -> bool:
        """Tells whether there are records that no load has taken yet."""
        return bool(self._database.read("SELECT 1 FROM records WHERE load_id IS NULL LIMIT 1"))

    def take_records(self, load_id: str) -> list[dict[str, Any]]:
        """Returns the records that no load has yet, and assigns them to this one."""
        with self._change() as db:
            found = db.execute("SELECT record, row FROM records WHERE load_id IS NULL ORDER BY record").fetchall()
            marks = [(load_id, number) for number, _ in found]
            db.executemany("UPDATE records SET load_id = ? WHERE record = ?", marks)
        return [json.loads(row) for _, row in found]

    def unsettled(self, warehouse: str) -> dict[str, int]:
        """Returns the loads into a warehouse that are not known to be complete, each with the number of its records."""
        found = self._database.read(
            "SELECT load_id, (SELECT count(*) FROM records r WHERE r.load_id = l.load_id) FROM loads l WHERE warehouse = ?",
            (warehouse,),
        )
        return dict(found)

    def settle(self, warehouse: str, outcomes: Mapping[str, LoadOutcome], keep: str | None = None) -> None:
        """Drops the jobs that the warehouse has; the others are in flight again.

        Args:
            warehouse: where the loads went.
            outcomes: what the warehouse was seen to have, by load; nothing of a load that is not named.
            keep: a load that is running.
        """
        with self._change() as db:
            for (load_id,) in db.execute("SELECT load_id FROM loads WHERE warehouse = ?", (warehouse,)).fetchall():
                if load_id != keep:
                    _settle(db, load_id, outcomes.get(load_id))

    def verified(self, warehouse: str) -> set[tuple[str, str]]:
        """Returns the exports, with the load, whose rows were seen in a warehouse as the load claims."""
        return set(self._database.read("SELECT key, load_id FROM verified WHERE warehouse = ?", (warehouse,)))

    def note_verified(self, warehouse: str, claims: Collection[tuple[str, str]]) -> None:
        """Notes which claims were seen to be true, replacing what was noted for this warehouse before.

        A load that is killed may replace some rows of an earlier load, whose claim would then look broken.

        Args:
            warehouse: where the rows are.
            claims: exports and loads.
        """
        with self._change() as db:
            db.execute("DELETE FROM verified WHERE warehouse = ?", (warehouse,))
            rows = [(warehouse, load_id, key) for key, load_id in claims]
            db.executemany("INSERT INTO verified (warehouse, load_id, key) VALUES (?, ?, ?)", rows)

    def adopt(self, jobs: Sequence[JobInFlight]) -> None:
        """Takes over jobs in flight from the journal of another pipeline, except those that it already has."""
        known = {own.job_id for own in self.in_flight()}
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
            if one.job_id not in known
        ]
        insert = "INSERT INTO jobs (base_url, contract, export, first_day, last_day, created_at, job_id)"
        with self._change() as db:
            db.executemany(f"{insert} VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def forget(self, entries: Sequence[int]) -> None:
        """Drops jobs in flight that are no longer needed."""
        with self._change() as db:
            db.executemany("DELETE FROM jobs WHERE entry = ?", [(entry,) for entry in entries])

    def forget_unusable(self, before: float) -> None:
        """Drops jobs created before a time, and those that LinkedIn may or may not have created.

        Args:
            before: seconds since the epoch.
        """
        self._write("DELETE FROM jobs WHERE job_id IS NULL OR created_at < ?", (before,))

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """Changes the file, and then the copy in the store. If the store is out of reach, the copy is changed later."""
        with self._database.transaction() as db:
            yield db
        if self._store is not None:
            self._store.save(self._database.dump)

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._change() as db:
            db.execute(statement, values)


def _settle(db: sqlite3.Connection, load_id: str, outcome: LoadOutcome | None) -> None:
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
    db.execute("DELETE FROM records WHERE load_id IS NULL AND entry IN (SELECT entry FROM jobs WHERE load_id IS NULL)")


def _require_usable(db: sqlite3.Connection) -> None:
    """Makes sure that all rows can be read.

    Raises:
        ValueError: if one cannot; other errors likewise.
    """
    _newest(db.execute(_IN_FLIGHT).fetchall())
    require_records(db)


def peek(path: Path, stored: TContent | None = None) -> list[tuple[str, JobInFlight]]:
    """Returns the jobs in flight, each with its API, and changes nothing.

    Jobs of a load that is not known to be complete count as in flight.

    Args:
        path: the file; if it does not exist, no job is in flight.
        stored: the content of a `JournalStore`, to use instead of the file.

    Raises:
        JournalError: if the journal cannot be read.
    """
    if stored is not None:
        try:
            with in_memory(stored) as db:
                return _newest(db.execute(f"{_IN_FLIGHT} {_OLDEST_FIRST}").fetchall())
        except (sqlite3.Error, ValueError, TypeError, AttributeError) as error:
            raise JournalError(f"The stored journal of export jobs cannot be read: {error}.") from None
    if not path.exists():
        return []
    try:
        with read_only(path) as db:
            return _newest(db.execute(f"{_IN_FLIGHT} {_OLDEST_FIRST}").fetchall())
    except sqlite3.Error as error:
        raise JournalError(f"The journal of export jobs, {path}, cannot be read: {error}.") from None


def _newest(rows: list[tuple[Any, ...]]) -> list[tuple[str, JobInFlight]]:
    """Returns one job of each API, contract, export and window: the last one."""
    jobs = {}
    for base_url, entry, contract, export, first, last, job_id, created_at in rows:
        window = Window(date.fromisoformat(first), date.fromisoformat(last))
        jobs[base_url, contract, export, window] = JobInFlight(entry, contract, export, window, job_id, created_at)
    return [(base_url, job) for (base_url, *_), job in jobs.items()]

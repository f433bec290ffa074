"""The lease of a journal in a folder or a bucket: only one worker at a time may write it.

Each pipeline has one object there, `PIPELINE.000000000042.json`, with the worker's name and the whole journal. Each write
creates the object with the next number, only if it is absent, and then removes the one before. So the number is a fencing
token: a worker that was replaced finds its next number taken, and nothing that it writes counts. If `LEASE_SECONDS` pass
without a new object, the worker is dead or stalled, and any other may create the next object. That needs no comparison of
clocks between machines, except to recognise an object that is much older.

Once everything is loaded, no object is left.
"""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from dlt.common import logger

from salesnav_source.exceptions import (
    ConfigurationError,
    JournalError,
    JournalUnreachableError,
    LeaseLostError,
    PipelineBusyError,
)
from salesnav_source.jobs.journal.bucket import NOT_APART, Bucket
from salesnav_source.jobs.journal.database import VERSION, TContent

LEASE_SECONDS = 120.0
"""Seconds without a sign of life after which another worker may take over."""
RENEW_SECONDS = 30.0
"""Seconds after which a worker that has written nothing gives a sign of life."""
WATCH_SECONDS = 1.0
"""Seconds between two looks whether another worker gives a sign of life."""
CLOCKS_DIFFER = 480.0
"""Seconds by which the clocks of this machine and of the store may differ."""
KEPT = ("jobs", "records", "loads")
"""Tables of the journal that must not be lost. The others only save work."""


@dataclass(frozen=True)
class StoredJournal:
    """An object of the store."""

    number: int
    holder: str
    """Id of one lease of one worker."""
    worker: str
    """The worker, described for a person."""
    released: bool
    """True if the worker has ended."""
    version: int
    """Version of the form of the journal's rows."""
    content: TContent


class JournalStore:
    """The journal of one pipeline in a folder or a bucket, for several threads of one process."""

    def __init__(self, url: str, pipeline_name: str) -> None:
        """Reads and writes nothing yet.

        Args:
            url: a folder or a bucket with a path (an fsspec URL), e.g. `s3://bucket/salesnav`.
            pipeline_name: the pipeline that the journal belongs to.

        Raises:
            ConfigurationError: if there is no such kind of place, or its packages are missing.
        """
        self.url = url
        self.holder = uuid.uuid4().hex
        self.note: str | None = None
        """What the user should know about the store, if anything."""
        self._pipeline_name = pipeline_name
        self._bucket = Bucket(url, pipeline_name)
        now = datetime.now(timezone.utc)
        self._worker = f"process {os.getpid()} on {socket.gethostname()}, since {now:%Y-%m-%d %H:%M:%S} UTC"
        self._writing = threading.Lock()
        self._counting = threading.Lock()
        self._asked = self._written = 0
        """How many changes were to be written, and how many of them are."""
        self._number = self._oldest = 0
        self._content: TContent = {}
        self._confirmed = 0.0
        """When the store last accepted a write of this worker."""
        self._tried = 0.0
        """When the store was last seen to be out of reach."""
        self._lost: LeaseLostError | None = None
        self._out_of_reach: JournalUnreachableError | None = None
        self._ended = threading.Event()
        self._renewer: threading.Thread | None = None

    def acquire(self, ended: Collection[str], content_of: Callable[[StoredJournal | None], TContent]) -> None:
        """Acquires the lease.

        Args:
            ended: leases that are known to have ended.
            content_of: returns the journal to go on with, for the object of the worker before; its argument is None if there
                is none.

        Raises:
            PipelineBusyError: if another worker is at work, with what is known about it.
            ConfigurationError: if the store cannot create an object only if it is absent.
            JournalError: if the store cannot be read or written.
        """
        try:
            self._begin(ended, content_of)
        except JournalUnreachableError as error:
            raise JournalError(f"{error} Nothing was asked of LinkedIn.") from None
        self._renewer = threading.Thread(target=self._renew, name="salesnav-lease", daemon=True)
        self._renewer.start()

    def _begin(self, ended: Collection[str], content_of: Callable[[StoredJournal | None], TContent]) -> None:
        found = self._wait_for_turn(ended)
        numbers = self._bucket.numbers()
        self._number = found.number if found else 0
        self._oldest = numbers[0] if numbers else self._number
        self._content = content_of(found)
        self._confirmed = _now()
        try:
            self._create(released=False)
        except LeaseLostError:
            raise self._busy(_newest(self._bucket)) from None
        try:
            numbers = self._bucket.numbers()
            # a successor deletes our object; a faster worker has a higher number
            is_late = (found is not None and found.number not in numbers) or any(one > self._number for one in numbers)
            if is_late or not self._keeps_own_object():
                self._bucket.remove(self._number)
                raise self._busy(_newest(self._bucket))
        except JournalUnreachableError:
            self._bucket.remove(self._number)
            raise
        self._remove_older()

    @property
    def held(self) -> bool:
        """True if this worker has the lease."""
        return self._renewer is not None and not self._ended.is_set()

    def save(self, dump: Callable[[], TContent], must: bool = False) -> None:
        """Writes the journal, unless another thread has written this change together with its own.

        A change that cannot be written now is written with a later one.

        Args:
            dump: returns the journal as it is now.
            must: true if nothing may happen before it is written.

        Raises:
            LeaseLostError: if another worker has taken over.
            JournalUnreachableError: if it must be written and cannot be.
        """
        with self._counting:
            self._asked += 1
            own, self._content = self._asked, dump()
        if self._out_of_reach is not None and not must:
            return
        with self._writing:
            if self._written >= own:
                return
            asked = self._asked
            try:
                self._write()
                self._written = asked
            except JournalUnreachableError:
                if must:
                    raise

    def require(self, at_once: bool = False) -> None:
        """Makes sure that no other worker has taken over. While the store is out of reach, that is not known.

        Args:
            at_once: true to ask the store in any case; false to ask it only if this worker has stalled.

        Raises:
            LeaseLostError: if one has.
        """
        if self._lost is not None:
            raise self._lost
        if self._out_of_reach is not None:
            # each failed try takes a while
            due = at_once and _now() - self._tried > RENEW_SECONDS
        else:
            due = at_once or self._has_stood_still()
        if due:
            with contextlib.suppress(JournalUnreachableError):
                with self._writing:
                    self._write()
                # it may have stalled just then
                self.require_surely()

    def require_surely(self) -> None:
        """Makes sure that no other worker can have taken over since the last write, before a job is created.

        Raises:
            LeaseLostError: if one has.
            JournalUnreachableError: if the store cannot tell.
        """
        while self._has_stood_still():
            with self._writing:
                self._write()

    def _has_stood_still(self) -> bool:
        return _now() - self._confirmed > LEASE_SECONDS / 2

    def release(self) -> None:
        """Gives the lease back, so that another worker can begin at once. If nothing is in flight, no object is left."""
        self._ended.set()
        with self._writing:
            if self._renewer is None or self._lost is not None:
                return
            try:
                self._write(released=True)
                if not any(self._content.get(table) for table in KEPT):
                    # a write that was given up may have come later than the removal
                    for number in self._bucket.numbers():
                        if number <= self._number:
                            self._bucket.remove(number)
            except LeaseLostError as error:
                logger.warning(str(error))
            except JournalUnreachableError as error:
                logger.warning(f"{error} The next run waits until it may take over, {LEASE_SECONDS:g} s at most.")

    def peek(self) -> StoredJournal | None:
        """Returns the newest object of the store, None if there is none. Changes nothing.

        Raises:
            JournalError: if it cannot be read.
        """
        return _newest(self._bucket)

    def _wait_for_turn(self, ended: Collection[str]) -> StoredJournal | None:
        """Returns the newest object, once this worker may create the next one.

        Raises:
            PipelineBusyError: if its worker gives a sign of life.
        """
        first, began = _newest(self._bucket), _now()
        if first is None or first.released or first.holder in ended or _is_old(self._bucket, first):
            return first
        logger.warning(
            f"The journal at {self.url} is leased by {first.worker}. If that worker gives no sign of life for"
            f" {LEASE_SECONDS:g} s, this run takes over."
        )
        while _now() - began < LEASE_SECONDS:
            time.sleep(WATCH_SECONDS)
            found = _newest(self._bucket)
            if found is None or found.released:
                return found
            if found.number != first.number:
                raise self._busy(found)
        return first

    def _busy(self, found: StoredJournal | None) -> PipelineBusyError:
        worker = found.worker if found else "which one is not known, and it has ended by now"
        return PipelineBusyError(
            f"Another run of pipeline {self._pipeline_name} is at work: {worker} (it has leased the journal at {self.url})."
            " Wait until it has ended; nothing was asked of LinkedIn."
        )

    def _renew(self) -> None:
        """Gives a sign of life if nothing was written for a while, and writes what could not be written before."""
        while not self._ended.wait(RENEW_SECONDS / 4):
            with self._writing:
                if self._ended.is_set() or self._lost is not None:
                    return
                if _now() - self._confirmed >= RENEW_SECONDS:
                    try:
                        self._write()
                    except JournalUnreachableError:
                        continue
                    except LeaseLostError as error:
                        logger.error(str(error))

    def _write(self, released: bool = False) -> None:
        if self._lost is not None:
            raise self._lost
        before, began = self._confirmed, _now()
        try:
            self._create(released)
        except LeaseLostError as error:
            self._lost = error
            raise
        except JournalUnreachableError as error:
            if self._out_of_reach is None:
                logger.warning(f"{error} No job is created meanwhile; those in flight are finished.")
            self._out_of_reach, self._tried = error, _now()
            self.note = (
                f"The journal at {self.url} was out of reach for a while: no job was created meanwhile, and those in"
                " flight were finished."
            )
            raise
        if _now() - before > LEASE_SECONDS / 2 and self._number - 1 not in self._bucket.numbers():
            # this worker was stalled, and a successor has removed its object
            self._bucket.remove(self._number)
            self._lost = self._taken_over(_newest(self._bucket))
            raise self._lost
        self._confirmed = began
        self._out_of_reach = None
        self._remove_older()

    def _create(self, released: bool) -> None:
        """Writes the next object.

        Raises:
            LeaseLostError: if another worker has.
            JournalUnreachableError: if the store does not answer as hoped.
        """
        body = {
            "holder": self.holder,
            "worker": self._worker,
            "released": released,
            "version": VERSION,
            "journal": self._content,
        }
        text = json.dumps(body).encode()
        while not self._bucket.create(self._number + 1, text):
            found = _read(self._bucket, self._number + 1)
            if found is None or found.holder != self.holder:
                raise self._taken_over(found)
            # an earlier try succeeded although its answer was lost
            self._number += 1
        self._number += 1

    def _keeps_own_object(self) -> bool:
        """True if the object that was created last is still there.

        Raises:
            ConfigurationError: if the store cannot create an object only if it is absent.
            JournalUnreachableError: if it does not answer as it should.
        """
        if not self._bucket.create(self._number, b""):
            return True
        # either it was overwritten, or it was gone and exists again now
        if not self._bucket.create(self._number, b""):
            return False
        self._bucket.remove(self._number)
        raise ConfigurationError(
            f"journal_url = {self.url!r}: this store overwrites an object that should be created only if it is absent, so"
            f" {NOT_APART}"
        )

    def _taken_over(self, found: StoredJournal | None) -> LeaseLostError:
        worker = f": {found.worker}" if found else ""
        return LeaseLostError(
            f"Another worker has taken over pipeline {self._pipeline_name}{worker}. This one gave no sign of life for"
            f" {LEASE_SECONDS:g} s; it creates no more jobs and commits no load."
        )

    def _remove_older(self) -> None:
        """Removes the earlier objects, lowest number first: a successor relies on all before its own being gone."""
        while self._oldest < self._number:
            if self._oldest and not self._bucket.remove(self._oldest):
                return
            self._oldest += 1


def _newest(bucket: Bucket) -> StoredJournal | None:
    """Returns the object with the highest number that was written completely."""
    while True:
        numbers = bucket.numbers()
        for number in reversed(numbers):
            if (found := _read(bucket, number)) is not None:
                # a worker killed while it wrote to a folder leaves a truncated file, which is skipped
                return found if number == numbers[-1] else _at(found, numbers[-1])
        if not numbers or numbers == bucket.numbers():
            return _at(None, numbers[-1]) if numbers else None


def _read(bucket: Bucket, number: int) -> StoredJournal | None:
    """Returns an object, None if there is none or it was not written completely."""
    text = bucket.read(number)
    if text is None:
        return None
    try:
        body: Mapping[str, Any] = json.loads(text)
        return StoredJournal(number, body["holder"], body["worker"], body["released"], body["version"], body["journal"])
    except (ValueError, KeyError, TypeError):
        return None


def _is_old(bucket: Bucket, stored: StoredJournal) -> bool:
    """True if an object is so old that its worker is dead, even if clocks differ."""
    changed = bucket.modified(stored.number)
    if changed is None:
        # then the worker is watched instead
        return False
    return bool(time.time() - changed.timestamp() > LEASE_SECONDS + CLOCKS_DIFFER)


def _at(found: StoredJournal | None, number: int) -> StoredJournal:
    if found is None:
        return StoredJournal(number, "", "which one is not known", False, VERSION, {})
    return replace(found, number=number)


def _now() -> float:
    """Returns seconds that never go backwards. If the system can, they also count while the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)

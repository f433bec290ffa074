"""The journal where the worker is not: in a folder or a bucket, with a lease that lets one worker at a time write it.

Each pipeline has one object there, `PIPELINE.000000000042.json`: who works, and the whole journal. Each write is the next
number, created only if it is absent, and then the one before is removed. So the number is a fencing token: whoever was taken
over finds its next number taken, and nothing that it writes counts. An object that is not followed by another within
`LEASE_SECONDS` belongs to a worker that is dead or stalled, and may be followed by anyone. No clock is compared with another
machine's to tell that, but where an object is much older than that.

Where all is loaded, nothing is left.
"""

import contextlib
import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from dlt.common import logger
from fsspec import AbstractFileSystem
from fsspec.asyn import sync
from fsspec.exceptions import FSTimeoutError
from fsspec.implementations.local import LocalFileSystem

from salesnav_source.exceptions import (
    ConfigurationError,
    JournalError,
    JournalUnreachableError,
    LeaseLostError,
    PipelineBusyError,
)
from salesnav_source.installed import how_to_install, of_extra

LEASE_SECONDS = 120.0
"""Seconds without a sign of life after which a worker may be taken over."""
RENEW_SECONDS = 30.0
"""Seconds after which a worker that has written nothing gives a sign of life."""
WATCH_SECONDS = 1.0
"""Seconds between two looks whether another worker gives a sign of life."""
CLOCKS_DIFFER = 480.0
"""Seconds by which the clocks of this machine and of the store may differ."""
ANSWER_SECONDS = 30.0
"""Seconds that a store over a network may take to answer, all tries of its client together."""
CONFLICT_PAUSES = (0.1, 0.3, 1.0)
"""Seconds before each further try where the store says that it was asked for something else at the same moment."""

_NOT_APART = (
    "it cannot keep two workers apart. Amazon S3 and local folders can; name another place."
    " Nothing was asked of LinkedIn."
)

VERSION = 2
"""Of the form of the journal's tables."""

TContent = dict[str, list[list[Any]]]
"""The rows of the journal's tables, by their names."""

KEPT = ("jobs", "records", "loads")
"""Tables of the journal of which nothing may be lost; what else there is saves work only."""


@dataclass(frozen=True)
class StoredJournal:
    """An object of the store."""

    number: int
    holder: str
    """Names a worker, and one hold of its."""
    worker: str
    """Who that is, for a person."""
    released: bool
    """Whether the worker has ended."""
    version: int
    """Of the form of the journal's rows."""
    content: TContent


class JournalStore:
    """The journal of one pipeline in a folder or a bucket. Usable from several threads of one process."""

    def __init__(self, url: str, pipeline_name: str) -> None:
        """Reads and writes nothing yet.

        Args:
            url: a folder or a bucket with a path, as fsspec takes it, e.g. `s3://bucket/salesnav`.
            pipeline_name: whose journal it is.

        Raises:
            ConfigurationError: if there is no such kind of place, or its packages are missing.
        """
        self.url = url
        self.holder = uuid.uuid4().hex
        self.note: str | None = None
        """What the user should be told of the store, if anything."""
        self._pipeline_name = pipeline_name
        self._fs, self._root = _open(url)
        self._name = re.compile(rf"{re.escape(pipeline_name)}\.(\d{{12}})\.json")
        now = datetime.now(timezone.utc)
        self._worker = f"process {os.getpid()} on {socket.gethostname()}, since {now:%Y-%m-%d %H:%M:%S} UTC"
        self._writing = threading.Lock()
        self._counting = threading.Lock()
        self._asked = self._written = 0
        """Changes that were asked to be written, and how many of them are."""
        self._number = self._oldest = 0
        self._content: TContent = {}
        self._confirmed = 0.0
        """When the store was last seen to take what this worker writes."""
        self._tried = 0.0
        """When the store was last seen to be out of reach."""
        self._lost: LeaseLostError | None = None
        self._out_of_reach: JournalUnreachableError | None = None
        self._ended = threading.Event()
        self._renewer: threading.Thread | None = None

    def acquire(self, ended: Collection[str], content_of: Callable[[StoredJournal | None], TContent]) -> None:
        """Becomes the one worker that writes.

        Args:
            ended: holds that are known to have ended.
            content_of: gives the journal to go on with, for what the worker before has left, None if that is nothing.

        Raises:
            PipelineBusyError: if another worker is at work, with what is known of it.
            ConfigurationError: if the store does not keep the condition on which this rests.
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
        numbers = self._numbers()
        self._number = found.number if found else 0
        self._oldest = numbers[0] if numbers else self._number
        self._content = content_of(found)
        self._confirmed = _now()
        try:
            self._create(released=False)
        except LeaseLostError:
            raise self._busy(self._newest()) from None
        try:
            numbers = self._numbers()
            # who follows an object removes it, and who was quicker is ahead
            is_late = (found is not None and found.number not in numbers) or any(one > self._number for one in numbers)
            if is_late or not self._keeps_own_object():
                self._remove(self._number)
                raise self._busy(self._newest())
        except JournalUnreachableError:
            self._remove(self._number)
            raise
        self._remove_older()

    @property
    def held(self) -> bool:
        """Tells whether this worker was given the lease and has not given it back."""
        return self._renewer is not None and not self._ended.is_set()

    def save(self, dump: Callable[[], TContent], must: bool = False) -> None:
        """Writes the journal, unless another thread has written this change with its own.

        What cannot be written is written with a later change.

        Args:
            dump: gives the journal as it is.
            must: whether nothing may be done before it is written.

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
        """Makes sure that no other worker has taken over. What a store that is out of reach would say is not known.

        Args:
            at_once: whether the store is asked in any case; else only if this worker has stood still.

        Raises:
            LeaseLostError: if one has.
        """
        if self._lost is not None:
            raise self._lost
        if self._out_of_reach is not None:
            # each try in vain takes a while
            due = at_once and _now() - self._tried > RENEW_SECONDS
        else:
            due = at_once or self._has_stood_still()
        if due:
            with contextlib.suppress(JournalUnreachableError):
                with self._writing:
                    self._write()
                # it may have stood still just then
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
        """Lets another worker begin at once; leaves nothing where nothing is in flight."""
        self._ended.set()
        with self._writing:
            if self._renewer is None or self._lost is not None:
                return
            try:
                self._write(released=True)
                if not any(self._content.get(table) for table in KEPT):
                    # a write that was given up may have come later than what was to remove it
                    for number in self._numbers():
                        if number <= self._number:
                            self._remove(number)
            except LeaseLostError as error:
                logger.warning(str(error))
            except JournalUnreachableError as error:
                logger.warning(f"{error} The next run waits until it may take over, {LEASE_SECONDS:g} s at most.")

    def peek(self) -> StoredJournal | None:
        """Returns what the store holds, and changes nothing; None if that is nothing.

        Raises:
            JournalError: if it cannot be read.
        """
        return self._newest()

    def _wait_for_turn(self, ended: Collection[str]) -> StoredJournal | None:
        """Returns the newest object once it may be followed.

        Raises:
            PipelineBusyError: if its worker gives a sign of life.
        """
        first, began = self._newest(), _now()
        if first is None or first.released or first.holder in ended or self._is_old(first):
            return first
        logger.warning(
            f"The journal at {self.url} is held by {first.worker}. If that gives no sign of life for"
            f" {LEASE_SECONDS:g} s, this run takes over."
        )
        while _now() - began < LEASE_SECONDS:
            time.sleep(WATCH_SECONDS)
            found = self._newest()
            if found is None or found.released:
                return found
            if found.number != first.number:
                raise self._busy(found)
        return first

    def _is_old(self, stored: StoredJournal) -> bool:
        """Tells whether an object is so old that its worker is dead, even if clocks differ."""
        try:
            changed = self._fs.modified(self._path(stored.number))
        except Exception:  # a kind of store that does not tell; the worker is watched then
            return False
        if changed.tzinfo is None:
            changed = changed.replace(tzinfo=timezone.utc)
        return bool(time.time() - changed.timestamp() > LEASE_SECONDS + CLOCKS_DIFFER)

    def _busy(self, found: StoredJournal | None) -> PipelineBusyError:
        worker = found.worker if found else "which one is not known, and it has ended by now"
        return PipelineBusyError(
            f"Another run of pipeline {self._pipeline_name} is at work: {worker} (it holds the journal at {self.url})."
            " Wait until it has ended; nothing was asked of LinkedIn."
        )

    def _renew(self) -> None:
        """Gives a sign of life where nothing was written for a while, and writes what could not be written before."""
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
        if _now() - before > LEASE_SECONDS / 2 and not self._exists(self._number - 1):
            # it was stalled, and followed by another that has removed what it was followed on
            self._remove(self._number)
            self._lost = self._taken_over(self._newest())
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
        while not self._put(self._number + 1, text):
            found = self._read(self._number + 1)
            if found is None or found.holder != self.holder:
                raise self._taken_over(found)
            # an earlier try was taken although its answer was lost
            self._number += 1
        self._number += 1

    def _put(self, number: int, text: bytes) -> bool:
        """Creates an object; tells whether it was absent.

        Raises:
            JournalUnreachableError: if the store does not answer as hoped.
        """
        pauses = iter(CONFLICT_PAUSES)
        while True:
            try:
                self._create_file(self._path(number), text)
                return True
            except FileExistsError:
                return False
            except Exception as error:
                status = _status(error)
                if status == 412:
                    # s3fs takes it for "exists" only where the server says which condition failed, which not all do
                    return False
                # something happened to the object at the same moment, and nothing was written: S3 asks to try again
                pause = next(pauses, None) if status == 409 else None
                if pause is None:
                    raise self._unreachable(error) from None
                time.sleep(pause)

    def _create_file(self, path: str, text: bytes) -> None:
        if type(self._fs) is not LocalFileSystem:
            self._ask("pipe_file", path, text, mode="create")
            return
        # fsspec looks whether there is a file, and then writes it: two workers could do so at once
        if not os.path.exists(self._root):  # where a file is in its place, it is not the one that is to be created
            os.makedirs(self._root, exist_ok=True)
        with open(path, "xb") as file:
            file.write(text)

    def _keeps_own_object(self) -> bool:
        """Tells whether the object that was created last is still there.

        Raises:
            ConfigurationError: if the store does not keep the condition on which all rests.
            JournalUnreachableError: if it does not answer as hoped.
        """
        if not self._put(self._number, b""):
            return True
        # it was overwritten, or it was gone, and then it is there now
        if not self._put(self._number, b""):
            return False
        self._remove(self._number)
        raise ConfigurationError(
            f"journal_url = {self.url!r}: this store overwrites an object that was to be created only if it is absent, so"
            f" {_NOT_APART}"
        )

    def _taken_over(self, found: StoredJournal | None) -> LeaseLostError:
        worker = f": {found.worker}" if found else ""
        return LeaseLostError(
            f"Another worker has taken over pipeline {self._pipeline_name}{worker}. This one gave no sign of life for"
            f" {LEASE_SECONDS:g} s; it creates no more jobs and commits no load."
        )

    def _unreachable(self, error: Exception) -> JournalUnreachableError:
        return JournalUnreachableError(
            f"The journal of export jobs at {self.url} is out of reach: {' '.join(str(error).split())[:300]}."
        )

    def _ask(self, method: str, *args: Any, **options: Any) -> Any:
        """Calls the file system, for `ANSWER_SECONDS` at most where it can be interrupted."""
        if not self._fs.async_impl:
            return getattr(self._fs, method)(*args, **options)
        # aiohttp waits without end for a server that hangs to allow a PUT, whatever the timeouts of its client are
        try:
            return sync(self._fs.loop, getattr(self._fs, f"_{method}"), *args, timeout=ANSWER_SECONDS, **options)
        except FSTimeoutError:
            raise TimeoutError(f"no answer for {ANSWER_SECONDS:g} s") from None

    def _path(self, number: int) -> str:
        return f"{self._root}/{self._pipeline_name}.{number:012d}.json"

    def _numbers(self) -> list[int]:
        """Returns the numbers of the objects there are, lowest first."""
        try:
            names = self._ask("ls", self._root, detail=False, refresh=True)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise self._unreachable(error) from None
        found = (self._name.fullmatch(str(name).rpartition("/")[2]) for name in names)
        return sorted(int(match[1]) for match in found if match)

    def _newest(self) -> StoredJournal | None:
        """Returns the object with the highest number that was written whole."""
        while True:
            numbers = self._numbers()
            for number in reversed(numbers):
                if (found := self._read(number)) is not None:
                    # a worker killed while it wrote to a folder leaves a file that is cut short, which is passed over
                    return found if number == numbers[-1] else _at(found, numbers[-1])
            if not numbers or numbers == self._numbers():
                return _at(None, numbers[-1]) if numbers else None

    def _read(self, number: int) -> StoredJournal | None:
        """Returns an object, None if there is none, or none that was written whole."""
        try:
            text = self._ask("cat_file", self._path(number))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._unreachable(error) from None
        try:
            body: Mapping[str, Any] = json.loads(text)
            return StoredJournal(
                number, body["holder"], body["worker"], body["released"], body["version"], body["journal"]
            )
        except (ValueError, KeyError, TypeError):
            return None

    def _exists(self, number: int) -> bool:
        return number in self._numbers()

    def _remove_older(self) -> None:
        """Removes what was followed, lowest number first: who follows an object trusts that all before it are gone."""
        while self._oldest < self._number:
            if self._oldest and not self._remove(self._oldest):
                return
            self._oldest += 1

    def _remove(self, number: int) -> bool:
        """Removes an object; tells whether it is gone."""
        try:
            self._ask("rm_file", self._path(number))
        except FileNotFoundError:
            return True
        except Exception as error:
            logger.info(f"{self._path(number)} could not be removed: {error}")
            return False
        return True


def _status(error: Exception) -> int | None:
    """Returns the HTTP status of S3's answer from which an error was made, None for another error."""
    answer = getattr(error.__cause__, "response", None)
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(answer, dict) else None
    return status if isinstance(status, int) else None


def _at(found: StoredJournal | None, number: int) -> StoredJournal:
    if found is None:
        return StoredJournal(number, "", "which one is not known", False, VERSION, {})
    return replace(found, number=number)


def _open(url: str) -> tuple[Any, str]:
    """Returns fsspec's file system of a URL and the path in it.

    Raises:
        ConfigurationError: if there is none, or its packages are missing.
    """
    from fsspec.core import split_protocol, url_to_fs

    protocol = split_protocol(url)[0] or "file"
    options: dict[str, Any] = {"use_listings_cache": False}
    if protocol in ("s3", "s3a"):
        # its own 25 tries would take two minutes where nothing answers
        options["config_kwargs"] = {"retries": {"mode": "standard", "max_attempts": 3}}
    try:
        fs, root = url_to_fs(os.path.expanduser(url), skip_instance_cache=True, **options)
    except ImportError as error:
        extra = of_extra("s3") if protocol in ("s3", "s3a") else [str(error.name or "")]
        raise ConfigurationError(
            f"journal_url = {url!r} needs more packages: {how_to_install(*extra)} ({error})."
        ) from None
    except Exception as error:
        raise ConfigurationError(
            f"journal_url = {url!r} is no folder and no bucket that fsspec knows, e.g. s3://bucket/salesnav: {error}"
        ) from None
    looks_first = not fs.async_impl and type(fs).pipe_file is AbstractFileSystem.pipe_file
    if looks_first and type(fs) is not LocalFileSystem:
        raise ConfigurationError(
            f"journal_url = {url!r}: fsspec cannot create a file there only if it is absent, so {_NOT_APART}"
        )
    if protocol in ("s3", "s3a"):
        fs.retries = 1
    return fs, root.rstrip("/")


def _now() -> float:
    """Returns seconds that never go backwards, and go on while the machine sleeps where that can be told."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)

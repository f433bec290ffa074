"""The folder or bucket of a journal: objects with numbers, each created only if it is absent."""

import logging
import os
import re
import time
from datetime import datetime, timezone
from typing import Any

from dlt.common import logger
from fsspec import AbstractFileSystem
from fsspec.asyn import sync
from fsspec.exceptions import FSTimeoutError
from fsspec.implementations.local import LocalFileSystem

from salesnav_source.exceptions import ConfigurationError, JournalUnreachableError
from salesnav_source.settings.installed import how_to_install, of_extra

ANSWER_SECONDS = 30.0
"""Seconds until a store over a network must have answered, including all retries of its client."""
CONFLICT_PAUSES = (0.1, 0.3, 1.0)
"""Seconds before each retry, if the store reports a conflict with another request."""

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}
"""What installs the packages for the kinds of addresses that were tried."""

_NO_PRINTING = logging.NullHandler()

NOT_APART = (
    "it cannot keep two workers apart. Amazon S3, Google Cloud Storage, Azure and local folders can; name another place."
    " Nothing was asked of LinkedIn."
)


class Bucket:
    """The objects of one pipeline in a folder or a bucket, by their numbers."""

    def __init__(self, url: str, pipeline_name: str) -> None:
        """Reads and writes nothing yet.

        Args:
            url: a folder or a bucket with a path (an fsspec URL), e.g. `s3://bucket/salesnav`.
            pipeline_name: the pipeline that the objects belong to.

        Raises:
            ConfigurationError: if there is no such kind of place, or its packages are missing.
        """
        self.url = url
        self._pipeline_name = pipeline_name
        self._fs, self._root = _open(url)
        self._name = re.compile(rf"{re.escape(pipeline_name)}\.(\d{{12}})\.json")

    def path(self, number: int) -> str:
        """Returns where an object is."""
        return f"{self._root}/{self._pipeline_name}.{number:012d}.json"

    def numbers(self) -> list[int]:
        """Returns the numbers of all objects, lowest first.

        Raises:
            JournalUnreachableError: if the store does not answer as it should.
        """
        try:
            names = self._ask("ls", self._root, detail=False, refresh=True)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise self._unreachable(error) from None
        found = (self._name.fullmatch(str(name).rpartition("/")[2]) for name in names)
        return sorted(int(match[1]) for match in found if match)

    def read(self, number: int) -> bytes | None:
        """Returns an object, None if there is none.

        Raises:
            JournalUnreachableError: if the store does not answer as it should.
        """
        try:
            content: bytes = self._ask("cat_file", self.path(number))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._unreachable(error) from None
        return content

    def modified(self, number: int) -> datetime | None:
        """Returns when an object was written by the store's clock, None if the store does not say."""
        try:
            changed: datetime = self._fs.modified(self.path(number))
        except Exception:  # any error of a kind of store that has no such time
            return None
        return changed if changed.tzinfo is not None else changed.replace(tzinfo=timezone.utc)

    def create(self, number: int, content: bytes) -> bool:
        """Creates an object if it is absent; returns False if it is there.

        Raises:
            JournalUnreachableError: if the store does not answer as it should.
        """
        pauses = iter(CONFLICT_PAUSES)
        while True:
            try:
                self._create_file(self.path(number), content)
                return True
            except FileExistsError:
                return False
            except Exception as error:
                status = _status(error)
                if status == 412:
                    # s3fs reads it as "exists" only if the server names the condition that failed, which not all do
                    return False
                # another request changed the object at the same moment, and nothing was written: S3 asks for a retry
                pause = next(pauses, None) if status == 409 else None
                if pause is None:
                    raise self._unreachable(error) from None
                time.sleep(pause)

    def remove(self, number: int) -> bool:
        """Removes an object; returns False if that failed."""
        try:
            self._ask("rm_file", self.path(number))
        except FileNotFoundError:
            return True
        except Exception as error:
            logger.info(f"{self.path(number)} could not be removed: {error}")
            return False
        return True

    def _create_file(self, path: str, content: bytes) -> None:
        if type(self._fs) is not LocalFileSystem:
            self._ask("pipe_file", path, content, mode="create")
            return
        # fsspec first checks whether there is a file and then writes it: two workers could do that at once
        if not os.path.exists(self._root):  # a file in place of the folder is not the object to create
            os.makedirs(self._root, exist_ok=True)
        with open(path, "xb") as file:
            file.write(content)

    def _ask(self, method: str, *args: Any, **options: Any) -> Any:
        """Calls the file system. If it can be interrupted, for at most `ANSWER_SECONDS`."""
        if not self._fs.async_impl:
            return getattr(self._fs, method)(*args, **options)
        # if a server hangs before it allows a PUT, aiohttp waits forever, whatever the timeouts of its client are
        try:
            return sync(self._fs.loop, getattr(self._fs, f"_{method}"), *args, timeout=ANSWER_SECONDS, **options)
        except FSTimeoutError:
            raise TimeoutError(f"no answer for {ANSWER_SECONDS:g} s") from None

    def _unreachable(self, error: Exception) -> JournalUnreachableError:
        return JournalUnreachableError(
            f"The journal of export jobs at {self.url} is out of reach: {' '.join(str(error).split())[:300]}."
        )


def _status(error: Exception) -> int | None:
    """Returns the HTTP status of S3's answer behind an error, None for another error."""
    answer = getattr(error.__cause__, "response", None)
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(answer, dict) else None
    return status if isinstance(status, int) else None


def _open(url: str) -> tuple[Any, str]:
    """Returns fsspec's file system of a URL and the path in it.

    Raises:
        ConfigurationError: if there is none, or its packages are missing.
    """
    from fsspec.core import split_protocol, url_to_fs

    protocol = split_protocol(url)[0] or "file"
    extra = EXTRAS.get(protocol)
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if extra == "s3":
        # without this, 25 tries would take two minutes if nothing answers
        options["config_kwargs"] = {"retries": {"mode": "standard", "max_attempts": 3}}
    try:
        if extra == "gcs":
            # what gcsfs registers asks by gRPC for the layout of the bucket, a minute where nothing answers that
            from gcsfs.core import GCSFileSystem

            fs: Any = GCSFileSystem(**options)
            root = str(fs._strip_protocol(url))
        else:
            fs, root = url_to_fs(os.path.expanduser(url), **options)
    except ImportError as error:
        needed = of_extra(extra) if extra else [str(error.name or "")]
        raise ConfigurationError(
            f"journal_url = {url!r} needs more packages: {how_to_install(*needed)} ({error})."
        ) from None
    except Exception as error:
        raise ConfigurationError(
            f"journal_url = {url!r} is not a folder or bucket that fsspec knows, e.g. s3://bucket/salesnav: {error}"
        ) from None
    looks_first = not fs.async_impl and type(fs).pipe_file is AbstractFileSystem.pipe_file
    if looks_first and type(fs) is not LocalFileSystem:
        raise ConfigurationError(
            f"journal_url = {url!r}: fsspec cannot create a file there only if it is absent, so {NOT_APART}"
        )
    if extra == "s3":
        fs.retries = 1
    for client in ("gcsfs", "azure"):
        # what goes wrong is said in a sentence; without a handler, Python would print their stack traces
        logging.getLogger(client).addHandler(_NO_PRINTING)
    return fs, root.rstrip("/")

"""Replacing files so that a crash leaves the old one or the new one, whole; and keeping them from others on this machine."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_OTHERS = 0o077
"""What all but the owner may do."""


def make_private(path: Path) -> None:
    """Leaves a file or folder, if it is there, to its owner alone."""
    with contextlib.suppress(OSError):
        path.chmod(path.stat().st_mode & ~_OTHERS)


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Leaves all files that this process makes meanwhile to its owner alone, such as those of a database."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def replace_file(path: Path, content: bytes, mode: int | None = None) -> None:
    """Writes a file in the place of what is there.

    Args:
        path: where; folders are made as needed.
        content: what it is to hold.
        mode: its permissions; those of the file that is there, or 0o644, if None.

    Raises:
        OSError: if it cannot be written; what was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise

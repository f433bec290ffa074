"""Files that a crash leaves whole, the old one or the new one, and that other users of this machine cannot read."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_OTHERS = 0o077
"""The permissions of everyone but the owner."""


def make_private(path: Path) -> None:
    """Makes a file or folder, if it exists, accessible to its owner only."""
    with contextlib.suppress(OSError):
        path.chmod(path.stat().st_mode & ~_OTHERS)


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Makes all files that this process creates meanwhile, e.g. a database, accessible to their owner only."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def replace_file(path: Path, content: bytes, mode: int | None = None) -> None:
    """Writes a file, replacing one that exists. What is no file, e.g. /dev/stdout, is written to.

    Args:
        path: the file; its folders are created. A link stays a link.
        content: of the file.
        mode: its permissions. If None: those of the existing file; a new one is its owner's alone.

    Raises:
        OSError: if it cannot be written. The existing file stays as it is.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
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

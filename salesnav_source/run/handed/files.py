"""The files that were handed over: found in folders and zip archives, in order, and opened."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from salesnav_source.days.windows import utc_day
from salesnav_source.exceptions import ConfigurationError, IncompleteFileError, ReadError
from salesnav_source.linkedin.download import LARGEST_FILE
from salesnav_source.linkedin.spool import Spool

ENDINGS = (".csv", ".txt", ".gz", ".zip")
"""How the names of files end that are taken from folders and archives."""

MOST_MEMBERS = 10_000
"""Files that are taken from one archive at most."""

_CHUNK_BYTES = 1 << 20
_WORKBOOK = ("[Content_Types].xml", "xl/")


@dataclass(frozen=True)
class GivenFile:
    """A file as it was handed over."""

    path: Path
    """The file, or the zip archive that it is in."""
    member: str | None = None
    """Its name in the archive; None if it is in none."""

    @property
    def short_name(self) -> str:
        """What it is called, without the folder that it is in."""
        plain = self.path.name if self.member is None else f"{self.member} in {self.path.name}"
        return "".join(letter if letter.isprintable() else "?" for letter in plain)

    @property
    def written_on(self) -> date:
        """The UTC day on which it was written, as this machine knows it."""
        return utc_day(self.path.stat().st_mtime)

    def opened(self, folder: Path) -> Path | Spool:
        """Returns what it holds, to be read: the file itself, or a copy without a name of what an archive holds.

        Args:
            folder: where the copy is made.

        Raises:
            IncompleteFileError: if the archive is damaged.
            ReadError: if it cannot be unpacked, or is larger than an export can be.
        """
        if self.member is None:
            if _is_archive(self.path) and not _is_workbook(_names_in(self.path)):
                raise ReadError(
                    f"It is a zip archive that is damaged, or has no file (or too many) that ends in {', '.join(ENDINGS)}"
                )
            return self.path
        spool = Spool(folder / "member.csv")
        with _archive_errors(self.path), zipfile.ZipFile(self.path) as archive:
            info = archive.getinfo(self.member)
            if info.flag_bits & 1:
                raise ReadError("It is encrypted: unpack it with its password first")
            require_size(info.file_size)
            size = 0
            with archive.open(info) as packed, spool.open("wb") as file:
                while chunk := packed.read(_CHUNK_BYTES):
                    size += len(chunk)
                    require_size(size)
                    file.write(chunk)
                if not size:
                    file.write(b"")
        spool.end()
        return spool

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}/{self.member}"


def require_size(size: int) -> None:
    """Makes sure that a file is not larger than an export can be.

    Raises:
        ReadError: if it is.
    """
    if size > LARGEST_FILE:
        raise ReadError(
            f"Unpacked, it is larger than {LARGEST_FILE >> 30:,} GB, twice what LinkedIn exports at most: it is not read"
        )


def find_files(given: Sequence[Path]) -> tuple[list[GivenFile], list[GivenFile]]:
    """Returns the files that paths name, in order, and those in folders and archives that are passed over.

    Files of a folder, and of folders in it, come in the order of their names, numbers in them by their value.

    Args:
        given: files, archives and folders.

    Raises:
        ConfigurationError: if one is not there, or a folder has no file that could be an export.
    """
    found: list[GivenFile] = []
    passed_over: list[GivenFile] = []
    for path in given:
        if not path.exists():
            raise ConfigurationError(f"{path} cannot be read: there is no such file.")
        if not (path.is_file() or path.is_dir()):
            raise ConfigurationError(
                f"{path} is neither a file nor a folder: a file is read more than once, so save it first."
            )
        if not path.is_dir():
            _take(path, found, passed_over)
            continue
        inside = sorted((one for one in path.rglob("*") if one.is_file()), key=lambda one: _natural(str(one)))
        taken = {one for one in inside if _is_taken(one.name)}
        if not taken:
            raise ConfigurationError(
                f"In the folder {path} no name ends in {', '.join(ENDINGS)}. Name the files themselves."
            )
        for one in inside:
            if one in taken:
                _take(one, found, passed_over)
            else:
                passed_over.append(GivenFile(one))
    return list(dict.fromkeys(found)), passed_over


def _is_taken(name: str) -> bool:
    return name.lower().endswith(ENDINGS) and not name.startswith((".", "~$"))


def _take(path: Path, found: list[GivenFile], passed_over: list[GivenFile]) -> None:
    """Adds the files of an archive; the file itself if it is none, or one that cannot be opened as such."""
    names = _names_in(path) if _is_archive(path) else []
    taken = {name for name in names if _is_taken(Path(name).name) and not name.startswith("__MACOSX/")}
    if _is_workbook(names) or not taken or len(taken) > MOST_MEMBERS:
        found.append(GivenFile(path))
        return
    found += [GivenFile(path, name) for name in sorted(taken, key=_natural)]
    left = {name for name in names if not name.endswith("/")} - taken
    passed_over += [GivenFile(path, name) for name in sorted(left, key=_natural)]


def _names_in(path: Path) -> list[str]:
    """Returns the names of the files in an archive; none if it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def _is_workbook(names: Sequence[str]) -> bool:
    return any(name.startswith(_WORKBOOK) for name in names)


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def _natural(name: str) -> list[tuple[int, str]]:
    """Returns what names are sorted by, so that 2 comes before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name)]


@contextmanager
def _archive_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise IncompleteFileError(f"The archive {path.name} is damaged or cut short: {error}") from error
    except (RuntimeError, NotImplementedError) as error:
        raise ReadError(f"The archive {path.name} cannot be unpacked: {error}") from error

"""`.dlt/secrets.toml` as this program writes to it: for its owner alone, and never where git would commit it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.settings.configuration import SECTION
from salesnav_source.settings.toml import UnchangeableError, change_table

CREDENTIALS = ("sources", SECTION, "credentials")
_OWNER_ALONE = 0o600
_GIT_SECONDS = 10.0


def require_writable(path: Path) -> list[str]:
    """Makes sure that credentials can be written to a file, before somebody signs in for them.

    Args:
        path: the file; it may be missing.

    Returns:
        What the user should know.

    Raises:
        ConfigurationError: if git would commit it, if it is not TOML, or if it cannot be written.
    """
    real = Path(os.path.realpath(path))
    folder = next(one for one in real.parents if one.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{path} cannot be written. Give the rights to write in {folder}, or call from another folder."
        )
    notes = _require_ignored(real, folder)
    _change(path, {"access_token": "x", "refresh_token": None}, write=False)
    return notes


def write_credentials(path: Path, values: Mapping[str, str | None]) -> None:
    """Writes credentials, and leaves the file to its owner alone.

    Args:
        path: the file; it is made if it is missing.
        values: by name; None for one that goes.

    Raises:
        ConfigurationError: if it cannot be done; the file stays as it is. The message shows no value.
    """
    _change(path, values, write=True)


def credentials_in(path: Path) -> Mapping[str, object]:
    """Returns the credentials that a file has, none if it has none."""
    try:
        found = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
        for name in CREDENTIALS:
            found = found[name]
    except (OSError, ValueError, KeyError, TypeError, TOMLKitError):
        return {}
    return found if isinstance(found, dict) else {}


def _change(path: Path, values: Mapping[str, str | None], write: bool) -> None:
    try:
        change_table(path, CREDENTIALS, values, mode=_OWNER_ALONE, write=write)
    except UnchangeableError as error:
        raise ConfigurationError(
            f"{path} cannot be changed: {error}. Correct it, with a table [{'.'.join(CREDENTIALS)}] in it, and run this again;"
            " nothing was written."
        ) from None


def _require_ignored(path: Path, folder: Path) -> list[str]:
    """Makes sure that git does not commit a file; returns a note if git does not tell.

    Raises:
        ConfigurationError: if it would.
    """
    root = next((one for one in path.parents if (one / ".git").exists()), None)
    if root is None:
        return []
    inside = path.relative_to(root).as_posix()
    if _git(folder, "ls-files", "--error-unmatch", "--", str(path)) == 0:
        raise ConfigurationError(
            f"{path} is in the git repository {root}, so a token in it would be committed. Take it out there by"
            f" `git rm --cached {inside}`, add the line /{inside} to {root / '.gitignore'}, and run this again. What was"
            " committed stays in the history: replace secrets that were."
        )
    ignored = _git(folder, "check-ignore", "--quiet", "--", str(path))
    if ignored == 1:
        raise ConfigurationError(
            f"git would commit {path}. Add the line /{inside} to {root / '.gitignore'}, and run this again."
        )
    if ignored != 0:
        return [f"Whether git ignores {path} could not be found out: make sure that it is never committed."]
    return []


def _git(folder: Path, *arguments: str) -> int | None:
    """Returns the exit code of git, None if it cannot be called."""
    program = shutil.which("git")
    if program is None:
        return None
    try:
        return subprocess.run(
            [program, "-C", str(folder), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_GIT_SECONDS,
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return None

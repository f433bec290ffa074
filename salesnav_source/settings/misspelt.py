"""Settings that nothing reads, because they are misspelt or in another section."""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import tomlkit

from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS
from salesnav_source.settings.given import ENVIRONMENT, FILES, TPath, given

_STARTS = ("sources", "source", "")
"""What comes before the name of the source in a setting; the last two are mistakes."""

_OF_DLT = {
    "schema_contract",
    "max_table_nesting",
    "extract",
    "normalize",
    "data_writer",
    "workers",
    "parallelism_strategy",
}
"""What dlt itself reads in the section of a source."""

_OTHER_WORDS = {"token": "access_token", "api_key": "access_token", "bearer_token": "access_token"}


@dataclass(frozen=True)
class Names:
    """The names that a source reads."""

    section: str
    settings: Collection[str]
    credentials: Collection[str]

    def path_of(self, name: str) -> TPath:
        """Returns the right path of a setting."""
        in_credentials = name in self.credentials and name not in self.settings
        return ("sources", self.section, *(["credentials"] if in_credentials else []), name)

    def closest(self, name: str) -> str | None:
        """Returns the setting that may be meant by a name, None if none is like it."""
        plain = {_plain(one): one for one in (*self.credentials, *self.settings)}
        alike = next(iter(get_close_matches(_plain(name), sorted(plain), 1, 0.7)), None)
        return _OTHER_WORDS.get(name) or (plain[alike] if alike else None)


def misspelt_settings(names: Names) -> list[str]:
    """Returns a sentence for each setting that has no effect, with what may be meant."""
    found = (_note(where, path, names) for where, path, _ in given())
    return list(dict.fromkeys(note for note in found if note))


def _note(where: str, path: TPath, names: Names) -> str | None:
    if path[:2] == ("sources", names.section):
        return _note_on_name(where, path, names)
    name = _name_elsewhere(where, path, names)
    if name is None:
        return None
    return f"{where} sets {_written(where, path)}, which has no effect. {_advice(where, names.path_of(name))}"


def _note_on_name(where: str, path: TPath, names: Names) -> str | None:
    """Returns a sentence about a setting in the right section, None if it is read."""
    inner = path[2:3] == ("credentials",) and len(path) > 3
    tables = {CONTRACTS.name, EXPORT_JOBS.name, REJECTED_ROWS.name, *EXPORTS, names.section}
    known = names.credentials if inner else {*names.settings, *_OF_DLT, *tables}
    name = path[3 if inner else 2] if len(path) > 2 else ""
    if not name or name in known:
        return None
    advice, meant = "", names.closest(name)
    if meant == name:
        advice = f" {_advice(where, names.path_of(name))}"
    elif meant is not None:
        advice = f" Did you mean {_written(where, names.path_of(meant))}?"
    return f"{where} sets {_written(where, path)}, which is no setting and has no effect.{advice}"


def _name_elsewhere(where: str, path: TPath, names: Names) -> str | None:
    """Returns the setting that may be meant by one in another section, None if it is none of this source."""
    if where != ENVIRONMENT and path[:-1] in ((), ("sources",)) and path[-1] in names.credentials:
        return path[-1]
    whole = _plain("".join(path))
    for start in _STARTS:
        if whole.startswith(start + names.section):
            rest = whole.removeprefix(start + names.section).removeprefix("credentials")
            plain = {_plain(name): name for name in (*names.credentials, *names.settings)}
            if rest in plain or not start:
                return plain.get(rest)
            return names.closest(rest) or path[-1]
    if len(path) > 2 and _is_like(path[0], "sources") and _is_like(path[1], names.section):
        return names.closest(path[-1]) or path[-1]
    return None


def _advice(where: str, path: TPath) -> str:
    if where == ENVIRONMENT:
        return f"Write {_written(where, path)}, with two underscores between its parts."
    return f"Write {path[-1]} in the section [{'.'.join(path[:-1])}]."


def _written(where: str, path: TPath) -> str:
    """Returns a setting as a user writes it there."""
    if where == ENVIRONMENT:
        return "__".join(path).upper()
    if path[0] == "sources" and len(path) > 2 and path[1] == "salesnav":
        return ".".join(path[2:])
    return f"{path[-1]} in [{'.'.join(path[:-1])}]" if len(path) > 1 else path[0]


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _is_like(name: str, right: str) -> bool:
    return bool(get_close_matches(_plain(name), [right], 1, 0.85))


def unread_folder(folder: Path, places: Collection[Path], section: str) -> str | None:
    """Returns a sentence about settings in another folder, None if this folder has a file for them, or no other one has any.

    Args:
        folder: where dlt looks for settings.
        places: folders that may be the project's.
        section: name of the source.
    """
    if any((folder / name).is_file() for name in FILES):
        return None
    for place in places:
        other = place / ".dlt"
        if any(_sets_anything(other / name, section) for name in FILES):
            return (
                f"There are settings in {other} that are not read, because the command runs in {folder.parent}:"
                f" run the command in {place}, or set DLT_PROJECT_DIR={place}."
            )
    return None


def _sets_anything(path: Path, section: str) -> bool:
    """Returns true if a file has a setting of the source; one that cannot be read is left to dlt."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
        return bool(document["sources"][section])
    except (OSError, ValueError, KeyError, TypeError):
        return False

"""Changing a table of a TOML file so that all else in it stays: comments, order, line ends."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from salesnav_source.settings.files import replace_file

_UNKNOWN = "it is written in a way that this command does not know"


class UnchangeableError(Exception):
    """A TOML file cannot be read, changed or written; says why, and shows no value of the file."""


def change_table(
    path: Path,
    section: Sequence[str],
    values: Mapping[str, Any],
    change: Callable[[Any], None] | None = None,
    mode: int | None = None,
    write: bool = True,
) -> None:
    """Changes values of one table of a TOML file; all else in it stays.

    Args:
        path: the file; it is made if it is missing, and a link to it stays a link.
        section: names of the table, the outermost first; made if it is missing.
        values: what the table is to hold, by key; None for a key that goes.
        change: changes the table, as tomlkit holds it, where values alone do not say how: lists may be in any order.
        mode: permissions of the file; those that it has if None.
        write: false to see whether it can be done.

    Raises:
        UnchangeableError: if it cannot be done; the file stays as it is.
    """
    path = Path(os.path.realpath(path))
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
        newline = "\r\n" if "\r\n" in text else "\n"
        document = tomlkit.parse(text)
        if change is None:
            _set(_table(document, section), values)
        else:
            change(_table(document, section))
        changed = tomlkit.dumps(document).replace("\r\n", "\n")
        before, after = tomlkit.parse(text).unwrap(), tomlkit.parse(changed).unwrap()
        found = {name: _plain(after, section).pop(name, None) for name in values}
        for name in values:
            _plain(before, section).pop(name, None)
        if before != after or not all(_same(found[name], value) for name, value in values.items()):
            raise UnchangeableError(_UNKNOWN)
        if write:
            replace_file(path, changed.replace("\n", newline).encode("utf-8"), mode)
    except ParseError as error:
        raise UnchangeableError(f"it is not TOML: line {error.line} cannot be read") from None
    except OSError as error:
        raise UnchangeableError(error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise UnchangeableError("it is not UTF-8") from None
    except (ValueError, TypeError, AttributeError, TOMLKitError):
        raise UnchangeableError(_UNKNOWN) from None


def put(table: Any, name: str, value: Any) -> None:
    """Sets a value of a table. A new one stands right after those that are there, before comments at the table's end."""
    if name in table or not hasattr(table, "value") or not hasattr(table.value, "body"):
        table[name] = value
        return
    body, last = table.value.body, []
    while body and body[-1][0] is None:
        last.append(body.pop()[1])
    table[name] = value
    for item in reversed(last):
        table.add(item)


def _table(document: Any, section: Sequence[str]) -> Any:
    table = document
    for name in section:
        if name not in table:
            table[name] = tomlkit.table(is_super_table=name != section[-1])
        table = table[name]
    return table


def _plain(document: dict[str, Any], section: Sequence[str]) -> dict[str, Any]:
    for name in section:
        document = document.setdefault(name, {})
    return document


def _set(table: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if value is not None:
            put(table, name, value)
        elif name in table:
            del table[name]


def _same(found: Any, wanted: Any) -> bool:
    return sorted(found) == sorted(wanted) if isinstance(found, list) else bool(found == wanted)

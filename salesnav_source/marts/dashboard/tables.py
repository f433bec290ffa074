"""Tables of a page as HTML and as CSV."""

import unicodedata
from collections.abc import Callable
from html import escape
from typing import Any

import pandas as pd

from salesnav_source.marts.dashboard.days import day_text
from salesnav_source.marts.dashboard.model import Person, Table

_NONE = "–"
_WIDE = {"error", "in what"}
_SIGNS = frozenset("=+-@")
_BREAKS = frozenset("\t\r\n")


def html_table(shown: Table, most: int, link: Callable[[Person], str]) -> str:
    """Returns a table as HTML.

    Args:
        shown: the table.
        most: rows to show.
        link: gives the address that shows a person, or no text.
    """
    frame = shown.frame.head(most)
    kinds = {name: _kind(str(name), shown.frame[name]) for name in frame.columns}
    head = "".join(f'<th scope="col"{kinds[name]}>{escape(str(name))}</th>' for name in frame.columns)
    body = []
    for place, row in enumerate(frame.itertuples(index=False, name=None)):
        cells = [
            f"<td{kinds[name]}>{escape(cell(name, value))}</td>" for name, value in zip(frame.columns, row, strict=True)
        ]
        person = shown.people[place] if shown.people else None
        address = link(person) if person else ""
        if address:
            cells[0] = f'<td class="name"><a href="{escape(address)}">{escape(cell(frame.columns[0], row[0]))}</a></td>'
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _kind(name: str, values: pd.Series) -> str:
    if name in _WIDE:
        return ' class="wide"'
    if name in ("person", "e-mail"):
        return f' class="{"name" if name == "person" else name}"'
    if pd.api.types.is_datetime64_any_dtype(values):
        return ' class="day"'
    is_number = pd.api.types.is_numeric_dtype(values) and not _is_id(name)
    return ' class="right"' if is_number else ""


def _is_id(name: str) -> bool:
    return name.endswith("seat")


def cell(name: str, value: Any) -> str:
    """Returns a value as people read it.

    Args:
        name: of the column; a share's begins with %.
        value: of the cell.
    """
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return _NONE
    if isinstance(value, pd.Timestamp):
        return day_text(value.date()) if value.tz is None else f"{day_text(value.date())} {value:%H:%M} UTC"
    if name.startswith("%"):
        return f"{value:.1%}"
    if name.startswith("cost"):
        return f"{value:,.2f}".removesuffix(".00")
    if isinstance(value, float):
        # no -0.0
        return f"{round(value, 1) + 0.0:,.1f}"
    return str(value) if isinstance(value, str) or _is_id(name) else f"{value:,}"


def as_csv(shown: Table) -> bytes:
    """Returns all rows of a table as CSV in UTF-8: days in ISO's form, shares in percent with one digit."""
    columns = {str(name): [_plain(str(name), value) for value in shown.frame[name]] for name in shown.frame.columns}
    frame = pd.DataFrame(columns, dtype=object)
    frame.columns = [safe(name) for name in frame.columns]
    return str(frame.to_csv(index=False)).encode("utf-8")


def _plain(name: str, value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value.tz is None else f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if name.startswith("%"):
        return f"{value * 100 + 0.0:.1f}"
    if isinstance(value, float):
        return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
    return safe(value) if isinstance(value, str) else value


def safe(text: str) -> str:
    """Returns a text that a spreadsheet does not run as a formula, also if the sign is behind what is not seen."""
    visible = next((letter for letter in text if unicodedata.category(letter)[0] not in "ZC"), "")
    is_formula = text[:1] in _BREAKS or unicodedata.normalize("NFKC", visible) in _SIGNS
    return f"'{text}" if is_formula else text

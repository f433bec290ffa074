"""The columns of a file by its header: the positions of the declared ones, and names for the others."""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa
from dlt.common.normalizers.naming.snake_case import NamingConvention

from salesnav_source.exceptions import ReadError
from salesnav_source.linkedin.reader.request import ReadRequest
from salesnav_source.linkedin.reader.rows import fields_of, shorten
from salesnav_source.linkedin.reader.values import ARROW_TYPES
from salesnav_source.schema import Column, Export, TColumnType, TPersonal, simplify

DERIVED = {"activity_date": "created_at", "outcome_date": "created_at"}
"""Dates that the file does not have, each with the timestamp that it is the day of."""


TState = Literal["declared", "kept", "left_out", "missing"]
"""State of a column: `declared` by the export, `kept` under its own name, `left_out` of the load, or declared and `missing` in
the file."""

BY_HEADER = -1
"""The position of the day follows from the header, not from the values."""


class HeaderColumn(NamedTuple):
    """A header of a file, and the column that it leads to."""

    header: str
    """The header in the file, stripped. `Team (2)` is the second of two equal headers, `column_3` a blank one. For a missing
    column it is the column's own name."""
    column_name: str
    """The column of the typed rows. A warehouse may write it in another case."""
    state: TState


@dataclass(frozen=True)
class Field:
    """A column of the typed rows, and where the file has it."""

    name: str
    type: TColumnType
    nullable: bool = True
    position: int | None = None
    """Its position in the file's header, None if it is not there."""
    personal: TPersonal | None = None
    """The kind of personal data in it, None if it has none."""


@dataclass(frozen=True)
class Layout:
    """The columns of a file."""

    export: Export
    header: bytes
    """The header line of the file."""
    width: int
    fields: tuple[Field, ...]
    extras: tuple[str, ...]
    """Undocumented columns that are loaded."""
    left_out: tuple[str, ...] = ()
    """Undocumented columns that are not loaded, because they may have personal data."""
    headers: tuple[HeaderColumn, ...] = ()
    """Every header of the file in its order, then the declared columns that are missing."""

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the typed rows."""
        return pa.schema([pa.field(field.name, ARROW_TYPES[field.type], field.nullable) for field in self.fields])

    @property
    def key(self) -> list[str]:
        """The columns of the key that are in the typed rows."""
        names = {field.name for field in self.fields}
        return [name for name in self.export.key if name in names]

    @property
    def found(self) -> tuple[str, ...]:
        """The declared columns that the file has."""
        return tuple(
            field.name for field in self.fields if field.position is not None and field.name not in self.extras
        )

    def order(self, constants: Collection[str]) -> list[str]:
        """Returns the names of the file's columns and of those added, in the order in which the table has them."""
        given = {*self.schema.names, *constants}
        declared = [column.name for column in self.export.columns if column.name in given]
        added = [name for name in constants if name not in declared]
        return [*declared, *added, *self.extras]

    @property
    def day_field(self) -> Field:
        """The column that gives the day of a row."""
        name = DERIVED.get(self.export.day_column, self.export.day_column)
        return next(field for field in self.fields if field.name == name)

    @property
    def has_day_column(self) -> bool:
        """True if the file has the day of its rows."""
        return self.day_field.position is not None

    @property
    def day_header(self) -> str | None:
        """The header of the day, None if the file has none."""
        position = self.day_field.position
        return None if position is None else self.headers[position].header

    @property
    def is_doubtful(self) -> bool:
        """True if the header of the day could also mean another column."""
        return simplify(self.day_header or "") in self.export.column(self.export.day_column).doubtful


def lay_out(row: bytes, request: ReadRequest, day: int | None = BY_HEADER) -> Layout:
    """Returns the columns of a file with this header.

    Args:
        row: the header.
        request: what the file is to be read as.
        day: the position of the day, None if the file has none.

    Raises:
        ReadError: if a column that is never null is not in the header.
    """
    export, header = request.export, fields_of(row)
    titles = _distinct(header)
    matched = _match(header, titles, request, day)
    positions = {column.name: position for position, column in matched.items()}
    fields = []
    for column in export.columns:
        if column.from_file or column.name in DERIVED:
            position = positions.get(column.name)
            if position is None and is_required(column, export):
                raise ReadError(other_delimiter(row, export) or _missing_column(column, header, export))
            fields.append(Field(column.name, column.type, column.nullable, position, column.personal))
    names = _name_extras(header, titles, export, set(matched), request.known_columns)
    extras = {place: name for place, name in names.items() if request.personal_data.takes_column(header[place])}
    fields += [Field(name, "text", True, position) for position, name in extras.items()]
    left_out = tuple(name for position, name in names.items() if position not in extras)
    headers = [
        HeaderColumn(title, matched[position].name, "declared")
        if position in matched
        else HeaderColumn(title, names[position], "kept" if position in extras else "left_out")
        for position, title in enumerate(titles)
    ]
    missing = [column.name for column in export.file_columns if column.name not in positions]
    headers += [HeaderColumn(name, name, "missing") for name in missing]
    return Layout(export, row, len(header), tuple(fields), tuple(extras.values()), left_out, tuple(headers))


def is_required(column: Column, export: Export) -> bool:
    """True if a file without this column cannot be read."""
    return column.from_file and not column.nullable and column.name != export.day_column


def _match(header: list[str], titles: list[str], request: ReadRequest, day: int | None) -> dict[int, Column]:
    """Returns the declared columns by position; the day at its known position, or at the one given."""
    export = request.export
    matched = export.match(header)
    if not export.guesses_day:
        return matched
    column = export.column(export.day_column)
    if day == BY_HEADER:
        by_header = next((place for place, one in matched.items() if one is column), None)
        known = [place for place, title in enumerate(titles) if request.known_columns.get(title) == column.name]
        if by_header is None or simplify(header[by_header]) in column.doubtful:
            by_header = next((place for place in known if place not in matched), by_header)
        day = by_header
    matched = {position: one for position, one in matched.items() if one is not column}
    return matched if day is None else {**matched, day: column}


_DELIMITERS = {b";": "semicolons", b"\t": "tabs", b"|": "vertical bars"}


def other_delimiter(row: bytes, export: Export) -> str | None:
    """Returns a message about a file whose header makes sense with another delimiter, None if it does not."""
    required = {column.name for column in export.file_columns if is_required(column, export)}
    if required <= {column.name for column in export.match(fields_of(row)).values()}:
        return None
    for delimiter, name in _DELIMITERS.items():
        found = export.match(fields_of(row.replace(delimiter, b",")))
        if required <= {column.name for column in found.values()}:
            return f"The file of {export.name} has its fields separated by {name}, not by commas. It is not read"
    return None


def _missing_column(column: Column, header: list[str], export: Export) -> str:
    spellings = ", ".join(dict.fromkeys((*column.spellings, column.name)))
    if len(export.match(header)) < min(2, len(header)):
        return (
            f"The file of {export.name} has no column {column.name}: its first line is not a known header, because of its"
            f" {len(header)} fields none, or only one, is a known column (looked for {spellings}). They are not shown, because"
            " they may be values"
        )
    return (
        f"The file of {export.name} has no column {column.name}: looked for {spellings} (in any case, with any"
        f" punctuation), found {shorten(', '.join(header), 1000)}. If LinkedIn calls the column by another name now,"
        f" add that spelling to the column in schema.py"
    )


def _distinct(header: list[str]) -> list[str]:
    """Returns a unique name for each header: the header itself, unless another one has that name."""
    plain = [title.strip() or f"column_{position + 1}" for position, title in enumerate(header)]
    titles: list[str] = []
    for title in plain:
        name, count = title, 1
        while name in titles or (count > 1 and name in plain):
            count += 1
            name = f"{title} ({count})"
        titles.append(name)
    return titles


def _name_extras(
    header: list[str], titles: list[str], export: Export, claimed: set[int], known_columns: Mapping[str, str]
) -> dict[int, str]:
    """Returns the names of the file's undocumented columns by position, in their order.

    A header keeps the name it had before. New headers get their own name, in alphabetical order, so that the order of columns
    in the file does not matter. A name that is taken gets a number.
    """
    taken = {form for column in export.columns for form in _name_forms(column.name)}
    taken.update(form for position in claimed for form in _name_forms(header[position]))
    taken.update(form for name in ("_dlt_id", "_dlt_load_id") for form in _name_forms(name))
    others = sorted(set(range(len(header))) - claimed, key=lambda position: titles[position])
    names: dict[int, str] = {}
    for position in others:
        known = known_columns.get(titles[position])
        if known is not None and not taken & _name_forms(known):
            names[position] = known
            taken |= _name_forms(known)
    # a name that another header was given stays reserved, even if no file has that header now
    taken.update(form for name in known_columns.values() for form in _name_forms(name))
    for most in (1, None):
        for position in others:
            if position not in names:
                title = header[position].strip()
                name = _free_name(title if simplify(title) else f"column_{position + 1}", taken, most)
                if name is not None:
                    names[position] = name
                    taken |= _name_forms(name)
    return dict(sorted(names.items()))


def _free_name(plain: str, taken: set[str], most: int | None) -> str | None:
    """Returns a name that is free, with a number if needed; None if that takes more than `most` tries."""
    for count in itertools.count(1):
        name = plain if count == 1 else f"{plain}_{count}"
        if not taken & _name_forms(name):
            return name
        if count == most:
            break
    return None


def _name_forms(name: str) -> set[str]:
    """Returns the forms of a name. No two columns may share one."""
    return {simplify(name), "snake " + _NAMING.normalize_identifier(name)}


_NAMING = NamingConvention()

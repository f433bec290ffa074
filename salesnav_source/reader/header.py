"""What the columns of a file are, as its header tells: where the declared ones stand, and how the others are called."""

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
from dlt.common.normalizers.naming.snake_case import NamingConvention

from salesnav_source.exceptions import ReadError
from salesnav_source.personal_data import KEPT, PersonalData
from salesnav_source.reader.rows import fields_of, shorten
from salesnav_source.reader.values import ARROW_TYPES
from salesnav_source.schema import Column, Export, TColumnType, TPersonal, simplify

DERIVED = {"activity_date": "created_at"}
"""Dates that the file does not bring, and the timestamps whose day they are."""


@dataclass(frozen=True)
class Field:
    """A column of the typed rows, and where the file has it."""

    name: str
    type: TColumnType
    nullable: bool = True
    position: int | None = None
    """Where the file's header has it, None if it does not."""
    personal: TPersonal | None = None
    """Which kind of personal data it holds, None if it does not."""


@dataclass(frozen=True)
class Layout:
    """What the columns of a file are, as its header tells."""

    export: Export
    header: bytes
    """The header as it stands in the file."""
    width: int
    fields: tuple[Field, ...]
    extras: tuple[str, ...]
    """Undocumented columns that are loaded."""
    left_out: tuple[str, ...] = ()
    """Undocumented columns that are not, as they may hold personal data."""

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
    def has_day_column(self) -> bool:
        """Whether the file tells the day of its rows."""
        name = DERIVED.get(self.export.day_column, self.export.day_column)
        return any(field.name == name and field.position is not None for field in self.fields)


def lay_out(row: bytes, export: Export, personal_data: PersonalData = KEPT) -> Layout:
    """Tells what the columns of a file with this header are.

    Args:
        row: the header.
        export: what the file is an export of.
        personal_data: decides whether undocumented columns are loaded.

    Raises:
        ReadError: if a column that is never null is not in the header.
    """
    header = fields_of(row)
    matched = export.match(header)
    positions = {column.name: position for position, column in matched.items()}
    fields = []
    for column in export.columns:
        if column.from_file or column.name in DERIVED:
            position = positions.get(column.name)
            if position is None and column.from_file and not column.nullable and column.name != export.day_column:
                raise ReadError(other_delimiter(row, export) or _missing_column(column, header, export))
            fields.append(Field(column.name, column.type, column.nullable, position, column.personal))
    names = _name_extras(header, export, set(matched))
    extras = {position: name for position, name in names.items() if personal_data.takes_column(header[position])}
    fields += [Field(name, "text", True, position) for position, name in extras.items()]
    left_out = tuple(name for position, name in names.items() if position not in extras)
    return Layout(export, row, len(header), tuple(fields), tuple(extras.values()), left_out)


_DELIMITERS = {b";": "semicolons", b"\t": "tabs", b"|": "vertical bars"}


def other_delimiter(row: bytes, export: Export) -> str | None:
    """Returns what is to be said of a file whose header makes sense with another delimiter, None if it does not."""
    required = {
        column.name for column in export.file_columns if not column.nullable and column.name != export.day_column
    }
    if required <= {column.name for column in export.match(fields_of(row)).values()}:
        return None
    for delimiter, name in _DELIMITERS.items():
        found = export.match(fields_of(row.replace(delimiter, b",")))
        if required <= {column.name for column in found.values()}:
            return f"The file of {export.name} has its fields divided by {name}, not by commas, and is not read as that"
    return None


def _missing_column(column: Column, header: list[str], export: Export) -> str:
    spellings = ", ".join(dict.fromkeys((*column.spellings, column.name)))
    if len(export.match(header)) < min(2, len(header)):
        return (
            f"The file of {export.name} has no column {column.name}: its first line is no known header, as of its"
            f" {len(header)} fields none, or only one, is a known column (looked for {spellings}). They are not shown, as they"
            " may be values"
        )
    return (
        f"The file of {export.name} has no column {column.name}: looked for {spellings} (in any case, with any"
        f" punctuation), found {shorten(', '.join(header), 1000)}. If LinkedIn calls the column by another name now,"
        f" add that spelling to the column in schema.py"
    )


def _name_extras(header: list[str], export: Export, claimed: set[int]) -> dict[int, str]:
    """Returns by position how the file's undocumented columns are called: by their headers, made unique."""
    taken = {form for column in export.columns for form in _name_forms(column.name)}
    taken.update(form for position in claimed for form in _name_forms(header[position]))
    taken.update(form for name in ("_dlt_id", "_dlt_load_id") for form in _name_forms(name))
    names: dict[int, str] = {}
    for position, title in enumerate(header):
        if position in claimed:
            continue
        plain = title.strip() if simplify(title) else f"column_{position + 1}"
        name, count = plain, 1
        while taken & _name_forms(name):
            count += 1
            name = f"{plain}_{count}"
        taken |= _name_forms(name)
        names[position] = name
    return names


def _name_forms(name: str) -> set[str]:
    """Returns the forms of a name of which no two columns may have the same."""
    return {simplify(name), "snake " + NamingConvention().normalize_identifier(name)}

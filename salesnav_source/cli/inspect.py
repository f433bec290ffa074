"""`salesnav inspect FILE`: holds a file against the declared schema, and shows of its values only what they look like."""

import argparse
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.cli.terminal import COMPLETE, NOT_TRIED, say
from salesnav_source.exceptions import ConfigurationError, IncompleteFileError, ReadError
from salesnav_source.reader.arrays import is_null
from salesnav_source.reader.blocks import header_and_blocks
from salesnav_source.reader.header import other_delimiter
from salesnav_source.reader.parsing import parse
from salesnav_source.reader.rows import fields_of, shape
from salesnav_source.reader.values import empty_as_null, type_texts
from salesnav_source.report import table
from salesnav_source.schema import EXPORTS, FORMS, Column, Export, TColumnType

MOST_SHAPES = 3
"""Shapes of a column that are shown."""

_KEPT_SHAPES = 1000


@dataclass
class Forms:
    """How the values of a column are written."""

    type: TColumnType
    empty: int = 0
    no_value: int = 0
    forms: Counter[str] = field(default_factory=Counter)
    """Values by the declared form that they have."""
    unread: int = 0
    shapes: Counter[str] = field(default_factory=Counter)
    """What texts look like, and values that cannot be read."""

    def add(self, texts: pa.StringArray) -> None:
        """Counts the values of a block."""
        given = empty_as_null(texts)
        self.empty += given.null_count
        if self.type == "text":
            self._add_shapes(given.drop_null())
            return
        values, wrong = type_texts(given, self.type)
        unread = wrong if wrong is not None else np.zeros(len(given), np.bool_)
        self.unread += int(unread.sum())
        self._add_shapes(given.filter(pa.array(unread)))
        self.no_value += int((is_null(values) & ~unread & ~is_null(given)).sum())
        left = pc.utf8_trim_whitespace(given.filter(pa.array(~is_null(values))))
        for form in FORMS[self.type]:
            has_form = pc.match_substring_regex(left, f"^(?:{form.pattern})$")
            self.forms[form.name] += pc.sum(has_form).as_py() or 0
            left = left.filter(pc.invert(has_form))

    def _add_shapes(self, texts: pa.StringArray) -> None:
        for counted in pc.value_counts(texts).to_pylist():
            looks = shape(counted["values"], self.type != "text")
            known = looks in self.shapes or len(self.shapes) < _KEPT_SHAPES
            self.shapes[looks if known else "others"] += counted["counts"]

    def __str__(self) -> str:
        parts = [f"{count:,} {name}" for name, count in self.forms.items() if count]
        looks = ", ".join(f"{looks!r} {count:,}" for looks, count in self.shapes.most_common(MOST_SHAPES))
        more = f" and {len(self.shapes) - MOST_SHAPES:,} more shapes" if len(self.shapes) > MOST_SHAPES else ""
        if self.unread:
            parts.append(f"{self.unread:,} cannot be read, like {looks}{more}")
        elif self.shapes:
            parts.append(f"texts like {looks}{more}")
        parts += [f"{count:,} {what}" for what, count in (("no value", self.no_value), ("empty", self.empty)) if count]
        return "; ".join(parts) or "none"


def run(options: argparse.Namespace) -> int:
    """Shows what a file holds; tells by the exit code whether it could be loaded."""
    path = Path(options.file)
    try:
        told, fits = inspect(path, EXPORTS[options.export] if options.export else None)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ReadError, IncompleteFileError) as error:
        # what a file begins with may be a value
        say(str(error).partition(": it begins with")[0] + ".")
        return NOT_TRIED
    print("\n".join(told))
    return COMPLETE if fits else NOT_TRIED


def inspect(path: Path, export: Export | None) -> tuple[list[str], bool]:
    """Returns what is told of a file, and whether its columns are those that it must have.

    Args:
        path: the file.
        export: what it is said to be an export of; the one whose columns it has most of if None.

    Raises:
        OSError: if it cannot be read.
        ReadError: if it is a file of another kind.
        IncompleteFileError: if it is empty, damaged, or a page instead of a file.
    """
    row, blocks = header_and_blocks(path, export or _guess(path))
    export = export or _guess(path)
    header = fields_of(row)
    matched = export.match(header)
    divided = other_delimiter(row, export)
    if divided:
        raise ReadError(divided)
    if len(matched) < min(2, len(header)):
        return [
            f"The first line of {path.name} is not the header of any known export: of its {len(header)} fields none, or only"
            " one, is a known column. They are not shown, as they may be values."
        ], False
    columns = [Forms(matched[place].type if place in matched else "text") for place in range(len(header))]
    rows, repeated, damaged = 0, 0, Counter[str]()
    for block in blocks:
        parsed = parse(block, len(header), row)
        rows += len(parsed.numbers) + len(parsed.reasons)
        repeated += parsed.headers
        damaged.update(reason.cause for reason in parsed.reasons.values())
        for forms, texts in zip(columns, parsed.columns, strict=True):
            forms.add(texts)
    lines = [
        f"{path.name}: {path.stat().st_size:,} bytes, {rows:,} rows, held against {export.name}. No value is shown: a stands"
        " for letters, 9 for digits.",
        "",
        *_columns_table(header, matched, columns, export),
        "",
    ]
    lines += [f"{count:,} rows cannot be loaded: {cause}." for cause, count in damaged.most_common()]
    if repeated:
        lines.append(f"The header stands in the file {repeated:,} times more.")
    missing = [
        column for column in export.file_columns if column not in matched.values() and _is_needed(column, export)
    ]
    lines += [f"Without {column.name} the file cannot be loaded." for column in missing]
    lines.append("The names of headers are shown as they are; look them over before you show this to others.")
    return lines, not missing


def _guess(path: Path) -> Export:
    """Returns the export whose columns a file has most of."""
    exports = list(EXPORTS.values())
    row, _ = header_and_blocks(path, exports[0])
    header = fields_of(row)

    def likeness(export: Export) -> tuple[int, int]:
        found = export.match(header).values()
        return len(found), -sum(_is_needed(column, export) and column not in found for column in export.file_columns)

    return max(exports, key=likeness)


def _is_needed(column: Column, export: Export) -> bool:
    return not column.nullable and column.name != export.day_column


def _columns_table(header: list[str], matched: dict[int, Column], columns: list[Forms], export: Export) -> list[str]:
    places = {column.name: place for place, column in matched.items()}
    rows = []
    for column in export.file_columns:
        place = places.get(column.name)
        found = ("missing", "") if place is None else (header[place], str(columns[place]))
        rows.append((column.name, column.type, *found))
    unknown = [place for place in range(len(header)) if place not in matched]
    rows += [("(unknown)", "text", header[place], str(columns[place])) for place in unknown]
    return table(("column", "type", "header in the file", "values"), rows)

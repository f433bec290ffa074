"""`salesnav inspect FILE`: compares a file with the declared schema, without showing its values."""

import argparse
import shlex
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.cli.grammar import add_days
from salesnav_source.cli.terminal import say, show
from salesnav_source.exceptions import ConfigurationError, IncompleteFileError, ReadError
from salesnav_source.linkedin.guesses import GUESSES
from salesnav_source.linkedin.reader.arrays import is_null
from salesnav_source.linkedin.reader.blocks import count_compressions, header_and_blocks
from salesnav_source.linkedin.reader.files import read_tables, remove
from salesnav_source.linkedin.reader.header import is_required, other_delimiter
from salesnav_source.linkedin.reader.parsing import parse
from salesnav_source.linkedin.reader.reading import examine
from salesnav_source.linkedin.reader.request import ReadRequest
from salesnav_source.linkedin.reader.rows import fields_of, shape
from salesnav_source.linkedin.reader.styles import DOCUMENTED, Style
from salesnav_source.linkedin.reader.values import type_texts
from salesnav_source.linkedin.spool import Spool
from salesnav_source.linkedin.verdicts import NOT_IN_A_FILE, Evidence, fits, judge
from salesnav_source.run.exit_codes import COMPLETE, NOT_TRIED
from salesnav_source.run.handed.directory import read_list
from salesnav_source.run.handed.files import GivenFile, find_files
from salesnav_source.run.handed.looking import EARLIEST, LATEST, likely_export, other_export
from salesnav_source.run.layout import table
from salesnav_source.schema import ACTIVITIES, EXPORTS, FORMS, Column, Export, TColumnType

MOST_SHAPES = 3
"""How many shapes of a column are shown."""

_KEPT_SHAPES = 1000


@dataclass
class Forms:
    """How the values of a column are written."""

    type: TColumnType
    style: Style = DOCUMENTED
    empty: int = 0
    no_value: int = 0
    forms: Counter[str] = field(default_factory=Counter)
    """How many values have each declared form."""
    unread: int = 0
    shapes: Counter[str] = field(default_factory=Counter)
    """How many texts, and values that cannot be read, look alike."""

    def add(self, texts: pa.StringArray) -> None:
        """Counts the values of a block."""
        self.empty += texts.null_count
        if self.type == "text":
            self._add_shapes(texts.drop_null())
            return
        typed = type_texts(texts, self.type, self.style)
        read = ~is_null(typed.values)
        unread = typed.wrong if typed.wrong is not None else np.zeros(len(texts), np.bool_)
        self.unread += int(unread.sum())
        self._add_shapes(texts.filter(pa.array(unread)))
        self.no_value += int((~read & ~unread & ~is_null(texts)).sum())
        left = pc.utf8_trim_whitespace(texts.filter(pa.array(read)))
        for form in FORMS[self.type]:
            has_form = pc.match_substring_regex(left, f"^(?:{form.pattern})$")
            name = form.day_first if self.style.day_first and form.day_first is not None else form.name
            self.forms[name] += pc.sum(has_form).as_py() or 0
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Compares a file with the columns that this package declares: which was found under which header, which are"
        " missing or unknown, what the values look like, and which guesses about LinkedIn's files it confirms or refutes."
        " Values themselves are not shown, so the output may be shared."
    )
    parser.add_argument(
        "file", metavar="FILE", help="a file that LinkedIn has exported, or a list of people: plain, gzip or zip"
    )
    parser.add_argument(
        "--export",
        choices=tuple(EXPORTS),
        help="the export that the file belongs to; default the one with the most matching columns",
    )
    add_days(parser, "first day that the file was asked for", "last day that the file was asked for")


def run(options: argparse.Namespace) -> int:
    """Shows what files hold; the exit code says whether all of them could be loaded."""
    days = _days(getattr(options, "start_date", None), getattr(options, "end_date", None))
    files, passed_over = find_files([Path(options.file)])
    codes = [_inspect_one(file, EXPORTS[options.export] if options.export else None, days) for file in files]
    if passed_over:
        say(f"{len(passed_over):,} other files in the folder were passed over.")
    return COMPLETE if all(code == COMPLETE for code in codes) else NOT_TRIED


def _inspect_one(file: GivenFile, export: Export | None, days: tuple[date, date] | None) -> int:
    try:
        with TemporaryDirectory() as folder:
            lines, could_be_loaded = inspect(file, Path(folder), export, days)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror or error}") from error
    except (ReadError, IncompleteFileError) as error:
        # what a file begins with may be a value
        say(f"{file}: {str(error).partition(': it begins with')[0]}.")
        return NOT_TRIED
    show("\n".join(lines))
    return COMPLETE if could_be_loaded else NOT_TRIED


def _days(first: str | None, last: str | None) -> tuple[date, date] | None:
    """Returns the days that a file was asked for, None if that is not known.

    Raises:
        ConfigurationError: if they are not days.
    """
    if first is None and last is None:
        return None
    try:
        start = date.fromisoformat(first or last or "")
        end = date.fromisoformat(last or first or "")
    except ValueError:
        raise ConfigurationError("--start-date and --end-date are days, written YYYY-MM-DD.") from None
    if end < start:
        raise ConfigurationError("--end-date is before --start-date.")
    return start, end


def inspect(
    file: GivenFile, folder: Path, export: Export | None, days: tuple[date, date] | None = None
) -> tuple[list[str], bool]:
    """Returns what a file shows, as lines, and whether it could be loaded.

    Args:
        file: the file.
        folder: where it is unpacked and read.
        export: what it is said to be an export of; the one whose columns it has most of if None.
        days: first and last of the days for which it was asked for, None if they are not known.

    Raises:
        OSError: if it cannot be read.
        ReadError: if it is a file of another kind.
        IncompleteFileError: if it is empty, damaged, or a page instead of a file.
    """
    source = file.opened(folder)
    if export is None and (people := _as_directory(file, folder)) is not None:
        return people, True
    named, (row, _) = export, header_and_blocks(source, export or ACTIVITIES)
    header = fields_of(row)
    export = export or likely_export(header)
    evidence, other = None, None
    matched = export.match(header)
    if divided := other_delimiter(row, export):
        raise ReadError(divided)
    if len(matched) < min(2, len(header)):
        return [
            f"The first line of {file.short_name} is not the header of any known export: of its {len(header)} fields none, or"
            " only one, is a known column. They are not shown, as they may be values."
        ], False
    missing = [
        column for column in export.file_columns if column not in matched.values() and is_required(column, export)
    ]
    if not missing:
        request = ReadRequest(export, *(days or (EARLIEST, LATEST)))
        evidence, other = _examine(source, folder, request, days is not None)
        if named is None and other is not None:
            return inspect(file, folder, other, days)
    if evidence:
        places = {one.name: one.position for one in evidence.findings.layout.fields if one.position is not None}
        matched = {places[column.name]: column for column in export.file_columns if column.name in places}
    seen = _see(source, export, row, header, matched, evidence.findings.styles if evidence else {})
    lines = [
        *_head_lines(file, source, export, seen),
        *_columns_table(header, matched, seen.columns, export),
        "",
        *_fault_lines(seen, missing),
    ]
    could_be_loaded = False
    if evidence:
        evidence = replace(evidence, has_letters=seen.has_letters)
        could_be_loaded = fits(evidence)
        lines += [*_verdicts(evidence), ""]
    lines.append("The names of headers are shown as they are. Check them before you show this to others.")
    if other is not None:
        lines.append(f"Its types are those of {other.name}, not of {export.name}.")
    elif could_be_loaded:
        lines.append(_how_to_load(file, export, evidence, days))
    return lines, could_be_loaded


def _head_lines(file: GivenFile, source: Path | Spool, export: Export, seen: "_Seen") -> list[str]:
    size = source.size if isinstance(source, Spool) else source.stat().st_size
    return [
        f"{file.short_name}: {size:,} bytes, {seen.rows:,} rows, compared with {export.name}. No value is shown: a stands for"
        " letters, 9 for digits.",
        "",
    ]


def _fault_lines(seen: "_Seen", missing: list[Column]) -> list[str]:
    lines = [f"{count:,} rows cannot be loaded: {cause}." for cause, count in seen.damaged.most_common()]
    if seen.repeated:
        lines.append(f"The header is in the file {seen.repeated:,} more times.")
    return [*lines, *(f"Without {column.name} the file cannot be loaded." for column in missing)]


def _how_to_load(file: GivenFile, export: Export, evidence: Evidence | None, days: tuple[date, date] | None) -> str:
    """Returns the command that loads a file."""
    shows_days = evidence is not None and evidence.findings.layout.has_day_column and evidence.findings.result.rows
    if days is not None:
        more = f" --start-date {days[0]} --end-date {days[1]}"
    else:
        more = "" if shows_days else " --start-date DAY --end-date DAY"
    return f"To load it: salesnav import {shlex.quote(str(file.path))} --as {export.name} --contract CONTRACT{more}"


def _as_directory(file: GivenFile, folder: Path) -> list[str] | None:
    """Returns what a list of people and teams shows, as lines; None if the file has more columns of an export."""
    try:
        found = read_list(file, folder)
    except (ReadError, IncompleteFileError):
        return None
    if found.export is not None:
        return None
    rows = [(name, found.headers[name], f"{sum(name in entry for entry in found.entries):,}") for name in found.columns]
    return [
        f"{file.short_name}: a list of people and teams, {len(found.entries):,} entries. No value is shown.",
        "",
        *table(("column", "header in the file", "values"), rows),
        "",
        *([f"Not loaded are the columns {', '.join(found.passed_over)}."] if found.passed_over else []),
        f"To load it: salesnav import {shlex.quote(str(file.path))} --as directory",
    ]


def _examine(
    source: Path | Spool, folder: Path, request: ReadRequest, days_known: bool
) -> tuple[Evidence, Export | None]:
    """Reads a file, and returns what is known of it then; and the export that it is by its types, if that is another one."""
    target = folder / "rows.parquet"
    findings = examine(source, target, request)
    earliest, latest = _ends(target, request.export)
    other = other_export(target, request.export)
    remove(target)
    compressions = count_compressions(source, request.export)
    return Evidence(findings, request, days_known, False, compressions, earliest, latest), other and other[0]


@dataclass
class _Seen:
    """What the rows of a file look like."""

    columns: list[Forms]
    rows: int = 0
    repeated: int = 0
    damaged: Counter[str] = field(default_factory=Counter)
    has_letters: bool = False


def _see(
    path: Path | Spool,
    export: Export,
    row: bytes,
    header: list[str],
    matched: Mapping[int, Column],
    styles: Mapping[str, Style],
) -> _Seen:
    types = [matched[place].type if place in matched else "text" for place in range(len(header))]
    names = [matched[place].name if place in matched else "" for place in range(len(header))]
    seen = _Seen([Forms(kind, styles.get(name, DOCUMENTED)) for kind, name in zip(types, names, strict=True)])
    _, blocks = header_and_blocks(path, export)
    for block in blocks:
        parsed = parse(block, len(header), row)
        seen.rows += len(parsed.numbers) + len(parsed.reasons)
        seen.repeated += parsed.headers
        seen.damaged.update(reason.cause for reason in parsed.reasons.values())
        seen.has_letters |= bool((block.data >= 128).any())
        for forms, texts in zip(seen.columns, parsed.columns, strict=True):
            forms.add(texts)
    return seen


def _ends(target: Path, export: Export) -> tuple[datetime | None, datetime | None]:
    """Returns the first and the last time of the rows, None where they have none."""
    if "created_at" not in {column.name for column in export.columns}:
        return None, None
    ends = [pc.min_max(rows.column("created_at")).as_py() for rows in read_tables(target)]
    times = [time for end in ends for time in end.values() if time is not None]
    return min(times, default=None), max(times, default=None)


def _verdicts(evidence: Evidence) -> list[str]:
    """Returns what the file shows about each guess, as lines."""
    lines = ["", "What the code assumes about LinkedIn, and what this file shows about it:"]
    verdicts = judge(evidence)
    for verdict in ("refuted", "confirmed", "not shown"):
        for name, one in verdicts.items():
            if one.verdict == verdict and one is not NOT_IN_A_FILE:
                lines += _wrapped(f"{verdict:<9}  {GUESSES[name].what}: {one.because}")
    others = "; ".join(GUESSES[name].what for name, one in verdicts.items() if one is NOT_IN_A_FILE)
    return lines + _wrapped(f"not shown  {NOT_IN_A_FILE.because}: {others}")


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, 120, subsequent_indent=" " * 11, break_long_words=False)


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

"""Changes to an export's file: functions from the records of a file, header first, to other records.

A record is a line with its end; one with quoted newlines is one record all the same. Rows are numbered from 1, the
header is number 0. Transforms compose: `compose(quote_all, crlf, add_bom)`; those that leave no valid CSV come last.
"""

import csv
import datetime as dt
import gzip
import io
import random
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal

TTransform = Callable[[Iterable[bytes]], Iterable[bytes]]
"""From the records of a file to the records of another."""

TRecords = Iterable[bytes]
"""Records of a file."""

TFields = list[str]

METRICS = ("ssi", "ssiBrand", "ssiFind", "ssiEngage", "ssiBuild", "totalConnections", "totalSavedLeads")
"""The columns of seats with numbers."""

_STAMP = "%m-%d-%Y %H:%M:%S"


def compose(*transforms: TTransform) -> TTransform:
    """Returns the transform that applies these one after another."""

    def apply(records: Iterable[bytes]) -> Iterable[bytes]:
        for transform in transforms:
            records = transform(records)
        return records

    return apply


def nothing(records: Iterable[bytes]) -> Iterator[bytes]:
    """Leaves no byte of the file."""
    return iter(())


def add_bom(records: Iterable[bytes]) -> Iterator[bytes]:
    """Puts a UTF-8 byte order mark before the header."""
    for number, record in enumerate(records):
        yield record if number else b"\xef\xbb\xbf" + record


def crlf(records: Iterable[bytes]) -> Iterator[bytes]:
    """Ends lines with CR LF."""
    return (_without_end(record) + b"\r\n" for record in records)


def no_final_newline(records: Iterable[bytes]) -> Iterator[bytes]:
    """Leaves out the end of the last line."""
    last: bytes | None = None
    for record in records:
        if last is not None:
            yield last
        last = record
    if last is not None:
        yield _without_end(last)


def quote_all(records: Iterable[bytes]) -> Iterator[bytes]:
    """Quotes every value, the header included."""
    return (_format(_parse(record), csv.QUOTE_ALL) for record in records)


def shuffle_columns(seed: int = 1) -> TTransform:
    """Puts the columns into another order."""

    def shuffled(fields: TFields, header: TFields, number: int) -> TFields:
        order = list(range(len(header)))
        random.Random(seed).shuffle(order)
        return [fields[position] for position in order]

    return edit_fields(shuffled)


def extra_columns(columns: Mapping[str, str]) -> TTransform:
    """Adds columns at the end, each with one value for all rows."""
    return edit_fields(lambda fields, header, number: [*fields, *(columns.values() if number else columns)])


def rename_columns(names: Mapping[str, str]) -> TTransform:
    """Gives columns other headers."""
    return edit_fields(lambda fields, _, number: fields if number else [names.get(name, name) for name in fields])


def drop_columns(*names: str) -> TTransform:
    """Leaves columns out."""
    return edit_fields(
        lambda fields, header, _: [field for field, name in zip(fields, header, strict=False) if name not in names]
    )


def map_column(name: str, function: Callable[[str], str], row: int | None = None) -> TTransform:
    """Replaces the values of a column by a function of them, in one row or in all."""

    def mapped(fields: TFields, header: TFields, number: int) -> TFields:
        if not number or row not in (None, number):
            return fields
        return [function(field) if column == name else field for field, column in zip(fields, header, strict=False)]

    return edit_fields(mapped)


def set_value(column: str, value: str, row: int | None = 1) -> TTransform:
    """Gives a column this value, in one row or in all: for values of the wrong type."""
    return map_column(column, lambda _: value, row)


def newlines_in_values(column: str, row: int | None = None) -> TTransform:
    """Puts a newline into the values of a column, which are quoted then."""
    return map_column(column, lambda value: f"{value}\nsecond line", row)


def short_row(row: int = 1, fields: int = 1) -> TTransform:
    """Takes the last fields off a row."""
    return edit_fields(lambda values, _, number: values[:-fields] if number == row else values)


def long_row(row: int = 1, fields: int = 1) -> TTransform:
    """Adds fields to a row that no column of the header is for."""
    return edit_fields(lambda values, _, number: values + ["surplus"] * fields if number == row else values)


def corrupt(row: int = 1, content: bytes = b"\x00") -> TTransform:
    """Puts bytes behind the first byte of a row, e.g. a NUL or what is no UTF-8."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        for number, record in enumerate(records):
            yield record[:1] + content + record[1:] if number == row else record

    return apply


def repeat_rows(every: int = 1) -> TTransform:
    """Writes every n-th row twice."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        for number, record in enumerate(records):
            yield record
            if number and number % every == 0:
                yield record

    return apply


def repeat_header(before_row: int = 2) -> TTransform:
    """Writes the header once more, before a row."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        header = b""
        for number, record in enumerate(records):
            header = header or record
            if number == before_row:
                yield header
            yield record

    return apply


def footer(text: str = "Total rows: {}") -> TTransform:
    """Writes one more line at the end, which may have the number of rows."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        rows = -1
        for record in records:
            rows += 1
            yield record
        yield text.format(max(rows, 0)).encode() + b"\n"

    return apply


def blank_rows(every: int = 1) -> TTransform:
    """Writes a line of nothing but delimiters after every n-th row."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        blank = b"\n"
        for number, record in enumerate(records):
            blank = blank if number else b"," * (len(_parse(record)) - 1) + b"\n"
            yield record
            if number and number % every == 0:
                yield blank

    return apply


def delimited(delimiter: str = ";") -> TTransform:
    """Puts another delimiter between the values."""
    return lambda records: (_format(_parse(record), delimiter=delimiter) for record in records)


def utf_16(order: Literal["le", "be"] = "le") -> TTransform:
    """Writes the file in UTF-16, with a byte order mark."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        for number, record in enumerate(records):
            yield ("" if number else "\ufeff").encode(f"utf-16-{order}") + record.decode().encode(f"utf-16-{order}")

    return apply


def zipped(records: Iterable[bytes]) -> Iterator[bytes]:
    """Puts the file into a zip archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("export.csv", b"".join(records))
    yield archive.getvalue()


def restamp(
    form: str = "%Y-%m-%dT%H:%M:%SZ", every: int = 1, columns: Sequence[str] = ("createdAt", "date")
) -> TTransform:
    """Writes timestamps in another form, in every n-th row."""

    def edit(fields: TFields, header: TFields, number: int) -> TFields:
        if not number or number % every:
            return fields
        return [
            dt.datetime.strptime(field, _STAMP).strftime(form) if name in columns and field else field
            for field, name in zip(fields, header, strict=False)
        ]

    return edit_fields(edit)


def fill_empty(text: str, *columns: str) -> TTransform:
    """Puts a text where columns have no value."""
    return compose(*(map_column(name, lambda value: value or text) for name in columns))


def thousands(*columns: str, mark: str = ",") -> TTransform:
    """Writes whole numbers with commas, or another mark, between thousands."""

    def marked(value: str) -> str:
        return value and f"{int(value):,}".replace(",", mark)

    return compose(*(map_column(name, marked) for name in columns))


def fewer_rows(rows: int = 1) -> TTransform:
    """Leaves out the last rows, whole."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        whole = list(records)
        yield from whole[: max(len(whole) - rows, 1)]

    return apply


def more_rows(rows: int = 1) -> TTransform:
    """Repeats the last row so many times more."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        last = b""
        for number, record in enumerate(records):
            last = record if number else b""
            yield record
        yield from [last] * (rows if last else 0)

    return apply


def only_header(records: Iterable[bytes]) -> Iterator[bytes]:
    """Leaves out all rows."""
    return islice(records, 1)


def append_rows(rows: Callable[[], Iterable[bytes]]) -> TTransform:
    """Writes further rows at the end; they are asked for when the file is written."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        yield from records
        yield from rows()

    return apply


def redated(rows: Iterable[bytes], day: dt.date) -> Iterator[bytes]:
    """Yields rows of activities or outcomes with another day, the third field, and the same time of day."""
    for row in rows:
        fields = _parse(row)
        fields[2] = day.strftime("%m-%d-%Y") + fields[2][10:]
        yield _format(fields)


def first_of_each(column: str) -> TTransform:
    """Leaves out rows whose value of a column has come before."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        seen: set[str] = set()
        at = -1
        for record in records:
            fields = _parse(record)
            at = fields.index(column) if at < 0 else at
            if fields[at] not in seen:
                seen.add(fields[at])
                yield record

    return apply


def seat_made_at(records: Iterable[bytes]) -> Iterable[bytes]:
    """Adds a column createdAt to seats: when the seat was made, long ago, which follows from its id."""

    def made(fields: TFields, header: TFields, number: int) -> TFields:
        if not number:
            return [*fields, "createdAt"]
        age = int(fields[header.index("seatId")]) % 700
        moment = dt.datetime(2023, 1, 1, 8, 30) + dt.timedelta(days=age, minutes=age)
        return [*fields, moment.strftime(_STAMP)]

    return edit_fields(made)(records)


def latin_1_name(records: Iterable[bytes]) -> Iterable[bytes]:
    """Gives the seats whose last name ends on 1 a first name with a letter of Latin 1, which is not UTF-8."""

    def named(fields: TFields, header: TFields, number: int) -> TFields:
        if not number or not fields[header.index("lastName")].endswith("1"):
            return fields
        return ["Jos\udce9" if name == "firstName" else field for field, name in zip(fields, header, strict=True)]

    return edit_fields(named)(records)


def quote_empty(records: Iterable[bytes]) -> Iterator[bytes]:
    """Puts quotes around empty fields."""
    for record in records:
        fields = (_without_end(_format([field])) if field else b'""' for field in _parse(record))
        yield b",".join(fields) + b"\n"


def gzipped(records: Iterable[bytes]) -> Iterator[bytes]:
    """Compresses the file by gzip."""
    yield gzip.compress(b"".join(records), mtime=0)


def edit_fields(edit: Callable[[TFields, TFields, int], TFields]) -> TTransform:
    """Returns the transform that edits each record's fields, given also the header and the record's number."""

    def apply(records: Iterable[bytes]) -> Iterator[bytes]:
        header: TFields = []
        for number, record in enumerate(records):
            fields = _parse(record)
            header = header if number else fields
            yield _format(edit(fields, header, number))

    return apply


def _without_end(record: bytes) -> bytes:
    return record.removesuffix(b"\n").removesuffix(b"\r")


def _parse(record: bytes) -> TFields:
    return next(csv.reader(io.StringIO(_without_end(record).decode(errors="surrogateescape"), newline="")), [])


def _format(fields: TFields, quoting: Literal[0, 1] = csv.QUOTE_MINIMAL, delimiter: str = ",") -> bytes:
    line = io.StringIO()
    csv.writer(line, quoting=quoting, delimiter=delimiter, lineterminator="\n").writerow(fields)
    return line.getvalue().encode(errors="surrogateescape")

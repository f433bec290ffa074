"""Looking at a file that was handed over: whether it is the export, of which days, and what tells it from others."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salesnav_source.days.windows import MAX_WINDOW_DAYS, Window
from salesnav_source.exceptions import IncompleteFileError, ReadError
from salesnav_source.linkedin.reader.blocks import header_and_blocks, unpacked
from salesnav_source.linkedin.reader.files import read_tables, remove
from salesnav_source.linkedin.reader.hashes import hash_rows
from salesnav_source.linkedin.reader.header import is_required
from salesnav_source.linkedin.reader.orders import NO_DAY, days_of
from salesnav_source.linkedin.reader.reading import Findings, examine
from salesnav_source.linkedin.reader.request import ReadRequest
from salesnav_source.linkedin.reader.rows import fields_of, shorten
from salesnav_source.linkedin.spool import Spool
from salesnav_source.run.handed.files import GivenFile, require_size
from salesnav_source.schema import ACTIVITIES, ACTIVITY_OUTCOMES, ACTIVITY_TYPES, EXPORTS, OUTCOME_WORDS, Export

EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)
"""Days that a file is read for whose days are not known."""

HOW_TO_TELL = "give them by --start-date and --end-date"

_TAIL_BYTES = 64 << 10

_EPOCH = date(1970, 1, 1).toordinal()


TOrder = Literal["month first", "day first", "either", "same"]
"""Which order of month and day the values of a file show; "same" if they mean the same days in both."""


@dataclass(frozen=True)
class Look:
    """What a file shows before it is loaded."""

    file: GivenFile
    digest: bytes
    """Of what it holds, unpacked."""
    rows: int
    window: Window | None
    """The days of its rows; None if no row has one."""
    has_day_column: bool
    day_digests: Mapping[date, int] = field(default_factory=dict)
    """What the rows of each day hold, as a number; the order of the rows does not matter."""
    day_rows: Mapping[date, int] = field(default_factory=dict)
    """How many rows each day has."""
    order: TOrder = "same"

    def agrees(self, other: "Look", days: Window) -> bool:
        """True if two files have the same rows of some days."""
        numbers = range(days.first.toordinal(), days.last.toordinal() + 1)
        own, others = self.day_digests, other.day_digests
        return all(own.get(day) == others.get(day) for day in map(date.fromordinal, numbers))


def look_at(file: GivenFile, request: ReadRequest, folder: Path) -> Look:
    """Looks at a file.

    Args:
        file: the file.
        request: what it is read as: the export, and the days given, or `EARLIEST` to `LATEST`.
        folder: where what it holds is written meanwhile.

    Raises:
        IncompleteFileError: if it is no CSV, empty, or damaged.
        ReadError: if it is no file of the export, or its days cannot be told.
        OSError: if it cannot be read.
    """
    source, target = file.opened(folder), folder / "look.parquet"
    digest, tail = _digest(source, request.export)
    row, _ = header_and_blocks(source, request.export)
    header = fields_of(row)
    _require_whole(tail, header, request.export)
    likely = likely_export(header)
    if len(likely.match(header)) > len(request.export.match(header)):
        raise ReadError(
            f"It is no file of {request.export.name}: its columns are those of {likely.name}; import it --as {likely.name}"
        )
    try:
        findings = examine(source, target, request)
        look = _look(file, digest, findings, target)
        _require_export(target, request.export)
    except pa.ArrowInvalid as error:
        # what Arrow says of it may quote a row
        raise ReadError(f"The file of {request.export.name} cannot be read as CSV ({type(error).__name__})") from error
    finally:
        remove(target)
    if request.first_day == EARLIEST and request.last_day == LATEST:
        _require_days(look)
    return look


def likely_export(header: list[str]) -> Export:
    """Returns the export whose columns a header has most of."""
    return max(EXPORTS.values(), key=lambda export: likeness(export, header))


def likeness(export: Export, header: list[str]) -> tuple[int, int]:
    """Returns how many columns of an export a header has, and how many it lacks without which a file cannot be read."""
    found = export.match(header).values()
    return len(found), -sum(is_required(column, export) and column not in found for column in export.file_columns)


def _digest(source: Path | Spool, export: Export) -> tuple[bytes, bytes]:
    """Returns the digest of what a file holds, unpacked, and its end."""
    digest, size, tail = sha256(), 0, b""
    for chunk in unpacked(source, export):
        size += len(chunk)
        require_size(size)
        digest.update(chunk)
        tail = (tail + chunk)[-_TAIL_BYTES:]
    return digest.digest(), tail


def _require_whole(tail: bytes, header: list[str], export: Export) -> None:
    """Makes sure that a file does not break off in the midst of a row.

    Args:
        tail: the end of the file.
        header: its header.
        export: what it is an export of.

    Raises:
        IncompleteFileError: if its last line has no end and lacks fields.
    """
    last = tail[max(tail.rfind(b"\n"), tail.rfind(b"\r")) + 1 :]
    # what UTF-16 or a quoted line break leaves there is no row of its own
    if last and len(last) < len(tail) and b"\0" not in last and len(fields_of(last)) < len(header):
        raise IncompleteFileError(
            f"The file of {export.name} breaks off in the midst of its last row, so it is not whole: get it again"
        )


def _look(file: GivenFile, digest: bytes, findings: Findings, target: Path) -> Look:
    export, result = findings.layout.export, findings.result
    digests: dict[int, int] = defaultdict(int)
    rows: Counter[int] = Counter()
    for table in read_tables(target):
        for batch in table.to_batches():
            days = days_of(batch.column(export.day_column))
            hashes = hash_rows(batch)
            for day in np.unique(days).tolist():
                of_day = hashes[days == day]
                rows[day] += len(of_day)
                digests[day] = (digests[day] + int(of_day.sum(dtype=np.uint64))) % 2**64
    digests.pop(NO_DAY, None)
    by_day = {date.fromordinal(day + _EPOCH): found for day, found in digests.items()}
    day_rows = {date.fromordinal(day + _EPOCH): rows[day] for day in digests}
    window = Window(min(by_day), max(by_day)) if by_day and result.has_day_column else None
    order = _order(findings, by_day) if window else "same"
    return Look(file, digest, result.rows, window, result.has_day_column, by_day, day_rows, order)


def _order(findings: Findings, days: Collection[date]) -> TOrder:
    export = findings.layout.export
    clues = findings.clues.orders.get(findings.layout.day_field.name)
    if clues is None:
        return "same"
    if clues.is_open(export.strict_days) and all(day.day <= 12 for day in days):
        return "either"
    if clues.day_first(export.strict_days):
        return "day first"
    return "month first" if clues.days[False] > clues.days[True] else "same"


def doubt(looks: Sequence[Look]) -> str | None:
    """Returns why files whose values fit both orders of month and day are not to be read; None if nothing speaks against it.

    Args:
        looks: files that were handed over together, without their days.
    """
    either = [look for look in looks if look.order == "either"]
    shown = {look.order: look.file for look in looks}
    days = {day for look in either for day in look.day_digests}
    if not either or ("month first" in shown and "day first" not in shown):
        return None
    if "day first" in shown:
        return f"{_in_both_orders(days)}, and {shown['day first']} has the day first: {HOW_TO_TELL}"
    return _closer_with_the_day_first(days)


def _closer_with_the_day_first(days: Collection[date]) -> str | None:
    """Returns why days that fit both orders are not to be read with the month first; None if that is as likely."""
    if _span(_turned(days)).days < _span(days).days:
        return f"{_in_both_orders(days)}: {HOW_TO_TELL}"
    return None


def _in_both_orders(days: Collection[date]) -> str:
    return f"Days such as these may be read with the month first ({_span(days)}) or with the day first ({_span(_turned(days))})"


def _turned(days: Collection[date]) -> list[date]:
    return [day.replace(month=day.day, day=day.month) for day in days]


def _span(days: Collection[date]) -> Window:
    return Window(min(days), max(days))


def other_export(target: Path, export: Export) -> tuple[Export, str] | None:
    """Returns the export of which the rows are by their types, with one of these; None if nothing speaks against the named one.

    The columns of activities and outcomes are alike.

    Args:
        target: where `examine` has written the rows.
        export: as which they were read.
    """
    if export not in (ACTIVITIES, ACTIVITY_OUTCOMES):
        return None
    types: set[str] = set()
    for table in read_tables(target):
        types.update(pc.unique(table.column("activity_type")).to_pylist())
    outcomes = sorted(one for one in types if one and any(word in one.upper() for word in OUTCOME_WORDS))
    activities = sorted(types & ACTIVITY_TYPES)
    if export is ACTIVITIES and outcomes and not activities:
        return ACTIVITY_OUTCOMES, outcomes[0]
    if export is ACTIVITY_OUTCOMES and activities and not outcomes:
        return ACTIVITIES, activities[0]
    return None


def _require_export(target: Path, export: Export) -> None:
    """Makes sure that a file of activities is not taken for one of outcomes, or the other way round.

    Raises:
        ReadError: if its types are those of the other export.
    """
    other = other_export(target, export)
    if other is not None:
        name, found = other[0].name, shorten(other[1])
        raise ReadError(
            f"It is no file of {export.name}: its types, such as {found}, are those of {name}; import it --as {name}"
        )


def _require_days(look: Look) -> None:
    """Makes sure that the rows of a file show its days.

    Raises:
        ReadError: if they do not, with what to do.
    """
    if not look.rows:
        raise ReadError(f"It has a header and no row, so it does not show its days: {HOW_TO_TELL}")
    if look.window is None:
        what = "no column with the day of its rows" if not look.has_day_column else "no row with a day"
        raise ReadError(f"It has {what}, so it does not show its days: {HOW_TO_TELL}")
    reason = _closer_with_the_day_first(look.day_digests) if look.order == "either" else None
    if reason is not None:
        raise ReadError(reason)
    if look.window.days > MAX_WINDOW_DAYS:
        raise ReadError(
            f"Its rows are of {look.window.days:,} days ({look.window}), and LinkedIn exports at most {MAX_WINDOW_DAYS} in one"
            f" file. If it was put together from several that leave no day out, {HOW_TO_TELL}"
        )

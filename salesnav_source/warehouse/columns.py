"""Which columns the files had, on which days: the table `export_columns`, as a value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from salesnav_source.days.windows import ONE_DAY, Window
from salesnav_source.linkedin.reader import HeaderColumn

MISSING = "missing"
"""State of a declared column that no file has had so far. Its header is the name of the column."""

TLane = tuple[str, str]
"""A contract and an export."""


@dataclass(frozen=True)
class HeaderSpan:
    """A header, the column for its values, and the first and last day of the files that had it."""

    header: str
    column_name: str | None
    state: str
    first_day: date
    last_day: date

    @staticmethod
    def of(column: HeaderColumn, window: Window) -> "HeaderSpan":
        """Returns the span of a header in the file of a window."""
        return HeaderSpan(column.header, column.column_name, column.state, window.first, window.last)

    @property
    def is_present(self) -> bool:
        """True if files had it."""
        return self.state != MISSING

    def joined(self, later: "HeaderSpan") -> "HeaderSpan":
        """Returns the span extended by another file with the header. A file without the header does not change the span."""
        if self.is_present != later.is_present:
            return self if self.is_present else later
        newest = later if later.last_day >= self.last_day else self
        return replace(
            newest, first_day=min(self.first_day, later.first_day), last_day=max(self.last_day, later.last_day)
        )

    def without(self, window: Window) -> "HeaderSpan":
        """Returns the span without the days at its ends that a file without this header has replaced."""
        if self.first_day < window.first <= self.last_day <= window.last:
            return replace(self, last_day=window.first - ONE_DAY)
        if window.first <= self.first_day <= window.last < self.last_day:
            return replace(self, first_day=window.last + ONE_DAY)
        return self


@dataclass(frozen=True)
class LastChange:
    """The last change of the columns of files, and its day."""

    day: date
    gone: tuple[str, ...]
    come: tuple[str, ...]


@dataclass
class KnownColumns:
    """The known columns of files, by contract and export, then by header."""

    spans: dict[TLane, dict[str, HeaderSpan]] = field(default_factory=dict)
    found_before: Mapping[TLane, frozenset[str]] = field(default_factory=dict)
    """Columns that 0.2.0 has noted in dlt's state, without their days."""

    @staticmethod
    def of_rows(
        rows: Iterable[tuple[Any, ...]], found_before: Mapping[TLane, frozenset[str]] | None = None
    ) -> "KnownColumns":
        """Reads rows of `export_columns`: contract, export, header, column_name, state, first_day, last_day."""
        known = KnownColumns(found_before=found_before or {})
        for contract, export, header, column_name, state, first, last in rows:
            known.put(contract, export, HeaderSpan(header, column_name, state, as_day(first), as_day(last)))
        return known

    def put(self, contract: str, export: str, span: HeaderSpan) -> None:
        """Replaces the span of a header."""
        self.spans.setdefault((contract, export), {})[span.header] = span

    def add(self, contract: str, export: str, span: HeaderSpan) -> HeaderSpan:
        """Joins a span with the known span of its header, and returns the result."""
        before = self.spans.get((contract, export), {}).get(span.header)
        joined = before.joined(span) if before is not None else span
        self.put(contract, export, joined)
        return joined

    def add_file(self, contract: str, export: str, window: Window, columns: Iterable[HeaderColumn]) -> list[HeaderSpan]:
        """Notes the columns of a file. From now on, its days have only these.

        Returns:
            The spans that are new or changed.
        """
        before = dict(self.spans.get((contract, export), {}))
        found = [HeaderSpan.of(one, window) for one in columns]
        for one in found:
            self.add(contract, export, one)
        present = {one.header for one in found if one.is_present}
        for header, span in before.items():
            if span.is_present and header not in present:
                self.put(contract, export, span.without(window))
        return [one for header, one in self.spans[contract, export].items() if before.get(header) != one]

    def names(self, contract: str, export: str) -> dict[str, str]:
        """Returns the column of each header that files of a contract's export had."""
        own = self.spans.get((contract, export), {})
        return {one.header: one.column_name for one in own.values() if one.is_present and one.column_name}

    def change(
        self, contract: str, export: str, spans: Iterable[HeaderSpan]
    ) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Returns the columns that are gone and those that are new, compared with the days next to a file; None if neither."""
        found = [one for one in spans if one.is_present]
        known = [one for one in self.spans.get((contract, export), {}).values() if one.is_present]
        own = _names(found)
        if not known:
            before = self.found_before.get((contract, export))
            return _difference(before, own) if before is not None else None
        if not found:
            return None
        newest, oldest = max(one.last_day for one in known), min(one.first_day for one in known)
        first, last = found[0].first_day, found[0].last_day
        if last >= newest:
            return _difference(_names(one for one in known if one.last_day == newest), own)
        if first <= oldest:
            return _difference(own, _names(one for one in known if one.first_day == oldest))
        return _difference(_names(one for one in known if one.first_day <= first and one.last_day >= last), own)

    def last_change(self, contract: str, export: str) -> "LastChange | None":
        """Returns the last change of the columns of a contract's export; None if all files had the same."""
        known = [one for one in self.spans.get((contract, export), {}).values() if one.is_present]
        if not known:
            return None
        oldest, newest = min(one.first_day for one in known), max(one.last_day for one in known)
        came = {one.first_day for one in known if one.first_day > oldest}
        went = {one.last_day for one in known if one.last_day < newest}
        if not came | went:
            return None
        day = max(came | {one + ONE_DAY for one in went})
        gone = _names(one for one in known if one.last_day + ONE_DAY == day)
        come = _names(one for one in known if one.first_day == day)
        return LastChange(day, tuple(sorted(gone - come)), tuple(sorted(come - gone)))

    def rows(self) -> list[dict[str, Any]]:
        """Returns the rows of `export_columns`."""
        return [
            {
                "contract": contract,
                "export": export,
                "header": one.header,
                "column_name": one.column_name,
                "state": one.state,
                "first_day": one.first_day,
                "last_day": one.last_day,
            }
            for (contract, export), own in self.spans.items()
            for one in own.values()
        ]


def _names(spans: Iterable[HeaderSpan]) -> frozenset[str]:
    return frozenset(one.column_name or one.header for one in spans)


def _difference(before: frozenset[str], after: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    if before == after:
        return None
    return tuple(sorted(before - after)), tuple(sorted(after - before))


def as_day(value: Any) -> date:
    """Returns a date from a driver's value: some drivers return a time."""
    return value.date() if isinstance(value, datetime) else value

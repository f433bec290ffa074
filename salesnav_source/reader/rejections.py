"""What is rejected and why: the reasons of rows and of values, and when so many are rejected that a file has another form."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from salesnav_source.exceptions import ReadError
from salesnav_source.schema import Export

LEAST = 10
"""Rows, or values of a column, that must be rejected for their share to matter."""
LEAST_OF_HALF = 2
"""The same where they are half of all or more: days with few rows would be replaced by next to nothing otherwise."""


@dataclass(frozen=True)
class Reason:
    """Why a row is not loaded, or is loaded without one of its values."""

    cause: str
    """What is wrong, in the same words wherever the same is wrong."""
    detail: str = ""
    """What there is of it in this row, for `rejected_rows`; may be a value."""
    column: str | None = None
    """The column whose value is left out; None if the row is."""
    looks: str = ""
    """What there is of it in this row, for messages and logs: an example where it means nobody, else what it looks like."""

    def __str__(self) -> str:
        return self.cause + self.detail

    @property
    def without_value(self) -> str:
        """The reason as it may stand in a message."""
        return self.cause + self.looks


OUTSIDE = Reason("outside the days asked for")
OTHER_HEADER = Reason("the row is another header")


@dataclass
class Tally:
    """How much of a file is rejected, by cause, and the first row of each."""

    rows: Counter[str] = field(default_factory=Counter)
    values: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Values by column and cause."""
    examples: dict[str, str] = field(default_factory=dict)
    first: str | None = None
    """The first row that is rejected and may be none of LinkedIn's."""

    @property
    def unreadable(self) -> int:
        """Rows that may be no rows of data: all but those that were read and bear another day."""
        return self.rows.total() - self.rows[OUTSIDE.cause]

    def add(self, rejected: Iterable[tuple[int, Reason]]) -> None:
        """Counts what is rejected, by the lines on which the rows begin, in order."""
        for line, reason in rejected:
            if reason.column is not None:
                self.values[reason.column, reason.cause] += 1
            else:
                self.rows[reason.cause] += 1
                if self.first is None and reason != OUTSIDE:
                    self.first = f"line {line}: {reason.cause}"
            self.examples.setdefault(reason.cause, f"line {line}: {reason.without_value}")

    def require_form(self, export: Export, rows: int, readable: int, most: float, junk: int = 0) -> None:
        """Makes sure that a file is of the form that its export is known to have.

        Args:
            export: what the file is an export of.
            rows: how many rows it holds.
            readable: how many of them can be read, whether or not they are loaded.
            most: the share of them that may be rejected.
            junk: how many of them are no rows of LinkedIn's, as it announced fewer.

        Raises:
            ReadError: if more are, or if no row can be read.
        """
        rejected = self.rows.total()
        if rejected and (
            (not readable and not self.rows[OUTSIDE.cause]) or _is_much(rejected - junk, rows - junk, most)
        ):
            cause = self.rows.most_common(1)[0][0]
            raise ReadError(self._tell(export, f"{rejected:,} of {rows:,} rows cannot be loaded", cause, most))
        columns: Counter[str] = Counter()
        for (column, _), count in self.values.items():
            columns[column] += count
        for column, count in columns.most_common(1):
            if _is_much(count, rows - junk, most):
                cause = max((count, cause) for (name, cause), count in self.values.items() if name == column)[1]
                told = f"{count:,} values of {column} in {rows:,} rows cannot be read"
                raise ReadError(self._tell(export, told, cause, most))

    def _tell(self, export: Export, what: str, cause: str, most: float) -> str:
        return (
            f"The file of {export.name} has another form than expected: {what} (max_rejected is {most:g}). E.g."
            f" {self.examples[cause]}. None of it is loaded, and nothing that is loaded is replaced by it."
            " In a value, a stands for letters and 9 for digits. `salesnav inspect` tells what forms a file has; those that are"
            " read are in schema.py"
        )


def _is_much(rejected: int, rows: int, most: float) -> bool:
    least = LEAST_OF_HALF if 2 * rejected >= rows else LEAST
    return rejected >= least and rejected > most * rows

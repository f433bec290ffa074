"""Rejected rows and values of a file: the reasons, how many there are, and how many there may be."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from salesnav_source.exceptions import ReadError
from salesnav_source.linkedin.reader.request import ReadRequest

LEAST = 10
"""Fewest rejected rows, or values of a column, from which on their share counts."""
LEAST_OF_HALF = 2
"""The same if they are at least half of all. Otherwise days with few rows would be replaced by almost nothing."""


@dataclass(frozen=True)
class Reason:
    """Why a row is not loaded, or is loaded without one of its values."""

    cause: str
    """What is wrong; the same fault always has the same words."""
    detail: str = ""
    """More about this row, for `rejected_rows`; may be a value."""
    column: str | None = None
    """The column whose value is left out; None if the whole row is."""
    looks: str = ""
    """More about this row, for messages and logs: the value if it names nobody, else what it looks like."""

    def __str__(self) -> str:
        return self.cause + self.detail

    @property
    def without_value(self) -> str:
        """The reason as it may stand in a message."""
        return self.cause + self.looks


OUTSIDE = Reason("outside the days asked for")
OTHER_HEADER = Reason("the row is another header")
CONTRADICTED = "its key occurs again with other values"
"""The cause of rows that are rejected because another row of the file has their key, and is later."""


@dataclass(frozen=True)
class Form:
    """How many rows a file has, and how many may be rejected."""

    request: ReadRequest
    rows: int
    readable: int
    """How many rows can be read, loaded or not."""
    most: float
    """The share of the rows that may be rejected."""
    junk: int = 0
    """Surplus rows: how many more than LinkedIn announced."""

    def is_broken(self, rejected: int) -> bool:
        """True if so many rejected rows, or values of a column, are too many."""
        return is_much(rejected, self.rows - self.junk, self.most)


@dataclass
class Tally:
    """How many rows and values of a file are rejected, by cause, and the first row of each cause."""

    rows: Counter[str] = field(default_factory=Counter)
    values: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Values by column and cause."""
    examples: dict[str, str] = field(default_factory=dict)
    first: str | None = None
    """The first rejected row that may be no data of LinkedIn's."""

    @property
    def unreadable(self) -> int:
        """Rows that may be no data: all rejected rows except those that were read and have another day."""
        return self.rows.total() - self.rows[OUTSIDE.cause]

    def add(self, rejected: Iterable[tuple[int, Reason]]) -> None:
        """Counts rejected rows and values. Each comes with the line on which its row begins, in order."""
        for line, reason in rejected:
            if reason.column is not None:
                self.values[reason.column, reason.cause] += 1
            else:
                self.rows[reason.cause] += 1
                if self.first is None and reason != OUTSIDE:
                    self.first = f"line {line}: {reason.cause}"
            self.examples.setdefault(reason.cause, f"line {line}: {reason.without_value}")

    def require_form(self, form: Form) -> None:
        """Makes sure that a file has the form that its export is known to have.

        Raises:
            ReadError: if too much of it is rejected, or no row can be read.
        """
        rejected = self.rows.total()
        none = not form.readable and not self.rows[OUTSIDE.cause]
        if rejected and (none or form.is_broken(rejected - form.junk)):
            cause = self.rows.most_common(1)[0][0]
            raise ReadError(self._describe(form, f"{rejected:,} of {form.rows:,} rows cannot be loaded", cause))
        self._require_values(form)

    def require_keys(self, form: Form, key: Sequence[str]) -> None:
        """Makes sure that a key tells rows apart: of rows with one key a single one is loaded.

        Up to half of the rows may be earlier versions of others. More of them are rows of their own, whose keys were changed,
        e.g. rounded by a spreadsheet.

        Raises:
            ReadError: if more than half of the rows have the key of another row.
        """
        contradicted = self.rows[CONTRADICTED]
        if 2 * contradicted > form.rows and form.is_broken(contradicted):
            names = " and ".join(key)
            what = f"{contradicted:,} of {form.rows:,} rows have the {names} of another row, and other values"
            raise ReadError(self._describe(form, what, CONTRADICTED))

    def _require_values(self, form: Form) -> None:
        columns: Counter[str] = Counter()
        for (column, _), count in self.values.items():
            columns[column] += count
        for column, count in columns.most_common(1):
            if form.is_broken(count):
                cause = max((count, cause) for (name, cause), count in self.values.items() if name == column)[1]
                what = f"{count:,} values of {column} in {form.rows:,} rows cannot be read"
                raise ReadError(self._describe(form, what, cause))

    def _describe(self, form: Form, what: str, cause: str) -> str:
        tried = ""
        if cause == OUTSIDE.cause or " of the form " in cause:
            tried = " Both orders of month and day were tried against the days asked for, and this one fits most rows."
        return (
            f"{form.request} has another form than expected: {what} (max_rejected is {form.most:g}). E.g."
            f" {self.examples[cause]}. Nothing of it is loaded, and loaded rows are not replaced by it.{tried}"
            " In a value, a means letters and 9 means digits. `salesnav inspect` shows the forms of a file; schema.py has"
            " those that can be read"
        )


def is_much(rejected: int, rows: int, most: float) -> bool:
    """True if too many rows are rejected to load the others.

    Args:
        rejected: how many rows are rejected.
        rows: how many rows there are.
        most: the largest share that may be rejected.
    """
    least = LEAST_OF_HALF if 2 * rejected >= rows else LEAST
    return rejected >= least and rejected > most * rows

"""The rows of the warehouse that a load replaces, as conditions of SQL. They have literals, so that partitions are pruned."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from salesnav_source.days.windows import ONE_DAY, Days, Window
from salesnav_source.schema import Export
from salesnav_source.warehouse.tables import joined, literal, midnight_literal

NO_ROW = "1 = 0"
"""The condition of no row."""

NEAR = timedelta(days=100)
"""How far from the days that a load replaces an activity's id is looked for: a look-back would read the whole table otherwise.
Outcomes are few, and are looked for on all days."""

_STAGED = (
    "(SELECT CASE WHEN count(*) = {0} THEN true"
    " ELSE ('no: ' || count(*) || ' rows were staged, not {0}. Run again')::boolean END FROM {{staging_table}})"
)
"""True if so many rows are staged. If not, PostgreSQL's error shows the text, which is not a boolean."""


class ReplaceScope:
    """The rows of an export's table that a load replaces.

    These are whole days by contract. If a file has rows without a date, or dated outside the days asked for, they are the rows
    of the contract with the same keys.
    """

    def __init__(
        self, export: Export, days: Mapping[str, Sequence[Window]] | None = None, by_key: Sequence[str] = ()
    ) -> None:
        """Starts with some rows.

        Args:
            export: the export of the table.
            days: windows by contract.
            by_key: contracts whose rows are replaced by key.
        """
        self._export = export
        self.days: dict[str, list[Window]] = {contract: list(windows) for contract, windows in (days or {}).items()}
        self.by_key: set[str] = set(by_key)

    def of_days(self, contract: str | None = None) -> str:
        """Returns the condition of the days, of all contracts or of one."""
        conditions = [
            self._of_window(urn, window)
            for urn, windows in sorted(self.days.items())
            if contract in (None, urn)
            for window in Days.of(windows)
        ]
        return " OR ".join(conditions) or NO_ROW

    def destination_scope(self, staged: int | None = None) -> str:
        """Returns the condition in dlt's form: braces are doubled, except around the name of the staging table.

        Args:
            staged: for PostgreSQL, how many rows must be staged. With another number the merge fails, because it does not look
                for rows that were staged twice.
        """
        key = self.key
        keys = [
            f"(contract = {literal(contract)} AND {key} IN (SELECT {key} FROM {{staging_table}}))"
            for contract in sorted(self.by_key)
        ]
        days = [_escaped(self.of_days())] if self.days else []
        scope = " OR ".join([*days, *(_escaped(one, keep="{staging_table}") for one in keys)]) or NO_ROW
        if self.keys_may_come_again and self._windows:
            near = _escaped(self.near)
            scope = f"{near + ' AND ' if near and not keys else ''}({scope} OR {self._older_rows()})"
        return scope if staged is None else f"({scope}) AND {_STAGED.format(staged)}"

    @property
    def key(self) -> str:
        """The key of a row within its contract, as an expression of SQL."""
        return joined(_with_marks([name for name in self._export.key if name != "contract"]))

    @property
    def keys_may_come_again(self) -> bool:
        """True if the files of two windows may have the same key."""
        return not self._export.key_holds_day

    @property
    def _windows(self) -> list[Window]:
        return [window for windows in self.days.values() for window in windows]

    def drops_none(self, table: str, staging_table: str) -> str:
        """Returns the condition of the staged rows to insert: those without a row of the same key that is left in the table.

        What is left is newer, see `_older_rows`.
        """
        column, windows = self._export.column(self._export.day_column), self._windows
        since = ""
        if windows:
            first = min(window.first for window in windows)
            day = f"'{first}'" if column.type == "date" else midnight_literal(first)
            since = f" AND d.{column.name} >= {day}"
        return (
            f"{self.full_key} NOT IN (SELECT {self._key_of('s.')} FROM {_escaped(staging_table)} AS s"
            f" JOIN {_escaped(table)} AS d ON {self._same_key()}{since})"
        )

    def _older_rows(self) -> str:
        """Returns the condition of rows on other days that have the key of a staged row and are older than it.

        So of two rows with one key the one with the later time is left, in whatever order the days are loaded.
        """
        near = f" AND d.{_escaped(self.near)}" if self.near else ""
        return (
            f"{self.full_key} IN (SELECT {self._key_of('d.')} FROM {{table}} AS d JOIN {{staging_table}} AS s"
            f" ON {self._same_key()} WHERE (s.created_at >= d.created_at OR d.created_at IS NULL){near})"
        )

    @property
    def near(self) -> str:
        """Returns the condition of the days in which keys are looked for; nothing if that is all days."""
        column = self._export.column(self._export.day_column)
        if column.type != "date":
            return ""
        first, last = min(one.first for one in self._windows), max(one.last for one in self._windows)
        return f"{column.name} BETWEEN '{first - NEAR}' AND '{last + NEAR}'"

    @property
    def full_key(self) -> str:
        """What tells all rows apart, as an expression of SQL."""
        return self._key_of("")

    def _key_of(self, prefix: str) -> str:
        return joined(_with_marks([prefix + name for name in self._export.key]))

    def _same_key(self) -> str:
        return " AND ".join(f"s.{name} = d.{name}" for name in self._export.key)

    def _of_window(self, contract: str, window: Window) -> str:
        column = self._export.column(self._export.day_column)
        if column.type == "date":
            days = f"{column.name} BETWEEN '{window.first}' AND '{window.last}'"
        else:
            first, after = midnight_literal(window.first), midnight_literal(window.last + ONE_DAY)
            days = f"{column.name} >= {first} AND {column.name} < {after}"
        return f"(contract = {literal(contract)} AND {days})"


def rows_of_loads(load_ids: Sequence[str], others: Sequence[str] = ()) -> str:
    """Returns the condition of the rows that loads have written, or that meet another condition, in dlt's form."""
    ids = ", ".join(literal(load_id) for load_id in load_ids)
    return " OR ".join(_escaped(one) for one in (f"_dlt_load_id IN ({ids})", *others))


def _escaped(condition: str, keep: str = "") -> str:
    parts = condition.split(keep) if keep else [condition]
    return keep.join(part.replace("{", "{{").replace("}", "}}") for part in parts)


def _with_marks(names: Sequence[str]) -> list[str]:
    """Returns names with a mark between two, so that no two keys are joined into one text."""
    return "\n'|'\n".join(names).split("\n")

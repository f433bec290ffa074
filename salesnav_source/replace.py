"""Which rows of the warehouse a load replaces: conditions of SQL, with literals, so that partitions prune."""

from collections.abc import Mapping, Sequence

from salesnav_source.schema import Export
from salesnav_source.tables import literal, midnight_literal
from salesnav_source.windows import ONE_DAY, Days, Window

NO_ROW = "1 = 0"
"""The condition of no row."""

_STAGED = (
    "(SELECT CASE WHEN count(*) = {0} THEN true"
    " ELSE ('no: ' || count(*) || ' rows were staged, not {0}. Run again')::boolean END FROM {{staging_table}})"
)
"""True, if so many rows are staged; the text that is no boolean is what PostgreSQL says otherwise."""


class ReplaceScope:
    """The rows of an export's table that a load stands for.

    These are whole days by contract, or, where a file does not date all its rows within the days asked for, the rows of a
    contract that have the same keys.
    """

    def __init__(
        self, export: Export, days: Mapping[str, Sequence[Window]] | None = None, by_key: Sequence[str] = ()
    ) -> None:
        """Begins with some rows.

        Args:
            export: whose table it is.
            days: windows by contract.
            by_key: contracts of which rows are replaced by key.
        """
        self._export = export
        self.days: dict[str, list[Window]] = {contract: list(windows) for contract, windows in (days or {}).items()}
        self.by_key: set[str] = set(by_key)

    def add_days(self, contract: str, window: Window) -> None:
        """Adds the days of a contract."""
        self.days.setdefault(contract, []).append(window)

    def add_by_key(self, contract: str) -> None:
        """Adds the rows of a contract that have the keys of the rows that are loaded."""
        self.by_key.add(contract)

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
        """Returns the condition as dlt takes it: braces are doubled, but for the name of the staging table.

        Args:
            staged: how many rows must be staged, for PostgreSQL; the merge fails on others, as it does not look for rows
                that were staged twice.
        """
        key = self.key
        keys = [
            f"(contract = {literal(contract)} AND {key} IN (SELECT {key} FROM {{staging_table}}))"
            for contract in sorted(self.by_key)
        ]
        days = [_escaped(self.of_days())] if self.days else []
        scope = " OR ".join([*days, *(_escaped(one, keep="{staging_table}") for one in keys)]) or NO_ROW
        return scope if staged is None else f"({scope}) AND {_STAGED.format(staged)}"

    @property
    def key(self) -> str:
        """What tells the rows of a contract apart, as an expression of SQL."""
        return " || '|' || ".join(name for name in self._export.key if name != "contract")

    def _of_window(self, contract: str, window: Window) -> str:
        column = self._export.column(self._export.day_column)
        if column.type == "date":
            days = f"{column.name} BETWEEN '{window.first}' AND '{window.last}'"
        else:
            first, after = midnight_literal(window.first), midnight_literal(window.last + ONE_DAY)
            days = f"{column.name} >= {first} AND {column.name} < {after}"
        return f"(contract = {literal(contract)} AND {days})"


def rows_of_loads(load_ids: Sequence[str], others: Sequence[str] = ()) -> str:
    """Returns the condition of the rows that loads have written, or that fit another condition, as dlt takes it."""
    ids = ", ".join(literal(load_id) for load_id in load_ids)
    return " OR ".join(_escaped(one) for one in (f"_dlt_load_id IN ({ids})", *others))


def _escaped(condition: str, keep: str = "") -> str:
    parts = condition.split(keep) if keep else [condition]
    return keep.join(part.replace("{", "{{").replace("}", "}}") for part in parts)

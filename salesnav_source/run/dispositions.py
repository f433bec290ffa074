"""Which rows a load replaces, and how: the merge of each table depends on the load's rows and on the destination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dlt

from salesnav_source.days.windows import Days, Window
from salesnav_source.run import items
from salesnav_source.run.context import RunContext
from salesnav_source.run.extraction import Extraction
from salesnav_source.schema import EXPORTS
from salesnav_source.warehouse import dlt_compat, mysql
from salesnav_source.warehouse.connection import is_embedded, is_postgres
from salesnav_source.warehouse.replace import ReplaceScope
from salesnav_source.warehouse.state import Claim, Ledger

MERGE = "delete-insert"


@dataclass(frozen=True)
class Dispositions:
    """Writes into dlt's schema which rows of the warehouse a load replaces."""

    context: RunContext
    extraction: Extraction
    ledger: Ledger
    discards_packages: bool
    """True if a load that is killed is made again, not continued."""

    def of_exports(self, claims: Mapping[str, Claim]) -> None:
        """Sets which days, or which keys, are replaced in the tables of exports."""
        for export, claim in claims.items():
            if self.extraction.loads(export):
                self._replace(self.extraction.table(export), **self._disposition(export, claim))
        by_key = any(one.by_key or one.merges_many for one in claims.values())
        if is_embedded(self.extraction.pipeline) and not self.extraction.has_company and not by_key:
            dlt_compat.copy_with_little_memory(self.extraction.load_id)

    def of_records(self, scopes: Mapping[str, str]) -> None:
        """Sets which rows are replaced in `export_jobs` and `rejected_rows`.

        Args:
            scopes: conditions by resource.
        """
        for resource, scope in scopes.items():
            if self.extraction.loads(resource):
                name = self.extraction.table(resource)
                before = str(dlt.current.source_schema().tables.get(name, {}).get(dlt_compat.SCOPE_HINT, ""))
                more = f" OR {before}" if f"'{self.extraction.load_id}'" in before else ""
                self._replace(name, scope=scope + more, deduplicated=True)

    def _disposition(self, export: str, claim: Claim) -> dict[str, Any]:
        # a merge copies every row twice: into a staging table, then on; a large load that only adds needs no first copy
        scope = claim.scope(EXPORTS[export])
        large = (claim.rows or 0) >= items.LARGE_ROWS
        is_merged = claim.by_key or claim.shares_keys or claim.repeats
        if large and not is_merged and self._adds_only(claim, export):
            return {"scope": None, "deduplicated": False}
        claim.merges_many = large and scope.keys_may_come_again
        # an embedded database copies each file once, unless a run of the user's own is killed and goes on with what it had
        # extracted; what is then there twice is noticed by the next run, see `state`
        once = (
            is_embedded(self.extraction.pipeline)
            and not (claim.by_key or claim.repeats)
            and (large or self.discards_packages)
        )
        # PostgreSQL takes longer to look for rows that were staged twice than to merge them: it is told how many there are
        counted = self.discards_packages and is_postgres(self.extraction.pipeline)
        staged = claim.rows if large and not (claim.by_key or claim.repeats) and counted else None
        return {
            "scope": scope.destination_scope(staged),
            "deduplicated": once or staged is not None,
            "kept": self._kept(scope, claim),
            "latest_of": "created_at" if claim.repeats else None,
        }

    def _kept(self, scope: ReplaceScope, claim: Claim) -> str | None:
        """Returns the condition of the staged rows that are inserted, None if all are."""
        if not scope.keys_may_come_again or self.context.warehouse is None:
            return None
        return scope.drops_none(*self.context.warehouse.table_and_staging(claim.table))

    def _adds_only(self, claim: Claim, export: str) -> bool:
        warehouse = self.context.warehouse
        if warehouse is None or not is_embedded(self.extraction.pipeline):
            return False
        if any(self._was_loaded(export, contract, days) for contract, days in claim.days.items()):
            return False
        if not warehouse.exists:
            return True
        with warehouse.opened() as opened:
            return opened.holds_none(claim.table, claim.scope(EXPORTS[export]).of_days())

    def _was_loaded(self, export: str, contract: str, days: Sequence[Window]) -> bool:
        """True if any of the days is loaded already."""
        settled = self.ledger.settled.get(export, {}).get(contract)
        return settled is not None and bool(settled.loaded & Days.of(days))

    def _replace(
        self,
        table: str,
        scope: str | None,
        deduplicated: bool,
        kept: str | None = None,
        latest_of: str | None = None,
    ) -> None:
        """Says in the schema which rows of a table the load replaces.

        Args:
            table: the table.
            scope: the condition of the rows that are replaced; None if the load only adds.
            deduplicated: true if no key is staged twice.
            kept: the condition of the staged rows that are inserted; None if all are.
            latest_of: the column by which the latest row of a key that is staged twice is inserted.
        """
        schema = dlt.current.source_schema().tables.get(table)
        if schema is None:
            return
        is_mysql = mysql.is_mysql(self.extraction.pipeline)
        hints: dict[str, Any] = schema  # type: ignore[assignment]
        hints.pop(dlt_compat.SCOPE_HINT, None)
        hints.pop(dlt_compat.DEDUPLICATED_HINT, None)
        hints.pop(dlt_compat.KEPT_HINT, None)
        for column in hints["columns"].values():
            column.pop(dlt_compat.SORT_HINT, None)
        hints["write_disposition"] = "append" if scope is None else "merge"
        if scope is not None:
            hints["x-merge-strategy"] = MERGE
            hints[dlt_compat.SCOPE_HINT] = mysql.as_mysql(scope) if is_mysql else scope
            if kept is not None:
                hints[dlt_compat.KEPT_HINT] = mysql.as_mysql(kept) if is_mysql else kept
            if latest_of is not None:
                hints["columns"][latest_of][dlt_compat.SORT_HINT] = "desc"
            if deduplicated:
                hints[dlt_compat.DEDUPLICATED_HINT] = True

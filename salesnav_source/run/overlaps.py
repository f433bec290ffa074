"""What the day shows with which a window began though it was loaded: whether LinkedIn's days end at midnight UTC."""

from collections import defaultdict
from collections.abc import Iterator

from salesnav_source.days.windows import Window
from salesnav_source.run.account import RunAccount
from salesnav_source.schema import EXPORTS, LOAD_ID
from salesnav_source.settings.urns import in_words
from salesnav_source.warehouse.connection import OpenWarehouse
from salesnav_source.warehouse.replace import ReplaceScope
from salesnav_source.warehouse.state import Ledger
from salesnav_source.warehouse.tables import literal


def notes_on_overlaps(report: RunAccount, ledger: Ledger, warehouse: OpenWarehouse) -> Iterator[str]:
    """Yields what is said of loaded rows that the newer file of their day lacks: they stay."""
    days: dict[tuple[str, str], dict[str, list[Window]]] = defaultdict(dict)
    for one in report.overlaps:
        if (one.export, one.load_id) in ledger.holding:
            days[one.export, one.load_id].setdefault(one.contract, []).append(Window(one.day, one.day))
    for (export, load_id), windows in days.items():
        condition = ReplaceScope(EXPORTS[export], windows).of_days()
        rows = warehouse.rows(
            f"SELECT contract, count(*) FROM {{}} WHERE {LOAD_ID} <> {literal(load_id)} AND ({condition})"
            " GROUP BY contract ORDER BY contract",
            ledger.tables.get(export, export),
        )
        for contract, count in rows:
            day = windows[contract][0].first
            yield (
                f"{export} of {in_words(contract, report.names)}, {day}: {count:,} loaded rows are not in the newer file of"
                " that day. They stay: LinkedIn's days may not end at midnight UTC."
            )

"""The resources of the dlt source: a hidden root that runs the exports, and a transformer for each table."""

from collections.abc import Callable, Iterator
from typing import Any

import dlt
from dlt.extract import DltResource

from salesnav_source.run.extraction import ROOT
from salesnav_source.run.items import Item, Opening, ReceivedWindows, TableRows
from salesnav_source.run.load import TItems
from salesnav_source.schema import CONTRACTS, EXPORT_COLUMNS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS, Export, Table
from salesnav_source.warehouse import layout, tables

TRows = Callable[[Item], Iterator[Any]]


def resources(run: Callable[[], TItems]) -> list[DltResource]:
    """Returns the resources of the source.

    Args:
        run: returns what the root yields, each time it is extracted.
    """

    def exports() -> TItems:
        yield from run()

    root = dlt.resource(exports, name=ROOT, selected=False)
    made = [_table_of(root, CONTRACTS, _rows_given(CONTRACTS))]
    for export in EXPORTS.values():
        made.append(layout.laid_out(_table_of(root, export, _rows_of(export)), export))
    made.append(_table_of(root, EXPORT_JOBS, _rows_given(EXPORT_JOBS)))
    made.append(_table_of(root, REJECTED_ROWS, _rejected_rows))
    made.append(_table_of(root, EXPORT_COLUMNS, _rows_given(EXPORT_COLUMNS)))
    return [root, *made]


def _table_of(root: DltResource, table: Table, rows: TRows) -> DltResource:
    def take(item: Item) -> Iterator[Any]:
        if isinstance(item, Opening) and table.name in item.new_tables:
            yield tables.no_rows(table, item.load_id)
        else:
            yield from rows(item)
        item.taken_by(table.name)

    resource: DltResource = dlt.transformer(take, data_from=root, **tables.hints(table))
    return resource


def _rows_of(export: Export) -> TRows:
    def rows(item: Item) -> Iterator[Any]:
        if isinstance(item, ReceivedWindows):
            # a user's step or transformer must see the rows
            yield from item.rows(export, as_files=len(dlt.current.pipe()) == 1)

    return rows


def _rows_given(table: Table) -> TRows:
    def rows(item: Item) -> Iterator[Any]:
        if isinstance(item, TableRows) and item.table == table.name:
            yield item.rows

    return rows


def _rejected_rows(item: Item) -> Iterator[Any]:
    if isinstance(item, ReceivedWindows):
        yield from item.rejected_rows()
    elif isinstance(item, TableRows) and item.cleans:
        # the merge must run: it removes the rows of an incomplete load
        yield tables.no_rows(REJECTED_ROWS, item.load_id)

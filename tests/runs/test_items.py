"""How rows of many files are handed to dlt."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.run.items import joined

COLUMNS = (pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.string()), pa.field("c", pa.string()))


@st.composite
def files(draw: st.DrawFn) -> list[pa.Table]:
    made = []
    for number in range(draw(st.integers(0, 6))):
        columns = COLUMNS[: draw(st.integers(1, 3))]
        rows = draw(st.integers(0, 3))
        values = [[number * 10 + row for row in range(rows)], ["x"] * rows, [None] * rows]
        made.append(pa.table(values[: len(columns)], schema=pa.schema(columns)))
    return made


@given(files())
def test_files_are_handed_over_with_all_their_rows_in_one_table_for_each_set_of_columns(small: list[pa.Table]) -> None:
    tables = list(joined(small))
    rows = [row for table in small for row in table.to_pylist()]
    assert sorted(map(str, rows)) == sorted(str(row) for table in tables for row in table.to_pylist())
    schemas = [table.schema for table in tables]
    assert len(schemas) == len({str(table.schema) for table in small})
    assert all(schema.field("a").nullable is False for schema in schemas)

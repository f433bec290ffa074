#!/usr/bin/env bash
# Guess: The same rows give the same table, whether they are sent as dicts or as Arrow.
# True:  NaN and infinity arrive as they are from Arrow, and as NULL from dicts: the average of one table is
#        infinite, that of the other one leaves them out.
# Tried: 2026-11-29 with dlt 1.31.0, duckdb 1.5.6, pyarrow 26.0.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet 'dlt[duckdb]==1.31.0' duckdb==1.5.6 pyarrow==26.0.1 || exit 75  # not installed: nothing is said of the behaviour
export DLT_DATA_DIR="$folder" RUNTIME__DLTHUB_TELEMETRY=false
venv/bin/python - <<'END'
import dlt
import duckdb
import pyarrow as pa

print("dlt", dlt.__version__, "and duckdb", duckdb.__version__)
pipeline = dlt.pipeline("rates", destination=dlt.destinations.duckdb("warehouse.duckdb"), dataset_name="sales")
rows = [{"page": 1, "rate": 1.5}, {"page": 2, "rate": float("inf")}, {"page": 3, "rate": float("nan")}]
pipeline.run(rows, table_name="as_dicts")
pipeline.run(pa.Table.from_pylist(rows), table_name="as_arrow")
query = "SELECT rate::VARCHAR FROM sales.{} ORDER BY page"
with duckdb.connect("warehouse.duckdb") as con:
    seen = {name: [value for (value,) in con.execute(query.format(name)).fetchall()] for name in ("as_dicts", "as_arrow")}
for name, values in seen.items():
    print(name, values)
assert seen == {"as_dicts": ["1.5", None, None], "as_arrow": ["1.5", "inf", "nan"]}, "the behaviour has changed"
END

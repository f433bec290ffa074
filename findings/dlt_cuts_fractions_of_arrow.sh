#!/usr/bin/env bash
# Guess: An Arrow table whose column is double, loaded into a table where that column is BIGINT, is refused, or
#        gets a variant column, as rows of dicts do.
# True:  dlt loads it into the BIGINT column, and the fractions are gone: 2.4 becomes 2. The load succeeds. The
#        same row as a dict goes to the column score__v_double.
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
pipeline = dlt.pipeline("scores", destination=dlt.destinations.duckdb("warehouse.duckdb"), dataset_name="sales")
pipeline.run(pa.table({"seat": [1], "score": [7]}), table_name="as_arrow")
pipeline.run(pa.table({"seat": [2], "score": [2.4]}), table_name="as_arrow")
pipeline.run([{"seat": 1, "score": 7}], table_name="as_dicts")
pipeline.run([{"seat": 2, "score": 2.4}], table_name="as_dicts")
with duckdb.connect("warehouse.duckdb") as con:
    arrow = con.execute("SELECT seat, score FROM sales.as_arrow ORDER BY seat").fetchall()
    dicts = con.execute("SELECT seat, score, score__v_double FROM sales.as_dicts ORDER BY seat").fetchall()
print("7, then 2.4, as Arrow:", arrow)
print("7, then 2.4, as dicts:", dicts)
assert arrow == [(1, 7), (2, 2)], "the behaviour has changed"
assert dicts == [(1, 7, None), (2, None, 2.4)], "the behaviour has changed"
END

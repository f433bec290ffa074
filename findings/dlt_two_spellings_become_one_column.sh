#!/usr/bin/env bash
# Guess: A row with the keys 'Status' and 'status' is refused, or gives two columns: nothing that was sent is
#        lost.
# True:  Both become the column status. Of a dict the later key wins and the other value is gone, without a
#        word. An Arrow table with the same two columns is refused.
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
from dlt.common.libs.pyarrow import NameNormalizationCollision
from dlt.pipeline.exceptions import PipelineStepFailed

print("dlt", dlt.__version__, "and duckdb", duckdb.__version__)
pipeline = dlt.pipeline("seats", destination=dlt.destinations.duckdb("warehouse.duckdb"), dataset_name="sales")
row = {"seat": 1, "Status": "active", "status": "from the CRM", "last-login": 5, "last login": 6}
pipeline.run([row], table_name="seats")
with duckdb.connect("warehouse.duckdb") as con:
    loaded = con.execute("SELECT seat, status, last_login FROM sales.seats").fetchall()
print(row, "is loaded as (seat, status, last_login)", loaded)
try:
    pipeline.run(pa.table({key: [value] for key, value in row.items()}), table_name="arrow_seats")
    arrow = "loaded"
except PipelineStepFailed as error:
    arrow = type(error.__cause__)
print("the same as Arrow:", arrow)
assert loaded == [(1, "from the CRM", 6)], "the behaviour has changed"
assert arrow is NameNormalizationCollision, "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: With scd2 a row gets a new version when a value of its columns has changed.
# True:  The version is a hash of the row as it was sent. The same row with a null key left out, with the number
#        5 sent as '5', or with the moment in another zone, closes the version and opens one that is equal in
#        every column.
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

print("dlt", dlt.__version__, "and duckdb", duckdb.__version__)
pipeline = dlt.pipeline("seats", destination=dlt.destinations.duckdb("warehouse.duckdb"), dataset_name="sales")
same_rows = [
    {"seat": 1, "leads": 5, "manager": None},
    {"seat": 1, "leads": 5},
    {"seat": 1, "leads": "5"},
]
for row in same_rows:
    pipeline.run([row], table_name="seats", write_disposition={"disposition": "merge", "strategy": "scd2"})
with duckdb.connect("warehouse.duckdb") as con:
    columns = [name for name, *_ in con.execute("DESCRIBE sales.seats").fetchall() if not name.startswith("_dlt")]
    versions = con.execute(
        "SELECT seat, leads, _dlt_valid_to IS NULL FROM sales.seats ORDER BY _dlt_valid_from"
    ).fetchall()
print("columns:", sorted(columns))
print("versions of one seat, as (seat, leads, is current):", versions)
assert sorted(columns) == ["leads", "seat"], "the behaviour has changed"
assert versions == [(1, 5, False), (1, 5, False), (1, 5, True)], "the behaviour has changed"
END

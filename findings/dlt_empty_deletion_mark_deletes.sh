#!/usr/bin/env bash
# Guess: With the hint hard_delete on a column deleted_at, a row whose deleted_at is empty is kept.
# True:  Only NULL keeps a row, and an empty text is not NULL. An export in which living rows have '' loads
#        without an error, and removes them all from the table.
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


@dlt.resource(
    primary_key="seat",
    write_disposition="merge",
    columns={"deleted_at": {"data_type": "text", "hard_delete": True}},
)
def seats(rows):
    yield rows


pipeline = dlt.pipeline("seats", destination=dlt.destinations.duckdb("warehouse.duckdb"), dataset_name="sales")


def loaded() -> list[tuple]:
    with duckdb.connect("warehouse.duckdb") as con:
        return con.execute("SELECT seat, name FROM sales.seats ORDER BY seat").fetchall()


pipeline.run(seats([{"seat": 1, "name": "A", "deleted_at": None}, {"seat": 2, "name": "B", "deleted_at": None}]))
before = loaded()
pipeline.run(seats([{"seat": 1, "name": "A2", "deleted_at": ""}, {"seat": 2, "name": "B2", "deleted_at": None}]))
after = loaded()
print("deleted_at NULL, NULL:", before)
print("deleted_at '', NULL:", after)
assert before == [(1, "A"), (2, "B")], "the behaviour has changed"
assert after == [(2, "B2")], "the behaviour has changed"
END

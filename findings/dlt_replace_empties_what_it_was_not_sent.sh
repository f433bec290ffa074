#!/usr/bin/env bash
# Guess: A resource that sends rows to tables by their kind, with replace, replaces the tables it sends rows to;
#        the others stay.
# True:  Every table that the resource ever made is replaced by what this run sends, which may be nothing: a run
#        with calls only leaves the table of meetings empty.
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


@dlt.resource(table_name=lambda row: row["kind"], write_disposition="replace")
def events(rows):
    yield rows


pipeline = dlt.pipeline("events", destination=dlt.destinations.duckdb("warehouse.duckdb"), dataset_name="sales")


def counts() -> tuple[int, int]:
    with duckdb.connect("warehouse.duckdb") as con:
        return con.execute("SELECT (SELECT count(*) FROM sales.call), (SELECT count(*) FROM sales.meeting)").fetchone()


pipeline.run(events([{"kind": "call", "id": 1}, {"kind": "meeting", "id": 2}]))
before = counts()
pipeline.run(events([{"kind": "call", "id": 3}]))
after = counts()
print("rows of call and meeting after a run that sends both:", before)
print("after a run that sends a call only:", after)
assert before == (1, 1), "the behaviour has changed"
assert after == (1, 0), "the behaviour has changed"
END

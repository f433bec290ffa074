#!/usr/bin/env bash
# Guess: SUMMARIZE's approx_unique of a key with 1000 rows is near 1000, and at most 1000.
# True:  With duckdb 1.5 it is 1249 for the numbers 0 to 999, and 873 for the same as text: an estimate that is
#        off by a quarter, also on small tables. duckdb 2.0.1 says 978. Neither tells whether a column is a key;
#        count(DISTINCT …) does.
# Tried: 2026-11-29 with duckdb 1.5.6, also 1.4.5; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import duckdb

print("duckdb", duckdb.__version__)
con = duckdb.connect()
con.execute("CREATE TABLE seats AS SELECT range AS number, 's' || range AS name FROM range(1000)")
summary = con.execute("SELECT column_name, approx_unique, count FROM (SUMMARIZE seats)").fetchall()
exact = con.execute("SELECT count(DISTINCT number), count(DISTINCT name) FROM seats").fetchone()
for column, estimate, rows in summary:
    print(f"{column}: {estimate} distinct values in {rows} rows")
print("exactly:", exact)
assert summary == [("number", 1249, 1000), ("name", 873, 1000)], "the behaviour has changed"
assert exact == (1000, 1000), "the behaviour has changed"
END

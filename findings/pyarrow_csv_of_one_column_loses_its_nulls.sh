#!/usr/bin/env bash
# Guess: A table that pyarrow writes as CSV and reads again has as many rows as before.
# True:  The null of a table with one column is written as an empty line, and empty lines are skipped: its rows
#        are gone. pandas skips them, too; DuckDB and polars read them. ParseOptions(ignore_empty_lines=False)
#        keeps them.
# Tried: 2026-11-29 with pyarrow 26.0.1, pandas 3.1.1, polars 2.1.0, duckdb 1.5.6; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet pyarrow==26.0.1 pandas==3.1.1 polars==2.1.0 duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import duckdb
import pandas
import polars
import pyarrow
from pyarrow import csv

print("pyarrow", pyarrow.__version__, "pandas", pandas.__version__, "polars", polars.__version__, "duckdb", duckdb.__version__)
csv.write_csv(pyarrow.table({"seat": [1, None, 3]}), "seats.csv")
rows = {
    "pyarrow": csv.read_csv("seats.csv").num_rows,
    "pyarrow, empty lines kept": csv.read_csv(
        "seats.csv", parse_options=csv.ParseOptions(ignore_empty_lines=False)
    ).num_rows,
    "pandas": len(pandas.read_csv("seats.csv")),
    "polars": polars.read_csv("seats.csv").height,
    "duckdb": duckdb.sql("SELECT count(*) FROM read_csv('seats.csv')").fetchall()[0][0],
}
print("rows of 3, read by", rows)
assert rows == {"pyarrow": 2, "pyarrow, empty lines kept": 3, "pandas": 2, "polars": 3, "duckdb": 3}, (
    "the behaviour has changed"
)
END

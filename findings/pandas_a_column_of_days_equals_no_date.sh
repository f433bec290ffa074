#!/usr/bin/env bash
# Guess: A DATE column that DuckDB gives to pandas can be compared with datetime.date: frame[frame.day ==
#        date(2026, 11, 1)] has the rows of that day.
# True:  The column is datetime64, and == with a date is False for every row, as is isin; nothing is raised.
#        With a text or a Timestamp == is right, while isin with a text finds nothing. Only < and > raise.
# Tried: 2026-11-29 with pandas 3.1.1, duckdb 1.5.6; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet pandas==3.1.1 duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
from datetime import date

import duckdb
import pandas

print("pandas", pandas.__version__, "and duckdb", duckdb.__version__)
day = duckdb.sql("SELECT DATE '2026-11-01' AS day").df()["day"]
seen = {
    "== date": (day == date(2026, 11, 1)).sum(),
    "isin date": day.isin([date(2026, 11, 1)]).sum(),
    "== text": (day == "2026-11-01").sum(),
    "isin text": day.isin(["2026-11-01"]).sum(),
    "== Timestamp": (day == pandas.Timestamp(2026, 11, 1)).sum(),
}
print(day.dtype, {how: int(rows) for how, rows in seen.items()})
assert seen == {"== date": 0, "isin date": 0, "== text": 1, "isin text": 0, "== Timestamp": 1}, "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: Periods of two weeks begin on the same Mondays in DuckDB, pyarrow and polars.
# True:  DuckDB and pyarrow put the Wednesdays 4 and 11 November 2026 into one period, polars into two; a
#        fortnight of one is half of two of the other. Count from a Monday of your own.
# Tried: 2026-11-29 with duckdb 1.5.6, pyarrow 26.0.1, polars 2.1.0; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 pyarrow==26.0.1 polars==2.1.0 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
from datetime import datetime

import duckdb
import polars
import pyarrow
import pyarrow.compute as pc

print("duckdb", duckdb.__version__, "pyarrow", pyarrow.__version__, "polars", polars.__version__)
days = [datetime(2026, 11, 4), datetime(2026, 11, 11)]
begin = {
    "duckdb": [
        duckdb.execute("SELECT time_bucket(INTERVAL 2 weeks, ?::TIMESTAMP)", [day]).fetchone()[0] for day in days
    ],
    "pyarrow": pc.floor_temporal(pyarrow.array(days), 2, "week").to_pylist(),
    "polars": polars.Series(days).dt.truncate("2w").to_list(),
}
begin = {library: [f"{moment:%d %B}" for moment in moments] for library, moments in begin.items()}
print("fortnights of 4 and 11 November begin on", begin)
assert begin == {
    "duckdb": ["02 November", "02 November"],
    "pyarrow": ["02 November", "02 November"],
    "polars": ["26 October", "09 November"],
}, "the behaviour has changed"
END

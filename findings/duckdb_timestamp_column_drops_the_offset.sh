#!/usr/bin/env bash
# Guess: A text with an offset that is read as TIMESTAMP is converted to UTC, or refused.
# True:  The offset is dropped: midnight at +05:00 becomes midnight. So does read_csv with types={…:
#        'TIMESTAMP'}. Read as TIMESTAMPTZ, the same text is the right moment.
# Tried: 2026-11-29 with duckdb 1.5.6, also 1.4.5 and 2.0.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import pathlib

import duckdb

print("duckdb", duckdb.__version__)
con = duckdb.connect()
con.execute("SET TimeZone = 'UTC'")
pathlib.Path("moments.csv").write_text("moment\n2026-11-01T00:00:00+05:00\n")
seen = [
    con.execute(query).fetchone()[0]
    for query in (
        "SELECT '2026-11-01T00:00:00+05:00'::TIMESTAMP::VARCHAR",
        "SELECT moment::VARCHAR FROM read_csv('moments.csv', types = {'moment': 'TIMESTAMP'})",
        "SELECT '2026-11-01T00:00:00+05:00'::TIMESTAMPTZ::VARCHAR",
    )
]
for how, value in zip(("cast to TIMESTAMP", "read_csv as TIMESTAMP", "cast to TIMESTAMPTZ"), seen):
    print(f"2026-11-01T00:00:00+05:00 by {how}: {value}")
assert seen == ["2026-11-01 00:00:00", "2026-11-01 00:00:00", "2026-10-31 19:00:00+00"], "the behaviour has changed"
END

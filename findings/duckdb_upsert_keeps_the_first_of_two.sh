#!/usr/bin/env bash
# Guess: An upsert that brings a key twice ends with the later row, as in SQLite, or is refused, as in
#        PostgreSQL.
# True:  DuckDB keeps the first of the two rows and says nothing. A list of changes in order of time ends with
#        the oldest.
# Tried: 2026-11-29 with duckdb 1.5.6, also 1.4.5 and 2.0.1; Python 3.11 with SQLite 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import sqlite3

import duckdb

print("duckdb", duckdb.__version__, "and SQLite", sqlite3.sqlite_version)
statements = (
    "CREATE TABLE seats (seat INTEGER PRIMARY KEY, status VARCHAR)",
    "INSERT OR REPLACE INTO seats VALUES (1, 'invited'), (1, 'active')",
    "INSERT INTO seats VALUES (2, 'invited'), (2, 'active') ON CONFLICT (seat) DO UPDATE SET status = excluded.status",
)
seen = {}
for name, con in (("DuckDB", duckdb.connect()), ("SQLite", sqlite3.connect(":memory:"))):
    for statement in statements:
        con.execute(statement)
    seen[name] = con.execute("SELECT * FROM seats ORDER BY seat").fetchall()
    print(name, "after 'invited', then 'active':", seen[name])
assert seen["DuckDB"] == [(1, "invited"), (2, "invited")], "the behaviour has changed"
assert seen["SQLite"] == [(1, "active"), (2, "active")], "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: An incremental model with unique_key has each key once: a newer row replaces the older one.
# True:  On DuckDB, as by default, the old rows of a key go and the new ones come: two rows of one batch both
#        stay, and a key with a NULL in it matches nothing, so that every run adds its row again. Only a test of
#        the table sees it, and dbt's unique test of one column leaves NULL out.
# Tried: 2026-11-29 with dbt-core 1.11.16, dbt-duckdb 1.11.1, duckdb 1.5.6; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import pathlib
import subprocess

import duckdb

for name, text in {
    "dbt_project.yml": "{name: seats, version: '1.0', profile: seats, flags: {send_anonymous_usage_stats: false}}",
    "profiles.yml": "seats: {target: dev, outputs: {dev: {type: duckdb, path: warehouse.duckdb}}}",
    "models/outcomes.sql": """
        {{ config(materialized='incremental', unique_key=['seat', 'outcome']) }}
        SELECT * FROM (VALUES (1, 'accepted'), (1, 'accepted'), (2, NULL)) t(seat, outcome)
    """,
}.items():
    pathlib.Path(name).parent.mkdir(exist_ok=True)
    pathlib.Path(name).write_text(text)
for _ in range(3):
    subprocess.run(["venv/bin/dbt", "--quiet", "run", "--profiles-dir", "."], check=True)
with duckdb.connect("warehouse.duckdb") as con:
    version = con.execute("SELECT version()").fetchone()[0]
    rows = con.execute("SELECT seat, outcome, count(*) FROM outcomes GROUP BY ALL ORDER BY ALL").fetchall()
print(subprocess.run(["venv/bin/dbt", "--version"], capture_output=True, text=True, check=True).stdout.split()[3], version)
print("after three runs, as (seat, outcome, rows):", rows)
assert rows == [(1, "accepted", 2), (2, None, 3)], "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: datediff counts the borders that lie between two days: one month from 31 October to 1 November, so one
#        week from a Sunday to the Monday after it.
# True:  Years, quarters, months and days are counted by borders. Weeks are counted as seven whole days, from
#        whatever weekday comes first: from Sunday to Monday it is 0. The number of calendar weeks is the
#        difference of the two date_trunc('week', …).
# Tried: 2026-11-29 with duckdb 1.5.6, also 1.4.5 and 2.0.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import duckdb

print("duckdb", duckdb.__version__)
query = """
    SELECT datediff('year', DATE '2025-12-31', DATE '2026-01-01'),
           datediff('month', DATE '2026-10-31', DATE '2026-11-01'),
           datediff('week', DATE '2026-11-01', DATE '2026-11-02'),
           (date_trunc('week', DATE '2026-11-02')::DATE - date_trunc('week', DATE '2026-11-01')::DATE) // 7
"""
year, month, week, calendar = duckdb.sql(query).fetchall()[0]
print("31 December to 1 January, years:", year)
print("31 October to 1 November, months:", month)
print("Sunday 1 to Monday 2 November, weeks:", week)
print("the same by date_trunc:", calendar)
assert (year, month, week, calendar) == (1, 1, 0, 1), "the behaviour has changed"
END

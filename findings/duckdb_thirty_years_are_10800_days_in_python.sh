#!/usr/bin/env bash
# Guess: age() of two days, fetched into Python or pandas, is the time between them.
# True:  The interval arrives as a timedelta with months of 30 days, so 30 years are 10,800 days, 157 too few.
#        SQL's own epoch() of the same interval takes a year for 365.25 days. Subtract the days instead.
# Tried: 2026-11-29 with duckdb 1.5.6, also 1.4.5 and 2.0.1, pandas 3.1.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 pandas==3.1.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import duckdb

print("duckdb", duckdb.__version__)
query = """
    SELECT age(DATE '2026-11-29', DATE '1996-11-29') AS age,
           epoch(age(DATE '2026-11-29', DATE '1996-11-29')) / 86400 AS by_epoch,
           DATE '2026-11-29' - DATE '1996-11-29' AS by_subtraction
"""
age, by_epoch, by_subtraction = duckdb.sql(query).fetchall()[0]
frame = duckdb.sql(query).df()
print("days by age() in Python:", age.days)
print("days by age() in pandas:", frame["age"][0].days)
print("days by epoch(age()) in SQL:", by_epoch)
print("days by subtraction:", by_subtraction)
assert (age.days, frame["age"][0].days, by_epoch, by_subtraction) == (10800, 10800, 10957.5, 10957), (
    "the behaviour has changed"
)
END

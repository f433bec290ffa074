#!/usr/bin/env bash
# Guess: A cast of 2.5 to INTEGER gives one number, whatever type the 2.5 has, and the same as round().
# True:  As DECIMAL, which a literal is, and as text it gives 3; as DOUBLE it gives 2, to the even neighbour,
#        while round() of that DOUBLE gives 3. A cast tried by hand on a literal says nothing of a column.
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
expressions = ("2.5::INTEGER", "'2.5'::INTEGER", "2.5::DOUBLE::INTEGER", "round(2.5::DOUBLE)::INTEGER")
seen = [duckdb.sql(f"SELECT {expression}").fetchall()[0][0] for expression in expressions]
for expression, value in zip(expressions, seen):
    print(expression, "=", value)
assert seen == [3, 3, 2, 3], "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: A division by zero is NULL or an error, so an average of rates leaves out who has no visits.
# True:  7 / 0 is infinity and 0 / 0 is NaN, while 7 // 0 and 7 % 0 are NULL. One such row makes the average
#        infinite or NaN, and stands first in ORDER BY … DESC. nullif(visits, 0) gives NULL.
# Tried: 2026-11-29 with duckdb 1.5.6, also 1.4.5 and 2.0.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import math

import duckdb

print("duckdb", duckdb.__version__)
con = duckdb.connect()
single = con.execute("SELECT 7 / 0, isnan(0 / 0), 7 // 0, 7 % 0").fetchone()
con.execute("CREATE TABLE pages AS FROM (VALUES ('a', 1, 2), ('b', 7, 0)) t(page, clicks, visits)")
average = con.execute("SELECT avg(clicks / visits), avg(clicks / nullif(visits, 0)) FROM pages").fetchone()
print("7 / 0, whether 0 / 0 is NaN, 7 // 0, 7 % 0:", single)
print("average of the rates 1 / 2 and 7 / 0, without and with nullif:", average)
assert single == (math.inf, True, None, None), "the behaviour has changed"
assert average == (math.inf, 0.5), "the behaviour has changed"
END

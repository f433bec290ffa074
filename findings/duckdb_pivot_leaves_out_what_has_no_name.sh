#!/usr/bin/env bash
# Guess: The columns of PIVOT … USING count(*) add up to the number of rows; rows with NULL stand in a column of
#        their own, as GROUP BY gives them a group.
# True:  Rows whose pivoted column is NULL are in no column and are not counted. Fill the column before: PIVOT
#        (SELECT coalesce(outcome, 'none') …).
# Tried: 2026-11-29 with duckdb 1.5.6; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import duckdb

print("duckdb", duckdb.__version__)
con = duckdb.connect()
con.execute("CREATE TABLE messages AS FROM (VALUES ('accepted'), ('accepted'), ('declined'), (NULL), (NULL)) t(outcome)")
grouped = con.execute("SELECT outcome, count(*) FROM messages GROUP BY outcome ORDER BY outcome").fetchall()
pivoted = con.execute("PIVOT messages ON outcome USING count(*)")
columns, counts = [column[0] for column in pivoted.description], pivoted.fetchall()
print("GROUP BY:", grouped)
print("PIVOT:", columns, counts)
assert grouped == [("accepted", 2), ("declined", 1), (None, 2)], "the behaviour has changed"
assert columns == ["accepted", "declined"] and counts == [(2, 1)], "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: DuckDB imports pandas when it is asked for a frame, or given one. A program that only reads rows by
#        execute(…).fetchall() does without, and starts as fast as without pandas.
# True:  So it is until the first question with a parameter: that one imports all of an installed pandas, which takes longer
#        than many a question. Written into the text of the question, the same value imports nothing.
# Tried: 2026-12-01 with duckdb 1.5.6, pandas 3.1.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 pandas==3.1.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import sys

import duckdb

print("duckdb", duckdb.__version__)
seen = []
connection = duckdb.connect()
for question, given in (("SELECT 1", None), ("SELECT 'a'", None), ("SELECT ?", (1,))):
    began = "pandas" in sys.modules
    rows = (connection.execute(question, given) if given else connection.execute(question)).fetchall()
    seen.append((question, rows, began, "pandas" in sys.modules))
    print(question, "with" if given else "without", "a parameter:", rows, "- pandas is imported:", seen[-1][3])
assert [after for *_, after in seen] == [False, False, True], "the behaviour has changed"
END

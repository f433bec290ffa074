#!/usr/bin/env bash
# Guess: A sum of whole numbers that is too large for 64 bits raises, or goes on in a wider type, as DuckDB's
#        does.
# True:  pyarrow.compute.sum and add give a negative number; add_checked raises, and there is no sum_checked.
#        Ids of 19 digits, summed to compare two tables, get there with two rows.
# Tried: 2026-11-29 with pyarrow 26.0.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet pyarrow==26.0.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import pyarrow
import pyarrow.compute as pc

print("pyarrow", pyarrow.__version__)
ids = pyarrow.array([6_000_000_000_000_000_000, 6_000_000_000_000_000_001])
total = pc.sum(ids).as_py()
added = pc.add(ids[0], ids[1]).as_py()
try:
    pc.add_checked(ids[0], ids[1])
    checked = "a number"
except pyarrow.ArrowInvalid as error:
    checked = str(error)
print("sum:", total, "add:", added, "add_checked:", checked)
print("right:", sum(ids.to_pylist()))
assert total == added == -6446744073709551615, "the behaviour has changed"
assert checked == "overflow" and not hasattr(pc, "sum_checked"), "the behaviour has changed"
END

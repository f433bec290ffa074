#!/usr/bin/env bash
# Guess: USING SAMPLE 10% of a table of 1000 rows gives about 100 of them.
# True:  It gives no row or all 1000. A percentage is taken of blocks of 2048 rows, and a small table is one
#        block; '10% (bernoulli)' gives about 100. The average is right, so sums over many runs look fine.
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
con = duckdb.connect()
con.execute("CREATE TABLE visits AS SELECT range AS visit FROM range(1000)")


def sizes(sample: str) -> set[int]:
    query = f"SELECT count(*) FROM visits USING SAMPLE {sample}"
    return {con.execute(query).fetchone()[0] for _ in range(200)}


blocks, rows = sizes("10%"), sizes("10% (bernoulli)")
print("rows in 200 samples of 10%:", sorted(blocks))
print("rows in 200 samples of 10% (bernoulli): from", min(rows), "to", max(rows))
assert blocks == {0, 1000}, "the behaviour has changed"
assert 30 < min(rows) < max(rows) < 200, "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: The change of a count from one week to the next is negative when there are fewer.
# True:  Counts, ordinal ranks, lengths of text and row numbers are unsigned, and 1 minus 3 is 4,294,967,294. diff() of
#        the same column is right. Cast to pl.Int64 before a subtraction.
# Tried: 2026-11-29 with polars 2.1.0; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet polars==2.1.0 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import polars as pl

print("polars", pl.__version__)
visits = pl.DataFrame({"week": [44, 44, 44, 45]})
change = (
    visits.group_by("week", maintain_order=True)
    .len()
    .with_columns(
        subtracted=pl.col("len") - pl.col("len").shift(1),
        diff=pl.col("len").diff(),
        cast=pl.col("len").cast(pl.Int64) - pl.col("len").shift(1),
    )
)
print(change.rows(named=True)[1])
assert change.row(1) == (45, 1, 4294967294, -2, -2), "the behaviour has changed"
END

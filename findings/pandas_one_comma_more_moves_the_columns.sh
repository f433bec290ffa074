#!/usr/bin/env bash
# Guess: A CSV whose rows end with a comma, which its header does not, gives one more column, or an error.
# True:  The first column becomes the index, and every name stands over the values of its neighbour to the
#        right: seat holds what searches should. Nothing is raised. index_col=False puts them right.
# Tried: 2026-11-29 with pandas 3.1.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet pandas==3.1.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import io
import warnings

import pandas

print("pandas", pandas.__version__)
text = "seat,searches,views\n101,7,30,\n102,8,31,\n"
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    moved = pandas.read_csv(io.StringIO(text))
right = pandas.read_csv(io.StringIO(text), index_col=False)
print("as it is:", moved["seat"].tolist(), moved["searches"].tolist(), "warnings:", len(warned))
print("with index_col=False:", right["seat"].tolist(), right["searches"].tolist())
assert (moved["seat"].tolist(), moved["searches"].tolist()) == ([7, 8], [30, 31]), "the behaviour has changed"
assert not warned, "the behaviour has changed"
assert (right["seat"].tolist(), right["searches"].tolist()) == ([101, 102], [7, 8]), "the behaviour has changed"
END

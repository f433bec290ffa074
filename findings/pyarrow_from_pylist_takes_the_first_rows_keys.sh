#!/usr/bin/env bash
# Guess: Table.from_pylist of rows with different keys has a column for each key, as pandas.DataFrame and
#        polars.DataFrame do.
# True:  It has the keys of the first row. Values of keys that come later are dropped without a word; pass a
#        schema.
# Tried: 2026-11-29 with pyarrow 26.0.1, pandas 3.1.1, polars 2.1.0; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet pyarrow==26.0.1 pandas==3.1.1 polars==2.1.0 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import pandas
import polars
import pyarrow

print("pyarrow", pyarrow.__version__, "pandas", pandas.__version__, "polars", polars.__version__)
rows = [{"seat": 1}, {"seat": 2, "ssi": 61.5}]
arrow = pyarrow.Table.from_pylist(rows).to_pylist()
others = [list(pandas.DataFrame(rows).columns), polars.DataFrame(rows).columns]
print("pyarrow:", arrow)
print("columns of pandas and polars:", others)
assert arrow == [{"seat": 1}, {"seat": 2}], "the behaviour has changed"
assert others == [["seat", "ssi"]] * 2, "the behaviour has changed"
END

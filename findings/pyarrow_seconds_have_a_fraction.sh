#!/usr/bin/env bash
# Guess: strftime with %H:%M:%S gives 05:06:07 for every timestamp, as in Python.
# True:  %S has as many digits as the column's unit: 05:06:07.000000 for microseconds, 05:06:07 for seconds.
#        Texts that are compared with '11-01-2026 05:06:07' never match; cast to timestamp('s') first.
# Tried: 2026-11-29 with pyarrow 26.0.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet pyarrow==26.0.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
from datetime import datetime

import pyarrow
import pyarrow.compute as pc

print("pyarrow", pyarrow.__version__)
moment = datetime(2026, 11, 1, 5, 6, 7)
texts = {
    unit: pc.strftime(pyarrow.array([moment], pyarrow.timestamp(unit)), format="%m-%d-%Y %H:%M:%S")[0].as_py()
    for unit in ("s", "ms", "us")
}
print("Python:", moment.strftime("%m-%d-%Y %H:%M:%S"))
print("pyarrow:", texts)
assert texts == {
    "s": "11-01-2026 05:06:07",
    "ms": "11-01-2026 05:06:07.000",
    "us": "11-01-2026 05:06:07.000000",
}, "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: column.astype('int64') // 10**9 gives the seconds since 1970, as it does in countless scripts.
# True:  Since pandas 3 the unit depends on where the column comes from: microseconds from texts and CSV, so
#        that 2026 becomes 21 January 1970; nanoseconds from a numpy array that has them. (column -
#        Timestamp(0)) // Timedelta('1s') is right for all.
# Tried: 2026-11-29 with pandas 3.1.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet pandas==3.1.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import io

import numpy
import pandas

print("pandas", pandas.__version__)
columns = {
    "to_datetime": pandas.Series(pandas.to_datetime(["2026-11-01"])),
    "read_csv": pandas.read_csv(io.StringIO("day\n2026-11-01\n"), parse_dates=["day"])["day"],
    "numpy": pandas.Series(numpy.array(["2026-11-01"], dtype="datetime64[ns]")),
}
seen = {}
for source, column in columns.items():
    by_idiom = int(column.astype("int64")[0] // 10**9)
    by_difference = int(((column - pandas.Timestamp(0)) // pandas.Timedelta("1s"))[0])
    seen[source] = (str(column.dtype), by_idiom, by_difference)
    print(source, *seen[source], "which is", pandas.Timestamp(by_idiom, unit="s").date())
assert seen == {
    "to_datetime": ("datetime64[us]", 1793491, 1793491200),
    "read_csv": ("datetime64[us]", 1793491, 1793491200),
    "numpy": ("datetime64[ns]", 1793491200, 1793491200),
}, "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: pyarrow.array of datetimes, some with a zone and some without, raises; or it has a zone, whatever their
#        order.
# True:  The first one decides. If it has no zone, the column has none, and moments with a zone are put into it
#        as UTC; if it has one, those without are taken for UTC, and all are shown in the zone of the first. The
#        same rows in another order give another type.
# Tried: 2026-11-29 with pyarrow 26.0.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet pyarrow==26.0.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
from datetime import datetime, timedelta, timezone

import pyarrow

print("pyarrow", pyarrow.__version__)
naive = datetime(2026, 11, 1, 9)
aware = datetime(2026, 11, 1, 9, tzinfo=timezone(timedelta(hours=5)))
seen = [
    (str(array.type), [moment.isoformat() for moment in array.to_pylist()])
    for array in (pyarrow.array([naive, aware]), pyarrow.array([aware, naive]))
]
print("without zone, then with +05:00:", *seen[0])
print("with +05:00, then without zone:", *seen[1])
assert seen == [
    ("timestamp[us]", ["2026-11-01T09:00:00", "2026-11-01T04:00:00"]),
    ("timestamp[us, tz=+05:00]", ["2026-11-01T09:00:00+05:00", "2026-11-01T14:00:00+05:00"]),
], "the behaviour has changed"
END

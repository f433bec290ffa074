#!/usr/bin/env bash
# Guess: obstore.list(store, prefix='day=2026-11') lists the objects whose names begin so, as S3's own prefix
#        does.
# True:  A prefix is made of whole names between slashes. 'day=2026-11' finds nothing beside
#        day=2026-11-29/rows.csv, without an error; 'day=2026-11-29' finds it.
# Tried: 2026-11-29 with obstore 0.12.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet obstore==0.12.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import obstore
from obstore.store import LocalStore, MemoryStore

print("obstore", obstore.__version__)
seen = {}
for store in (MemoryStore(), LocalStore("objects", mkdir=True)):
    obstore.put(store, "day=2026-11-29/rows.csv", b"1")
    obstore.put(store, "day=2026-11-30.csv", b"1")
    for prefix in ("day=2026-11", "day=2026-11-29"):
        found = [item["path"] for batch in obstore.list(store, prefix) for item in batch]
        print(type(store).__name__, prefix, found)
        seen.setdefault(prefix, []).append(found)
assert seen == {"day=2026-11": [[], []], "day=2026-11-29": [["day=2026-11-29/rows.csv"]] * 2}, "the behaviour has changed"
END

#!/usr/bin/env bash
# Guess: fs.touch(path) of a file that is there leaves its content, as the Unix command does.
# True:  It empties the file: truncate=True is the default. touch(path, truncate=False) keeps the content on a
#        local disk, and is refused by the memory file system.
# Tried: 2026-11-29 with fsspec 2026.9.0; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet fsspec==2026.9.0 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import pathlib

import fsspec

print("fsspec", fsspec.__version__)
seen = {}
for protocol, path in (("file", str(pathlib.Path("marker.json").resolve())), ("memory", "/marker.json")):
    fs = fsspec.filesystem(protocol)
    fs.pipe(path, b"content")
    fs.touch(path)
    touched = fs.cat(path)
    fs.pipe(path, b"content")
    try:
        fs.touch(path, truncate=False)
        kept = fs.cat(path)
    except NotImplementedError:
        kept = "refused"
    seen[protocol] = (touched, kept)
    print(protocol, "after touch:", touched, "and after touch with truncate=False:", kept)
assert seen == {"file": (b"", b"content"), "memory": (b"", "refused")}, "the behaviour has changed"
END

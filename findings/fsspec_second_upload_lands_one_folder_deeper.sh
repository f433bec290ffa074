#!/usr/bin/env bash
# Guess: fs.put(folder, target, recursive=True) twice gives the same files as once.
# True:  The second time the target exists, and the whole folder is put into it: target/day.csv stays as it was,
#        and target/export/day.csv has the new content. With a slash at the end of the source both go to the
#        same place.
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
pathlib.Path("export").mkdir()
fs = fsspec.filesystem("memory")


def upload(source: str, target: str) -> dict[str, bytes]:
    for content in ("old", "new"):
        pathlib.Path("export/day.csv").write_text(content)
        fs.put(source, target, recursive=True)
    return {path: fs.cat_file(path) for path in fs.find(target)}


source = str(pathlib.Path("export").resolve())
without, with_slash = upload(source, "/without"), upload(f"{source}/", "/with_slash/")
print("put twice:", without)
print("put twice, with slashes:", with_slash)
assert without == {"/without/day.csv": b"old", "/without/export/day.csv": b"new"}, "the behaviour has changed"
assert with_slash == {"/with_slash/day.csv": b"new"}, "the behaviour has changed"
END

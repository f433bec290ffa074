#!/usr/bin/env bash
# Guess: fs.rm(path) removes the file with exactly that name, or raises.
# True:  A name with brackets is taken for a pattern, even if a file has that very name: rm('/report[1].csv')
#        leaves it and removes /report1.csv, in memory as on S3. cat and get read the other file, too; open,
#        exists, cat_file and rm_file take the name as it is. Downloads of browsers are named like this.
# Tried: 2026-11-29 with fsspec 2026.9.0, and by hand with s3fs 2026.9.0; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet fsspec==2026.9.0 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import fsspec

print("fsspec", fsspec.__version__)
fs = fsspec.filesystem("memory")
for name in ("/report[1].csv", "/report1.csv"):
    fs.pipe_file(name, f"content of {name}".encode())
exists, read = fs.exists("/report[1].csv"), fs.cat("/report[1].csv")
fs.rm("/report[1].csv")
left = fs.find("/")
print("exists('/report[1].csv'):", exists)
print("cat('/report[1].csv'):", read)
print("left after rm('/report[1].csv'):", left)
assert exists, "the behaviour has changed"
assert read == {"/report1.csv": b"content of /report1.csv"}, "the behaviour has changed"
assert left == ["/report[1].csv"], "the behaviour has changed"
END

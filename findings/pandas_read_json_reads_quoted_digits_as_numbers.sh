#!/usr/bin/env bash
# Guess: JSON has types, so a quoted '0123' stays text, a long id stays whole, and a number stays a number.
# True:  read_json turns quoted digits into numbers: '0123' is 123, '9007199254740993' beside a null ends with a
#        2. A number in a column whose name ends with _at becomes a moment of 1973. dtype=False leaves what is
#        there.
# Tried: 2026-11-29 with pandas 3.1.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet pandas==3.1.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import io

import pandas

print("pandas", pandas.__version__)
text = """[
    {"code": "0123", "member": "9007199254740993", "looked_at": 123456789},
    {"code": "0456", "member": null, "looked_at": 123456790}
]"""
guessed = pandas.read_json(io.StringIO(text)).iloc[0]
left = pandas.read_json(io.StringIO(text), dtype=False).iloc[0]
print("as it is:", guessed.to_dict())
print("with dtype=False:", left.to_dict())
assert (guessed["code"], guessed["member"], guessed["looked_at"].year) == (123, 9007199254740992.0, 1973), (
    "the behaviour has changed"
)
assert (left["code"], left["member"], left["looked_at"]) == ("0123", "9007199254740993", 123456789), (
    "the behaviour has changed"
)
END

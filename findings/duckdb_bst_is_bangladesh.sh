#!/usr/bin/env bash
# Guess: A moment written with BST is British Summer Time, and one written with PST is eight hours behind UTC;
#        an unknown abbreviation is refused.
# True:  BST is read as Bangladesh, six hours ahead of UTC, without a warning. PST is read as Los Angeles, so
#        that in July it is seven hours. PDT, EDT and CEST are refused. Only offsets in digits are safe.
# Tried: 2026-11-29 with duckdb 1.5.6, also 1.4.5 and 2.0.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet duckdb==1.5.6 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import duckdb

print("duckdb", duckdb.__version__)
con = duckdb.connect()


def in_utc(text: str) -> str:
    query = "SELECT (?::TIMESTAMPTZ AT TIME ZONE 'UTC')::VARCHAR"
    try:
        return con.execute(query, [text]).fetchone()[0] + " in UTC"
    except duckdb.ConversionException:
        return "refused"


texts = [f"2026-07-01 12:00:00{zone}" for zone in (" BST", " PST", " PDT", "-08")]
seen = [in_utc(text) for text in texts]
for text, moment in zip(texts, seen):
    print(f"{text}: {moment}")
assert seen == ["2026-07-01 06:00:00 in UTC", "2026-07-01 19:00:00 in UTC", "refused", "2026-07-01 20:00:00 in UTC"], (
    "the behaviour has changed"
)
END

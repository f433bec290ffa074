#!/usr/bin/env bash
# Guess: In one session, time_bucket(INTERVAL 1 day, …) and date_trunc('day', …) of a TIMESTAMPTZ give the same
#        day.
# True:  date_trunc begins the day at the session's midnight, time_bucket at midnight UTC. In Los Angeles the
#        buckets of days and weeks begin at four in the afternoon, an evening counts for the next day, and a
#        Sunday evening for the next week.
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
con.execute("SET TimeZone = 'America/Los_Angeles'")
query = """
    SELECT date_trunc('{0}', moment)::VARCHAR, time_bucket(INTERVAL 1 {0}, moment)::VARCHAR
    FROM (SELECT TIMESTAMPTZ '2026-11-15 20:00:00-08' AS moment)
"""
seen = [con.execute(query.format(unit)).fetchone() for unit in ("day", "week")]
for unit, (truncated, bucket) in zip(("day", "week"), seen):
    print(f"Sunday 15 November, 20:00: {unit} by date_trunc {truncated}, by time_bucket {bucket}")
assert seen == [
    ("2026-11-15 00:00:00-08", "2026-11-15 16:00:00-08"),
    ("2026-11-09 00:00:00-08", "2026-11-15 16:00:00-08"),
], "the behaviour has changed"
END

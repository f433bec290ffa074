#!/usr/bin/env bash
# Guess: '0 8 * * 1' is eight o'clock on Mondays, in whatever reads a cron line.
# True:  CronTrigger.from_crontab of APScheduler 3 counts the days from Monday as 0: the line runs on Tuesdays,
#        1-5 is Tuesday to Saturday, and 0 is Monday. Names are right: '0 8 * * mon'.
# Tried: 2026-11-29 with apscheduler 3.11.3, croniter 7.0.0; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet apscheduler==3.11.3 croniter==7.0.0 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
from datetime import datetime, timezone
from importlib.metadata import version

from apscheduler.triggers.cron import CronTrigger
from croniter import croniter

print("APScheduler", version("apscheduler"), "and croniter", version("croniter"))
sunday = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
seen = {}
for line in ("0 8 * * 1", "0 8 * * mon"):
    scheduled = CronTrigger.from_crontab(line, timezone="UTC").get_next_fire_time(None, sunday)
    usual = croniter(line, sunday).get_next(datetime)
    seen[line] = (f"{scheduled:%A}", f"{usual:%A}")
    print(f"{line}: APScheduler {seen[line][0]}, croniter {seen[line][1]}")
assert seen == {"0 8 * * 1": ("Tuesday", "Monday"), "0 8 * * mon": ("Monday", "Monday")}, "the behaviour has changed"
END

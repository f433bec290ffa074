#!/usr/bin/env bash
# Guess: yearweek(day) groups by the calendar's weeks, from Monday, and labels them as ISO 8601 does.
# True:  Weeks begin on Sunday and are counted from the year's first Sunday. Sunday 1 and Monday 2 November 2026
#        are both in W44, though the Monday is of ISO week 45; 1 January 2026 is in W52 of 2025. Truncate to
#        Mondays before the chart.
# Tried: 2026-11-29 with altair 6.3.0, vl-convert-python 1.9.0.post1, pandas 3.1.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet altair==6.3.0 vl-convert-python==1.9.0.post1 pandas==3.1.1 || exit 75  # not installed: nothing is said of the behaviour
export TZ=America/Los_Angeles
venv/bin/python - <<'END'
import re

import altair as alt
import pandas as pd
import vl_convert

print("altair", alt.__version__, "vl-convert", vl_convert.__version__, "pandas", pd.__version__)


def described(chart: alt.Chart) -> list[str]:
    return re.findall(r'aria-label="([^"]*)"', vl_convert.vegalite_to_svg(chart.to_dict()))


days = pd.to_datetime(["2026-01-01", "2026-11-01", "2026-11-02", "2026-11-08"])
seen = {}
for day in days:
    chart = alt.Chart(pd.DataFrame({"day": [day], "visits": [1]})).mark_bar().encode(x="yearweek(day):O", y="visits:Q")
    iso = day.isocalendar()
    seen[f"{day:%a %d %b %Y}"] = (described(chart)[0].split("value: ")[1], f"{iso.year} W{iso.week:02}")
for day, (vega, iso) in seen.items():
    print(f"{day}: {vega}, ISO {iso}")
assert list(seen.values()) == [
    ("2025 W52", "2026 W01"),
    ("2026 W44", "2026 W44"),
    ("2026 W44", "2026 W45"),
    ("2026 W45", "2026 W45"),
], "the behaviour has changed"
END

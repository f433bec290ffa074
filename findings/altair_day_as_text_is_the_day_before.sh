#!/usr/bin/env bash
# Guess: A column of texts such as 2026-11-01, drawn as a time, shows 1 November.
# True:  JavaScript takes a day without a time for midnight UTC, and the axis is local: in Los Angeles the bar
#        stands at 31 October, and a month's first day in the month before. The same column as datetime64 is
#        drawn at 1 November. utcyearmonthdate(…) puts the texts right.
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


texts = pd.DataFrame({"day": ["2026-11-01"], "visits": [1]})
moments = texts.assign(day=pd.to_datetime(texts["day"]))
seen = {}
for name, frame, unit in (("text", texts, ""), ("datetime64", moments, ""), ("text in UTC", texts, "utc")):
    chart = alt.Chart(frame).mark_bar().encode(x=f"{unit}yearmonthdate(day):O", y="visits:Q")
    seen[name] = described(chart)[0].split("value: ")[1]
    print(f"2026-11-01 as {name}:", seen[name])
assert seen == {
    "text": "October 31, 2026",
    "datetime64": "November 01, 2026",
    "text in UTC": "November 01, 2026",
}, "the behaviour has changed"
END

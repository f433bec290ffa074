#!/usr/bin/env bash
# Guess: Any column of a frame can be drawn by its name; a name that is not there raises.
# True:  A dot or brackets in a name are taken for a way into nested values: the chart of 'conv. rate' or 'rate
#        [%]' has its title, an axis from 0 to 0 and no bars, without an error. Rename the column, and put the
#        name in title=.
# Tried: 2026-11-29 with altair 6.3.0, vl-convert-python 1.9.0.post1, pandas 3.1.1; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet altair==6.3.0 vl-convert-python==1.9.0.post1 pandas==3.1.1 || exit 75  # not installed: nothing is said of the behaviour
venv/bin/python - <<'END'
import re

import altair as alt
import pandas as pd
import vl_convert

print("altair", alt.__version__, "vl-convert", vl_convert.__version__, "pandas", pd.__version__)


def described(chart: alt.Chart) -> list[str]:
    return re.findall(r'aria-label="([^"]*)"', vl_convert.vegalite_to_svg(chart.to_dict()))


seen = {}
for name in ("rate", "conv. rate", "rate [%]"):
    frame = pd.DataFrame({"page": ["a", "b"], name: [1, 2]})
    axes = described(alt.Chart(frame).mark_bar().encode(x="page:N", y=f"{name}:Q"))
    seen[name] = (axes[1], len(axes) - 2)
    print(f"{name}: {seen[name][0]}, bars: {seen[name][1]}")
assert seen == {
    "rate": ("Y-axis titled 'rate' for a linear scale with values from 0.0 to 2.0", 2),
    "conv. rate": ("Y-axis titled 'conv. rate' for a linear scale with values from 0 to 0", 0),
    "rate [%]": ("Y-axis titled 'rate [%]' for a linear scale with values from 0 to 0", 0),
}, "the behaviour has changed"
END

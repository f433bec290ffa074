#!/usr/bin/env bash
# Guess: dayjs('01-02-2026', 'DD-MM-YYYY') is 1 February, or an error if the format is not understood.
# True:  Without the plugin customParseFormat the second argument is not used, and nothing says so: the text
#        goes to Date, and is 2 January. '13-02-2026' is an invalid date, so that half of a month fails and the
#        rest is wrong.
# Tried: 2026-11-29 with dayjs 1.11.23; Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund dayjs@1.11.23 >/dev/null || exit 75  # not installed: nothing is said of the behaviour
cat >finding.mjs <<'END'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import dayjs from "dayjs";
import customParseFormat from "dayjs/plugin/customParseFormat.js";

console.log("dayjs", JSON.parse(readFileSync("node_modules/dayjs/package.json")).version);
const read = () => ["01-02-2026", "13-02-2026"].map((text) => dayjs(text, "DD-MM-YYYY").format("D MMMM YYYY"));
const without = read();
dayjs.extend(customParseFormat);
const withPlugin = read();
console.log("01-02-2026 and 13-02-2026 by DD-MM-YYYY:", without);
console.log("with the plugin:", withPlugin);
assert.deepStrictEqual(without, ["2 January 2026", "Invalid Date"]);
assert.deepStrictEqual(withPlugin, ["1 February 2026", "13 February 2026"]);
END
TZ=America/Los_Angeles node finding.mjs

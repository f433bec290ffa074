#!/usr/bin/env bash
# Guess: d3.autoType reads a day and a moment of one CSV on the same clock, and leaves alone what it cannot
#        keep, such as a code 007 or a long id.
# True:  2026-11-01 is midnight UTC and 2026-11-01T00:00 is local midnight, so west of Greenwich the first is
#        shown as 31 October. 007 becomes 7, and 9007199254740993 ends with a 2.
# Tried: 2026-11-29 with d3-dsv 3.0.1; Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund d3-dsv@3.0.1 >/dev/null || exit 75  # not installed: nothing is said of the behaviour
cat >finding.mjs <<'END'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { autoType, csvParse } from "d3-dsv";

console.log("d3-dsv", JSON.parse(readFileSync("node_modules/d3-dsv/package.json")).version);
const [row] = csvParse("day,moment,code,member\n2026-11-01,2026-11-01T00:00,007,9007199254740993\n", autoType);
const seen = [row.day.toDateString(), row.moment.toDateString(), row.code, String(row.member)];
console.log("in Los Angeles:", seen);
assert.deepStrictEqual(seen, ["Sat Oct 31 2026", "Sun Nov 01 2026", 7, "9007199254740992"]);
END
TZ=America/Los_Angeles node finding.mjs

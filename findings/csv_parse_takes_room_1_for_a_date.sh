#!/usr/bin/env bash
# Guess: csv-parse with cast_date makes dates of texts that are dates, and leaves the others as they are.
# True:  It asks Date.parse, and V8 finds a date in any words that end with a number from 1 to 12: 'Room 1' is 1
#        January 2001, 'Team 12' is 1 December 2001, 'Team 13' stays. 02-30-2026 is 2 March. A column is then
#        text in some rows and a date in others.
# Tried: 2026-11-29 with csv-parse 7.0.3; Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund csv-parse@7.0.3 >/dev/null || exit 75  # not installed: nothing is said of the behaviour
cat >finding.mjs <<'END'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";

console.log("csv-parse", JSON.parse(readFileSync("node_modules/csv-parse/package.json")).version, "Node", process.version);
const texts = ["Room 1", "Room A", "Team 12", "Team 13", "02-30-2026"];
const seen = parse(["name", ...texts].join("\n"), { columns: true, cast: true, cast_date: true }).map(({ name }) =>
  name instanceof Date ? `date ${name.getFullYear()}-${name.getMonth() + 1}-${name.getDate()}` : `text ${name}`,
);
texts.forEach((text, at) => console.log(`${text}: ${seen[at]}`));
assert.deepStrictEqual(seen, ["date 2001-1-1", "text Room A", "date 2001-12-1", "text Team 13", "date 2026-3-2"]);
END
TZ=America/Los_Angeles node finding.mjs

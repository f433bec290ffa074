#!/usr/bin/env bash
# Guess: A CSV with a header, two lines and a line break at its end, as every program writes it, is two rows.
# True:  Papa.parse with header: true gives three. The last one has an empty text, or with dynamicTyping a null,
#        in its first column, and nothing in the others; its only sign is in errors. skipEmptyLines: true leaves
#        it out.
# Tried: 2026-11-29 with papaparse 5.7.1; Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund papaparse@5.7.1 >/dev/null || exit 75  # not installed: nothing is said of the behaviour
cat >finding.mjs <<'END'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import Papa from "papaparse";

console.log("papaparse", JSON.parse(readFileSync("node_modules/papaparse/package.json")).version);
const text = "seat,searches\n101,7\n102,3\n";
const rows = Papa.parse(text, { header: true, dynamicTyping: true }).data;
const sum = rows.reduce((total, row) => total + row.searches, 0);
const skipped = Papa.parse(text, { header: true, dynamicTyping: true, skipEmptyLines: true }).data;
console.log("rows:", rows, "sum of searches:", sum);
console.log("with skipEmptyLines:", skipped);
assert.deepStrictEqual(rows, [{ seat: 101, searches: 7 }, { seat: 102, searches: 3 }, { seat: null }]);
assert.ok(Number.isNaN(sum));
assert.deepStrictEqual(skipped, [{ seat: 101, searches: 7 }, { seat: 102, searches: 3 }]);
END
TZ=America/Los_Angeles node finding.mjs

#!/usr/bin/env bash
# Guess: A unit test runs a model on the rows that the test gives, and never on the warehouse.
# True:  dbt 2 looks for each relation's whole name in the SQL and puts the given rows in its place. A model that writes
#        ref(...).include(database=false), as views do that are to outlive a renamed file, has no such name: its unit test
#        reads the real table, without a word, and passes or fails by what lies there. dbt-core 1.11 gives it the rows.
#        What helps: leave the database out only where model.resource_type is not 'unit_test'.
# Tried: 2026-11-30 with dbt 2.0.0rc196 and DuckDB 1.5.6, dbt-core 1.11.16 with dbt-duckdb 1.11.1; Python 3.11, npm,
#        and DuckDB's library for Linux on x64, which dbt 2 does not bring.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
not_installed() { exit 75; } # nothing is said of the behaviour
for name in old new; do "${PYTHON:-python3}" -m venv $name; done
old/bin/pip install --quiet dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.6 || not_installed
new/bin/pip install --quiet dbt==2.0.0rc196 || not_installed
npm pack --silent @duckdb/node-bindings-linux-x64@1.5.6-r.1 >/dev/null && tar -xzf ./*.tgz || not_installed
mkdir models
cat >dbt_project.yml <<'END'
{name: seats, version: '1.0', profile: seats, flags: {send_anonymous_usage_stats: false}}
END
cat >profiles.yml <<'END'
seats: {target: dev, outputs: {dev: {type: duckdb, path: warehouse.duckdb}}}
END
echo "{{ config(materialized='table') }} SELECT 1 AS seat" >models/loaded.sql
echo "SELECT seat FROM {{ ref('loaded').include(database=false) }}" >models/shown.sql
cat >models/tests.yml <<'END'
unit_tests:
  - name: shown_are_the_given
    model: shown
    given: [{input: ref('loaded'), rows: [{seat: 2}]}]
    expect: {rows: [{seat: 2}]}
END
for dbt in old new; do
    code=0
    LD_LIBRARY_PATH=$folder/package $dbt/bin/dbt build --profiles-dir . >$dbt.txt 2>&1 || code=$?
    echo "$(LD_LIBRARY_PATH=$folder/package $dbt/bin/dbt --version 2>&1 | grep -m 1 -o '[0-9]\.[0-9a-z.-]*'): a unit test that is given seat 2, and a table that holds seat 1: exit code $code"
    echo "$code" >$dbt.code
done
grep -A 8 "Test failed" new.txt
[ "$(cat old.code)" = 0 ] && [ "$(cat new.code)" = 1 ] && grep -q "2 -> 1" new.txt

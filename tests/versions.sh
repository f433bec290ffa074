#!/usr/bin/env bash
# Runs the main tests with the lowest and with the newest versions that pyproject.toml allows, on each Python that is here.
#   PYTHONS="python3.12" RESOLUTIONS="highest" bash tests/versions.sh [pytest's arguments]
# A Python that is not here is said, and is no failure; packages that cannot be resolved together, or a failed test, are.
set -uo pipefail
cd "$(dirname "$0")/.."
export RUNTIME__DLTHUB_TELEMETRY=false
tests=("$@")
[ $# -gt 0 ] || tests=(tests/reader tests/runs/test_life.py tests/runs/test_truth.py tests/destinations/test_life.py tests/test_first_hour.py
    tests/test_dlt_compat.py tests/test_journal_store.py)
failed=0
for python in ${PYTHONS:-python3.10 python3.11 python3.12 python3.13 python3.14}; do
    # pyenv has a command of each name, which works for the versions that are chosen
    if ! "$python" -c '' 2>/dev/null; then
        echo "not here   $python"
        continue
    fi
    for resolution in ${RESOLUTIONS:-lowest-direct highest}; do
        name=$(basename "$python")-$resolution
        folder=.venvs/versions/$name
        said=_work/versions/$name.txt
        mkdir -p _work/versions
        rm -rf "$folder"
        if "$python" -m venv "$folder" && "$folder/bin/pip" install --quiet uv &&
            "$folder/bin/uv" pip install --quiet --python "$folder/bin/python" --resolution "$resolution" --group dev \
                --editable '.[bigquery,snowflake,postgres,sqlalchemy,dashboard,s3,gcs,azure]' &&
            "$folder/bin/python" -m pytest -p no:cacheprovider "${tests[@]}"; then
            echo "passed     $name"
        else
            echo "FAILED     $name: see $said"
            failed=1
        fi >"$said" 2>&1
        tail -n 1 "$said"
    done
done
exit $failed

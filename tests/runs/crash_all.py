"""Tries all steps at which a run can be killed or stopped, and tells what came of them: `make crash`.

python -m tests.runs.crash_all              all ways to run
python -m tests.runs.crash_all script       one of them
python -m tests.runs.crash_all bucket       with the journal in a bucket: workers killed, and workers that stand still
"""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.emulators import servers
from tests.runs.bucket import BLOWS, CASES, buckets
from tests.runs.crash import LOADS, WAYS, crashes


def main() -> int:
    """Tries all steps of all ways, and tells how many there are."""
    failed = 0
    for way in [way for way in WAYS if way in sys.argv[1:] or not sys.argv[1:]]:
        for load in LOADS:
            with tempfile.TemporaryDirectory() as folder, crashes(Path(folder), way, load) as tried:
                steps = tried.count_steps()
                came = _try_all(f"{way}, {load} load", tried.try_step, steps)
                failed += came["FAILED"]
                print(f"{way}, {load} load: {steps} steps, {dict(came)}, dlt stuck: {dict(tried.stuck)}", flush=True)
    if "bucket" in sys.argv[1:] or not sys.argv[1:]:
        try:
            failed += _try_bucket()
        except servers.NoServerError as error:
            failed += 1
            print(f"bucket: not tried: {error}", flush=True)
    print(f"{failed} failed")
    return 1 if failed else 0


def _try_bucket() -> int:
    failed = 0
    with servers.moto() as s3, servers.postgres() as postgres:
        os.environ.update(servers.s3_environment(s3))
        for case in CASES:
            with tempfile.TemporaryDirectory() as folder, buckets(Path(folder), case, postgres) as tried:
                steps = tried.count_steps()
                for blow in BLOWS:
                    came = _try_all(f"bucket, {case}, {blow}", partial(tried.try_step, blow=blow), steps)
                    failed += came["FAILED"]
                    print(f"bucket, {case}, {blow}: {steps} steps, {dict(came)}", flush=True)
    return failed


def _try_all(what: str, try_step: Callable[[int], str], steps: int) -> Counter[str]:
    """Tries all steps; counts what came of them."""
    came = Counter[str]()
    for step in range(1, steps + 1):
        try:
            came[try_step(step)] += 1
        except AssertionError as error:
            came["FAILED"] += 1
            print(f"{what}, step {step}: {error}", flush=True)
    return came


if __name__ == "__main__":
    sys.exit(main())

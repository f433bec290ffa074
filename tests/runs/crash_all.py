"""Tries all steps before which a run can be killed, and tells what came of them: `make crash`.

python -m tests.runs.crash_all              all ways to run
python -m tests.runs.crash_all script       one of them
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.runs.crash import LOADS, WAYS, crashes


def main() -> int:
    """Tries all steps of all ways, and tells how many there are."""
    failed = 0
    for way in [way for way in WAYS if way in sys.argv[1:] or not sys.argv[1:]]:
        for load in LOADS:
            with tempfile.TemporaryDirectory() as folder, crashes(Path(folder), way, load) as tried:
                steps, came = tried.count_steps(), Counter[str]()
                for step in range(1, steps + 1):
                    try:
                        came[tried.try_step(step)] += 1
                    except AssertionError as error:
                        came["FAILED"] += 1
                        print(f"{way}, {load} load, step {step}: {error}", flush=True)
                failed += came["FAILED"]
                print(f"{way}, {load} load: {steps} steps, {dict(came)}, dlt stuck: {dict(tried.stuck)}", flush=True)
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""A spread of the steps at which a run can be killed or stopped; `make crash` tries all of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from emulators import servers

from tests.runs.bucket import BLOWS, CASES, TBlow, TCase, buckets
from tests.runs.crash import LOADS, WAYS, TLoad, TWay, crashes

pytestmark = pytest.mark.long("each kills runs at a spread of steps, and runs them again: minutes")

TRIED = {"script": 7, "new disk": 3, "pipeline first": 7, "source first": 7}
"""Steps of each way, for each load; `test_journal_url` kills workers with new disks as well."""
TRIED_ON_A_BUCKET = 2
"""Steps of a worker killed, and as many of one that stands still, for each thing that it does."""


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("way", WAYS)
def test_killed_before_any_step_the_next_run_ends_in_the_truth(tmp_path: Path, way: TWay, load: TLoad) -> None:
    with crashes(tmp_path, way, load) as tried:
        came = try_spread(tried.try_step, tried.count_steps(), TRIED[way])
        assert came.count("killed") >= TRIED[way] - 1


@pytest.mark.parametrize("blow", BLOWS)
@pytest.mark.parametrize("case", CASES)
def test_struck_around_any_step_on_a_bucket_another_worker_ends_in_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: int, postgres: int, case: TCase, blow: TBlow
) -> None:
    for name, value in servers.s3_environment(s3).items():
        monkeypatch.setenv(name, value)
    with buckets(tmp_path, case, postgres) as tried:
        came = try_spread(lambda step: tried.try_step(step, blow), tried.count_steps(), TRIED_ON_A_BUCKET)
        assert len(came) - came.count("not reached") >= TRIED_ON_A_BUCKET - 1


def try_spread(try_step: Callable[[int], str], steps: int, wanted: int) -> list[str]:
    """Tries steps spread over all there are; returns what came of each."""
    stride = steps // wanted
    # the middle of each stretch: among the first steps nothing is at stake yet
    return [try_step(step) for step in range(1 + stride // 2, steps + 1, stride)]

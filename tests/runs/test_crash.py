"""A spread of the steps before which a run can be killed; `make crash` tries all of them.

The steps tried move from day to day, so that in time each is tried.
"""

import datetime as dt
from pathlib import Path

import pytest

from tests.runs.crash import LOADS, WAYS, TLoad, TWay, crashes

TRIED = {"script": 7, "new disk": 3, "pipeline first": 7, "source first": 7}
"""Steps of each way, for each load; `test_journal_url` kills workers with new disks as well."""


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("way", WAYS)
def test_killed_before_any_step_the_next_run_ends_in_the_truth(tmp_path: Path, way: TWay, load: TLoad) -> None:
    with crashes(tmp_path, way, load) as tried:
        steps = tried.count_steps()
        stride = steps // TRIED[way]
        first = 1 + dt.date.today().toordinal() % stride
        came = [tried.try_step(step) for step in range(first, steps + 1, stride)]
        assert came.count("killed") >= TRIED[way] - 1

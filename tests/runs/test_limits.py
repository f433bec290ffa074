"""How a run is divided into loads."""

import itertools

from salesnav_source.run.context import LoadLimits
from salesnav_source.run.sync import CHECKPOINT


def test_a_run_of_a_day_makes_fewer_loads_than_bigquery_takes() -> None:
    elapsed, ends = 0.0, []
    while elapsed < 86_400:
        elapsed += CHECKPOINT.seconds_after(elapsed)
        ends.append(elapsed)
    assert len(ends) < 400
    assert ends[:10] == [30.0 * number for number in range(1, 11)]
    # what is not committed yet is a tenth of the run at most, once it has lasted for minutes
    assert all(later - earlier <= max(30.0, later / 10) for earlier, later in itertools.pairwise(ends))


def test_a_run_without_limits_makes_one_load() -> None:
    assert LoadLimits().seconds_after(1e9) == float("inf")
    assert LoadLimits(seconds=0.0).seconds_after(1e9) == 0.0

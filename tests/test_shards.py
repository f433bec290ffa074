"""The division of contracts among pipelines, and contracts that move from one to another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs.house import ONE, TWO, House, house

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.jobs.journal import Journal
from salesnav_source.run.prepare import journal_path
from salesnav_source.run.upkeep.shards import divide, move

URNS = st.lists(st.integers(1, 10**6).map(lambda n: f"urn:li:contract:{n}"), unique=True, max_size=40)
COUNTS = st.integers(1, 16)


@given(URNS, COUNTS)
def test_each_contract_is_in_one_shard(urns: list[str], count: int) -> None:
    shards = divide(urns, count)
    assert len(shards) == count
    assert sorted(urn for shard in shards for urn in shard) == sorted(urns)


@given(URNS, URNS, COUNTS)
def test_contracts_that_come_or_go_move_no_other(urns: list[str], more: list[str], count: int) -> None:
    before, after = divide(urns, count), divide([*urns, *more], count)
    assert all(set(shard) <= set(grown) for shard, grown in zip(before, after))


@given(URNS, COUNTS)
def test_one_shard_more_takes_and_moves_nothing_else(urns: list[str], count: int) -> None:
    before, after = divide(urns, count), divide(urns, count + 1)
    assert all(set(less) <= set(shard) for shard, less in zip(before, after))


def test_the_division_is_what_it_was() -> None:
    """Contracts divided by an earlier version stay where they are."""
    urns = [f"urn:li:contract:{n}" for n in range(1, 9)]
    assert [[int(urn.rpartition(":")[2]) for urn in shard] for shard in divide(urns, 3)] == [
        [7],
        [1, 2, 3, 5],
        [4, 6, 8],
    ]


def test_a_thousand_contracts_are_divided_about_evenly() -> None:
    sizes = [len(shard) for shard in divide([f"urn:li:contract:{n}" for n in range(1000)], 16)]
    assert min(sizes) > 40 and max(sizes) < 90


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def load(home: House, name: str, contracts: list[str], **settings: object) -> int:
    """Loads by a pipeline; returns how many jobs were asked for."""
    seen = len(home.sandbox.requests)
    assert not home.sync(pipeline=home.pipeline(name), contracts=contracts, **settings).not_loaded
    return len(home.posts(seen))


def moved(home: House, contracts: list[str], giving: str = "first", taking: str = "second") -> dict[str, int]:
    done = move(home.pipeline(giving), home.pipeline(taking), contracts, home.settings())
    return {one.export: one.days for one in done.moved}


def test_a_contract_that_moves_is_not_asked_for_again_by_either(home: House) -> None:
    assert load(home, "first", [ONE, TWO]) == 6
    assert moved(home, [TWO]) == {"activities": 10, "activity_outcomes": 10, "seats": 10}
    assert load(home, "second", [TWO]) == 0
    assert load(home, "first", [ONE]) == 0
    home.assert_truth()
    home.clock.next_day()
    # the days that late rows are expected for are read again, by the pipeline that has them now
    assert load(home, "second", [TWO]) == load(home, "first", [ONE]) == 3
    home.assert_truth()
    assert load(home, "first", [ONE]) == 0


def test_a_contract_moves_to_a_pipeline_that_has_others_and_back(home: House) -> None:
    assert load(home, "first", [ONE]) == load(home, "second", [TWO]) == 3
    moved(home, [ONE])
    assert load(home, "second", [ONE, TWO]) == 0
    assert set(moved(home, [ONE, TWO], "second", "first")) == {"activities", "activity_outcomes", "seats"}
    assert load(home, "first", [ONE, TWO]) == 0
    # what was moved is wanted no more
    with pytest.raises(ConfigurationError, match="second has loaded nothing"):
        moved(home, [ONE], "second", "first")
    home.assert_truth()


def test_jobs_in_flight_move_along(home: House) -> None:
    first = home.pipeline("first")
    assert load(home, "first", [ONE]) == 3
    journal = Journal(journal_path(first), home.sandbox.base_url)
    from salesnav_source.days.windows import Window
    from salesnav_source.linkedin.client import Client
    from salesnav_source.schema import EXPORTS

    window = Window(home.first_day, home.yesterday)
    for name, export in EXPORTS.items():
        job = Client(home.settings()).create_job(export.action, TWO, window)
        journal.created(journal.ask(TWO, name, window, home.clock()), job.id)
    journal.close()
    done = move(home.pipeline("first"), home.pipeline("second"), [TWO], home.settings())
    assert len(done.jobs) == 3 and not done.moved
    assert load(home, "second", [TWO]) == 0
    assert load(home, "first", [ONE]) == 0
    home.assert_truth()


def test_a_move_that_is_cut_off_is_done_again(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    load(home, "first", [ONE, TWO])
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "adopt", lambda journal, jobs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            moved(home, [TWO])
    moved(home, [TWO])
    assert load(home, "second", [TWO]) == load(home, "first", [ONE]) == 0
    home.assert_truth()


def test_a_move_within_one_pipeline_or_of_nothing_is_refused(home: House) -> None:
    load(home, "first", [ONE])
    with pytest.raises(ConfigurationError, match="Both pipelines are first"):
        moved(home, [ONE], "first", "first")
    with pytest.raises(ConfigurationError, match=r"Of Two \(urn:li:contract:2\) pipeline first has loaded nothing"):
        moved(home, [TWO])

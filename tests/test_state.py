"""What counts as loaded: claims of loads, kept in dlt's state, held against what the warehouse is seen to hold."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.days.windows import Coverage, Days, Window
from salesnav_source.warehouse.state import (
    CLAIMS,
    COVERAGE,
    LISTED,
    Claim,
    ClaimedWindow,
    Ledger,
    StateWriter,
    read_ledger,
)
from salesnav_source.warehouse.state import state_to_trust as trusted
from tests.fakes import OTHER_URN, TODAY, URN, window_of

WEEK, EARLIER = window_of(7), window_of(7, TODAY - timedelta(days=20))
LOAD, NEXT = "1700000000.1", "1700000001.2"


@dataclass
class FakeWarehouse:
    """Answers what `OpenWarehouse` would, from how many rows each load has in each table."""

    rows: dict[tuple[str, str], int] = field(default_factory=dict)
    """By table and load."""
    others: dict[str, int] = field(default_factory=dict)
    """Rows of other loads within the days of a claim, by table."""
    same_keys: int = 0
    """Rows that have a key of a row of the load."""
    staged: tuple[int, int] = (0, 0)
    """Keys that the load has staged, and those of them that newer rows of other loads have."""
    complete: Collection[str] = (LOAD, NEXT)
    absent: Collection[str] = ()
    """Tables that are not there."""
    asked: list[str] = field(default_factory=list)
    """Tables whose rows were counted."""

    def missing(self, tables: Collection[str]) -> set[str]:
        return set(tables) & set(self.absent)

    def complete_loads(self, load_ids: Collection[str]) -> set[str]:
        return set(load_ids) & set(self.complete)

    def count(self, table: str, condition: str, load_id: str) -> tuple[int, int]:
        self.asked.append(table)
        own = self.rows.get((table, load_id), 0)
        return own + self.others.get(table, 0), own

    def count_of_load(self, table: str, load_id: str, condition: str = "1 = 1") -> int:
        return self.count(table, condition, load_id)[1]

    def count_same_keys(self, table: str, key: str, contract: str, load_id: str) -> int:
        return self.same_keys

    def count_staged(self, table: str, key: str, load_id: str) -> tuple[int, int]:
        return self.staged


def claim(rows: int | None = 5, window: Window = WEEK, contract: str = URN, **changes: Any) -> Claim:
    values = {"table": "activities", "days": {contract: [window]}, **changes}
    return Claim(lookback_days=3, windows=[ClaimedWindow(contract, window, TODAY)], rows=rows, **values)


def state(claims: dict[str, Claim], export: str = "activities", coverage: Coverage | None = None) -> dict[str, Any]:
    own: dict[str, Any] = {CLAIMS: {load_id: one.to_state() for load_id, one in claims.items()}}
    if coverage is not None:
        own[COVERAGE] = {URN: coverage.to_state()}
    return {"resources": {export: own}}


def read(stored: dict[str, Any], warehouse: FakeWarehouse | None, *unsettled: str, **options: Any) -> Ledger:
    asked: Any = warehouse
    return read_ledger(stored, asked, dict.fromkeys(unsettled, 1), **options)


def loaded(ledger: Ledger, export: str = "activities", contract: str = URN) -> Days:
    return ledger.coverage(export, contract).loaded


days = st.dates(date(2020, 1, 1), date(2030, 1, 1))
windows = st.tuples(days, days).map(lambda ends: Window(min(ends), max(ends)))
urns = st.sampled_from([URN, OTHER_URN, "urn:li:contract:'3"])
claims = st.builds(
    Claim,
    table=st.text(min_size=1, max_size=10),
    lookback_days=st.integers(0, 30),
    windows=st.lists(st.builds(ClaimedWindow, urns, windows, days), max_size=4),
    days=st.dictionaries(urns, st.lists(windows, min_size=1, max_size=4), max_size=3),
    by_key=st.lists(urns, max_size=3),
    rows=st.none() | st.integers(0, 10**9),
    rejected=st.none() | st.integers(0, 10**9),
)


@given(claims)
def test_a_claim_survives_the_state(one: Claim) -> None:
    written = json.loads(json.dumps(one.to_state()))
    again = Claim.from_state(written)
    assert again.to_state() == written
    assert (again.table, again.lookback_days, again.windows) == (one.table, one.lookback_days, one.windows)
    assert (again.rows, again.rejected, set(again.by_key)) == (one.rows, one.rejected, set(one.by_key))
    assert {urn: Days.of(own) for urn, own in again.days.items()} == {
        urn: Days.of(own) for urn, own in one.days.items()
    }
    for contract in (URN, OTHER_URN):
        assert again.added_to(Coverage(), contract) == one.added_to(Coverage(), contract)


def test_nothing_is_loaded_where_there_is_no_state() -> None:
    assert read({}, None) == read({}, FakeWarehouse()) == Ledger()


def test_a_claim_that_holds_counts() -> None:
    ledger = read(state({LOAD: claim()}), FakeWarehouse({("activities", LOAD): 5}))
    assert loaded(ledger) == Days((WEEK,))
    assert (ledger.broken, ledger.holding) == ([], {("activities", LOAD)})
    assert ledger.contracts(["activities"]) == [URN]


@pytest.mark.parametrize(
    ("one", "warehouse"),
    [
        pytest.param(claim(), FakeWarehouse({("activities", LOAD): 4}), id="a-row-is-missing"),
        pytest.param(claim(), FakeWarehouse(), id="all-rows-are-missing"),
        pytest.param(claim(), FakeWarehouse({("activities", LOAD): 10}), id="rows-are-there-twice"),
        pytest.param(claim(), FakeWarehouse({("activities", LOAD): 5}, {"activities": 1}), id="old-rows-are-left"),
        pytest.param(claim(), FakeWarehouse({("activities", LOAD): 5}, complete=()), id="the-load-is-not-complete"),
        pytest.param(claim(), FakeWarehouse({("activities", LOAD): 5}, absent=["activities"]), id="no-table"),
        pytest.param(claim(rejected=2), FakeWarehouse({("activities", LOAD): 5}), id="no-rejected-rows"),
        pytest.param(
            claim(by_key=[URN]), FakeWarehouse({("activities", LOAD): 5}, same_keys=6), id="a-key-is-there-twice"
        ),
        pytest.param(claim(by_key=[URN]), FakeWarehouse({("activities", LOAD): 4}, same_keys=4), id="fewer-by-key"),
    ],
)
def test_a_claim_that_does_not_hold_leaves_its_days_open(one: Claim, warehouse: FakeWarehouse) -> None:
    before = Coverage().with_window(EARLIER, TODAY, 3)
    stored = state({LOAD: one}, coverage=before)
    ledger = read(stored, warehouse)
    assert not loaded(ledger) & Days((WEEK,))
    assert ledger.broken == [("activities", LOAD)]
    if warehouse.absent:
        assert not loaded(ledger)
    else:
        assert loaded(ledger) == Days((EARLIER,))


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(claim(rows=None), id="rows-changed-by-a-step-of-the-users"),
        pytest.param(claim(rejected=None), id="rejected-rows-not-asked-for"),
        pytest.param(claim(by_key=[URN]), id="by-key"),
    ],
)
def test_what_cannot_be_counted_is_not_held_against_a_claim(one: Claim) -> None:
    ledger = read(state({LOAD: one}), FakeWarehouse({("activities", LOAD): 5}, same_keys=5))
    assert loaded(ledger) == Days((WEEK,))


def test_what_0_2_0_has_noted_for_transformers_says_nothing() -> None:
    warehouse = FakeWarehouse(absent=["activities for weekly"])
    ledger = read(state({LOAD: claim()}, "activities for weekly"), warehouse)
    assert not loaded(ledger)
    assert ledger.missing_tables == []


def test_only_the_claims_that_do_not_hold_are_given_up() -> None:
    stored = state({LOAD: claim(window=EARLIER), NEXT: claim()})
    ledger = read(stored, FakeWarehouse({("activities", LOAD): 5, ("activities", NEXT): 3}))
    assert loaded(ledger) == Days((EARLIER,))
    assert ledger.broken == [("activities", NEXT)]


def test_what_was_verified_is_not_asked_for_again() -> None:
    warehouse = FakeWarehouse(complete=())
    ledger = read(state({LOAD: claim()}), warehouse, verified={("activities", LOAD)})
    assert loaded(ledger) == Days((WEEK,))
    assert warehouse.asked == []


def test_what_was_verified_is_open_again_once_its_table_is_gone() -> None:
    warehouse = FakeWarehouse(absent=["activities"])
    ledger = read(state({LOAD: claim()}), warehouse, verified={("activities", LOAD)})
    assert not loaded(ledger)
    assert ledger.missing_tables == ["activities"]


def test_claims_of_the_load_that_is_extracted_count_and_are_not_looked_for() -> None:
    warehouse = FakeWarehouse()
    ledger = read(state({LOAD: claim()}), warehouse, current_load=LOAD)
    assert loaded(ledger) == Days((WEEK,))
    assert ledger.settled.get("activities", {}) == {}
    assert list(ledger.under_way) == ["activities"]
    assert (ledger.broken, warehouse.asked) == ([], [])


def test_without_a_warehouse_claims_are_taken_as_they_are() -> None:
    assert loaded(read(state({LOAD: claim()}), None)) == Days((WEEK,))


def test_a_table_that_is_missing_leaves_all_its_days_open_and_no_others() -> None:
    covered = {COVERAGE: {URN: Coverage().with_window(WEEK, TODAY, 3).to_state()}}
    stored = {"resources": {"activities": covered, "seats": covered, "contracts": {LISTED: "digest"}}}
    ledger = read(stored, FakeWarehouse(absent=["activities"]))
    assert ledger.missing_tables == ["activities"]
    assert not loaded(ledger)
    assert loaded(ledger, "seats") == Days((WEEK,))
    assert ledger.listed == "digest"
    assert read(stored, FakeWarehouse(absent=["contracts"])).listed is None


def test_a_table_that_was_renamed_is_looked_for_under_its_name() -> None:
    stored = state({LOAD: claim(table="li_activities")})
    assert loaded(read(stored, FakeWarehouse({("li_activities", LOAD): 5}, absent=["activities"]))) == Days((WEEK,))
    assert not loaded(read(stored, FakeWarehouse({("li_activities", LOAD): 5}, absent=["li_activities"])))


@pytest.mark.parametrize(("records", "there"), [(1, True), (0, False), (2, False)], ids=["all", "none", "twice"])
def test_the_outcome_of_an_unsettled_load_tells_of_its_records(records: int, there: bool) -> None:
    warehouse = FakeWarehouse({("activities", LOAD): 5, ("export_jobs", LOAD): records})
    outcome = read(state({LOAD: claim()}), warehouse, LOAD).outcomes[LOAD]
    assert (set(outcome.exports), outcome.records) == ({"activities"}, there)


def test_records_stay_of_which_the_journal_does_not_know() -> None:
    # as it was not written while its store was out of reach, and there is nothing to put in their place
    asked: Any = FakeWarehouse({("activities", LOAD): 5, ("export_jobs", LOAD): 3})
    assert read_ledger(state({LOAD: claim()}), asked, {LOAD: 0}).outcomes[LOAD].records


def test_a_load_that_is_not_complete_has_no_outcome() -> None:
    assert read(state({LOAD: claim()}), FakeWarehouse(complete=()), LOAD).outcomes == {}


def test_later_claims_settle_in_the_order_of_their_loads() -> None:
    # the days were read again a day later, so they are settled a day later
    first, second = claim(), claim()
    second.windows[0] = ClaimedWindow(URN, WEEK, TODAY + timedelta(days=10))
    ledger = read(state({NEXT: second, LOAD: first}), None)
    assert ledger.coverage("activities", URN).unsettled == {}


def test_a_load_writes_what_the_ledger_says_in_place_of_earlier_claims() -> None:
    stored = state({LOAD: claim(window=EARLIER)})
    warehouse = FakeWarehouse({("activities", LOAD): 5, ("activities", NEXT): 5})
    StateWriter(stored, read(stored, warehouse), NEXT).claim("activities", claim())
    own = stored["resources"]["activities"]
    assert set(own[CLAIMS]) == {NEXT}
    assert Coverage.from_state(own[COVERAGE][URN]).loaded == Days((EARLIER,))
    assert loaded(read(stored, warehouse)) == Days((EARLIER, WEEK))


def test_a_load_does_not_keep_claims_that_do_not_hold() -> None:
    stored = state({LOAD: claim(window=EARLIER)})
    StateWriter(stored, read(stored, FakeWarehouse()), NEXT).claim("activities", claim())
    assert loaded(read(stored, None)) == Days((WEEK,))


def test_a_load_that_brings_nothing_leaves_the_state_as_it_is() -> None:
    stored = state({LOAD: claim()})
    before = json.dumps(stored)
    StateWriter(stored, read(stored, None), NEXT)
    assert json.dumps(stored) == before


def test_days_that_a_full_refresh_asks_for_stay_wanted_until_they_come() -> None:
    stored: dict[str, Any] = state({LOAD: claim()})
    writer = StateWriter(stored, read(stored, None), NEXT)
    writer.mark_stale("activities", URN, Days((WEEK,)))
    writer.claim("activities", claim(window=window_of(2)))
    due = read(stored, None).coverage("activities", URN)
    assert due.stale == Days((WEEK,)) - Days((window_of(2),))
    assert due.loaded == Days((WEEK,))


def test_the_warehouse_is_trusted_and_not_what_an_earlier_run_has_left_here() -> None:
    stored, local = state({LOAD: claim(window=EARLIER)}), state({LOAD: claim(), NEXT: claim()})
    assert loaded(read(trusted(stored, local, "now"), None)) == Days((EARLIER,))


def test_what_was_taken_back_on_this_machine_is_not_loaded() -> None:
    assert not loaded(read(trusted(state({LOAD: claim()}), {"resources": {}}, "now"), None))
    assert not loaded(read(trusted(state({LOAD: claim()}), {"resources": {"activities": {}}}, "now"), None))


def test_what_the_load_that_is_extracted_has_brought_is_kept() -> None:
    merged = trusted(state({LOAD: claim(window=EARLIER)}), state({NEXT: claim()}), NEXT)
    ledger = read(merged, None, current_load=NEXT)
    assert loaded(ledger) == Days((EARLIER, WEEK))
    assert list(ledger.under_way) == ["activities"]


@pytest.mark.parametrize(
    ("staged", "holds"), [((5, 2), True), ((5, 1), False), ((0, 0), False)], ids=["lost-to-newer", "too-few", "unknown"]
)
def test_rows_that_lose_to_newer_ones_with_their_keys_are_not_missing(staged: tuple[int, int], holds: bool) -> None:
    state = {"resources": {"activities": {"claims": {LOAD: claim(rows=5).to_state()}}}}
    warehouse = FakeWarehouse({("activities", LOAD): 3}, staged=staged)
    ledger = read_ledger(state, cast(Any, warehouse), {})
    assert bool(ledger.coverage("activities", URN).loaded) == holds

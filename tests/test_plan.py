"""The plan of a run: which jobs are created, which are taken over, and on which day the run believes to be."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.days.windows import Coverage, Days, Window
from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ConfigurationError,
    ThrottledError,
    UnavailableError,
)
from salesnav_source.jobs.journal import JobInFlight
from salesnav_source.jobs.machine import MAX_TOKEN_REFUSALS
from salesnav_source.linkedin.client import Contract
from salesnav_source.run.contracts import UNREACHABLE_SECONDS, list_contracts
from salesnav_source.run.planning import NO_ACCESS, Plan, Refresh, make_plan, utc_today
from salesnav_source.run.text import render_plan
from salesnav_source.warehouse.state import Claim, ClaimedWindow, Ledger
from tests.fakes import EPOCH, OTHER_URN, TODAY, URN, FakeTimer, make_policy, make_settings, window_of

YESTERDAY = TODAY - timedelta(days=1)
CLOSED = "urn:li:contract:3"
CONTRACTS = {
    URN: Contract(URN, "One", None, True),
    OTHER_URN: Contract(OTHER_URN, "Two", None, True),
    CLOSED: Contract(CLOSED, "Three", None, False),
}


def planned(
    exports: Iterable[str] = ("activities",),
    listed: dict[str, Contract] | None = CONTRACTS,
    coverage: Coverage = Coverage(),  # noqa: B008
    in_flight: Iterable[JobInFlight] = (),
    refresh: Refresh | None = None,
    **changes: Any,
) -> Plan:
    """Plans with the same coverage for all exports and contracts."""
    exports = tuple(exports)
    settled = {export: {contract: coverage for contract in (URN, OTHER_URN)} for export in exports}
    return make_plan(
        make_settings(**changes),
        listed,
        {export: export for export in exports},
        Ledger(settled),
        in_flight,
        TODAY,
        EPOCH,
        refresh,
    )


def loaded(days: int) -> Coverage:
    return Coverage().with_window(window_of(days), TODAY, 3)


def job(
    window: Window, job_id: int = 7, age: float = 60.0, contract: str = URN, export: str = "activities"
) -> JobInFlight:
    return JobInFlight(job_id + 100, contract, export, window, job_id, EPOCH - age)


def test_every_contract_with_access_and_every_export_is_planned() -> None:
    plan = planned(["activities", "seats"])
    assert {(task.contract, task.export) for task in plan.tasks} == {
        (contract, export) for contract in (URN, OTHER_URN) for export in ("activities", "seats")
    }
    assert all(task.window == window_of(90) for task in plan.tasks)
    assert (plan.new_jobs, plan.out_of_reach, plan.today) == (4, (), TODAY)


def test_the_newest_days_of_all_contracts_come_first() -> None:
    tasks = planned(start_date="2025-01-01").tasks
    assert [task.window.last for task in tasks] == sorted((task.window.last for task in tasks), reverse=True)
    assert {task.contract for task in tasks[:2]} == {URN, OTHER_URN}


def test_only_the_contracts_chosen_are_planned() -> None:
    assert {task.contract for task in planned().tasks} == {URN, OTHER_URN}
    assert {task.contract for task in planned(["seats"], contracts=[OTHER_URN]).tasks} == {OTHER_URN}


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        pytest.param(CLOSED, "reporting", id="no-access"),
        pytest.param("urn:li:contract:4", "does not list", id="unknown"),
    ],
)
def test_a_chosen_contract_that_is_out_of_reach_fails_alone(chosen: str, words: str) -> None:
    plan = planned(["seats"], contracts=[URN, chosen])
    assert {task.contract for task in plan.tasks} == {URN}
    assert [(w.contract, w.window, w.outcome) for w in plan.out_of_reach] == [(chosen, window_of(90), "failed")]
    assert words in plan.out_of_reach[0].reason


def test_a_plan_says_which_contracts_it_asks_for_and_which_it_cannot_by_name_and_urn() -> None:
    lines = render_plan(planned(["seats"], contracts=[URN, CLOSED])).splitlines()
    assert lines[2].startswith(f"{CONTRACTS[URN].name} ({URN})  seats ")
    assert f"  seats of {CONTRACTS[CLOSED].name} ({CLOSED}), {window_of(90)}: {NO_ACCESS}" in lines


def test_a_contract_that_is_no_longer_listed_keeps_its_name() -> None:
    ledger = Ledger({"seats": {URN: loaded(80), CLOSED: loaded(80)}}, names={CLOSED: "Before"})
    listed = {URN: CONTRACTS[URN]}
    plan = make_plan(make_settings(), listed, ["seats"], ledger, (), TODAY, EPOCH)
    assert f"  seats of Before ({CLOSED}), " in render_plan(plan)


@pytest.mark.parametrize(
    ("listed", "chosen", "words"),
    [
        pytest.param({}, None, "lists no contract", id="no-contract"),
        pytest.param({CLOSED: CONTRACTS[CLOSED]}, None, CLOSED, id="none-with-access"),
        pytest.param(
            CONTRACTS,
            [CLOSED],
            f"{CONTRACTS[CLOSED].name} ({CLOSED}): LinkedIn gives no reporting access to this contract:",
            id="chosen-without-access",
        ),
        pytest.param(CONTRACTS, ["urn:li:contract:4"], URN, id="chosen-unknown"),
    ],
)
def test_nothing_to_export_is_a_configuration_error_that_helps(
    listed: dict[str, Contract], chosen: list[str] | None, words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        planned(["seats"], listed, contracts=chosen)
    assert words in str(caught.value)
    assert "reporting or administrator role" in str(caught.value)


def test_without_asking_linkedin_the_configured_contracts_are_taken() -> None:
    assert {task.contract for task in planned(["seats"], None, contracts=[CLOSED]).tasks} == {CLOSED}


def test_what_is_loaded_is_not_planned() -> None:
    assert planned(coverage=loaded(90)).tasks == ()


def test_what_the_load_under_way_has_brought_is_not_planned() -> None:
    claim = Claim("activities", 3, [ClaimedWindow(URN, window_of(90), TODAY)])
    ledger = Ledger(under_way={"activities": claim})
    settings = make_settings(contracts=[URN, OTHER_URN])
    plan = make_plan(settings, CONTRACTS, {"activities": "activities"}, ledger, (), TODAY, EPOCH)
    assert {task.contract for task in plan.tasks} == {OTHER_URN}


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        pytest.param({URN: CONTRACTS[URN]}, "does not list", id="not-listed-any-more"),
        pytest.param(
            {URN: CONTRACTS[URN], OTHER_URN: replace(CONTRACTS[OTHER_URN], has_reporting_access=False)},
            "no reporting access",
            id="access-withdrawn",
        ),
    ],
)
def test_a_contract_of_which_anything_is_loaded_stays_wanted(listed: dict[str, Contract], words: str) -> None:
    plan = planned(listed=listed, coverage=loaded(80))
    assert {task.contract for task in plan.tasks} == {URN}
    assert {window.contract for window in plan.out_of_reach} == {OTHER_URN}
    assert all(words in window.reason and "list the contracts that you want under contracts" in window.reason
               for window in plan.out_of_reach)  # fmt: skip
    assert not planned(listed=listed, coverage=loaded(80), contracts=[URN]).out_of_reach


def test_a_full_refresh_asks_for_what_is_loaded_or_wanted_between_the_days_named() -> None:
    everything = planned(coverage=loaded(200), refresh=Refresh(), listed={URN: CONTRACTS[URN]}, contracts=[URN])
    assert Days.of(task.window for task in everything.tasks) == Days((window_of(200),))
    days = Refresh(YESTERDAY - timedelta(days=6), YESTERDAY - timedelta(days=4))
    some = planned(coverage=loaded(200), refresh=days, contracts=[URN])
    assert [task.window for task in some.tasks] == [window_of(3, YESTERDAY - timedelta(days=4))]


def test_a_job_in_flight_is_taken_over() -> None:
    plan = planned(in_flight=[job(window_of(90), age=100.0)], listed={URN: CONTRACTS[URN]})
    (task,) = plan.tasks
    assert (task.stage, task.window, task.jobs) == ("poll", window_of(90), 1)
    assert task.job is not None
    assert (task.job.id, task.job.entry) == (7, 107)
    assert (task.job.age_before, task.job.created_at) == (100.0, EPOCH - 100.0)
    assert task.at_linkedin
    assert plan.new_jobs == 0


def test_around_a_job_in_flight_the_rest_is_asked_for() -> None:
    plan = planned(in_flight=[job(window_of(10, YESTERDAY - timedelta(days=5)))], listed={URN: CONTRACTS[URN]})
    windows = [task.window for task in plan.tasks]
    assert Days.of(windows) == Days((window_of(90),))
    assert sum(window.days for window in windows) == 90
    assert [task.job.id if task.job else None for task in plan.tasks] == [None, 7, None]


DAY = 86_400.0


@pytest.mark.parametrize(
    ("window", "age", "adopted"),
    [
        pytest.param(window_of(90), DAY * 9 / 24, True, id="made-today"),
        pytest.param(window_of(90), DAY * 9 / 24 + 1, False, id="made-yesterday-and-its-newest-days-may-change"),
        pytest.param(window_of(87, YESTERDAY - timedelta(days=3)), DAY / 2, False, id="made-in-the-lookback"),
        pytest.param(window_of(86, YESTERDAY - timedelta(days=4)), DAY / 2, True, id="made-after-the-lookback"),
        pytest.param(window_of(80, YESTERDAY - timedelta(days=10)), 6 * DAY, True, id="settled-and-days-old"),
        pytest.param(window_of(80, YESTERDAY - timedelta(days=10)), 7 * DAY - 1, True, id="just-kept"),
        pytest.param(window_of(80, YESTERDAY - timedelta(days=10)), 7 * DAY, False, id="kept-no-more"),
    ],
)
def test_a_job_is_adopted_while_its_file_is_as_good_as_a_new_one(window: Window, age: float, adopted: bool) -> None:
    tasks = planned(in_flight=[job(window, age=age)], listed={URN: CONTRACTS[URN]}, contracts=[URN]).tasks
    assert (7 in [task.job.id for task in tasks if task.job]) == adopted
    assert Days.of(task.window for task in tasks) == Days((window_of(90),))


@pytest.mark.parametrize(
    ("age", "adopted"), [pytest.param(60.0, True, id="made-today"), pytest.param(DAY, False, id="made-before")]
)
def test_a_full_refresh_adopts_only_jobs_that_were_made_today(age: float, adopted: bool) -> None:
    window = window_of(80, YESTERDAY - timedelta(days=10))
    plan = planned(in_flight=[job(window, age=age)], refresh=Refresh(), contracts=[URN])
    assert (plan.new_jobs < len(plan.tasks)) == adopted


@pytest.mark.parametrize(
    "in_flight",
    [
        pytest.param(job(window_of(90), contract="urn:li:contract:4"), id="another-contract"),
        pytest.param(job(window_of(90), export="seats"), id="another-export"),
        pytest.param(job(window_of(91)), id="days-that-are-not-wanted"),
        pytest.param(job(Window(TODAY, TODAY)), id="today"),
        pytest.param(job(window_of(90), age=86_400.0), id="a-day-old"),
    ],
)
def test_a_job_in_flight_that_does_not_fit_is_not_taken_over(in_flight: JobInFlight) -> None:
    plan = planned(in_flight=[in_flight])
    assert all(task.job is None and task.window == window_of(90) for task in plan.tasks)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 80)), max_size=6))
def test_no_day_is_planned_twice_whatever_is_in_flight(windows: list[tuple[int, int]]) -> None:
    in_flight = [job(window_of(days, YESTERDAY - timedelta(days=back)), n) for n, (days, back) in enumerate(windows)]
    tasks = planned(in_flight=in_flight, listed={URN: CONTRACTS[URN]}).tasks
    assert sum(task.window.days for task in tasks) == 90
    assert Days.of(task.window for task in tasks) == Days((window_of(90),))
    for task in tasks:
        assert task.job is None or task.window == in_flight[task.job.id].window


def listing(*answers: Any) -> Any:
    """Returns a client whose listings of contracts end like this, one after another; the last one again and again."""
    left = list(answers)

    def contracts() -> list[Contract]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, BaseException):
            raise answer
        return list(answer)

    return SimpleNamespace(contracts=contracts)


UNAVAILABLE = UnavailableError("LinkedIn failed to answer GET /salesContracts (HTTP 503).", 503)


def test_contracts_are_listed_again_with_growing_pauses() -> None:
    timer = FakeTimer()
    found = list_contracts(listing(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, CONTRACTS.values()), make_policy(), timer)
    assert found == CONTRACTS
    assert timer.slept == sorted(timer.slept) and len(set(timer.slept)) == 3


UNREACHABLE = UnavailableError("GET https://api.linkedin.com/v2/salesContracts: connection refused.")


@pytest.mark.parametrize(
    ("error", "words", "patience"),
    [
        pytest.param(UNAVAILABLE, "HTTP 503", 600.0, id="503"),
        pytest.param(ThrottledError("429"), "midnight UTC", 600.0, id="quota"),
        pytest.param(UNREACHABLE, "connection refused", UNREACHABLE_SECONDS, id="nobody-there"),
    ],
)
def test_contracts_that_cannot_be_listed_end_the_run_with_a_reason(
    error: Exception, words: str, patience: float
) -> None:
    timer = FakeTimer()
    with pytest.raises(UnavailableError, match=words) as caught:
        list_contracts(listing(error), make_policy(outage_timeout=600.0), timer)
    assert "contracts could not be listed" in str(caught.value)
    assert patience <= sum(timer.slept) <= patience + 30.0
    assert len(timer.slept) <= patience / 15 + 10


def test_a_short_outage_timeout_holds_for_the_listing_too() -> None:
    timer = FakeTimer()
    with pytest.raises(UnavailableError):
        list_contracts(listing(UNREACHABLE), make_policy(outage_timeout=2.0), timer)
    assert 2.0 <= sum(timer.slept) <= 5.0


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        pytest.param(30.0, 30.0, 31.0, id="seconds"),
        pytest.param(0.0, 0.2, 2.0, id="nothing"),
        pytest.param(1e12, 0.2, 2.0, id="absurd"),
        pytest.param(None, 0.2, 2.0, id="absent"),
    ],
)
def test_a_throttled_listing_waits_as_told_within_reason(retry_after: float | None, least: float, most: float) -> None:
    timer = FakeTimer()
    list_contracts(listing(ThrottledError("429", retry_after), CONTRACTS.values()), make_policy(), timer)
    assert len(timer.slept) == 1
    assert least <= timer.slept[0] <= most


REFUSED = AccessTokenError("The token is dead.", 401)


@pytest.mark.parametrize("refusals", [1, MAX_TOKEN_REFUSALS - 1], ids=["once", "as-often-as-may-be"])
def test_a_refusal_of_a_valid_token_now_and_then_ends_nothing(refusals: int) -> None:
    timer = FakeTimer()
    found = list_contracts(listing(*[REFUSED] * refusals, CONTRACTS.values()), make_policy(), timer)
    assert found == CONTRACTS
    assert len(timer.slept) == refusals and min(timer.slept) > 0


def test_a_token_that_is_refused_again_and_again_ends_the_run_soon() -> None:
    timer = FakeTimer()
    with pytest.raises(AccessTokenError, match="The token is dead"):
        list_contracts(listing(REFUSED), make_policy(), timer)
    assert len(timer.slept) == MAX_TOKEN_REFUSALS - 1
    assert sum(timer.slept) < 30.0


def test_what_no_second_try_helps_is_not_tried_again() -> None:
    timer = FakeTimer()
    with pytest.raises(AccessDeniedError, match="No access"):
        list_contracts(listing(AccessDeniedError("No access.", 403)), make_policy(), timer)
    assert timer.slept == []


class At(FakeTimer):
    """A timer that stands at a moment."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self.moment = moment

    def epoch(self) -> float:
        """Returns the moment."""
        return self.moment.timestamp()


MIDNIGHT = datetime(2024, 2, 29, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("own", "linkedins", "today"),
    [
        pytest.param(MIDNIGHT, None, date(2024, 2, 29), id="midnight"),
        pytest.param(MIDNIGHT - timedelta(milliseconds=1), None, date(2024, 2, 28), id="just-before"),
        pytest.param(MIDNIGHT, MIDNIGHT, date(2024, 2, 29), id="both"),
        pytest.param(MIDNIGHT, MIDNIGHT - timedelta(seconds=1), date(2024, 2, 28), id="own-clock-is-ahead"),
        pytest.param(MIDNIGHT - timedelta(seconds=1), MIDNIGHT, date(2024, 2, 28), id="own-clock-is-behind"),
        pytest.param(MIDNIGHT, MIDNIGHT - timedelta(hours=14), date(2024, 2, 28), id="hours-ahead"),
        pytest.param(MIDNIGHT - timedelta(hours=12), MIDNIGHT, date(2024, 2, 28), id="hours-behind"),
        pytest.param(
            MIDNIGHT, (MIDNIGHT - timedelta(minutes=1)).astimezone(timezone(timedelta(hours=5))), date(2024, 2, 28),
            id="told-in-another-zone",
        ),
    ],
)  # fmt: skip
def test_the_day_is_utcs_and_the_earlier_one_in_doubt(own: datetime, linkedins: datetime | None, today: date) -> None:
    assert utc_today(At(own), linkedins) == today


@given(st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)), st.floats(-15.9, 15.9))
def test_a_clock_that_is_wrong_by_hours_never_reaches_into_the_future(moment: datetime, hours: float) -> None:
    linkedins = moment.replace(tzinfo=timezone.utc)
    today = utc_today(At(linkedins + timedelta(hours=hours)), linkedins)
    assert today <= linkedins.date()
    assert (linkedins.date() - today).days <= 1

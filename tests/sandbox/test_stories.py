"""Each story that models downstream need takes place in the default world within the last 90 days, whatever the day is."""

import datetime as dt
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pytest

from salesnav_source.sandbox import DEFAULT_CONTRACTS, ContractSpec, Stories, World, paperwork
from salesnav_source.sandbox.stories import NEW_TYPES, team_of

NORTH, SOUTH, PILOT, _ = (spec.urn for spec in DEFAULT_CONTRACTS)
DAY = dt.timedelta(days=1)
TODAYS = [dt.date(2026, 1, 1) + n * 23 * DAY for n in range(8)]


class Past:
    """The last 90 days of a default world in which everyone does less than usual."""

    def __init__(self, today: dt.date) -> None:
        self.world = World(today=lambda: today, activities_per_seat=12)
        self.today = today
        self.first_day = today - 90 * DAY
        self._rows: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def rows(self, export: str, contract: str) -> list[dict[str, Any]]:
        key = (export, contract)
        if key not in self._rows:
            self._rows[key] = self.world.rows(export, contract, self.first_day, self.today - DAY)
        return self._rows[key]

    def active_days(self, contract: str) -> dict[int, set[dt.date]]:
        """Returns the days on which each seat acted."""
        days: dict[int, set[dt.date]] = defaultdict(set)
        for row in self.rows("activities", contract):
            days[row["seat_id"]].add(row["activity_date"])
        return days

    def snapshots(self, contract: str) -> dict[int, dict[dt.date, dict[str, Any]]]:
        """Returns the snapshots of each seat by day, in order."""
        found: dict[int, dict[dt.date, dict[str, Any]]] = defaultdict(dict)
        for row in sorted(self.rows("seats", contract), key=lambda row: row["snapshot_date"]):
            found[row["seat_id"]][row["snapshot_date"]] = row
        return found


@pytest.fixture(scope="module", params=TODAYS, ids=str)
def past(request: Any) -> Past:
    return Past(request.param)


def test_a_seat_is_activated_but_idle_for_weeks(past: Past) -> None:
    used = past.active_days(NORTH)
    idle = [
        seat
        for seat, days in past.snapshots(NORTH).items()
        if list(days.values())[-1]["seat_status"] == "ACTIVE"
        and max(used[seat], default=past.first_day) < past.today - 28 * DAY
    ]
    assert 1 <= len(idle) <= 4


def test_a_seat_stops(past: Past) -> None:
    stopped = [
        seat
        for seat, days in past.active_days(NORTH).items()
        if len(days) >= 5 and past.first_day + 7 * DAY < max(days) < past.today - 14 * DAY
    ]
    assert stopped


def test_a_seat_is_activated_within_the_period_and_then_used(past: Past) -> None:
    used = past.active_days(NORTH)
    began = []
    for seat, days in past.snapshots(NORTH).items():
        states = [row["seat_status"] for row in days.values()]
        if "PENDING" in states and states[-1] == "ACTIVE":
            activated = next(day for day, row in days.items() if row["seat_status"] == "ACTIVE" and day - DAY in days)
            pending = [row for row in days.values() if row["seat_status"] == "PENDING"]
            assert all(row["ssi"] is row["total_connections"] is row["total_saved_leads"] is None for row in pending)
            assert not any(row["snapshot_date"] in used[seat] for row in pending)
            began += [seat] if max(used[seat], default=past.first_day) >= activated else []
    assert began


def test_a_seat_changes_its_holder(past: Past) -> None:
    holders = {seat: {row["email"] for row in days.values()} for seat, days in past.snapshots(NORTH).items()}
    assert any(len(emails) == 2 for emails in holders.values())
    assert sum(len(emails) > 1 for emails in holders.values()) <= 4


@pytest.mark.parametrize("contract", [NORTH, SOUTH, PILOT])
def test_seats_that_were_never_activated_have_no_metrics(past: Past, contract: str) -> None:
    never = [
        days for days in past.snapshots(contract).values() if {r["seat_status"] for r in days.values()} == {"PENDING"}
    ]
    assert never
    metrics = ("ssi", "ssi_brand", "ssi_find", "ssi_engage", "ssi_build", "total_connections", "total_saved_leads")
    assert all(row[name] is None for days in never for row in days.values() for name in metrics)
    assert not {next(iter(days.values()))["seat_id"] for days in never} & set(past.active_days(contract))


def test_profile_views_are_spelled_in_two_ways(past: Past) -> None:
    kinds = Counter(row["activity_type"] for row in past.rows("activities", SOUTH))
    assert 0.2 < kinds["PROFILE_VIEW"] / (kinds["PROFILE_VIEW"] + kinds["PROFILE_VIEWED"]) < 0.3
    assert "PROFILE_VIEW" not in {row["activity_type"] for row in past.rows("activities", NORTH)}


def test_a_type_of_activity_is_added_later(past: Past) -> None:
    first: dict[str, dt.date] = {}
    for row in past.rows("activities", PILOT):
        kind = row["activity_type"]
        first[kind] = min(first.get(kind, row["activity_date"]), row["activity_date"])
    new = [kind for kind in NEW_TYPES if kind in first and first[kind] > past.first_day + 28 * DAY]
    assert new


def test_the_member_key_is_one_value_on_all_searches(past: Past) -> None:
    for contract in (NORTH, SOUTH, PILOT):
        searches = [row for row in past.rows("activities", contract) if row["activity_type"] == "SEARCH_PERFORMED"]
        assert {row["member_identity_key"] for row in searches} == {"-1"}


def test_inmails_have_several_outcomes_and_some_of_a_third_kind(past: Past) -> None:
    outcomes: dict[str, set[str]] = defaultdict(set)
    for row in past.rows("activity_outcomes", SOUTH):
        outcomes[row["activity_id"]].add(row["activity_type"])
    assert any(len(kinds) == 2 for kinds in outcomes.values())
    assert {"INMAIL_EXPIRED"} in outcomes.values()


def test_outcomes_come_weeks_later_and_before_their_inmails_first_day(past: Past) -> None:
    sent = {row["activity_id"]: row["created_at"] for row in past.rows("activities", SOUTH)}
    outcomes = past.rows("activity_outcomes", SOUTH)
    lags = [row["created_at"] - sent[row["activity_id"]] for row in outcomes if row["activity_id"] in sent]
    assert max(lags) > 21 * DAY
    assert min(lags) > dt.timedelta(0)
    orphans = [row for row in outcomes if row["activity_id"] not in sent]
    assert 0 < len(orphans) < len(outcomes) / 2


def test_snapshots_have_a_gap(past: Past) -> None:
    days = {row["snapshot_date"] for row in past.rows("seats", SOUTH)}
    missing = [past.first_day + n * DAY for n in range(90) if past.first_day + n * DAY not in days]
    assert 5 <= len(missing) <= 10
    assert len({row["snapshot_date"] for row in past.rows("seats", NORTH)}) == 90


def test_a_contracts_use_collapses_for_a_week(past: Past) -> None:
    weeks: Counter[dt.date] = Counter()
    for row in past.rows("activities", PILOT):
        weeks[row["activity_date"] - row["activity_date"].weekday() * DAY] += 1
    whole = [weeks[week] for week in sorted(weeks) if past.first_day <= week and week + 7 * DAY <= past.today]
    low = [number for number in range(1, len(whole) - 1) if whole[number] < 0.2 * whole[number - 1]]
    assert low or whole[0] < 0.2 * whole[1] or whole[-1] < 0.2 * whole[-2]
    assert all(whole[number + 1] > 5 * whole[number] for number in low)


def test_two_contracts_share_seat_ids(past: Past) -> None:
    north, south, pilot = (set(past.snapshots(contract)) for contract in (NORTH, SOUTH, PILOT))
    assert len(north & pilot) == 2
    assert not south & (north | pilot)
    assert north & pilot & set(past.active_days(NORTH)) & set(past.active_days(PILOT))


def test_a_world_of_ones_own_tells_no_stories() -> None:
    today = dt.date(2026, 3, 2)
    urn = "urn:li:contract:1"
    plain, told = (
        World(
            contracts=[ContractSpec(urn, "One", seats=20, stories=stories)], today=lambda: today, activities_per_seat=5
        )
        for stories in (Stories(), Stories(True, True, True, True, True, True))
    )
    window = (urn, today - 90 * DAY, today - DAY)
    assert len(plain.rows("seats", *window)) == 20 * 90 > len(told.rows("seats", *window))
    for export in ("activities", "activity_outcomes", "seats"):
        file = told.file(export, *window)
        assert file.row_count == len(file.rows()) == b"".join(file.chunks()).count(b"\n") - 1


def test_days_with_stories_stay_as_they_are_as_time_passes() -> None:
    day = dt.date(2026, 2, 10)
    early, late = (World(today=lambda today=today: today) for today in (day + DAY, day + 300 * DAY))
    for contract in (NORTH, SOUTH, PILOT):
        for export in ("activity_outcomes", "seats"):
            assert early.rows(export, contract, day, day) == late.rows(export, contract, day, day)
        assert b"".join(early.csv("activities", contract, day, day)) == b"".join(
            late.csv("activities", contract, day, day)
        )


def test_teams_differ(past: Past) -> None:
    numbers = past.world.numbers(NORTH)
    done: Counter[str] = Counter()
    sent: dict[str, str] = {}
    for row in past.rows("activities", NORTH):
        team = team_of(numbers[row["seat_id"]]).name
        done[team] += 1
        if row["activity_type"] == "INMAIL_SENT":
            sent[row["activity_id"]] = team
    assert done["Enterprise"] > 1.2 * done["Mid-market"] > 1.2 * 1.2 * done["Emerging"]
    engage: dict[str, list[float]] = defaultdict(list)
    for row in past.rows("seats", NORTH):
        if row["ssi_engage"] is not None:
            engage[team_of(numbers[row["seat_id"]]).name].append(row["ssi_engage"])
    mean = {team: sum(values) / len(values) for team, values in engage.items()}
    assert mean["Enterprise"] > mean["Emerging"] + 2


def test_seats_have_leads_of_their_own_and_share_few(past: Past) -> None:
    seats: dict[str, set[int]] = defaultdict(set)
    for row in past.rows("activities", SOUTH):
        if row["activity_type"] == "SAVED_LEAD":
            seats[row["member_identity_key"]].add(row["seat_id"])
    shared = [key for key, found in seats.items() if len(found) > 1]
    assert 0 < len(shared) < 0.1 * len(seats)


def test_seats_are_bought_and_not_assigned(past: Past) -> None:
    bought = {row["contract"]: row["purchased_seats"] for row in paperwork.contract_terms(past.world)}
    assert set(bought) == {NORTH, SOUTH, PILOT}
    assert bought[NORTH] > len(past.snapshots(NORTH)) and bought[PILOT] == len(past.snapshots(PILOT))


def test_the_directory_names_present_holders_and_those_who_never_began(past: Past) -> None:
    entries = [row for row in paperwork.directory(past.world) if row["contract"] == NORTH]
    newest = {str(seat): list(days.values())[-1]["email"] for seat, days in past.snapshots(NORTH).items()}
    known = {row["seat_id"]: row["email"] for row in entries if row["seat_id"] in newest}
    assert all(newest[seat] == email for seat, email in known.items())
    # some were forgotten, and some are invited
    assert 0 < len(newest) - len(known) < 20
    assert len(entries) > len(known)
    assert {row["team"] for row in entries} == {"Enterprise", "Mid-market", "Emerging"}


def test_paperwork_stands_beside_the_tables_and_leaves_an_imported_directory(past: Past, tmp_path: Path) -> None:
    database = tmp_path / "sandbox.duckdb"
    paperwork.write(database, "salesnav", past.world)
    with duckdb.connect(str(database)) as connection:
        assert connection.execute('SELECT count(*) FROM salesnav.contract_terms WHERE "to" IS NULL').fetchone() == (3,)
        connection.execute(
            "CREATE OR REPLACE TABLE salesnav.seat_directory AS SELECT 'mine' AS team, 'x' AS _dlt_load_id"
        )
    paperwork.write(database, "salesnav", past.world)
    with duckdb.connect(str(database)) as connection:
        assert connection.execute("SELECT team FROM salesnav.seat_directory").fetchall() == [("mine",)]

"""Faults of the list of contracts, of refusals, and of what windows LinkedIn takes and what their files hold."""

import csv
import datetime as dt
import io
import json
import re
from typing import Any

import pytest

from salesnav_source.sandbox import Sandbox, World, parse_fault
from salesnav_source.sandbox import faults as f

from .test_restli import DAY_MS, LIST, START, followed, links_of, world_of

URN = "urn:li:contract:1"
DAY = dt.timedelta(days=1)
FIRST, LAST = dt.date(2026, 2, 20), dt.date(2026, 3, 1)


def table(client: Any, job: dict[str, Any]) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(client.download(job).content.decode())))
    assert len(rows) - 1 == job["rowCount"]
    return rows


def test_page_two_is_refused(serve: Any) -> None:
    with Sandbox(world_of(10), faults=[f.page_two_refused()]) as sandbox:
        client = type(serve())(sandbox, lambda: 0.0)
        first = client.request("GET", LIST)
        assert (first.status, len(first.json["elements"])) == (200, 10)
        second = client.request("GET", links_of(first.json)["next"])
        assert (second.status, second.json["status"]) == (400, 400)
        sandbox.clear_faults()
        sandbox.add_fault(parse_fault("page-two-refused=403"))
        assert client.request("GET", links_of(first.json)["next"]).status == 403


def test_pages_without_links_lead_nowhere(serve: Any) -> None:
    with Sandbox(world_of(13), faults=[f.no_links()]) as sandbox:
        assert len(followed(type(serve())(sandbox, lambda: 0.0))) == 10


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(f.name_with_controls(), "\x07", id="controls"),
        pytest.param(f.name_with_markup(), "<b>North</b>", id="markup"),
        pytest.param(f.long_name(5000), "North " * 833 + "No", id="long"),
    ],
)
def test_names_are_odd(serve: Any, fault: f.Fault, said: str) -> None:
    names = [element["name"] for element in serve(fault).contracts().json["elements"]]
    assert (names[0], said in names[1], names[2]) == ("One", True, "Three")


@pytest.mark.parametrize(
    ("name", "call", "said"),
    [
        ("product-missing", "contracts", "Not enough permissions to access: salesContracts.FINDER-contractsByMember"),
        ("parameter-refused", "contracts", "Unpermitted fields present in PARAMETER: "),
        ("body-field-refused", "create", "[/endAt]"),
        ("body-field-refused=startAt", "create", "[/startAt]"),
        ("role-missing", "create", "role"),
    ],
)
def test_access_is_refused_in_several_ways(serve: Any, name: str, call: str, said: str) -> None:
    client = serve(parse_fault(name))
    for _ in range(2):
        reply = client.request("GET", f"{LIST}&count=10") if call == "contracts" else client.create()
        assert (reply.status, reply.json["serviceErrorCode"]) == (403, 100)
        assert said in reply.json["message"]
    assert client.sandbox.jobs == []


def test_a_parameter_that_is_not_sent_is_not_refused(serve: Any) -> None:
    client = serve(f.parameter_refused("count"))
    assert client.contracts().status == 200
    assert client.request("GET", f"{LIST}&count=10").json["message"].endswith("[/count]")


def test_a_version_is_switched_off(serve: Any) -> None:
    client = serve()
    job = client.completed()
    client.sandbox.add_fault(f.version_gone())
    for reply in (client.contracts(), client.create(), client.poll(job["id"])):
        assert (reply.status, reply.json["status"], reply.json["code"]) == (426, 426, "NONEXISTENT_VERSION")
        assert "not active" in reply.json["message"]
    assert client.download(job).status == 200


def test_a_version_is_required(serve: Any) -> None:
    client = serve(f.version_required())
    refused = client.contracts()
    assert (refused.status, refused.json["code"]) == (400, "VERSION_MISSING")
    assert client.contracts(LinkedIn_Version="202611").status == 200


@pytest.mark.parametrize(("fault", "days"), [("retention", 60), ("retention=7", 7)])
def test_windows_that_reach_too_far_back_are_refused(serve: Any, fault: str, days: int) -> None:
    client = serve(parse_fault(fault))
    edge = dt.date(2026, 3, 2) - days * DAY
    assert client.create(edge, LAST).status == 200
    assert client.create(edge - DAY, edge).status == 400
    assert client.create(edge - DAY, LAST).status == 400
    assert len(client.sandbox.jobs) == 1


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        ("end-at-midnight", {DAY_MS}),
        ("end-at-last-second", {DAY_MS - 1000}),
        ("end-at-whole-days", {DAY_MS}),
    ],
)
def test_only_one_form_of_the_end_is_taken(serve: Any, fault: str, taken: set[int]) -> None:
    client = serve(parse_fault(fault))
    ends = [DAY_MS - 1, DAY_MS, DAY_MS - 1000]
    assert {end for end in ends if client.create(startAt=START, endAt=START + end).status == 200} == taken
    assert len(client.sandbox.jobs) == 1


def test_whole_days_may_begin_at_any_hour(serve: Any) -> None:
    client = serve(f.end_at_whole_days())
    assert client.create(startAt=1538432171000, endAt=1538518571000).status == 200
    assert client.create(startAt=1525176000000, endAt=1527854400000).status == 200


@pytest.mark.parametrize("hour", [1, 8, 23])
@pytest.mark.parametrize("export", ["activities", "activity_outcomes"])
def test_days_begin_at_another_hour(serve: Any, world: World, export: str, hour: int) -> None:
    client = serve(parse_fault(f"days-cut-at={hour}"))
    day, later = dt.date(2026, 2, 20), dt.timedelta(hours=hour)
    start = dt.datetime.combine(day, dt.time(), dt.timezone.utc) + later
    rows = [row for row in world.rows(export, URN, day, day + 8 * DAY) if start <= row["created_at"] < start + 7 * DAY]
    found = table(client, client.completed(export=export, first_day=day, last_day=day + 6 * DAY))
    expected = [(row["activity_id"], row["created_at"].strftime("%m-%d-%Y %H:%M:%S")) for row in rows]
    assert sorted((row[0], row[2]) for row in found[1:]) == sorted(expected) != []


def test_days_cut_elsewhere_lie_side_by_side(serve: Any, world: World) -> None:
    client = serve(f.days_cut_at(8))
    days = [FIRST + n * DAY for n in range(4)]
    apart = [row for day in days for row in table(client, client.completed(first_day=day, last_day=day))[1:]]
    whole = table(client, client.completed(first_day=days[0], last_day=days[-1]))[1:]
    assert sorted(apart) == sorted(whole)
    seats = table(client, client.completed(export="seats"))
    assert len(seats) - 1 == len(world.rows("seats", URN, FIRST, LAST))


def test_a_look_back_comes_without_rows(serve: Any) -> None:
    client = serve(f.look_back_empty())
    assert client.completed(first_day=FIRST, last_day=FIRST + 3 * DAY)["rowCount"] > 0
    assert client.completed(first_day=FIRST + 4 * DAY, last_day=LAST)["rowCount"] > 0
    again = client.completed(first_day=FIRST + 3 * DAY, last_day=LAST)
    assert (again["status"], again["rowCount"], len(table(client, again))) == ("COMPLETED", 0, 1)
    assert client.completed(export="seats")["rowCount"] > 0


def test_a_failed_job_leaves_its_days_new(serve: Any) -> None:
    client = serve(f.internal_error(), f.look_back_empty())
    assert client.completed()["status"] == "FAILED_DUE_TO_INTERNAL_ERROR"
    assert client.completed()["rowCount"] > 0


@pytest.mark.parametrize("export", ["activities", "activity_outcomes"])
def test_a_row_stands_in_two_windows(serve: Any, world: World, export: str) -> None:
    client = serve(f.row_in_two_windows())
    day = dt.date(2026, 2, 24)
    first = table(client, client.completed(export=export, first_day=day - 7 * DAY, last_day=day - DAY))
    second = table(client, client.completed(export=export, first_day=day, last_day=day))
    (moved,) = [row for row in second[1:] if row[:2] in [other[:2] for other in first[1:]]]
    assert moved[2].startswith("02-24-2026")
    assert len(second) - 1 == len(world.rows(export, URN, day, day)) + 1


@pytest.mark.parametrize("export", ["activities", "activity_outcomes", "seats"])
def test_a_row_lies_outside_its_window(serve: Any, world: World, export: str) -> None:
    client = serve(f.row_outside_window())
    day = dt.date(2026, 2, 24)
    before = table(client, client.completed(export=export, first_day=day - 7 * DAY, last_day=day - DAY))[1:]
    rows = table(client, client.completed(export=export, first_day=day, last_day=day))[1:]
    (outside,) = [row for row in rows if row in before]
    assert re.search(r"02-(1[789]|2[0123])-2026", " ".join(outside))
    assert len(rows) == len(world.rows(export, URN, day, day)) + 1


def test_outcomes_stand_in_two_files(serve: Any, world: World) -> None:
    client = serve(f.outcome_in_two_files())
    day = dt.date(2026, 2, 24)
    first = table(client, client.completed(export="activity_outcomes", first_day=day - 7 * DAY, last_day=day - DAY))
    second = table(client, client.completed(export="activity_outcomes", first_day=day, last_day=day))
    truth = world.rows("activity_outcomes", URN, day - 7 * DAY, day - DAY)
    both = [row for row in second[1:] if row in first[1:]]
    assert len(both) == len(truth) > 0
    assert len(second) - 1 == len(truth) + len(world.rows("activity_outcomes", URN, day, day))


def test_faults_of_rows_and_of_files_combine(serve: Any) -> None:
    client = serve(f.gzip_twice(), f.footer(), f.iso_dates(), f.row_outside_window(), f.unknown_day_header())
    plain = serve(f.row_outside_window())
    job = client.completed(export="seats")
    assert job["rowCount"] == plain.completed(export="seats")["rowCount"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("throttle=3", "takes no value"),
        ("retention=x", "takes DAYS"),
        ("retention=7:x", "times"),
        ("days-cut-at=1@x", "@"),
    ],
)
def test_values_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_fault(text)


def test_a_value_stands_beside_times_and_seconds() -> None:
    fault = parse_fault("retention=7:3@60")
    assert (fault.times, fault.wait) == (3, 60)
    assert parse_fault("retention=7:always").times is None


def test_refusals_are_json(serve: Any) -> None:
    reply = serve(f.retention(1)).create()
    assert set(json.loads(reply.content)) == {"message", "serviceErrorCode", "status"}
    assert reply.headers["x-restli-error-response"] == "true"

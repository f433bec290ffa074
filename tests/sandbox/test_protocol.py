import datetime as dt
import http.client
import json
import threading
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.sandbox import faults as f

URN = "urn:li:contract:1"
TODAY = dt.date(2026, 3, 2)
DAY_MS = 86_400_000
START = 1_771_545_600_000  # 2026-02-20


def assert_refused(reply: Any, status: int, code: int | None = None) -> None:
    assert reply.status == status
    assert reply.json["status"] == status
    assert set(reply.json) == {"message", "serviceErrorCode", "status"}
    assert code in (None, reply.json["serviceErrorCode"])
    assert {"x-li-uuid", "x-li-fabric", "x-li-request-id"} <= set(reply.headers)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"Authorization": None}, 401, 65600, id="no-token"),
        pytest.param({"Authorization": "Bearer other"}, 401, 65600, id="unknown-token"),
        pytest.param({"Authorization": "Basic sandbox-token"}, 401, 65600, id="no-bearer"),
        pytest.param({"X_Restli_Protocol_Version": "3.0.0"}, 400, None, id="later-protocol-version"),
        pytest.param({"X_Restli_Protocol_Version": "two"}, 400, None, id="no-protocol-version"),
    ],
)
def test_every_call_checks_token_and_protocol(client: Any, headers: dict[str, Any], status: int, code: int) -> None:
    job = client.completed()
    assert_refused(client.contracts(**headers), status, code)
    assert_refused(
        client.request("POST", "/v2/salesAnalyticsExportJobs?action=exportSeatData", b"{}", **headers), status
    )
    target = f"/v2/salesAnalyticsExportJobs/{job['id']}?contract={quote(URN, safe='')}"
    assert_refused(client.request("GET", target, **headers), status, code)
    assert_refused(client.download(job, **headers), status, code)


def test_a_revoked_token_is_dead_until_renewed(client: Any) -> None:
    client.sandbox.revoke_token()
    assert_refused(client.contracts(), 401, 65601)
    assert client.renew("sandbox-refresh-token").status == 200
    assert client.contracts().status == 200
    assert_refused(client.contracts(Authorization="Bearer sandbox-token"), 401, 65601)


def test_a_token_expires(serve: Any) -> None:
    client = serve(token_seconds=100)
    client.clock.now += 99
    assert client.contracts().status == 200
    client.clock.now += 1
    assert_refused(client.contracts(), 401, 65602)


def test_renewing_rotates_the_refresh_token(client: Any) -> None:
    answer = client.renew("sandbox-refresh-token").json
    assert answer["access_token"] == client.sandbox.access_token != "sandbox-token"
    assert answer["refresh_token"] == client.sandbox.refresh_token != "sandbox-refresh-token"
    assert answer["expires_in"] == 60 * 86400
    assert 0 < answer["refresh_token_expires_in"] <= 365 * 86400
    dead = client.renew("sandbox-refresh-token")
    assert (dead.status, dead.json["error"]) == (400, "invalid_request")
    assert client.renew(answer["refresh_token"]).status == 200


def test_renewing_may_leave_the_refresh_token(serve: Any) -> None:
    client = serve(rotate_refresh_token=False)
    assert client.renew("sandbox-refresh-token").json["refresh_token"] == "sandbox-refresh-token"
    assert client.renew("sandbox-refresh-token").status == 200


def test_renewing_needs_the_client(client: Any) -> None:
    assert client.renew("sandbox-refresh-token", client_secret="other").status == 401
    assert client.renew("sandbox-refresh-token", grant_type="password").status == 400
    assert client.request("POST", "/oauth/v2/accessToken", b"{}").status == 400


def test_introspection_tells_how_a_token_is(client: Any) -> None:
    active = client.introspect("sandbox-token")
    assert active["active"] is True
    assert active["status"] == "active"
    assert active["scope"] == "r_sales_nav_analytics"
    assert active["expires_at"] == client.clock.now + 60 * 86400
    client.sandbox.revoke_token()
    assert client.introspect("sandbox-token")["status"] == "revoked"
    assert client.introspect("other") == {"active": False}


def test_contracts_are_paged() -> None:
    specs = [ContractSpec(f"urn:li:contract:{n}", str(n)) for n in range(25)]
    with Sandbox(World(contracts=specs, seats_per_contract=1)) as sandbox:
        found: list[str] = []
        for start, size in ((0, 10), (10, 10), (20, 5), (30, 0)):
            answer = get_contracts(sandbox, f"&start={start}&count=50")
            assert len(answer["elements"]) == size
            assert (answer["paging"]["count"], answer["paging"]["start"]) == (10, start)
            found += [element["contract"] for element in answer["elements"]]
        assert found == [spec.urn for spec in specs]
        assert len(get_contracts(sandbox, "&count=3")["elements"]) == 3


def get_contracts(sandbox: Sandbox, query: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(sandbox.base_url).port, timeout=300)
    headers = {"Authorization": f"Bearer {sandbox.access_token}", "X-Restli-Protocol-Version": "2.0.0"}
    connection.request("GET", f"/v2/salesContracts?q=contractsByMember{query}", headers=headers)
    content = connection.getresponse().read()
    connection.close()
    return json.loads(content)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?q=other", 400),
        ("?q=contractsByMember&count=-1", 400),
        ("?q=contractsByMember&start=x", 400),
        ("?q=contractsByMember&fields=name", 403),
    ],
)
def test_contracts_refuse_bad_parameters(client: Any, query: str, status: int) -> None:
    assert_refused(client.request("GET", f"/v2/salesContracts{query}"), status)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        pytest.param({"startAt": START + 2 * DAY_MS, "endAt": START + DAY_MS - 1}, 400, None, id="start-after-end"),
        pytest.param({"startAt": START - 89 * DAY_MS, "endAt": START + 2 * DAY_MS - 1}, 400, None, id="91-days"),
        pytest.param(
            {"startAt": START - 80 * DAY_MS, "endAt": START + 10 * DAY_MS + 1}, 400, None, id="90-days-and-1-ms"
        ),
        pytest.param({"endAt": START + 11 * DAY_MS - 1}, 400, None, id="today"),
        pytest.param({"endAt": START + 10 * DAY_MS + 1}, 400, None, id="first-ms-of-today"),
        pytest.param({"startAt": START + 20 * DAY_MS, "endAt": START + 21 * DAY_MS - 1}, 400, None, id="future"),
        pytest.param({"startAt": str(START)}, 400, None, id="text-for-time"),
        pytest.param({"endAt": None}, 400, None, id="no-end"),
        pytest.param({"endAt": 10**30 * DAY_MS - 1, "startAt": (10**30 - 1) * DAY_MS}, 400, None, id="out-of-range"),
        pytest.param({"contract": quote(URN, safe="")}, 400, None, id="urn-encoded"),
        pytest.param({"contract": 1}, 400, None, id="no-urn"),
        pytest.param({"other": 1}, 403, 100, id="unknown-field"),
        pytest.param({"startAt": -(10**15), "endAt": -(10**15)}, 400, None, id="before-the-calendar"),
        pytest.param({"contract": "urn:li:contract:3"}, 403, 100, id="no-reporting-access"),
        pytest.param({"contract": "urn:li:contract:99"}, 404, None, id="unknown-contract"),
    ],
)
def test_jobs_are_refused(client: Any, changes: dict[str, Any], status: int, code: int | None) -> None:
    assert_refused(client.create(**changes), status, code)
    assert client.sandbox.jobs == []


@pytest.mark.parametrize("body", [b"{", b"[]", b""], ids=["cut", "list", "empty"])
def test_a_job_needs_a_json_object(client: Any, body: bytes) -> None:
    assert_refused(client.request("POST", "/v2/salesAnalyticsExportJobs?action=exportSeatData", body), 400)


def test_a_job_needs_a_known_action_and_content_type(client: Any) -> None:
    assert_refused(client.request("POST", "/v2/salesAnalyticsExportJobs?action=other", b"{}"), 400)
    assert_refused(client.request("POST", "/v2/salesAnalyticsExportJobs", b"{}"), 400)
    target = "/v2/salesAnalyticsExportJobs?action=exportSeatData"
    assert_refused(client.request("POST", target, b"{}", Content_Type="text/plain"), 400)


def test_ninety_whole_days_up_to_yesterday_are_accepted(client: Any) -> None:
    reply = client.create(first_day=dt.date(2025, 12, 2), last_day=dt.date(2026, 3, 1))
    assert reply.status == 200
    assert reply.json == {"value": {"id": 100002, "status": "ENQUEUED"}}
    (job,) = client.sandbox.jobs
    assert (job.export, job.action, job.contract) == ("activities", "exportActivityData", URN)
    assert (job.first_day, job.last_day) == (dt.date(2025, 12, 2), dt.date(2026, 3, 1))


def test_a_job_goes_through_its_statuses(serve: Any) -> None:
    client = serve(job_seconds=(30.0, 30.0))
    job_id = client.create().json["value"]["id"]
    seen = []
    for seconds in (0, 9, 10, 10):
        client.clock.now += seconds
        seen.append(client.poll(job_id).json)
    assert [answer["status"] for answer in seen] == ["ENQUEUED", "ENQUEUED", "PROCESSING", "PROCESSING"]
    client.clock.now += 1
    answer = client.poll(job_id).json
    assert set(answer) == {"id", "status", "downloadUrl", "rowCount", "expireAt"}
    assert answer["expireAt"] == (client.clock.now + 3600) * 1000
    assert client.sandbox.jobs[0].status == answer["status"] == "COMPLETED"


def test_jobs_of_a_lane_run_one_after_another(serve: Any) -> None:
    client = serve(job_seconds=(30.0, 30.0))
    first, second, third = (client.create().json["value"]["id"] for _ in range(3))
    others = [client.create(export="seats").json["value"]["id"]]
    others += [client.create(contract="urn:li:contract:2").json["value"]["id"]]
    assert [job.starts_at - client.clock.now for job in client.sandbox.jobs] == [0, 30, 60, 0, 0]
    client.clock.now += 30
    statuses = [client.poll(number).json["status"] for number in (first, second, third, others[0])]
    assert statuses == ["COMPLETED", "ENQUEUED", "ENQUEUED", "COMPLETED"]
    client.clock.now += 29
    assert client.poll(second).json["status"] == "PROCESSING"
    client.clock.now += 1
    assert [client.poll(number).json["status"] for number in (second, third)] == ["COMPLETED", "ENQUEUED"]
    client.clock.now += 30
    assert client.poll(third).json["status"] == "COMPLETED"
    client.clock.now += 100
    client.create()
    assert client.sandbox.jobs[-1].starts_at == client.clock.now


def test_an_endless_job_holds_up_its_lane_and_no_other(serve: Any) -> None:
    client = serve(f.endless_job())
    client.create()
    behind, beside = client.create().json["value"]["id"], client.create(export="seats").json["value"]["id"]
    client.clock.now += 10**6
    assert client.poll(behind).json["status"] == "ENQUEUED"
    assert client.sandbox.jobs[2].status == "COMPLETED"
    assert client.poll(beside).status == 404  # it ended more than seven days ago


def test_without_lanes_jobs_run_side_by_side(serve: Any) -> None:
    client = serve(job_seconds=(30.0, 30.0), lanes=False)
    jobs = [client.create().json["value"]["id"] for _ in range(3)]
    client.clock.now += 30
    assert {client.poll(number).json["status"] for number in jobs} == {"COMPLETED"}


def test_files_are_kept_for_seven_days(serve: Any) -> None:
    client = serve(job_seconds=(0.0, 0.0), url_seconds=10**7)
    job_id = client.create().json["value"]["id"]
    early = client.poll(job_id).json
    client.clock.now += 7 * 86400 - 1
    assert client.download(client.poll(job_id).json).status == 200
    client.clock.now += 1
    assert_refused(client.poll(job_id), 404)
    assert_refused(client.download(early), 404)


def test_job_durations_follow_from_the_seed(serve: Any) -> None:
    durations = []
    for _ in range(2):
        client = serve(job_seconds=(1.0, 100.0))
        for _ in range(5):
            client.create()
        durations.append([job.plan.seconds for job in client.sandbox.jobs])
    assert durations[0] == durations[1]
    assert len(set(durations[0])) == 5
    assert all(1 <= seconds <= 100 for seconds in durations[0])


def test_jobs_are_found_by_id_and_encoded_contract(client: Any) -> None:
    job_id = client.create().json["value"]["id"]
    assert client.poll(job_id).status == 200
    assert_refused(client.poll(job_id, contract=URN), 400)
    assert_refused(client.poll(job_id, contract=""), 400)
    assert_refused(client.poll(job_id + 1), 404)
    assert_refused(client.poll(job_id, contract="urn%3Ali%3Acontract%3A2"), 404)
    assert_refused(client.poll("x"), 400)


@pytest.mark.parametrize("export", ["activities", "activity_outcomes", "seats"])
def test_the_file_is_the_truth(client: Any, world: World, export: str) -> None:
    job = client.completed(export=export)
    reply = client.download(job)
    window = (dt.date(2026, 2, 20), dt.date(2026, 3, 1))
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.content == b"".join(world.csv(export, URN, *window))
    assert job["rowCount"] == len(world.rows(export, URN, *window)) > 0


def test_the_file_is_as_the_world_was_when_the_job_was_created(client: Any, world: World) -> None:
    job = client.completed(export="seats")
    world.withdraw("seats", URN, lambda row: True)
    assert len(client.download(job).content.splitlines()) == job["rowCount"] + 1 > 1
    assert client.completed(export="seats")["rowCount"] == 0


def test_urls_expire_and_are_renewed(serve: Any) -> None:
    client = serve(url_seconds=100)
    first = client.completed()
    client.clock.now += 60
    second = client.poll(first["id"]).json
    assert second["downloadUrl"] != first["downloadUrl"]
    assert client.download(first).status == 200
    client.clock.now += 40
    assert_refused(client.download(first), 401)
    assert client.download(second).status == 200
    client.clock.now += 60
    assert_refused(client.download(second), 401)
    assert client.download(client.poll(first["id"]).json).status == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/v2", "/v2/", "/v2/other", "/ambry/", "/ambry/?x-li-ambry-ep=other", "/v3/salesContracts", "/oauth/v2/other"]
    + [
        "/v2/salesContracts/1",
        "/v2/salesContracts//",
        "/v2/salesAnalyticsExportJobs/100002/rows",
        "/v2//salesContracts",
    ],
)
def test_unknown_paths_are_not_found(client: Any, path: str) -> None:
    assert_refused(client.request("GET", path), 404)


def test_other_methods_are_refused(client: Any) -> None:
    assert_refused(client.request("DELETE", "/v2/salesContracts?q=contractsByMember"), 400)
    assert_refused(client.request("GET", "/v2/salesAnalyticsExportJobs?action=exportSeatData"), 400)


def test_requests_are_recorded(client: Any) -> None:
    client.contracts(Authorization=None)
    job = client.completed()
    client.renew("other")
    refused, create, poll, renew = client.sandbox.requests
    assert (refused.method, refused.path, refused.status, refused.call) == ("GET", "/v2/salesContracts", 401, None)
    assert refused.query == {"q": "contractsByMember"}
    assert (create.call, create.status, create.body["contract"]) == ("create", 200, URN)
    assert create.headers["x-restli-protocol-version"] == "2.0.0"
    assert (poll.path, poll.query) == (f"/v2/salesAnalyticsExportJobs/{job['id']}", {"contract": URN})
    assert (renew.body["refresh_token"], renew.status) == ("other", 400)


def test_answers_are_dated_by_the_clock(client: Any) -> None:
    assert client.contracts().headers["date"] == "Mon, 02 Mar 2026 09:00:00 GMT"


def test_a_connection_serves_several_requests(client: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(client.sandbox.base_url).port, timeout=300)
    headers = {"Authorization": "Bearer sandbox-token", "X-Restli-Protocol-Version": "2.0.0"}
    job = client.completed()
    for target in [
        "/v2/salesContracts?q=contractsByMember",
        urlsplit(job["downloadUrl"])._replace(scheme="", netloc=""),
    ]:
        for _ in range(2):
            connection.request("GET", target if isinstance(target, str) else target.geturl(), headers=headers)
            response = connection.getresponse()
            assert response.status == 200
            assert response.read()
            assert not response.will_close
    connection.close()


def test_the_sandbox_ends_with_all_its_threads_and_serves_again(world: World) -> None:
    before = threading.active_count()
    sandbox = Sandbox(world)
    with pytest.raises(RuntimeError, match="no address"):
        _ = sandbox.base_url
    with sandbox:
        address = sandbox.base_url
        idle = http.client.HTTPConnection("127.0.0.1", urlsplit(address).port, timeout=300)
        idle.connect()
        assert get_contracts(sandbox, "")["elements"]
    assert threading.active_count() == before
    idle.close()
    with sandbox:
        assert sandbox.base_url == address
        assert get_contracts(sandbox, "")["elements"]
    assert threading.active_count() == before


def test_many_clients_at_once(serve: Any) -> None:
    client = serve()
    threads = [threading.Thread(target=client.create) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [job.id for job in client.sandbox.jobs] == list(range(100002, 100032))
    assert len(client.sandbox.requests) == 30

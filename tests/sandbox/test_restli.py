"""What the sandbox takes and refuses as Rest.li, LinkedIn's framework, and LinkedIn's gateway before it do."""

import datetime as dt
import http.client
import json
import socket
import time
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.sandbox import faults as f

URN = "urn:li:contract:1"
DAY_MS = 86_400_000
START = 1_771_545_600_000  # 2026-02-20
JOBS = "/v2/salesAnalyticsExportJobs"
LIST = "/v2/salesContracts?q=contractsByMember"


def world_of(contracts: int) -> World:
    specs = [ContractSpec(f"urn:li:contract:{n}", str(n)) for n in range(contracts)]
    return World(contracts=specs, seats_per_contract=1)


def links_of(answer: Any) -> dict[str, str]:
    return {link["rel"]: link["href"] for link in answer["paging"]["links"]}


def followed(client: Any, target: str | None = LIST) -> list[str]:
    """Returns the contracts that a client finds that does nothing but follow links."""
    found: list[str] = []
    while target:
        answer = client.request("GET", target).json
        found += [element["contract"] for element in answer["elements"]]
        target = links_of(answer).get("next")
    return found


@pytest.mark.parametrize("contracts", [0, 1, 9, 10, 11, 13, 20, 25])
def test_links_lead_to_every_contract(serve: Any, contracts: int) -> None:
    with Sandbox(world_of(contracts)) as sandbox:
        client = type(serve())(sandbox, lambda: 0.0)
        assert followed(client) == [f"urn:li:contract:{n}" for n in range(contracts)]


def test_a_full_page_links_on_even_if_it_is_the_last(serve: Any) -> None:
    with Sandbox(world_of(10)) as sandbox:
        client = type(serve())(sandbox, lambda: 0.0)
        first = client.request("GET", LIST).json
        assert links_of(first) == {"next": f"{LIST}&start=10&count=10"}
        second = client.request("GET", f"{LIST}&start=10&count=10").json
    assert (second["elements"], links_of(second)) == ([], {"prev": f"{LIST}&start=0&count=10"})


def test_a_page_of_no_entry_links_nowhere(client: Any) -> None:
    answer = client.request("GET", f"{LIST}&count=0").json
    assert (answer["elements"], answer["paging"]) == ([], {"count": 0, "start": 0, "links": []})
    assert len(client.request("GET", f"{LIST}&start=&count=").json["elements"]) == 3


@pytest.mark.parametrize("version", [None, "1.0.0", "1.0.4", "2.0.0"])
def test_versions_of_the_protocol_are_taken(client: Any, version: str | None) -> None:
    reply = client.contracts(X_Restli_Protocol_Version=version)
    assert (reply.status, reply.headers["x-restli-protocol-version"]) == (200, version or "1.0.0")
    job = client.completed()
    raw = client.request("GET", f"{JOBS}/{job['id']}?contract={URN}", X_Restli_Protocol_Version=version)
    assert raw.status == (400 if version == "2.0.0" else 200)
    encoded = f"{JOBS}/{job['id']}?contract={quote(URN, safe='')}"
    assert client.request("GET", encoded, X_Restli_Protocol_Version=version).status == 200


def test_answers_have_linkedin_headers(client: Any) -> None:
    good, bad = client.contracts(), client.request("GET", f"{LIST}&start=x")
    for reply in (good, bad):
        assert {"x-li-uuid", "x-li-fabric", "x-li-request-id", "x-restli-protocol-version"} <= set(reply.headers)
    assert bad.headers["x-restli-error-response"] == "true"
    assert "x-restli-error-response" not in good.headers
    client.sandbox.add_fault(f.throttle(call="contracts"))
    assert client.contracts().headers["x-restli-error-response"] == "true"
    client.sandbox.add_fault(f.not_json("contracts"))
    assert "x-restli-protocol-version" not in client.contracts().headers


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(1538432171000, 1538518571000, id="1-day-of-2018"),
        pytest.param(1525176000000, 1527854400000, id="31-days-of-2018"),
        pytest.param(START, START + DAY_MS, id="next-midnight"),
        pytest.param(START, START + DAY_MS - 1000, id="last-second"),
        pytest.param(START + 5, START + 7, id="3-ms"),
        pytest.param(START, START, id="an-instant"),
        pytest.param(START - 80 * DAY_MS, START + 10 * DAY_MS, id="90-days-to-midnight"),
    ],
)
def test_intervals_of_other_forms_are_taken(client: Any, start: int, end: int) -> None:
    assert client.create(startAt=start, endAt=end).status == 200


@pytest.mark.parametrize(
    ("later", "end", "export", "included"),
    [
        pytest.param(0, DAY_MS - 1000, "activities", (0, 0), id="last-second"),
        pytest.param(0, DAY_MS, "activities", (0, 1), id="next-midnight"),
        pytest.param(0, DAY_MS, "seats", (0, 0), id="next-midnight-seats"),
        pytest.param(DAY_MS // 2, DAY_MS // 2 * 3, "activities", (0.5, 1.5), id="noon-to-noon"),
        pytest.param(DAY_MS // 2, DAY_MS // 2 * 3, "seats", (0, 1), id="noon-to-noon-seats"),
    ],
)
def test_a_file_holds_the_closed_interval(
    client: Any, world: World, later: int, end: int, export: str, included: tuple[float, float]
) -> None:
    first = dt.date(2026, 2, 20)
    column = {"seats": "snapshot_date"}.get(export, "created_at")
    start = dt.datetime.combine(first, dt.time(), dt.timezone.utc)
    bounds = [start + dt.timedelta(days=days) for days in included]
    rows = world.rows(export, URN, first, first + dt.timedelta(days=3))
    if export == "seats":
        expected = sum(bounds[0].date() <= row[column] <= bounds[1].date() for row in rows)
    else:
        last = bounds[1] if included[1] else start + dt.timedelta(days=1, seconds=-1)
        expected = sum(bounds[0] <= row[column] <= last for row in rows)
    job = client.completed(export=export, startAt=START + later, endAt=START + end)
    assert job["rowCount"] == expected == len(client.download(job).content.splitlines()) - 1 > 0
    (record,) = client.sandbox.jobs
    assert (record.first_day, record.last_day) == (first, first + dt.timedelta(days=int(later > 0)))


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "Application/JSON", "application/json; charset=UTF-8"]
)
def test_a_job_may_come_as_json_of_any_name(client: Any, content_type: str | None) -> None:
    body = json.dumps({"startAt": START, "endAt": START + DAY_MS - 1, "contract": URN}).encode()
    target = f"{JOBS}?action=exportSeatData"
    assert client.request("POST", target, body, Content_Type=content_type).status == 200


def test_a_job_may_come_in_chunks(client: Any) -> None:
    body = json.dumps({"startAt": START, "endAt": START + DAY_MS - 1, "contract": URN}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(client.sandbox.base_url).port, timeout=300)
    headers = {"Authorization": "Bearer sandbox-token", "Content-Type": "application/json"}
    for _ in range(2):
        pieces = iter([body[:7], body[7:]])
        connection.request("POST", f"{JOBS}?action=exportSeatData", pieces, headers, encode_chunked=True)
        assert connection.getresponse().read().startswith(b'{"value"')
    connection.close()
    assert [request.content for request in client.sandbox.requests] == [body, body]


def test_a_body_that_is_not_in_chunks_as_it_says_ends_the_connection(client: Any) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(client.sandbox.base_url).port), timeout=300) as connection:
        connection.sendall(b"POST /v2/salesContracts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n")
        assert connection.recv(100) == b""
    assert client.contracts().status == 200


def test_a_request_whose_body_breaks_off_never_came(client: Any) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(client.sandbox.base_url).port), timeout=300) as connection:
        connection.sendall(b'POST /v2/salesContracts HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"startAt": ')
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert client.sandbox.requests == []


def test_long_queries_are_refused(client: Any) -> None:
    assert client.request("GET", f"{LIST}&x={'y' * 4096}").status == 414
    assert client.request("GET", f"{LIST}&x={'y' * 3000}").status == 403


def test_queries_may_be_tunnelled(client: Any) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded", "X_HTTP_Method_Override": "GET"}
    query = b"q=contractsByMember&count=2"
    assert len(client.request("POST", "/v2/salesContracts", query, **form).json["elements"]) == 2
    assert client.request("POST", "/v2/salesContracts", query, **{**form, "Content_Type": "text/plain"}).status == 400
    job = client.completed()
    contract = f"contract={quote(URN, safe='')}".encode()
    assert client.request("POST", f"{JOBS}/{job['id']}", contract, **form).json["status"] == "COMPLETED"
    record = client.sandbox.requests[-1]
    assert (record.method, record.call, record.raw_query) == ("POST", "poll", "")


def test_a_query_may_be_tunnelled_beside_a_body(client: Any) -> None:
    body = json.dumps({"startAt": START, "endAt": START + DAY_MS - 1, "contract": URN})
    parts = [("application/x-www-form-urlencoded", "action=exportSeatData"), ("application/json", body)]
    content = "".join(f"--xyz\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts) + "--xyz--"
    headers = {"Content_Type": "multipart/mixed; boundary=xyz", "X_HTTP_Method_Override": "POST"}
    assert client.request("POST", JOBS, content.encode(), **headers).json["value"]["status"] == "ENQUEUED"
    assert client.request("POST", JOBS, content[:60].encode(), **headers).status == 400


def test_a_trailing_slash_is_taken(client: Any) -> None:
    assert client.request("GET", "/v2/salesContracts/?q=contractsByMember").status == 200
    job = client.completed()
    assert client.request("GET", f"{JOBS}/{job['id']}/?contract={quote(URN, safe='')}").status == 200


@pytest.mark.parametrize(
    ("send", "field"),
    [
        pytest.param(lambda client: client.request("GET", f"{LIST}&role=x"), "PARAMETER: {} [/role]", id="list"),
        pytest.param(
            lambda client: client.request("GET", f"{JOBS}/100002?contract=x&fields=id"),
            "PARAMETER: {} [/fields]",
            id="poll",
        ),
        pytest.param(lambda client: client.create(seat=1, zone=2), "REQUEST_BODY: {} [/seat, /zone]", id="create"),
    ],
)
def test_unknown_names_are_refused_in_linkedin_words(client: Any, send: Any, field: str) -> None:
    reply = send(client)
    assert (reply.status, reply.json["serviceErrorCode"]) == (403, 100)
    place = field.format("Data Processing Exception while processing fields")
    assert reply.json["message"] == f"Unpermitted fields present in {place}"


def test_every_answer_takes_as_long_as_told(serve: Any) -> None:
    client = serve(latency=0.05)
    began = time.monotonic()
    assert [client.contracts().status, client.contracts(Authorization=None).status] == [200, 401]
    assert time.monotonic() - began >= 0.1

import csv
import datetime as dt
import gzip
import http.client
import io
import threading
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from salesnav_source.sandbox import FAULTS, ContractSpec, Sandbox, World, describe, parse_fault
from salesnav_source.sandbox import faults as f
from salesnav_source.sandbox import transforms as t
from salesnav_source.sandbox.faults.declaring import declarations, tables

URN = "urn:li:contract:1"
WINDOW = (dt.date(2026, 2, 20), dt.date(2026, 3, 1))


def truth(world: World, export: str = "seats") -> list[bytes]:
    return b"".join(world.csv(export, URN, *WINDOW)).splitlines(keepends=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 502, 503, 504])
def test_a_call_is_answered_with_an_error(serve: Any, status: int) -> None:
    client = serve(f.respond(status, "create"))
    reply = client.create()
    assert (reply.status, reply.json["status"]) == (status, status)
    assert client.sandbox.jobs == []
    assert client.create().status == 200


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (f.unavailable(502, "contracts"), 502, 502),
        (f.unauthorized("contracts"), 401, 65601),
        (f.forbidden("contracts"), 403, 100),
        (f.not_found("contracts"), 404, 404),
    ],
)
def test_ready_made_errors(serve: Any, fault: f.Fault, status: int, code: int) -> None:
    reply = serve(fault).contracts()
    assert (reply.status, reply.json["serviceErrorCode"]) == (status, code)


@pytest.mark.parametrize("retry_after", ["7", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999", "soon", None])
def test_throttled(serve: Any, retry_after: str | None) -> None:
    reply = serve(f.throttle(retry_after, "contracts")).contracts()
    assert reply.status == 429
    assert reply.json["serviceErrorCode"] == 101
    assert reply.headers.get("retry-after") == retry_after


def test_answers_that_are_no_json(serve: Any) -> None:
    client = serve(f.not_json("contracts"), f.empty_answer("contracts").where(after=1))
    assert client.contracts().content.startswith(b"<!DOCTYPE html>")
    assert (client.contracts().content, client.sandbox.requests[-1].status) == (b"", 200)


def test_a_created_job_may_be_answered_with_nonsense(serve: Any) -> None:
    client = serve(f.not_json("create"), f.respond(504, "create", made=True).where(after=1))
    assert client.create().status == 200
    assert client.create().status == 504
    assert len(client.sandbox.jobs) == 2


@pytest.mark.parametrize("name", ["status", "downloadUrl", "rowCount"])
def test_fields_are_missing(serve: Any, name: str) -> None:
    client = serve(f.omit(name))
    job = client.completed()
    assert name not in job
    assert name in client.poll(job["id"]).json


def test_fields_of_a_created_job_are_missing(serve: Any) -> None:
    assert serve(f.omit("id", call="create")).create().json == {"value": {"status": "ENQUEUED"}}


def test_fields_have_other_values(serve: Any) -> None:
    client = serve(f.download_url("http://127.0.0.1:9/x"), f.change(rowCount=5))
    job = client.completed()
    assert (job["downloadUrl"], job["rowCount"]) == ("http://127.0.0.1:9/x", 5)


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize(
    ("make", "error"), [(f.reset, ConnectionResetError), (f.close, http.client.RemoteDisconnected)]
)
def test_connections_end_without_an_answer(serve: Any, make: Any, error: type[Exception], made: bool) -> None:
    client = serve(make("create", made))
    with pytest.raises(error) as caught:
        client.create()
    assert type(caught.value) is error
    assert client.sandbox.requests[0].status is None
    assert len(client.sandbox.jobs) == made


def test_a_lost_create_has_made_a_job(serve: Any) -> None:
    client = serve(f.lost_create())
    with pytest.raises(ConnectionResetError):
        client.create()
    assert len(client.sandbox.jobs) == 1


def test_hanging(serve: Any) -> None:
    client = serve(f.hang(0.2, "create"))
    began = time.monotonic()
    assert client.create().status == 200
    assert time.monotonic() - began >= 0.2


def test_what_hangs_ends_with_the_sandbox(serve: Any) -> None:
    client = serve(f.hang(60, "create"))
    ended = threading.Event()

    def create() -> None:
        with pytest.raises(http.client.RemoteDisconnected):
            client.create()
        ended.set()

    threading.Thread(target=create).start()
    while not client.sandbox.jobs:
        time.sleep(0.001)
    client.sandbox.__exit__(None, None, None)
    assert ended.wait(300)


def test_pages_repeat(serve: Any) -> None:
    client = serve(f.repeat_page(), page_size=2)
    pages = [client.request("GET", f"/v2/salesContracts?q=contractsByMember&start={n}").json for n in (0, 2, 4)]
    assert pages[0] == pages[1] == pages[2]
    assert len(pages[0]["elements"]) == 2


def test_a_url_expires_early(serve: Any) -> None:
    client = serve(f.expired_url())
    job = client.completed()
    assert client.download(job).status == 401
    assert client.download(client.poll(job["id"]).json).status == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(f.reset_download(500), ConnectionResetError, id="reset"),
        pytest.param(f.missing_last_chunk(), http.client.IncompleteRead, id="no-last-chunk"),
        pytest.param(f.missing_last_chunk(500), http.client.IncompleteRead, id="closed"),
        pytest.param(f.false_length(), http.client.IncompleteRead, id="content-length"),
    ],
)
def test_downloads_break_off(serve: Any, fault: f.Fault, error: type[Exception]) -> None:
    client = serve(fault)
    job = client.completed(export="seats")
    with pytest.raises(error):
        client.download(job)
    assert len(client.download(job).content.splitlines()) == job["rowCount"] + 1


def test_downloads_end_properly_with_other_rows(serve: Any, world: World) -> None:
    client = serve(f.short_file(3), f.long_file(2).where(after=1), f.cut_download(-10).where(after=2))
    job = client.completed(export="seats")
    whole = truth(world)
    assert client.download(job).content == b"".join(whole[:-3])
    assert client.download(job).content == b"".join([*whole, whole[-1], whole[-1]])
    assert client.download(job).content == b"".join(whole)[:-10]
    assert client.download(job).content == b"".join(whole)
    assert job["rowCount"] == len(whole) - 1


def test_downloads_bring_something_else(serve: Any) -> None:
    client = serve(f.html_download(), f.empty_download().where(after=1))
    job = client.completed()
    page = client.download(job)
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert b"<html>" in page.content
    assert (client.download(job).content, client.sandbox.requests[-1].status) == (b"", 200)


def test_downloads_are_compressed(serve: Any, world: World) -> None:
    client = serve(f.gzip_download(), f.gzip_download(-20).where(after=1), f.gzip_file().where(after=2))
    job = client.completed(export="seats")
    whole, cut, file = client.download(job), client.download(job), client.download(job)
    assert [reply.headers.get("content-encoding") for reply in (whole, cut, file)] == ["gzip", "gzip", None]
    assert gzip.decompress(whole.content) == gzip.decompress(file.content) == b"".join(truth(world))
    stream = zlib.decompressobj(wbits=31)
    stream.decompress(cut.content)
    assert not stream.eof


def test_downloads_are_slow(serve: Any, world: World) -> None:
    size = len(b"".join(truth(world)))
    client = serve(f.slow_download(size * 5))
    job = client.completed(export="seats")
    began = time.monotonic()
    assert len(client.download(job).content) == size
    assert time.monotonic() - began > 0.15


@pytest.mark.parametrize("status", [301, 302])
def test_downloads_are_redirected(serve: Any, status: int) -> None:
    client = serve(f.redirect_download("http://127.0.0.1:9/x", status))
    reply = client.download(client.completed())
    assert (reply.status, reply.headers["location"], reply.content) == (status, "http://127.0.0.1:9/x", b"")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (f.too_large(5), "FAILED_DUE_TO_EXCEEDED_FILE_SIZE_ERROR"),
        (f.data_delay(), "FAILED_DUE_TO_DATA_DELAY"),
        (f.data_delay(dt.date(2026, 2, 28)), "FAILED_DUE_TO_DATA_DELAY"),
        (f.timed_out(), "FAILED_DUE_TO_TIMED_OUT"),
        (f.internal_error(), "FAILED_DUE_TO_INTERNAL_ERROR"),
        (f.failed_job("REJECTED"), "REJECTED"),
    ],
)
def test_jobs_fail(serve: Any, fault: f.Fault, status: str) -> None:
    client = serve(fault)
    job = client.completed()
    assert job == {"id": 100002, "status": status}
    assert client.sandbox.jobs[0].status == status


def test_smaller_windows_and_older_days_do_not_fail(serve: Any) -> None:
    client = serve(f.too_large(5), f.data_delay())
    window = {"first_day": dt.date(2026, 2, 24), "last_day": dt.date(2026, 2, 28)}
    assert client.completed(**window)["status"] == "COMPLETED"


def test_slow_and_endless_jobs(serve: Any) -> None:
    client = serve(f.slow_job(100), f.endless_job().where(job=2))
    slow, endless = client.completed(), client.completed()
    client.clock.now += 90
    assert (slow["status"], client.poll(slow["id"]).json["status"]) == ("ENQUEUED", "COMPLETED")
    client.clock.now += 10**6
    assert endless["status"] == client.poll(endless["id"]).json["status"] == "ENQUEUED"


def test_unknown_statuses_for_some_polls_or_for_ever(serve: Any) -> None:
    client = serve(f.unknown_status().where(times=2, job=1), f.unknown_status("LOST").where(times=None, job=2))
    first, second = client.completed(), client.completed()
    assert first == {"id": first["id"], "status": "ON_HOLD"}
    assert [client.poll(first["id"]).json["status"] for _ in range(2)] == ["ON_HOLD", "COMPLETED"]
    assert [second["status"], *(client.poll(second["id"]).json["status"] for _ in range(3))] == ["LOST"] * 4


def test_renewing_fails(serve: Any) -> None:
    client = serve(f.unavailable(503, "token"))
    assert client.renew("sandbox-refresh-token").status == 503
    assert client.renew("sandbox-refresh-token").status == 200


def test_conditions(serve: Any) -> None:
    hits = f.respond(500, "create")
    client = serve(
        hits.where(export="seats", times=None),
        hits.where(contract="urn:li:contract:2", times=None),
        hits.where(day=dt.date(2026, 1, 15), times=None),
        hits.where(longer_than=30, times=None),
        hits.where(when=lambda call: call.first_day == call.last_day, times=None),
    )
    assert client.create().status == 200
    assert client.create(export="seats").status == 500
    assert client.create(contract="urn:li:contract:2").status == 500
    assert client.create(dt.date(2026, 1, 10), dt.date(2026, 1, 15)).status == 500
    assert client.create(dt.date(2026, 1, 16), dt.date(2026, 3, 1)).status == 500
    assert client.create(dt.date(2026, 3, 1)).status == 500
    client.sandbox.clear_faults()
    assert client.create(export="seats").status == 200


def test_times_and_after(serve: Any) -> None:
    client = serve(f.unavailable(call="contracts").where(after=1, times=2))
    assert [client.contracts().status for _ in range(5)] == [200, 503, 503, 200, 200]
    client.sandbox.add_fault(f.unavailable(call="contracts").where(times=None))
    assert [client.contracts().status for _ in range(3)] == [503] * 3


def test_faults_do_not_hit_what_is_refused_anyway(serve: Any) -> None:
    client = serve(f.unavailable(call="contracts"))
    assert client.contracts(Authorization=None).status == 401
    assert client.contracts().status == 503


def test_two_faults_hit_one_request(serve: Any, world: World) -> None:
    client = serve(f.gzip_download(), f.missing_last_chunk(20), f.content(t.crlf))
    job = client.completed(export="seats")
    with pytest.raises(http.client.IncompleteRead) as caught:
        client.download(job)
    assert caught.value.partial[:2] == b"\x1f\x8b"
    assert len(caught.value.partial) == 20
    assert client.download(job).content.count(b"\r\n") == len(truth(world))


def changed(serve: Any, transform: t.TTransform, **options: Any) -> tuple[int, bytes]:
    """Returns the rowCount and the file of a job whose file is changed."""
    client = serve(f.content(transform, **options))
    job = client.completed(export="seats")
    return job["rowCount"], client.download(job).content


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def test_bytes_around_the_rows(serve: Any, world: World) -> None:
    whole = b"".join(truth(world))
    assert changed(serve, t.add_bom) == (40, b"\xef\xbb\xbf" + whole)
    assert changed(serve, t.crlf) == (40, whole.replace(b"\n", b"\r\n"))
    assert changed(serve, t.no_final_newline) == (40, whole[:-1])
    assert changed(serve, t.nothing) == (0, b"")
    count, content = changed(serve, t.compose(t.quote_all, t.crlf, t.add_bom))
    assert content.startswith(b'\xef\xbb\xbf"seatId","date"')
    assert content.endswith(b'"\r\n')
    assert (count, table(content[3:])) == (40, table(whole))


def test_other_columns(serve: Any, world: World) -> None:
    header, *rows = table(b"".join(truth(world)))
    shuffled = table(changed(serve, t.shuffle_columns())[1])
    assert shuffled[0] != header
    assert [dict(zip(shuffled[0], row, strict=True)) for row in shuffled[1:]] == [
        dict(zip(header, row, strict=True)) for row in rows
    ]
    extra = table(changed(serve, t.extra_columns({"region": "north", "tier": ""}))[1])
    assert extra == [[*header, "region", "tier"], *([*row, "north", ""] for row in rows)]
    renamed = table(changed(serve, t.rename_columns({"seatId": "Seat ID"}))[1])
    assert renamed == [["Seat ID", *header[1:]], *rows]
    assert table(changed(serve, t.drop_columns("date"))[1]) == [[row[0], *row[2:]] for row in (header, *rows)]


def test_other_rows(serve: Any, world: World) -> None:
    header, first, second, *rest = truth(world)
    assert changed(serve, t.repeat_rows()) == (80, header + b"".join(row * 2 for row in (first, second, *rest)))
    assert changed(serve, t.repeat_rows(every=40))[0] == 41
    assert changed(serve, t.repeat_header()) == (41, b"".join([header, first, header, second, *rest]))
    assert changed(serve, t.corrupt(2, b"\xff\x00"))[1].splitlines()[2].startswith(second[:1] + b"\xff\x00")
    assert changed(serve, t.fewer_rows(100)) == (0, header)
    assert changed(serve, t.more_rows(3))[0] == 43
    assert changed(serve, t.add_bom, row_count=7)[0] == 7


def test_other_values(serve: Any, world: World) -> None:
    header, first, *rest = table(b"".join(truth(world)))
    assert table(changed(serve, t.short_row())[1])[1] == first[:-1]
    assert table(changed(serve, t.long_row(fields=2))[1])[1] == [*first, "surplus", "surplus"]
    assert table(changed(serve, t.set_value("seatId", "many"))[1]) == [header, ["many", *first[1:]], *rest]
    count, content = changed(serve, t.newlines_in_values("lastName"))
    assert (count, len(table(content))) == (40, 41)
    assert len(content.splitlines()) == 81


def test_one_download_is_changed_and_not_the_job(serve: Any, world: World) -> None:
    client = serve(f.content(t.repeat_rows(), call="download"))
    job = client.completed(export="seats")
    assert job["rowCount"] == 40
    assert client.download(job).content.count(b"\n") == 81
    assert client.download(job).content == b"".join(truth(world))


@pytest.mark.parametrize("name", FAULTS)
def test_ready_made_faults_can_be_named(name: str) -> None:
    assert describe(name).endswith(".")
    assert parse_fault(name).call == FAULTS[name]().call
    assert parse_fault(f"{name}:3").times == 3
    assert parse_fault(f"{name}:always").times is None


@pytest.mark.parametrize(
    "text", ["", "other", "throttle:x", "throttle:0", "throttle:-1", "throttle:0s", "throttle@x", "throttle:s"]
)
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|times"):
        parse_fault(text)


def test_a_fault_may_last_and_may_wait(serve: Any) -> None:
    assert (parse_fault("throttle:300s").seconds, parse_fault("throttle:300s").times) == (300, None)
    assert (parse_fault("lost-access@60").wait, parse_fault("outage:2@5").times) == (60, 2)
    client = serve(f.unavailable(call="contracts").where(times=None, wait=10, seconds=30))
    seen = []
    for _ in range(8):
        seen.append(client.contracts().status)
        client.clock.now += 7
    assert seen == [200, 200, 503, 503, 503, 503, 503, 200]


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (f.outage(60), 503, "application/json"),
        (f.maintenance(60), 503, "text/html; charset=utf-8"),
        (f.maintenance_200(60), 200, "text/html; charset=utf-8"),
        (f.throttled_for(60), 429, "application/json"),
    ],
)
def test_outages_hit_all_calls_for_some_time(serve: Any, fault: f.Fault, status: int, kind: str) -> None:
    client = serve()
    job = client.completed()
    client.sandbox.add_fault(fault)
    for _ in range(2):
        for reply in (client.contracts(), client.create(), client.poll(job["id"]), client.download(job)):
            assert (reply.status, reply.headers["content-type"]) == (status, kind)
            assert "retry-after" not in reply.headers
        client.clock.now += 59
    client.clock.now += 1
    assert len(client.sandbox.jobs) == 1
    assert "elements" in client.contracts().json
    assert client.create().json["value"]["status"] == "ENQUEUED"


def test_one_call_is_unauthorized(serve: Any) -> None:
    client = serve(f.stray_unauthorized())
    assert [client.create().status, client.create().status, client.contracts().status] == [401, 200, 200]


def test_cookies_are_set_and_refused(serve: Any) -> None:
    client = serve(f.cookies())
    cookie = client.contracts().headers["set-cookie"].partition(";")[0]
    assert client.contracts(Cookie=cookie).status == 403
    assert client.contracts().status == 200
    job = client.completed()
    assert "set-cookie" in client.download(job).headers
    assert client.download(job, Cookie=cookie).status == 403
    target = "/v2/salesAnalyticsExportJobs?action=exportSeatData"
    assert client.request("POST", target, b"{}", Cookie=cookie).status == 400
    assert len(client.sandbox.jobs) == 1


def listed(client: Any, start: int = 0, count: int = 10) -> Any:
    return client.request("GET", f"/v2/salesContracts?q=contractsByMember&start={start}&count={count}").json


def test_pages_are_cut_short_and_link_to_the_next(serve: Any) -> None:
    specs = [ContractSpec(f"urn:li:contract:{n}", str(n)) for n in range(25)]
    world = World(contracts=specs, seats_per_contract=1)
    for fault in (f.short_page((3,), None), f.short_page_total((3,), None)):
        with Sandbox(world, faults=[fault]) as sandbox:
            client = type(serve())(sandbox, lambda: 0.0)
            pages = [listed(client, start) for start in (0, 10, 20)]
        assert [len(page["elements"]) for page in pages] == [9, 10, 6]
        assert len({element["contract"] for page in pages for element in page["elements"]}) == 25
        if fault.effect.links == "next":
            links = [page["paging"]["links"] for page in pages]
            assert [len(link) for link in links] == [1, 1, 0]
            assert links[0][0]["rel"] == "next"
            assert links[0][0]["href"] == "/v2/salesContracts?q=contractsByMember&start=10&count=10"
        else:
            assert {page["paging"]["total"] for page in pages} == {26}


def test_pages_link_for_ever(serve: Any) -> None:
    client = serve(f.endless_links())
    assert [len(listed(client, start)["elements"]) for start in (0, 10)] == [3, 0]
    assert "start=30" in listed(client, 20)["paging"]["links"][0]["href"]


def test_entries_lack_fields_or_have_odd_ones(serve: Any) -> None:
    entries = {name: listed(serve(FAULTS[name]()))["elements"] for name in FAULTS if name.startswith("entry-without-")}
    for name, elements in entries.items():
        missing = {"name": "name", "access": "hasReportingAccess", "contract": "contract"}[name.split("-")[-1]]
        assert [missing in element for element in elements] == [True, False, True]
    assert listed(serve(f.null_name()))["elements"][1]["name"] is None
    assert isinstance(listed(serve(f.odd_description()))["elements"][1]["description"], dict)
    assert listed(serve(f.entry(URN, name=7)))["elements"][0]["name"] == 7


@pytest.mark.parametrize(("make", "status"), [(f.lost_access, 403), (f.unlisted_contract, 404)])
def test_a_contract_is_lost(serve: Any, make: Any, status: int) -> None:
    client = serve()
    job = client.completed()
    client.sandbox.add_fault(make(URN))
    found = {element["contract"]: element["hasReportingAccess"] for element in listed(client)["elements"]}
    assert found.get(URN) is (False if status == 403 else None)
    assert len(found) == (3 if status == 403 else 2)
    for reply in (client.create(), client.poll(job["id"]), client.download(job)):
        assert (reply.status, reply.json["status"]) == (status, status)
    assert len(client.sandbox.jobs) == 1
    assert client.create(contract="urn:li:contract:2").status == 200


def test_a_job_is_told_in_other_spellings(serve: Any) -> None:
    assert serve(f.null_row_count()).completed()["rowCount"] is None
    assert serve(f.text_row_count()).completed(export="seats")["rowCount"] == "40"
    job = serve(f.upper_case_url()).completed()
    assert "downloadURL" in job and "downloadUrl" not in job
    client = serve(f.lower_case_status())
    assert client.create().json["value"]["status"] == "enqueued"
    assert client.completed(export="seats")["status"] == "completed"


def test_a_created_job_is_told_in_a_header(serve: Any) -> None:
    client = serve(f.bare_created())
    reply = client.create()
    assert (reply.status, reply.content, reply.headers["x-restli-id"]) == (201, b"", "100002")
    client.clock.now += 10
    assert client.poll(reply.headers["x-restli-id"]).json["status"] == "COMPLETED"


@pytest.mark.parametrize(("fault", "told"), [(f.text_id(), "export-100002"), (f.huge_id(), 2**63 + 100002)])
def test_jobs_have_odd_ids(serve: Any, fault: f.Fault, told: Any) -> None:
    client = serve(fault)
    job = client.completed()
    assert (job["id"], job["status"], client.sandbox.jobs[0].id) == (told, "COMPLETED", told)
    assert client.download(job).status == 200


def test_a_young_job_is_not_found(serve: Any) -> None:
    client = serve(f.young_job_not_found(5))
    job_id = client.create().json["value"]["id"]
    seen = []
    for _ in range(3):
        seen.append(client.poll(job_id).status)
        client.clock.now += 2.5
    assert seen == [404, 404, 200]


@pytest.mark.parametrize(
    ("fault", "status"),
    [(f.failed(), "FAILED"), (f.cancelled(), "CANCELLED"), (f.failed_newly("X"), "FAILED_DUE_TO_X")],
)
def test_jobs_end_in_other_failures(serve: Any, fault: f.Fault, status: str) -> None:
    client = serve(fault)
    assert [client.completed()["status"], client.completed()["status"]] == [status, "COMPLETED"]


def test_data_is_late_for_weeks(serve: Any) -> None:
    client = serve(f.delayed_weeks(21))
    day = dt.date(2026, 2, 9)
    assert client.completed(first_day=day, last_day=day)["status"] == "FAILED_DUE_TO_DATA_DELAY"
    day -= dt.timedelta(days=1)
    assert client.completed(first_day=day, last_day=day)["status"] == "COMPLETED"


@pytest.mark.parametrize("fault", [f.stalled_download(500, 0.2), f.late_first_byte(0.2), f.late_answer(0.2)])
def test_downloads_stand_still(serve: Any, world: World, fault: f.Fault) -> None:
    client = serve(fault)
    job = client.completed(export="seats")
    began = time.monotonic()
    assert client.download(job).content == b"".join(truth(world))
    assert time.monotonic() - began >= 0.2


def test_a_standing_download_ends_with_the_sandbox(serve: Any) -> None:
    client = serve(f.stalled_download())
    job = client.completed(export="seats")

    def download() -> None:
        with pytest.raises(http.client.HTTPException):
            client.download(job)

    thread = threading.Thread(target=download)
    thread.start()
    while client.sandbox.requests[-1].status is None or client.sandbox.requests[-1].call != "download":
        time.sleep(0.001)
    client.sandbox.__exit__(None, None, None)
    thread.join(300)
    assert not thread.is_alive()


def test_a_download_is_not_ready(serve: Any) -> None:
    client = serve(f.not_ready("3"))
    job = client.completed()
    reply = client.download(job)
    assert (reply.status, reply.headers["retry-after"], reply.content) == (202, "3", b"")
    assert client.download(job).status == 200


@pytest.mark.parametrize(("how", "status"), [("body", 200), ("204", 204), ("404", 404)])
def test_files_without_rows(serve: Any, world: World, how: Any, status: int) -> None:
    client = serve(f.empty_file(how))
    full = client.completed(export="seats")
    assert client.download(full).content == b"".join(truth(world))
    world.withdraw("seats", URN, lambda row: True)
    job = client.completed(export="seats")
    assert (job["status"], job["rowCount"]) == ("COMPLETED", 0)
    reply = client.download(job)
    assert reply.status == status
    assert reply.content == b"" or status == 404
    client = serve(f.empty_file(how, always=True))
    assert client.completed()["rowCount"] == 0


def test_files_with_lines_that_are_no_rows(serve: Any, world: World) -> None:
    header = truth(world)[0]
    assert changed(serve, t.footer()) == (41, b"".join(truth(world)) + b"Total rows: 40\n")
    count, content = changed(serve, t.blank_rows(2), row_count="true")
    assert (count, content.splitlines()[3]) == (40, b"," * header.count(b","))
    assert len(content.splitlines()) == 61


def test_files_in_other_formats(serve: Any, world: World) -> None:
    whole = b"".join(truth(world))
    count, content = changed(serve, t.zipped, row_count="true")
    assert (count, zipfile.ZipFile(io.BytesIO(content)).read("export.csv")) == (40, whole)
    assert changed(serve, t.utf_16())[1] == b"\xff\xfe" + whole.decode().encode("utf-16-le")
    assert changed(serve, t.utf_16("be"))[1].decode("utf-16") == whole.decode()
    content = changed(serve, t.delimited(";"))[1]
    assert list(csv.reader(io.StringIO(content.decode()), delimiter=";")) == table(whole)


def test_values_in_other_forms(serve: Any, world: World) -> None:
    header, first, second, *rest = table(b"".join(truth(world)))
    at = header.index("date")
    changed_rows = table(changed(serve, t.restamp("%Y-%m-%dT%H:%M:%SZ", every=2))[1])
    assert changed_rows[1] == first
    assert changed_rows[2][at] == dt.datetime.strptime(second[at], "%m-%d-%Y %H:%M:%S").strftime("%Y-%m-%dT00:00:00Z")
    pending = [row for row in table(changed(serve, t.fill_empty("N/A", "ssi"))[1]) if row[header.index("ssi")] == "N/A"]
    assert len(pending) == sum(row[header.index("ssi")] == "" for row in (first, second, *rest)) == 10
    numbers = [
        row[header.index("totalConnections")] for row in table(changed(serve, t.thousands("totalConnections"))[1])
    ]
    assert any("," in number for number in numbers)
    assert [number.replace(",", "") for number in numbers[1:3]] == [
        row[header.index("totalConnections")] for row in (first, second)
    ]


@pytest.mark.parametrize(
    "name",
    ["second-header", "footer", "blank-rows", "zip-file", "utf-16", "semicolons", "renamed-columns", "removed-columns"]
    + ["added-columns", "iso-timestamps", "odd-timestamps", "no-value-metrics", "thousands-separators"],
)
def test_changed_files_tell_their_true_number_of_rows(serve: Any, world: World, name: str) -> None:
    client = serve(FAULTS[name]())
    for _ in range(2):
        job = client.completed(export="seats")
        assert job["rowCount"] == 40
        assert client.download(job).content != b"".join(truth(world))


def test_the_documentation_lists_each_fault_in_the_words_of_the_help() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
    for group, table in tables().items():
        assert f"\n### {group}\n\n{table}\n" in text


def test_each_fault_is_declared_once_and_can_be_made_in_python() -> None:
    for fault in declarations():
        assert f.__dict__[fault.make.__name__] is fault.make
        assert isinstance(fault.make(), f.Fault)
        assert len(fault.description) < 128
        assert (fault.value is None) == (fault.help == fault.description)

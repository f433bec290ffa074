"""LinkedIn's API as typed calls: over the sandbox, and over servers that send what no sandbox would."""

import contextlib
import gzip
import itertools
import json
import logging
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import urllib3

from salesnav_source.exceptions import (
    AccessDeniedError,
    AccessTokenError,
    ApiError,
    ConfigurationError,
    DownloadRefusedError,
    DownloadUrlExpiredError,
    IncompleteFileError,
    JobNotFoundError,
    NotReadyError,
    OversizedFileError,
    RequestRefusedError,
    SalesnavError,
    StalledDownloadError,
    ThrottledError,
    UnavailableError,
    UnusableAnswerError,
)
from salesnav_source.linkedin.client import Client, Contract
from salesnav_source.linkedin.transport import why
from salesnav_source.sandbox import ContractSpec, Sandbox, World
from salesnav_source.sandbox import faults as f
from tests.fakes import (
    CLIENT_SECRET,
    REFRESH_TOKEN,
    SIGNATURE,
    TODAY,
    TOKEN,
    URN,
    RawRequest,
    http_answer,
    make_settings,
    serving,
    window_of,
)

WINDOW = window_of(10)
CSV = b"activityId,activityType,createdAt,seatId,memberIdentityKey\na,SAVED_LEAD,03-01-2026 12:00:00,7,1\n" * 40
MANY = tuple(ContractSpec(f"urn:li:contract:{n}", f"Contract {n}", has_reporting_access=n % 2 == 0) for n in range(25))


class Secrets(logging.Handler):
    """Collects all that is logged by anything."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter().format(record) + repr(record.args))

    def check(self, *texts: object) -> None:
        """Asserts that neither the log nor any of the texts holds a secret."""
        for text in (*self.lines, *map(str, texts), *map(repr, texts)):
            for secret in (TOKEN, SIGNATURE, REFRESH_TOKEN, CLIENT_SECRET):
                assert secret not in text


@pytest.fixture(autouse=True)
def log() -> Iterator[Secrets]:
    """Everything that is logged during a test; in no test may it hold a secret."""
    handler, root = Secrets(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "urllib3", "dlt")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    handler.check()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    contracts = (ContractSpec(URN, "One", "The first"), ContractSpec("urn:li:contract:9", "Closed", None, False))
    world = World(contracts=contracts, seats_per_contract=3, activities_per_seat=5, today=lambda: TODAY)
    with Sandbox(world, job_seconds=(0, 0), access_token=TOKEN) as server:
        yield server


def client_of(server: Any, **changes: Any) -> Client:
    base_url = server.base_url if isinstance(server, Sandbox) else f"{server.origin}/v2"
    return Client(make_settings(base_url, access_token=TOKEN, **changes))


def signed(origin: str, path: str = "/ambry/") -> str:
    return f"{origin}{path}?x-li-ambry-ep={SIGNATURE}"


def test_every_call_bears_both_headers(sandbox: Sandbox, tmp_path: Path) -> None:
    client = client_of(sandbox)
    client.contracts()
    job = client.create_job("exportActivityData", URN, WINDOW)
    ended = client.job(job.id, URN)
    assert ended.download_url is not None
    client.download(ended.download_url, tmp_path / "file.csv")
    assert [request.call for request in sandbox.requests] == ["contracts", "create", "poll", "download"]
    for request in sandbox.requests:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.headers["x-restli-protocol-version"] == "2.0.0"


def test_the_urn_stands_raw_in_the_body_and_encoded_in_the_query(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    job = client.create_job("exportSeatData", URN, WINDOW)
    client.job(job.id, URN)
    create, poll = sandbox.requests
    assert (create.method, create.raw_query) == ("POST", "action=exportSeatData")
    assert create.body == {"startAt": WINDOW.start_ms, "endAt": WINDOW.end_ms, "contract": URN}
    assert create.headers["content-type"].startswith("application/json")
    assert poll.raw_query == "contract=urn%3Ali%3Acontract%3A1"


def test_a_job_is_told_as_linkedin_tells_it(sandbox: Sandbox, tmp_path: Path) -> None:
    client = client_of(sandbox)
    new = client.create_job("exportActivityData", URN, WINDOW)
    assert (new.status, new.download_url, new.row_count) == ("ENQUEUED", None, None)
    ended = client.job(new.id, URN)
    assert (ended.id, ended.status) == (new.id, "COMPLETED")
    assert ended.download_url is not None and ended.row_count is not None
    size = client.download(ended.download_url, tmp_path / "file.csv")
    content = (tmp_path / "file.csv").read_bytes()
    assert size == len(content)
    assert content.count(b"\n") == ended.row_count + 1
    assert ended.download_url not in repr(ended)


@pytest.mark.parametrize("page_size", [1, 4, 5, 10, 25, 100])
def test_all_pages_of_contracts_are_listed_once(page_size: int) -> None:
    with Sandbox(World(contracts=MANY), page_size=page_size, access_token=TOKEN) as sandbox:
        found = client_of(sandbox).contracts()
        assert [contract.urn for contract in found] == [spec.urn for spec in MANY]
        assert [contract.has_reporting_access for contract in found] == [spec.has_reporting_access for spec in MANY]
        assert len(sandbox.requests) <= 25 / min(page_size, 10) + 2


def test_a_server_that_repeats_its_page_ends_the_listing() -> None:
    with Sandbox(World(contracts=MANY), faults=[f.repeat_page()], access_token=TOKEN) as sandbox:
        client = client_of(sandbox)
        assert len(client.contracts()) == 10
        assert len(sandbox.requests) == 2
        assert len(client.notes) == 1 and "contracts may be missing" in client.notes[0]


def test_a_contract_without_a_description(sandbox: Sandbox) -> None:
    assert client_of(sandbox).contracts() == [
        Contract(URN, "One", "The first", True), Contract("urn:li:contract:9", "Closed", None, False),
    ]  # fmt: skip


def json_answer(text: str, status: int = 200, **headers: str) -> bytes:
    return http_answer(status, text.encode(), Content_Type="application/json", **headers)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"elements":[],"paging":{"count":10,"start":0}}', id="empty"),
        pytest.param('{"elements":[]}', id="no-paging"),
        pytest.param('{"elements":[],"paging":{"count":0}}', id="count-of-none"),
    ],
)
def test_no_contracts_are_no_contracts(body: str) -> None:
    with serving(json_answer(body)) as server:
        assert client_of(server).contracts() == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{}", id="no-elements"),
        pytest.param('{"elements":{}}', id="no-list"),
        pytest.param('{"elements":[7]}', id="no-object"),
        pytest.param('{"elements":[{"contract":"urn:li:contract:1"}]}', id="no-name"),
        pytest.param("[]", id="list"),
        pytest.param("null", id="null"),
        pytest.param("", id="nothing"),
        pytest.param("<html>", id="html"),
    ],
)
@pytest.mark.parametrize("call", ["contracts", "create", "poll"])
def test_answers_that_say_nothing_may_be_asked_for_again(body: str, call: str) -> None:
    with serving(http_answer(200, body.encode("latin-1"))) as server:
        client = client_of(server)
        calls: dict[str, Callable[[], Any]] = {
            "contracts": client.contracts,
            "create": lambda: client.create_job("exportSeatData", URN, WINDOW),
            "poll": lambda: client.job(7, URN).status,
        }
        try:
            answer = calls[call]()
        except UnavailableError:
            return
        except UnusableAnswerError:
            assert call == "create", "a job may have been made, of which the id is not known"
            return
        if call == "contracts":
            assert answer == [] and client.notes, "an entry that cannot be used is told"
        else:
            assert call == "poll" and answer is None, "a job without a status is one that runs"


@pytest.mark.parametrize(
    ("body", "row_count"),
    [
        pytest.param('{"id":7,"status":"COMPLETED","rowCount":0}', 0, id="none"),
        pytest.param('{"id":7,"status":"COMPLETED","rowCount":-1}', None, id="negative"),
        pytest.param('{"id":7,"status":"COMPLETED","rowCount":true}', None, id="boolean"),
        pytest.param('{"id":7,"status":"COMPLETED","rowCount":"9"}', 9, id="text"),
        pytest.param('{"id":7,"status":"COMPLETED","rowCount":null}', None, id="null"),
        pytest.param('{"id":7,"status":"COMPLETED","rowCount":9.0}', 9, id="as-a-fraction"),
        pytest.param('{"id":7,"status":"COMPLETED","rowCount":"many"}', None, id="words"),
        pytest.param('{"value":{"id":7,"status":"COMPLETED","rowCount":9,"new":[]}}', 9, id="wrapped"),
    ],
)
def test_row_counts(body: str, row_count: int | None) -> None:
    with serving(json_answer(body)) as server:
        job = client_of(server).job(7, URN)
        assert (job.status, job.row_count) == ("COMPLETED", row_count)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefusedError), (403, AccessDeniedError), (404, RequestRefusedError), (405, RequestRefusedError),
        (422, RequestRefusedError), (429, ThrottledError), (500, UnavailableError), (502, UnavailableError),
        (503, UnavailableError), (504, UnavailableError), (301, RequestRefusedError), (302, UnavailableError),
        (307, UnavailableError), (408, UnavailableError), (409, UnavailableError), (423, UnavailableError),
        (425, UnavailableError),
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", ["contracts", "create", "poll"])
def test_refusals_are_told_apart_by_status(
    sandbox: Sandbox, call: Any, status: int, error: type[ApiError], log: Secrets
) -> None:
    client = client_of(sandbox)
    sandbox.add_fault(f.respond(status, call, code=4711, headers={"x-li-uuid": "for-the-support"}).where(times=None))
    calls: dict[str, Callable[[], Any]] = {
        "contracts": client.contracts,
        "create": lambda: client.create_job("exportSeatData", URN, WINDOW),
        "poll": lambda: client.job(client.create_job("exportSeatData", URN, WINDOW).id, URN),
    }
    with pytest.raises(ApiError) as caught:
        calls[call]()
    assert type(caught.value) is (JobNotFoundError if (call, status) == ("poll", 404) else error)
    assert (caught.value.status, caught.value.code) == (status, 4711)
    assert str(status) in str(caught.value) and "4711" in str(caught.value) and "for-the-support" in str(caught.value)
    log.check(caught.value)


@pytest.mark.parametrize("code", [65600, 65601, 65602])
def test_a_dead_token_says_what_to_do(sandbox: Sandbox, code: int, log: Secrets) -> None:
    sandbox.add_fault(f.unauthorized("contracts", code).where(times=None))
    with pytest.raises(AccessTokenError) as caught:
        client_of(sandbox).contracts()
    assert "r_sales_nav_analytics" in str(caught.value) and "secrets.toml" in str(caught.value)
    log.check(caught.value)


DATE = format_datetime(datetime(2026, 3, 2, 9, 0, 0, tzinfo=timezone.utc), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"Retry-After": "7"}, 7.0, id="seconds"),
        pytest.param({"Retry-After": " 7.5 "}, 7.5, id="fraction"),
        pytest.param(
            {"Retry-After": "Mon, 02 Mar 2026 09:02:00 GMT", "Date": DATE}, 120.0, id="date-by-linkedins-clock"
        ),
        pytest.param({"Retry-After": "Mon, 02 Mar 2026 08:00:00 GMT", "Date": DATE}, None, id="date-gone-by"),
        pytest.param({"Retry-After": "-5"}, None, id="negative"),
        pytest.param({"Retry-After": "inf"}, None, id="infinite"),
        pytest.param({"Retry-After": "nan"}, None, id="nan"),
        pytest.param({"Retry-After": "1e999"}, None, id="overflow"),
        pytest.param({"Retry-After": "soon"}, None, id="word"),
        pytest.param({"Retry-After": ""}, None, id="empty"),
        pytest.param({"Retry-After": "Mon, 02 Mar 2026 09:02:00"}, None, id="date-without-zone"),
        pytest.param({"Retry-After": "Mon, 32 Mar 2026 09:02:00 GMT"}, None, id="no-date"),
        pytest.param({"Retry-After": "Fri, 02 Mar 99999 09:02:00 GMT"}, None, id="date-out-of-range"),
        pytest.param({}, None, id="absent"),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    with serving(json_answer("{}", 429, **headers)) as server:
        with pytest.raises(ThrottledError) as caught:
            client_of(server).contracts()
        if seconds is None and "zone" in headers.get("Retry-After", ""):
            return
        told = caught.value.retry_after
        assert told == seconds or (headers.get("Retry-After") == "Mon, 02 Mar 2026 09:02:00" and told is not None)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_url_that_is_no_longer_taken_has_expired(status: int, tmp_path: Path, log: Secrets) -> None:
    with serving(http_answer(status)) as server:
        with pytest.raises(DownloadUrlExpiredError) as caught:
            client_of(server).download(signed(server.origin), tmp_path / "file")
        log.check(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, RequestRefusedError), (429, ThrottledError), (500, UnavailableError), (503, UnavailableError)],
)
def test_other_refusals_of_a_download(status: int, error: type[Exception], tmp_path: Path, log: Secrets) -> None:
    with serving(http_answer(status, SIGNATURE.encode(), Retry_After="3")) as server:
        with pytest.raises(error) as caught:
            client_of(server).download(signed(server.origin), tmp_path / "file")
        log.check(caught.value)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http_answer(200, CSV, Content_Length=str(len(CSV) + 1)), id="a-byte-short"),
        pytest.param(http_answer(200, b"", Content_Length="100"), id="nothing-at-all"),
        pytest.param(CHUNKED + b"%x\r\n%b\r\n" % (len(CSV), CSV), id="no-last-chunk"),
        pytest.param(CHUNKED + b"%x\r\n%b" % (len(CSV) + 9, CSV), id="cut-within-a-chunk"),
        pytest.param(CHUNKED + b"zz\r\n", id="nonsense-for-a-chunk"),
        pytest.param(CHUNKED, id="no-chunk"),
        pytest.param(http_answer(200, gzip.compress(CSV)[:-40], Content_Encoding="gzip"), id="gzip-cut-properly"),
        pytest.param(http_answer(200, b"no gzip", Content_Encoding="gzip"), id="no-gzip"),
    ],
)
def test_a_transfer_that_breaks_off_is_no_file(answer: bytes, tmp_path: Path, log: Secrets) -> None:
    with serving(answer) as server:
        client = client_of(server)
        try:
            client.download(signed(server.origin), tmp_path / "file")
        except IncompleteFileError as error:
            log.check(error)
        else:
            # a compressed body that is cut but ends properly: what came must at least not be taken for more than it is
            assert (tmp_path / "file").read_bytes() != CSV


@pytest.mark.parametrize("after_bytes", [0, 1, 2000])
def test_a_reset_is_no_file(after_bytes: int, sandbox: Sandbox, tmp_path: Path, log: Secrets) -> None:
    client = client_of(sandbox)
    url = client.job(client.create_job("exportActivityData", URN, WINDOW).id, URN).download_url
    assert url is not None
    sandbox.add_fault(f.reset_download(after_bytes))
    with pytest.raises((IncompleteFileError, UnavailableError)) as caught:
        client.download(url, tmp_path / "file")
    log.check(caught.value)
    assert urlsplit(url).query not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http_answer(200, CSV), id="length"),
        pytest.param(CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(CSV), CSV), id="chunks"),
        pytest.param(http_answer(200, gzip.compress(CSV), Content_Encoding="gzip"), id="gzip"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + CSV, id="until-the-end"),
    ],
)
def test_a_whole_file_is_written_as_it_came(answer: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"what was there before, and is longer" * 1000)
    with serving(answer) as server:
        assert client_of(server).download(signed(server.origin), tmp_path / "file") == len(CSV)
    assert (tmp_path / "file").read_bytes() == CSV


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_the_same_host_is_followed(status: int, tmp_path: Path) -> None:
    def answer(request: RawRequest) -> bytes:
        return http_answer(200, CSV) if "there" in request.target else http_answer(status, Location="/there?x=1")

    with serving(answer) as server:
        assert client_of(server).download(signed(server.origin), tmp_path / "file") == len(CSV)
        assert [request.headers["Authorization"] for request in server.requests] == [f"Bearer {TOKEN}"] * 2


def test_a_redirect_without_end_is_refused(tmp_path: Path, log: Secrets) -> None:
    with serving(http_answer(302, Location=f"/again?x-li-ambry-ep={SIGNATURE}")) as server:
        with pytest.raises(DownloadRefusedError) as caught:
            client_of(server).download(signed(server.origin), tmp_path / "file")
        assert len(server.requests) < 20
        log.check(caught.value)


def foreign(origin: str) -> list[str]:
    """Returns addresses that lead to a host by other names than base_url's, or to another host altogether."""
    port = urlsplit(origin).port
    return [
        f"http://localhost:{port}/x", f"http://127.0.0.1.:{port}@localhost:{port}/x", f"//localhost:{port}/x",
        f"http://127.0.0.2:{port}/x", f"http://linkedin.com@localhost:{port}/", f"http://localhost:{port}\\@127.0.0.1/x",
    ]  # fmt: skip


@pytest.mark.parametrize("way", ["redirect", "download-url"])
@pytest.mark.parametrize("number", range(6))
def test_no_token_goes_to_another_host(way: str, number: int, tmp_path: Path, log: Secrets) -> None:
    with serving(http_answer(200, CSV)) as elsewhere:
        url = f"{foreign(elsewhere.origin)[number]}?x-li-ambry-ep={SIGNATURE}"
        with serving(http_answer(302, Location=url)) as server:
            with pytest.raises(DownloadRefusedError) as caught:
                client_of(server).download(signed(server.origin) if way == "redirect" else url, tmp_path / "file")
            log.check(caught.value)
        assert elsewhere.requests == []
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://www.linkedin.com/ambry/", "https://linkedin.com.evil.example/", "https://evillinkedin.com/",
        "https://www.linkedin.com@evil.example/", "https://evil.example/?www.linkedin.com", "ftp://www.linkedin.com/",
        "file:///etc/passwd", "https:///ambry", "", "nonsense", "https://[::1", "https://www.linkedin.com:port/",
        "https://www.linkedin.com:99999/", "http://api.linkedin.com/v2/file", "javascript:alert(1)",
        "https://evil.example\\.linkedin.com/", "https://evil.example#.linkedin.com/",
        "https://evil.example\\@www.linkedin.com/",
    ],
)  # fmt: skip
def test_downloads_are_only_taken_from_linkedin_over_tls(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Secrets
) -> None:
    def connect(address: tuple[str, int], *rest: Any, **more: Any) -> Any:
        raise AssertionError(f"a connection to {address[0]}")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    with pytest.raises(DownloadRefusedError) as caught:
        Client(make_settings()).download(f"{url}?{SIGNATURE}", tmp_path / "file")
    log.check(caught.value)


@pytest.mark.parametrize(
    "url", ["https://www.linkedin.com/ambry/", "https://linkedin.com/", "https://WWW.LinkedIn.com./x"]
)
def test_linkedins_own_hosts_are_asked_over_tls(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], *rest: Any, **more: Any) -> Any:
        asked.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    with pytest.raises(UnavailableError, match="connection refused"):
        Client(make_settings()).download(f"{url}?{SIGNATURE}", tmp_path / "file")
    assert [(host.rstrip(".").lower().removeprefix("www."), port) for host, port in asked] == [("linkedin.com", 443)]


@pytest.mark.parametrize(
    "location", ["http://[", "https://[::1", "//[", "http://www.linkedin.com:port/", "\x80\xff", ""]
)
def test_a_redirect_to_nonsense_is_a_failed_download(location: str, tmp_path: Path, log: Secrets) -> None:
    with serving(http_answer(302, Location=location)) as server:
        with pytest.raises((DownloadRefusedError, ApiError)) as caught:
            client_of(server).download(signed(server.origin), tmp_path / "file")
        log.check(caught.value)


@pytest.mark.parametrize(("status", "error"), [(307, UnavailableError), (308, RequestRefusedError)])
def test_an_api_call_is_not_redirected(status: int, error: type[ApiError]) -> None:
    with serving(json_answer('{"elements":[]}')) as elsewhere:
        with (
            serving(http_answer(status, Location=f"{elsewhere.origin}/v2/salesContracts")) as server,
            pytest.raises(error),
        ):
            client_of(server).contracts()
        assert elsewhere.requests == []


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("call", ["contracts", "create", "poll", "download"])
def test_a_host_that_refuses_is_told_without_its_url(call: str, tmp_path: Path, log: Secrets) -> None:
    origin = f"http://127.0.0.1:{closed_port()}"
    client = Client(make_settings(f"{origin}/v2", access_token=TOKEN))
    calls: dict[str, Callable[[], Any]] = {
        "contracts": client.contracts,
        "create": lambda: client.create_job("exportSeatData", URN, WINDOW),
        "poll": lambda: client.job(7, URN),
        "download": lambda: client.download(signed(origin), tmp_path / "file"),
    }
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1 cannot be reached: connection refused") as caught:
        calls[call]()
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    log.check(caught.value)


def test_a_name_that_cannot_be_resolved_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*query: Any, **more: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(UnavailableError, match=r"api\.linkedin\.com cannot be reached: its name cannot be resolved"):
        Client(make_settings()).contracts()


def test_a_tls_connection_that_fails_is_told() -> None:
    with serving(http_answer(200)) as server:
        client = Client(make_settings(server.origin.replace("http:", "https:")))
        with pytest.raises(UnavailableError, match="the TLS connection failed"):
            client.contracts()
    assert ssl.OPENSSL_VERSION


@pytest.mark.parametrize("bundle", [None, "/etc/own.pem"])
def test_a_certificate_that_is_not_trusted_is_told_with_why(
    bundle: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = ssl.SSLCertVerificationError("certificate verify failed")
    refused.verify_message = "self-signed certificate"
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    if bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    named = f"names {bundle}" if bundle else "names certificates of your own"
    said = why(urllib3.exceptions.SSLError(refused))
    assert said == f"its certificate is not trusted here (self-signed certificate; REQUESTS_CA_BUNDLE {named})"


@pytest.mark.parametrize(
    "proxy",
    [
        "nonsense://u:S3cretWord@127.0.0.1:1", "http:///", "http//x", "http:/x", "//x", ":8080", "http://127.0.0.1:port",
        "http://u:S3cretWord@127.0.0.1:99999", "http://[::1", "http://a b", "http://.../", "u:S3cretWord@x:80", "http://x\n",
    ],
)  # fmt: skip
def test_a_variable_that_names_no_proxy_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(
        ConfigurationError, match=r"HTTPS_PROXY is not the address of a proxy\. Write it like"
    ) as caught:
        Client(make_settings("https://api.example.com/v2")).job(7, URN)
    assert "S3cretWord" not in str(caught.value)


def test_a_socks_proxy_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    # PySocks may be installed here
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", missing_socks)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://u:S3cretWord@127.0.0.1:1")
    with pytest.raises(ConfigurationError, match=r'HTTPS_PROXY names a SOCKS proxy.* install "pysocks"') as caught:
        Client(make_settings("https://api.example.com/v2")).job(7, URN)
    assert "S3cretWord" not in str(caught.value)


def missing_socks(*args: Any, **options: Any) -> None:
    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")


def test_a_proxy_that_does_not_answer_is_told_as_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://u:S3cretWord@127.0.0.1:{closed_port()}")
    with pytest.raises(UnavailableError, match=r"the proxy failed.*HTTPS_PROXY") as caught:
        Client(make_settings("https://api.example.com/v2")).job(7, URN)
    assert "S3cretWord" not in str(caught.value)


def test_an_answer_that_does_not_come_times_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log: Secrets) -> None:
    monkeypatch.setattr("salesnav_source.linkedin.transport.FIRST_BYTE_TIMEOUT", 0.2)
    waiting = threading.Event()

    def answer(request: RawRequest) -> bytes:
        waiting.wait(300)
        return http_answer()

    with serving(answer) as server:
        with pytest.raises(UnavailableError, match="timed out") as caught:
            client_of(server).download(signed(server.origin), tmp_path / "file")
        waiting.set()
        log.check(caught.value)


@pytest.mark.parametrize(
    "answer", [None, b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200"], ids=["reset", "closed", "nonsense", "cut"]
)
def test_no_answer_is_told(answer: bytes | None, log: Secrets) -> None:
    with serving(answer) as server:
        with pytest.raises((UnavailableError, UnusableAnswerError)) as caught:
            client_of(server).create_job("exportSeatData", URN, WINDOW)
        assert len(server.requests) == 1, "a job must not be asked for twice behind one's back"
        log.check(caught.value)


def test_a_post_is_not_repeated_on_a_connection_that_went_stale(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    client.contracts()
    sandbox.add_fault(f.close("create", made=True))
    with pytest.raises(UnavailableError):
        client.create_job("exportSeatData", URN, WINDOW)
    assert len(sandbox.jobs) == 1


def test_a_folder_that_cannot_be_written_is_no_fault_of_linkedin(tmp_path: Path) -> None:
    with serving(http_answer(200, CSV)) as server:
        with pytest.raises(OSError) as caught:
            client_of(server).download(signed(server.origin), tmp_path / "not" / "there")
        assert not isinstance(caught.value, SalesnavError)
        assert SIGNATURE not in str(caught.value)


def test_a_download_ends_when_the_run_is_stopped(tmp_path: Path) -> None:
    with serving(http_answer(200, CSV)) as server:
        client = Client(make_settings(f"{server.origin}/v2"), should_stop=lambda: True)
        with pytest.raises(UnavailableError, match="stopped"):
            client.download(signed(server.origin), tmp_path / "file")


@pytest.mark.parametrize(
    "token", [f"{TOKEN}\n", f"{TOKEN}…", f"{TOKEN}\r\nX: y"], ids=["newline", "no-latin-1", "injection"]
)
def test_a_token_that_no_header_can_hold_is_not_told(token: str, tmp_path: Path, log: Secrets) -> None:
    with serving(json_answer('{"elements":[]}')) as server:
        try:
            Client(make_settings(f"{server.origin}/v2", access_token=token)).contracts()
        except SalesnavError as error:
            log.check(error)
        assert all("X" not in request.headers for request in server.requests)


def test_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(json_answer('{"elements":[]}')) as server:
        client_of(server).contracts()
        assert server.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_time_of_linkedins_answers_is_kept() -> None:
    with serving(json_answer('{"elements":[]}', Date=DATE)) as server:
        client = client_of(server)
        assert client.server_time is None
        client.contracts()
        assert client.server_time == datetime(2026, 3, 2, 9, tzinfo=timezone.utc)


@pytest.mark.parametrize("date", ["", "soon", "Mon, 99 Mar 2026 09:00:00 GMT"])
def test_an_answer_with_a_strange_date_is_an_answer(date: str) -> None:
    with serving(json_answer('{"elements":[]}', Date=date)) as server:
        client = client_of(server)
        assert client.contracts() == []
        assert client.server_time is None


def test_all_that_is_logged_is_searched(log: Secrets, sandbox: Sandbox, tmp_path: Path) -> None:
    client = client_of(sandbox)
    url = client.job(client.create_job("exportActivityData", URN, WINDOW).id, URN).download_url
    assert url is not None
    client.download(url, tmp_path / "file")
    assert any("/ambry/" in line for line in log.lines), "urllib3 logs paths at DEBUG"
    assert not any(urlsplit(url).query in line for line in log.lines)
    for shown in (client, client.tokens, make_settings(access_token=TOKEN)):
        log.check(shown)


@pytest.mark.parametrize("line", [b"no header", b" folded", b": no name", b"X\xff: y", b"A: b\x00c"])
def test_an_odd_header_is_logged_without_the_signed_url(line: bytes, log: Secrets, tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: %d\r\n\r\n" % len(CSV) + CSV
    with serving(answer) as server, contextlib.suppress(SalesnavError):
        client_of(server).download(signed(server.origin), tmp_path / "file")
    log.check()


def page(urns: list[int], **paging: Any) -> bytes:
    elements = [{"contract": f"urn:li:contract:{n}", "name": f"Team {n}", "hasReportingAccess": True} for n in urns]
    return json_answer(json.dumps({"elements": elements, "paging": paging}))


def listed(answer: Callable[[int], bytes]) -> tuple[list[str], int]:
    """Returns the contracts that are listed, and the pages that were asked for."""

    def serve(request: RawRequest) -> bytes:
        found = re.search(r"start=(\d+)", request.target)
        return answer(int(found[1]) if found else 0)

    with serving(serve) as server:
        return [contract.urn for contract in client_of(server).contracts()], len(server.requests)


def test_a_page_that_is_cut_short_is_followed_by_its_link() -> None:
    def answer(start: int) -> bytes:
        ids = [n for n in range(start, min(start + 10, 25)) if n != start + 3]
        link = {"rel": "next", "href": f"/v2/salesContracts?q=contractsByMember&start={start + 10}&count=10"}
        return page(ids, count=10, start=start, links=[link] if start + 10 < 25 else [])

    urns, pages = listed(answer)
    assert (len(urns), pages) == (22, 3)


def test_a_page_that_is_cut_short_is_followed_by_the_total() -> None:
    urns, pages = listed(lambda start: page(list(range(start, min(start + 9, 25))), count=10, start=start, total=25))
    assert (len(urns), pages) == (23, 3)


def test_an_empty_page_with_a_link_is_not_the_last() -> None:
    def answer(start: int) -> bytes:
        link = {"rel": "next", "href": f"/v2/salesContracts?q=contractsByMember&start={start + 10}&count=10"}
        return page([start] if start in (0, 30) else [], count=10, start=start, links=[link] if start < 30 else [])

    assert listed(answer) == (["urn:li:contract:0", "urn:li:contract:30"], 4)


def test_empty_pages_with_links_without_end_end() -> None:
    def answer(start: int) -> bytes:
        return page([1] if not start else [], links=[{"rel": "next", "href": f"/v2/salesContracts?start={start + 10}"}])

    assert listed(answer) == (["urn:li:contract:1"], 4)


def test_a_link_that_leads_on_by_a_mark_is_followed_as_it_is() -> None:
    def serve(request: RawRequest) -> bytes:
        if "pageToken=b%2F7" in request.target:
            return page([2], links=[])
        return page(
            [1], count=1, links=[{"rel": "next", "href": "/v2/salesContracts?q=contractsByMember&pageToken=b%2F7"}]
        )

    with serving(serve) as server:
        assert [contract.urn for contract in client_of(server).contracts()] == [
            "urn:li:contract:1",
            "urn:li:contract:2",
        ]


def test_paging_in_text_is_read() -> None:
    assert listed(lambda start: page([start], start=str(start), count="1", total="3"))[1] == 3


@pytest.mark.parametrize(
    "links", [None, 3, {"next": "x"}, [None, "x", {"rel": "next"}, {"rel": "next", "href": "//["}]]
)
def test_paging_of_no_known_form_ends_the_listing(links: Any) -> None:
    assert listed(lambda start: page([1], count=10, start=0, links=links))[0] == ["urn:li:contract:1"]


def test_a_listing_that_repeats_itself_ends() -> None:
    link = {"rel": "next", "href": "/v2/salesContracts?start=5"}
    assert listed(lambda start: page([1, 2], count=2, links=[link], total=1000)) == (
        ["urn:li:contract:1", "urn:li:contract:2"],
        2,
    )


def test_a_full_page_that_repeats_where_nothing_says_that_more_comes_is_no_remark() -> None:
    with serving(lambda request: page([1, 2], count=2, start=0)) as server:
        client = client_of(server)
        assert len(client.contracts()) == 2 and len(server.requests) == 2
        assert client.notes == []


def test_a_listing_without_end_ends_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salesnav_source.linkedin.client.MAX_ENTRIES", 100)

    numbers = itertools.count()

    def endless(request: RawRequest) -> bytes:
        number = next(numbers)
        entries = [{"contract": f"urn:li:contract:{n}", "name": "x", "hasReportingAccess": True} for n in range(30)]
        entries += [{"contract": f"odd {number}/{n}"} for n in range(30)]
        return json_answer(
            json.dumps({"elements": entries, "paging": {"start": number * 60, "count": 60, "total": 10**9}})
        )

    with serving(endless) as server:
        client = client_of(server)
        assert len(client.contracts()) == 30
        assert len(server.requests) == 3
    assert "has no end. The 30" in client.notes[-1] and len(client.notes) == 21
    assert "71 more notes like these" in client.notes[-2]


def test_an_entry_that_cannot_be_used_is_told_and_left_out() -> None:
    entries = [
        {"contract": "urn:li:contract:1", "name": None, "hasReportingAccess": True},
        {"contract": "urn:li:contract:2", "name": "Two", "description": {"text": "odd"}, "hasReportingAccess": True},
        {"contract": "urn:li:contract:3", "name": "Three"},
    ]
    with serving(json_answer(json.dumps({"elements": entries}))) as server:
        client = client_of(server)
        (contract,) = client.contracts()
    assert (contract.urn, contract.description) == ("urn:li:contract:2", '{"text": "odd"}')
    assert "name" in client.notes[0] and "urn:li:contract:1" in client.notes[0]
    assert "hasReportingAccess" in client.notes[1]


@pytest.mark.parametrize(
    ("answer", "job"),
    [
        pytest.param(http_answer(201, b"", x_restli_id="17"), 17, id="in-a-header"),
        pytest.param(json_answer('{"value":{"id":null}}', x_restli_id="17"), 17, id="null-and-in-a-header"),
        pytest.param(http_answer(201, b"", Location="/salesAnalyticsExportJobs/17"), 17, id="in-an-address"),
        pytest.param(json_answer('{"value":{"id":"18"}}'), 18, id="as-text"),
        pytest.param(json_answer('{"value":18}'), 18, id="bare"),
        pytest.param(json_answer('{"value":{"id":18.0}}'), 18, id="as-a-fraction"),
        pytest.param(json_answer('{"id":9223372036854775807}'), 2**63 - 1, id="the-largest"),
    ],
)
def test_the_id_of_a_new_job_is_found(answer: bytes, job: int) -> None:
    with serving(answer) as server:
        assert client_of(server).create_job("exportSeatData", URN, WINDOW).id == job


@pytest.mark.parametrize("given", ['"urn:li:job:1"', "9223372036854775808", "true", "-1", '""'])
def test_an_id_that_is_no_number_of_64_bits_is_told(given: str) -> None:
    with serving(json_answer(f'{{"id":{given}}}')) as server, pytest.raises(UnusableAnswerError):
        client_of(server).create_job("exportSeatData", URN, WINDOW)


def test_a_page_instead_of_an_answer_is_an_outage() -> None:
    maintenance = http_answer(200, b"<html>We will be back", Content_Type="text/html")
    with serving(maintenance) as server, pytest.raises(UnavailableError):
        client_of(server).create_job("exportSeatData", URN, WINDOW)


def test_no_cookie_is_sent_back() -> None:
    with serving(json_answer('{"elements":[]}', Set_Cookie="bcookie=1; Path=/")) as server:
        client = client_of(server)
        client.contracts()
        client.contracts()
        assert [request.headers.get("Cookie") for request in server.requests] == [None, None]


def test_a_file_that_is_not_ready_says_when_to_come_back(tmp_path: Path) -> None:
    with serving(http_answer(202, b"", Retry_After="20")) as server, pytest.raises(NotReadyError) as caught:
        client_of(server).download(f"{server.origin}/file", tmp_path / "file")
    assert caught.value.retry_after == 20.0


@contextlib.contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serves each connection by a function, after its request has come; returns the origin."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(300)


class Ticking:
    """A clock on which each look takes some seconds."""

    def __init__(self, seconds: float) -> None:
        self.time, self.seconds = 0.0, seconds

    def __call__(self) -> float:
        self.time += self.seconds
        return self.time


def dripping(begin: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    """Sends a beginning, and then a drop at a time as long as somebody reads."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(drop)
            time.sleep(0.001)

    return talk


HTTP = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        pytest.param(HTTP + b"Content-Length: 100000000\r\n\r\n", b"a", id="length"),
        pytest.param(HTTP + b"\r\n", b"a", id="until-the-end"),
        pytest.param(HTTP + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", id="chunks"),
        pytest.param(HTTP + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n", b"a", id="within-a-chunk"),
    ],
)
def test_a_download_that_trickles_is_ended(begin: bytes, drop: bytes, tmp_path: Path) -> None:
    with talking(dripping(begin, drop)) as origin:
        client = Client(make_settings(f"{origin}/v2"), clock=Ticking(5.0))
        with pytest.raises(StalledDownloadError, match="has stalled"):
            client.download(f"{origin}/file", tmp_path / "file")


@pytest.mark.parametrize("call", ["contracts", "create", "poll", "download"])
@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        pytest.param(b"", b"H", id="status-line"),
        pytest.param(HTTP + b"X-Name: ", b"a", id="header"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="continue"),
        pytest.param(b"HTTP/1.1 500 Error\r\nContent-Length: 100000\r\n\r\n", b"a", id="error-body"),
    ],
)
def test_an_answer_that_never_ends_times_out(begin: bytes, drop: bytes, call: str, tmp_path: Path) -> None:
    with talking(dripping(begin, drop)) as origin:
        client = Client(make_settings(f"{origin}/v2"), clock=Ticking(20.0))
        with pytest.raises(UnavailableError):
            calls_of(client, origin, tmp_path)[call]()


def flooding(begin: bytes, wave: bytes) -> Callable[[socket.socket], None]:
    """Sends a beginning, and then waves as fast and as long as somebody reads."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(wave)

    return talk


WRITTEN = zlib.compressobj()
NO_CONTENT = {
    "trailer": (HTTP + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", (b"X-T: " + b"a" * 1000 + b"\r\n") * 200),
    "zeros-after-gzip": (HTTP + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}"), b"\0" * 200_000),
    "empty-deflate": (
        HTTP + b"Content-Encoding: deflate\r\n\r\n" + WRITTEN.compress(b"{}") + WRITTEN.flush(zlib.Z_SYNC_FLUSH),
        b"\x00\x00\x00\xff\xff" * 40_000,
    ),
}


@pytest.mark.parametrize("call", ["contracts", "create", "poll", "download"])
@pytest.mark.parametrize("kind", NO_CONTENT)
def test_bytes_without_content_are_read_to_a_bound(kind: str, call: str, tmp_path: Path) -> None:
    with talking(flooding(*NO_CONTENT[kind])) as origin:
        client = Client(make_settings(f"{origin}/v2"))
        calls = calls_of(client, origin, tmp_path)
        calls["download"] = lambda: client.download(f"{origin}/file", tmp_path / "file", expected_rows=0)
        with pytest.raises((UnusableAnswerError, IncompleteFileError), match=r"still not complete after \d+ MB"):
            calls[call]()


def test_a_chunk_of_negative_size_is_a_transfer_that_breaks_off(tmp_path: Path, log: Secrets) -> None:
    with serving(CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n") as server, pytest.raises(IncompleteFileError, match="broke off"):
        client_of(server).download(signed(server.origin), tmp_path / "file")


def test_a_body_that_trickles_times_out(tmp_path: Path) -> None:
    with talking(dripping(HTTP + b"Content-Length: 100000\r\n\r\n", b"{")) as origin:
        client = Client(make_settings(f"{origin}/v2"), clock=Ticking(20.0))
        with pytest.raises(UnavailableError, match="timed out"):
            client.job(7, URN)


def calls_of(client: Client, origin: str, folder: Path) -> dict[str, Callable[[], Any]]:
    return {
        "contracts": client.contracts,
        "create": lambda: client.create_job("exportSeatData", URN, WINDOW),
        "poll": lambda: client.job(7, URN),
        "download": lambda: client.download(signed(origin), folder / "file"),
    }


@pytest.mark.parametrize("other", ["", '"downloadUrl":null,'])
def test_the_url_of_a_file_is_found_in_either_spelling(other: str) -> None:
    answer = f'{{"id":7,"status":"completed",{other}"downloadURL":"https://x.linkedin.com/f"}}'
    with serving(json_answer(answer)) as server:
        assert client_of(server).job(7, URN).download_url == "https://x.linkedin.com/f"


# bounds: bytes


def chunked(body: bytes) -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def zipped(megabytes: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(b" " * (1 << 20)) for _ in range(megabytes)), packer.flush()])


@pytest.mark.parametrize("call", ["contracts", "create", "poll"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http_answer(200, b" " * (9 << 20)), id="plain"),
        pytest.param(HTTP + chunked(b" " * (9 << 20)), id="chunks"),
        pytest.param(http_answer(200, zipped(50), Content_Encoding="gzip"), id="gzip"),
        pytest.param(http_answer(200, b"{}", Content_Encoding="br"), id="not-asked-for"),
        pytest.param(HTTP + b"X: " + b"a" * 100_000 + b"\r\n\r\n", id="header-line"),
        pytest.param(HTTP + b"X: a\r\n" * 200 + b"\r\n", id="header-lines"),
        pytest.param(HTTP + (b"X: " + b"a" * 60_000 + b"\r\n") * 5 + b"\r\n", id="header"),
        pytest.param(http_answer(200, b'{"elements":' + b"[" * 50_000 + b"]" * 50_000 + b"}"), id="deep"),
    ],
)
def test_an_answer_without_bound_is_unusable_and_not_retried(answer: bytes, call: str, tmp_path: Path) -> None:
    with serving(answer) as server:
        with pytest.raises(UnusableAnswerError):
            calls_of(client_of(server), server.origin, tmp_path)[call]()
        assert len(server.requests) == 1


@pytest.mark.parametrize("call", ["contracts", "create", "poll", "download"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http_answer(500, b"x" * (9 << 20)), id="plain"),
        pytest.param(b"HTTP/1.1 500 Error\r\n" + chunked(b"x" * (9 << 20)), id="chunks"),
        pytest.param(http_answer(500, zipped(50), Content_Encoding="gzip"), id="gzip"),
        pytest.param(http_answer(500, b"no gzip", Content_Encoding="gzip"), id="no-gzip"),
        pytest.param(http_answer(500, b"{", Content_Encoding="br"), id="not-asked-for"),
        pytest.param(http_answer(500, b'{"message":' + b"[" * 30_000 + b"]" * 30_000 + b"}"), id="deep"),
        pytest.param(http_answer(500, b"cut", Content_Length="1000"), id="cut"),
    ],
)
def test_the_status_counts_whatever_the_body_of_a_refusal_is(answer: bytes, call: str, tmp_path: Path) -> None:
    with serving(answer) as server, pytest.raises(UnavailableError, match="HTTP 500"):
        calls_of(client_of(server), server.origin, tmp_path)[call]()


@pytest.mark.parametrize("rows", [0, 5])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http_answer(200, b"a" * (17 << 20)), id="plain"),
        pytest.param(http_answer(200, zipped(50), Content_Encoding="gzip"), id="gzip"),
    ],
)
def test_a_file_is_received_up_to_what_was_announced(answer: bytes, rows: int, tmp_path: Path) -> None:
    with serving(answer) as server, pytest.raises(OversizedFileError, match=f"{rows} rows"):
        client_of(server).download(f"{server.origin}/file", tmp_path / "file", rows)
    assert (tmp_path / "file").stat().st_size <= 17 << 20


@pytest.mark.parametrize("rows", [40, None])
def test_a_file_as_large_as_announced_is_received(rows: int | None, tmp_path: Path) -> None:
    with serving(http_answer(200, CSV)) as server:
        assert client_of(server).download(f"{server.origin}/file", tmp_path / "file", rows) == len(CSV)


@pytest.mark.parametrize("end", [b"", b"\0" * 100, gzip.compress(b"b\n")], ids=["one", "padded", "two-members"])
def test_a_compressed_file_is_written_decoded(end: bytes, tmp_path: Path) -> None:
    with serving(http_answer(200, gzip.compress(CSV) + end, Content_Encoding="gzip")) as server:
        client_of(server).download(f"{server.origin}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CSV + (b"b\n" if end.startswith(b"\x1f") else b"")


# addresses


@pytest.mark.parametrize(
    "location", ["http://[", "https://[::1", "//[", "http://www.linkedin.com:port/", "http://h/" + "a" * 9000]
)
def test_a_malformed_redirect_is_not_retried(location: str, tmp_path: Path) -> None:
    with serving(http_answer(302, Location=location)) as server:
        with pytest.raises(DownloadRefusedError):
            client_of(server).download(signed(server.origin), tmp_path / "file")
        assert len(server.requests) == 1


@pytest.mark.parametrize("way", ["redirect", "download-url"])
def test_no_token_goes_to_another_port_of_the_host(way: str, tmp_path: Path, log: Secrets) -> None:
    with (
        serving(http_answer(200, CSV)) as elsewhere,
        serving(http_answer(302, Location=signed(elsewhere.origin))) as own,
    ):
        with pytest.raises(DownloadRefusedError, match="token was not sent") as caught:
            client_of(own).download(signed((own if way == "redirect" else elsewhere).origin), tmp_path / "file")
        assert elsewhere.requests == []
        log.check(caught.value)


@pytest.mark.parametrize(
    "url", ["https://www.linkedin.com:8443/x", "https://user@www.linkedin.com/x", "https://www.linkedin.com/\ta"]
)
def test_a_download_url_of_linkedin_is_taken_literally(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadRefusedError):
        Client(make_settings()).download(url, tmp_path / "file")


def test_a_proxy_of_the_environment_gets_no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(http_answer(502)) as proxy, serving(json_answer('{"elements":[]}')) as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert client_of(server).contracts() == []
        assert proxy.requests == []
        with pytest.raises(UnavailableError, match="the proxy failed"):
            Client(make_settings()).contracts()
    assert [request.method for request in proxy.requests] == ["CONNECT"]
    assert all("Authorization" not in request.headers for request in proxy.requests)


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["absent", "garbage"])
def test_certificates_that_cannot_be_used_are_named(
    content: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "corporate.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with serving(http_answer(200)) as server:
        client = Client(make_settings(server.origin.replace("http:", "https:")))
        with pytest.raises(ConfigurationError, match=r"REQUESTS_CA_BUNDLE = .*corporate\.pem does not"):
            client.contracts()
        assert server.requests == []


# words of a refusal


@pytest.mark.parametrize("call", ["contracts", "create", "poll", "download"])
def test_linkedins_words_are_shown_without_secrets(call: str, tmp_path: Path, log: Secrets) -> None:
    said = f"Field startAt is odd\n{TOKEN} {SIGNATURE if call == 'download' else ''} x-li-ambry-ep={SIGNATURE}"
    refusal = json_answer(json.dumps({"message": said, "status": 400}), 400)
    with serving(refusal) as server, pytest.raises(RequestRefusedError, match="LinkedIn says") as caught:
        calls_of(client_of(server), server.origin, tmp_path)[call]()
    assert 'LinkedIn says: "Field startAt is odd *** ' in str(caught.value)
    log.check(caught.value)


def test_the_version_of_the_api_is_sent_if_it_is_set(sandbox: Sandbox) -> None:
    settings = make_settings(sandbox.base_url, access_token=TOKEN)
    Client(settings).contracts()
    object.__setattr__(settings, "api_version", "202611")
    Client(settings).contracts()
    assert [request.headers.get("linkedin-version") for request in sandbox.requests] == [None, "202611"]


@pytest.mark.parametrize(
    ("form", "end"),
    [("last_millisecond", WINDOW.end_ms), ("next_midnight", WINDOW.end_ms + 1), ("last_second", WINDOW.end_ms - 999)],
)
def test_the_end_of_the_interval_has_the_form_asked_for(form: Any, end: int) -> None:
    with serving(json_answer('{"value":{"id":7}}')) as server:
        client_of(server).create_job("exportSeatData", URN, WINDOW, form)
        assert json.loads(server.requests[0].body)["endAt"] == end


# a later page of the listing


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(json_answer('{"message":"no such page"}', 400), id="400"),
        pytest.param(json_answer("{}", 403), id="403"),
        pytest.param(json_answer("{}", 404), id="404"),
        pytest.param(json_answer("<html>"), id="html"),
        pytest.param(json_answer("{}"), id="no-elements"),
        pytest.param(http_answer(200, b'{"elements":' + b"[" * 9999 + b"]" * 9999 + b"}"), id="deep"),
        pytest.param(http_answer(200, b" " * (9 << 20)), id="long"),
    ],
)
def test_a_later_page_that_is_refused_costs_no_contract_before_it(second: bytes) -> None:
    first = page(list(range(10)), count=10, start=0)
    with serving(lambda request: second if "start=10" in request.target else first) as server:
        client = client_of(server)
        assert len(client.contracts()) == 10
        assert any("page 2" in note and "10 listed before it" in note for note in client.notes)
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("second", "error"),
    [(json_answer("{}", 429), ThrottledError), (json_answer("{}", 503), UnavailableError), (None, UnavailableError)],
    ids=["429", "503", "reset"],
)
def test_a_later_page_that_is_not_answered_yet_fails_the_listing(second: bytes | None, error: type[ApiError]) -> None:
    first = page(list(range(10)), count=10, start=0)
    with serving(lambda request: second if "start=10" in request.target else first) as server, pytest.raises(error):
        client_of(server).contracts()


def test_a_first_page_that_is_refused_fails_the_listing() -> None:
    with serving(json_answer("{}", 400)) as server, pytest.raises(RequestRefusedError):
        client_of(server).contracts()

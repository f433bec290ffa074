"""Answers as values: what they say is read, cleaned, or named as unusable; no answer is a stack trace."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.exceptions import (
    AccessDeniedError,
    ApiError,
    ApiVersionError,
    UnavailableError,
    UnusableAnswerError,
    UnusableJobIdError,
)
from salesnav_source.linkedin import refusals
from salesnav_source.linkedin.answers import (
    FIRST_PAGE,
    Answer,
    Contract,
    created_job,
    page_of,
    polled_job,
    retry_after,
    server_time,
)

DEEP = b'{"elements":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
DEEPER_THAN_ANY = b'{"message":' + b"[" * 40 + b"]" * 40 + b"}"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def answer_of(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(value).encode())


def fields(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: json_values for name in names})


@given(fields("id", "status", "downloadUrl", "rowCount", "value"))
def test_any_job_is_a_job_or_unusable(value: dict[str, Any]) -> None:
    for read in (created_job, lambda answer: polled_job(answer, 7)):
        try:
            job = read(answer_of(value))
        except (UnusableAnswerError, UnavailableError):
            continue
        (job.status or "").encode()
        assert 0 <= job.id < 2**63 and (job.row_count is None or 0 <= job.row_count < 2**63)


@given(
    st.lists(fields("contract", "name", "description", "hasReportingAccess") | json_values, max_size=5),
    json_values | fields("start", "count", "total", "links"),
)
def test_any_page_is_a_page(elements: list[Any], paging: Any) -> None:
    page = page_of(answer_of({"elements": elements, "paging": paging}), FIRST_PAGE)
    for contract in page.contracts:
        f"{contract.name}{contract.description}".encode()
    assert len(page.contracts) + len(page.notes) == len(elements)
    assert page.next_query is None or page.next_query.isascii()


@given(st.binary(max_size=300), st.integers(300, 599))
def test_any_body_of_a_refusal_is_a_refusal(body: bytes, status: int) -> None:
    error = refusals.error_of(Answer(status, {"Content-Type": "text/plain"}, body), "GET /x")
    str(error).encode()
    assert isinstance(error, ApiError) and len(str(error).splitlines()) == 1 and len(str(error)) < 1000


@pytest.mark.parametrize(
    "body", [DEEP, DEEPER_THAN_ANY, b'{"id": 7, "status": "\xe9"}'], ids=["deep", "deeper", "latin-1"]
)
def test_an_answer_that_no_retry_improves_is_unusable(body: bytes) -> None:
    for read in (lambda a: page_of(a, FIRST_PAGE), created_job, lambda a: polled_job(a, 7)):
        with pytest.raises(UnusableAnswerError):
            read(Answer(200, {}, body))
    assert refusals.words(Answer(400, {}, body)) == ""


@pytest.mark.parametrize("digits", [20, 400, 5000])
def test_a_number_without_end_is_none(digits: int) -> None:
    many = b"9" * digits
    assert polled_job(Answer(200, {}, b'{"id":7,"rowCount":%b}' % many), 7).row_count is None
    assert polled_job(Answer(200, {}, b'{"id":7,"rowCount":"%b"}' % many), 7).row_count is None
    with pytest.raises(UnusableAnswerError):
        created_job(Answer(200, {}, b'{"id":"%b"}' % many))


@pytest.mark.parametrize("given_id", ["urn:li:job:1", "١٢", "1\x1b[31m" + "9" * 5000])
def test_an_id_that_is_no_number_is_shown_clean_and_short(given_id: str) -> None:
    with pytest.raises(UnusableJobIdError) as caught:
        created_job(answer_of({"id": given_id}))
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "urn",
    [
        "urn:li:contract:1' OR 1=1 -- ", "urn:li:contract:1\\", "urn:li:contract:\ud800", "urn:li:contract:1\n::error::x",
        "urn:li:contract:", "urn:li:seat:1", "urn:li:contract:%31", "urn:li:contract:" + "1" * 100, "urn:li:contract:1 ",
    ],
)  # fmt: skip
def test_a_contract_with_an_odd_urn_is_left_out_and_noted(urn: str) -> None:
    good = {"contract": "urn:li:contract:2", "name": "Two", "hasReportingAccess": True}
    page = page_of(answer_of({"elements": [{**good, "contract": urn}, good]}), FIRST_PAGE)
    assert [one.urn for one in page.contracts] == ["urn:li:contract:2"]
    (note,) = page.notes
    note.encode()
    assert "not the URN of a contract" in note and "\n" not in note and len(note) < 300


def test_names_are_cleaned_and_cut_where_they_enter() -> None:
    given = {"contract": "urn:li:contract:1", "name": "A\x00B\ud800\n::error::C" + "x" * 5_000_000}
    page = page_of(
        answer_of({"elements": [{**given, "description": "d\x1b[0m" * 9, "hasReportingAccess": True}]}), FIRST_PAGE
    )
    (contract,) = page.contracts
    assert contract.name.startswith("A B\ufffd ::error::Cxxx") and len(contract.name) == 500
    assert contract.description == clean_escapes(9)


def clean_escapes(times: int) -> str:
    return " ".join(["d", *["[0md"] * (times - 1), "[0m"])


def test_a_status_is_cleaned_and_cut() -> None:
    job = polled_job(answer_of({"id": 7, "status": "\x00FAILED\ud800" + "X" * 1000}), 7)
    assert job.status is not None and job.status.startswith("FAILED\ufffdX") and len(job.status) == 100


@pytest.mark.parametrize("location", ["http://[", "//[::1", "\x00", "http://h:port/x"])
def test_a_malformed_location_names_no_job(location: str) -> None:
    with pytest.raises(UnusableAnswerError):
        created_job(Answer(201, {"Location": location}))


@pytest.mark.parametrize(
    "href", ["/x?q=contractsByMember&mark=\ud800", "/x?mark=a b", "/x?mark=\u00e9", "/x?mark=" + "a" * 5000, "//["]
)
def test_a_link_that_cannot_be_sent_is_not_followed(href: str) -> None:
    paging = {"start": 0, "count": 10, "links": [{"rel": "next", "href": href}]}
    page = page_of(answer_of({"elements": [], "paging": paging}), FIRST_PAGE)
    assert page.next_query == f"{FIRST_PAGE}&start=1&count=100"


@given(st.text(max_size=40))
def test_any_header_is_a_time_or_none(text: str) -> None:
    seconds = retry_after({"Retry-After": text})
    assert seconds is None or 0 <= seconds < float("inf")
    server_time({"Date": text})


FORBIDDEN = {
    "product": ("Not enough permissions to access: salesContracts.FINDER-contractsByMember.1", "lacks LinkedIn's product"),
    "fields": ("Unpermitted fields present in REQUEST_BODY: Data Processing Exception while processing [/endAt]", "newest"),
    "parameter": ("Unpermitted fields present in PARAMETER: [/q]", "newest"),
    "role": ("Member has no role", "reporting or administrator role"),
    "nothing": (None, "reporting or administrator role"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_each_kind_of_403_says_what_to_do(kind: str) -> None:
    message, advice = FORBIDDEN[kind]
    error = refusals.error_of(answer_of({"message": message, "serviceErrorCode": 100, "status": 403}, 403), "POST /x")
    assert isinstance(error, AccessDeniedError) and (error.status, error.code) == (403, 100)
    assert advice in str(error) and (message is None or f'LinkedIn says: "{message}".' in str(error))
    assert sum(others in str(error) for others in {advice for _, advice in FORBIDDEN.values()}) == 1


@pytest.mark.parametrize("status", [426, 410, 400])
def test_a_version_that_is_gone_is_named_with_what_to_do(status: int) -> None:
    body = {"status": status, "code": "NONEXISTENT_VERSION", "message": "Requested version 20240401 is not active"}
    error = refusals.error_of(answer_of(body, status), "GET /salesContracts")
    assert isinstance(error, ApiVersionError)
    for part in (f"HTTP {status}", "NONEXISTENT_VERSION", "20240401 is not active", "api_version"):
        assert part in str(error)


def test_what_linkedin_says_is_one_short_line_without_secrets() -> None:
    said = 'no\n::error::x \x1b[31m"quoted" token=S3cret ' + "y" * 5000
    error = str(refusals.error_of(answer_of({"message": said}, 400), "GET /x", hide=["yyyyyyyyyy"]))
    assert "\n" not in error and "\x1b" not in error and "S3cret" not in error and "yyyyyyyyyyy" not in error
    assert "no ::error::x" in error and len(error) < 500


def test_a_page_of_html_is_not_shown() -> None:
    html = Answer(502, {"Content-Type": "text/html"}, b"<html>Bad Gateway")
    assert str(refusals.error_of(html, "GET /x")) == "LinkedIn failed to answer GET /x (HTTP 502)."


def test_a_contract_compares_by_what_it_is() -> None:
    given = {"contract": "urn:li:contract:1", "name": "One", "hasReportingAccess": True}
    assert page_of(answer_of({"elements": [given]}), FIRST_PAGE).contracts == (
        Contract("urn:li:contract:1", "One", None, True),
    )

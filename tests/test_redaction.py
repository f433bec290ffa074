"""What text enters and leaves: secrets are replaced, and nothing is left that a terminal or a CI log would obey."""

import json
import logging
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salesnav_source.cli.terminal import print_any_letter
from salesnav_source.run.errors import keep_to_ourselves
from salesnav_source.settings.configuration import read_files_again
from salesnav_source.settings.redaction import RedactingFilter, Redactor, clean, printable, printable_json, redact

SECRET = "Pa55/w@rd&more"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"postgresql://loader:{SECRET}@db:5432/x", id="postgresql"),
        pytest.param(f"postgresql+psycopg2://loader:{SECRET}@db/x", id="with-a-driver"),
        pytest.param(f"mysql://loader:{SECRET}@db/x?charset=utf8", id="mysql"),
        pytest.param(f"cannot use 'snowflake://u:{SECRET}@acc/x', sorry", id="in-quotes"),
        pytest.param(f"postgresql://loader:{SECRET}@[db/x", id="malformed-host"),
        pytest.param(f"postgresql://loader:{SECRET}@/x", id="no-host"),
        pytest.param(f"postgresql://:{SECRET}@db/x", id="no-user"),
        pytest.param(f"mysql://me@corp.com:{SECRET}@db/x", id="user-with-an-at"),
        pytest.param('missing "=" after "postgresql+psycopg://u:Pa55" in', id="cut-off"),
        pytest.param("AccountName=x;AccountKey=Pa55==;EndpointSuffix=y", id="azure"),
        pytest.param("{'X-Api-Key': 'Pa55'}", id="header"),
        pytest.param(f"host=db password='{SECRET}' user=x", id="keywords"),
        pytest.param("host=db password=Pa55/w@rd user=x", id="keywords-bare"),
        pytest.param(f"Driver=x;Uid=y;PWD={{{SECRET}}};Server=z", id="odbc"),
        pytest.param(f'{{"user": "x", "password": "{SECRET}"}}', id="json"),
        pytest.param(f"{{'client_secret': '{SECRET}'}}", id="python"),
        pytest.param(f'pseudonym_key = "{SECRET}"', id="toml"),
        pytest.param("dev:\n  password: Pa55/w@rd\n  user: x", id="yaml"),
        pytest.param("Authorization: Bearer Pa55/w+rd.and.so.on.AAAA", id="bearer"),
        pytest.param("GET /ambry/?x-li-ambry-ep=Pa55w.rd HTTP/1.1", id="path"),
        pytest.param("https://www.linkedin.com/ambry/?a=1&x-li-ambry-ep=Pa55", id="signed"),
        pytest.param("s3://b/k?X-Amz-Signature=Pa55&X-Amz-Date=1", id="aws"),
        pytest.param("-----BEGIN PRIVATE KEY-----\nPa55\n-----END PRIVATE KEY-----\n", id="private-key"),
    ],
)
def test_a_secret_is_found_by_its_place(text: str) -> None:
    assert "Pa55" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "LinkedIn does not accept the access token (HTTP 401). Get a new token.",
        '    access_token = "..."',
        "missing: client_secret, refresh_token.",
        "https://learn.microsoft.com/linkedin/sales/ and http://127.0.0.1:2718/",
        "postgresql://loader@db:5432/x",
        'connect to "http://db.example.com:8080" or http://[::1]:80 failed',
        "urn:li:contract:1: 2026-01-01 to 2026-01-31",
        "What is a token? It lives 60 days.",
    ],
)
def test_text_without_a_secret_stays(text: str) -> None:
    assert redact(text) == printable(text) == text


@pytest.mark.parametrize("secret", ["S3cret-with/slash", 'S3cret"with\\quote', "S3cret Ünicode", "eightchr"])
def test_a_known_secret_is_found_however_it_is_written(secret: str) -> None:
    redactor = Redactor()
    redactor.remember(secret)
    for text in (secret, quote(secret, safe=""), json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        shown = redactor.redact(f"before {text} after")
        assert "S3cret" not in shown and "eightchr" not in shown
        assert shown.startswith("before ") and shown.endswith(" after")


def test_a_short_secret_is_no_part_of_a_word() -> None:
    redactor = Redactor()
    redactor.remember("postgres", "abc", "", None)
    assert redactor.redact("abc postgresql postgres") == "abc postgresql ***"


KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg+Pa55\nkqhkiG9w0BAQEFAASCPa55==\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        pytest.param("credentials", "odd+scheme://user:Pa55 'with<blanks@host/x", "says Pa55 'with<blanks!", id="url"),
        pytest.param(
            "credentials", "odd://me@corp.com:Pa55%2Fword@host", "says Pa55/word and Pa55%2Fword", id="percent"
        ),
        pytest.param("credentials", "odd://do/main:Pa55word@host", "do/main:Pa55word", id="user-with-a-slash"),
        pytest.param("credentials", "odd://host/x?user=u&password=Pa55+word", "no Pa55 word", id="query"),
        pytest.param("credentials", json.dumps({"private_key": KEY, "type": "x"}), f"no {KEY}", id="json"),
        pytest.param("credentials", {"private_key": KEY}, "line kqhkiG9w0BAQEFAASCPa55== is", id="line-of-a-key"),
        pytest.param("credentials", {"private_key": KEY}, repr(KEY[28:-20]), id="key-in-python"),
        pytest.param("password", "Pa55, with a comma; and more", "it: Pa55, with a comma; and more", id="by-name"),
        pytest.param("aws_secret_access_key", "Pa55/wordxyz", "given Pa55/wordxyz", id="of-another-name"),
        pytest.param("journal_url", "s3://key:Pa55word@bucket/x", 'bucket name "key:Pa55word@bucket"', id="bucket"),
        pytest.param("access_token", ["Pa55word"], "was Pa55word", id="list"),
    ],
)
def test_a_configured_secret_is_found_where_nothing_says_that_it_is_one(name: str, value: Any, shown: str) -> None:
    redactor = Redactor()
    redactor.remember_value(name, value)
    assert "Pa55" in shown and "Pa55" not in redactor.redact(shown)


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://salesnav:salesnav@db/salesnav",
        "postgresql://loader@db.example.com:5432/x",
        {"username": "salesnav", "password": "salesnav", "database": "x"},
        "/data/salesnav.duckdb",
        "https://api.linkedin.com/v2",
    ],
)
def test_what_is_no_secret_is_not_replaced(value: Any) -> None:
    redactor = Redactor()
    redactor.remember_value("credentials", value)
    said = "salesnav: loader db.example.com 5432 /data/salesnav.duckdb https://api.linkedin.com/v2"
    assert redactor.redact(said) == said


def test_the_secrets_of_environment_and_files_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        '[other.destination.postgres.credentials]\npassword = "Pa55, of a file"'
    )
    monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", "mysql+pymysql://u:Pa55 of a DSN@h/x")
    monkeypatch.setenv("MYSQL_PWD", "Pa55, of a driver")
    monkeypatch.setenv("PWD", "/home/Pa55word")
    read_files_again()
    try:
        keep_to_ourselves()
    finally:
        monkeypatch.undo()
        read_files_again()
    assert "Pa55" not in redact('one "Pa55, of a file" two "Pa55 of a DSN" three "Pa55, of a driver"')
    assert redact("/home/Pa55word") == "/home/Pa55word"


def test_a_stack_trace_shows_no_secret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    print_any_letter()

    def bug() -> None:
        raise RuntimeError("x://u:Pa55@h\n::error::x")

    thread = threading.Thread(target=bug)
    thread.start()
    thread.join()
    try:
        bug()
    except RuntimeError:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    printed = capsys.readouterr().err
    assert printed.count("RuntimeError: x://u:***@h") == 2
    assert "\n::error" not in printed


@given(st.text())
@example("\ud800\x00\x1b[31m\r\n::error::x")
@example("\u202egnirts")
def test_clean_text_is_one_line_that_can_be_encoded(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in cleaned)
    assert len(cleaned.splitlines()) <= 1 and len(cleaned) <= 500
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("name", ["Müller & Söhne", "株式会社", "👩‍💻 Team", "O'Brien <Sales>", "x" * 500])
def test_a_name_of_any_language_stays(name: str) -> None:
    assert clean(name) == name


def test_a_name_without_end_is_cut() -> None:
    assert clean("x" * 5_000_000, 100) == "x" * 99 + "…"


@given(st.text())
@example("a\n::set-output name=x::y\n  ::warning::z")
@example("##[error]x ##vso[task.complete] ##teamcity[x]")
def test_output_has_lines_but_no_command(text: str) -> None:
    shown = printable(text)
    shown.encode()
    for line in shown.split("\n"):
        assert not line.lstrip().startswith("::")
    assert "##[" not in shown and "##vso[" not in shown
    assert not any(letter in shown for letter in "\x00\x07\x08\x1b\x7f\x9b\r\u2028\u202e")


def test_lines_of_a_report_stay() -> None:
    text = "Complete.\n  seats\t12 rows\n\nNext: nothing\n"
    assert printable(text) == text


def test_json_is_searched_at_every_depth() -> None:
    value = {"a": ["x://u:Pa55@h", {"password=Pa55": 1}], "n": 1.5, "none": None, "ok": True}
    shown = printable_json(value)
    assert "Pa55" not in json.dumps(shown)
    assert (shown["n"], shown["none"], shown["ok"]) == (1.5, None, True)


@pytest.mark.parametrize(
    ("message", "args"),
    [
        ("at %s", ("x://u:Pa55@h",)),
        ("x://u:Pa55@h", ()),
        ("%d", ("x://u:Pa55@h",)),
        ("%(a)s", ({"a": "x://u:Pa55@h"},)),
    ],
    ids=["argument", "message", "wrong-argument", "mapping"],
)
def test_a_log_record_has_no_secret(message: str, args: tuple[Any, ...], caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("salesnav_source.tests.redaction")
    redacting = RedactingFilter()
    logger.addFilter(redacting)
    try:
        raise ValueError("x://u:Pa55@h")
    except ValueError:
        logger.warning(message, *args, exc_info=True)
    finally:
        logger.removeFilter(redacting)
    assert "ValueError" in caplog.text and "Pa55" not in caplog.text


ROW = "Ann (Sales). O'Neil, ann@example.com"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            f'new row violates "c" DETAIL: Failing row contains (7, {ROW}). CONTEXT: COPY seats, line 1: "7,{ROW}"',
            'new row violates "c" DETAIL: Failing row contains (***) CONTEXT: COPY seats, line 1: "***"',
        ),
        (f"DETAIL:  Failing row contains (7, {ROW}).\nnext", "DETAIL:  Failing row contains (***)\nnext"),
        (f"Failing row contains (7, {ROW}", "Failing row contains (***)"),
        (
            f"DETAIL: Key (contract, email)=(7, {ROW}) already exists.",
            "DETAIL: Key (contract, email)=(***) already exists.",
        ),
        (f'invalid input syntax for type bigint: "{ROW}"', 'invalid input syntax for type bigint: "***"'),
        (f'CONTEXT:  COPY seats, line 3, column email: "{ROW}"', 'CONTEXT:  COPY seats, line 3, column email: "***"'),
        (f'Constraint Error: Duplicate key "email: {ROW}" violates', 'Constraint Error: Duplicate key "***" violates'),
        (f'Could not convert string "{ROW}" to INT32', 'Could not convert string "***" to INT32'),
    ],
)
def test_rows_that_a_warehouse_quotes_are_replaced(said: str, shown: str) -> None:
    assert printable(said) == shown

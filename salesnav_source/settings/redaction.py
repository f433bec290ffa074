"""Text that enters and leaves this program: no secret leaves, and no sequence that a terminal or a CI log would obey.

- `clean` is for text that enters: a name, status or message of LinkedIn becomes one short line.
- `redact` replaces secrets in any text: those given to `remember`, and values in places where secrets usually are. Rows that a
  warehouse quotes are replaced too.
- `printable` is for text that leaves: it redacts, and keeps line breaks but no other control character.
- `printable_json` does the same to every text of a JSON value, and `RedactingFilter` to log records.

A secret shorter than 8 characters is not searched for in all text, because it may be part of any word. It is still replaced
in a URL, after the name of a password, and in a header.
"""

import contextlib
import json
import logging
import re
import threading
import traceback
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote

MASK = "***"
SHORTEST_SECRET = 8
"""A secret with at least so many characters is searched for in all text."""
ANYWHERE = 16
"""A secret with at least so many characters is also replaced inside words."""
LONGEST_LINE = 500

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROLS_OF_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_INVISIBLE = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff]")
"""Marks that change the direction of text, and code points that are not characters."""

_COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
_LOGGING_COMMAND = re.compile(r"##(?=\[|vso\[|teamcity\[)", re.IGNORECASE)

_NAMES = (
    r"[\w.-]{0,60}(?:password|passwd|passphrase|passcode|pwd|secret|token|(?:api|access|account|private)[_-]?key|pseudonym_key"
    r"|signature|x-li-ambry-ep)"
)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_PLAIN_NAMES = frozenset(("username", "user", "host", "database", "drivername"))
_NO_VALUE = r"(?![\"']?(?:\.\.\.|…|\*\*\*))"
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # a private key
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    # the password of a URL; it may hold a slash or an @, and the user an @
    (re.compile(r"(://[^\s:/?#'\"<>]{0,500}):[^\s'\"<>]{1,2000}@"), rf"\1:{MASK}@"),
    # one that is cut off, as by a driver that quotes the place where it cannot read on; a number is a port
    (
        re.compile(r"(://[^\s:/?#@\[\]'\"<>]{0,500}):(?!\d+(?:\W|$))[^\s:/?#@'\"<>]{1,2000}(?=[\s'\"<>]|$)"),
        rf"\1:{MASK}",
    ),
    # name = value, as in DSNs, in queries and in TOML
    (
        re.compile(rf"(?i)\b({_NAMES})([\"']?\s*=\s*){_NO_VALUE}(?:{_QUOTED}|\{{[^}}\n]*\}}|[^\s,;&\"'<>)\]}}]+)"),
        rf"\1\2{MASK}",
    ),
    # "name": "value", as in JSON and Python
    (re.compile(rf"(?i)([\"']{_NAMES}[\"']\s*:\s*){_NO_VALUE}(?:{_QUOTED}|[^\s,}}\]]+)"), rf"\1{MASK}"),
    # name: value on a line by itself, as in YAML
    (re.compile(rf"(?im)^(\s*-?\s*{_NAMES}\s*:[^\S\n]+){_NO_VALUE}(?:{_QUOTED}|\S+)[^\S\n]*$"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)([ \t]+)[A-Za-z0-9._~+/=-]{16,}"), rf"\1\2{MASK}"),
    # rows and values that PostgreSQL and DuckDB quote when they refuse them; a value may hold brackets and quotes
    (re.compile(r"(Failing row contains )\([^\n]*?(?:\)\.?(?= CONTEXT:|[^\S\n]*$)|$)", re.MULTILINE), rf"\1({MASK})"),
    (re.compile(r"(Key \([^)\n]*\)=)\([^\n]*?\)(?= (?:already|is not|is still|conflicts))"), rf"\1({MASK})"),
    (re.compile(r"(COPY [^\s,]+, line \d+(?:, column [^\s:]+)?: )\"[^\n]*\""), rf'\1"{MASK}"'),
    (re.compile(r"((?:invalid input syntax for|out of range for) type [\w ]+: )\"[^\n]*?\"(?=\s|$)"), rf'\1"{MASK}"'),
    (re.compile(r"(Duplicate key )\"[^\n]*?\"(?= violates)"), rf'\1"{MASK}"'),
    (re.compile(r"(Could not (?:convert|cast) (?:string|value) )(['\"])[^\n]*?\2(?= to )"), rf"\1\2{MASK}\2"),
    # the query of an address or of a path: those of downloads are signed
    (re.compile(r"(?<=[\w/.-])\?[^\s\"'<>?=]*=[^\s\"'<>]*"), "?…"),
)


class Redactor:
    """Replaces secrets in text, from any thread."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def remember(self, *secrets: str | None) -> None:
        """Adds secrets to replace from now on. Short and empty ones are ignored."""
        new = {form for secret in secrets if secret for form in _forms(str(secret))}
        with self._lock:
            if new <= self._forms:
                return
            self._forms |= new
            ordered = sorted(self._forms, key=len, reverse=True)
            self._known = re.compile("|".join(map(_searched, ordered)))

    def remember_value(self, name: str, value: object, words: Collection[str] = ()) -> None:
        """Adds the secrets in a setting: its value if it is called like a secret, and what a URL or JSON in it has of them.

        Args:
            name: of the setting.
            value: as it is configured.
            words: texts that stay as they are, because they stand in other places too, such as the name of a user.
        """
        if isinstance(value, (list, tuple)):
            for one in value:
                self.remember_value(name, one, words)
        if isinstance(value, dict):
            known = {*words, *(str(one) for key, one in value.items() if is_plain(str(key)))}
            for key, one in value.items():
                self.remember_value(str(key), one, known)
        if not isinstance(value, str):
            return
        if is_secret(name) and value not in words:
            self.remember(value)
        if value.lstrip().startswith("{"):
            with contextlib.suppress(ValueError, RecursionError):
                self.remember_value(name, json.loads(value), words)
        if "://" in value:
            self._remember_url(value, words)

    def _remember_url(self, url: str, words: Collection[str]) -> None:
        scheme, _, rest = url.partition("://")
        user, _, place = rest.rpartition("@")
        user, _, password = user.partition(":")
        for secret in (password, unquote(password)):
            if secret not in (*words, scheme, user, unquote(user), place.partition("/")[2].partition("?")[0]):
                self.remember(secret)
        for name, secret in parse_qsl(url.partition("?")[2]):
            if is_secret(name):
                self.remember(secret)

    def redact(self, text: str) -> str:
        """Returns the text with each secret replaced."""
        known = self._known
        if known is not None:
            text = known.sub(MASK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def is_secret(name: str) -> bool:
    """Returns true if a setting or variable is called like one that holds a secret."""
    return _SECRET_NAME.fullmatch(name) is not None


def is_plain(name: str) -> bool:
    """Returns true if a setting names a user, host or database, whose name is no secret, even if the password is the same."""
    return name.lower() in _PLAIN_NAMES


def _forms(secret: str) -> set[str]:
    """Returns how a secret is written as plain text, in a URL, in JSON and in Python; of several lines, each one too."""
    lines = [line for line in secret.splitlines() if not line.startswith("-----")]
    forms = set[str]()
    for text in {secret, *(lines if len(lines) > 1 else ())}:
        forms |= {text, quote(text, safe="", errors="replace"), quote_plus(text, errors="replace")}
        forms |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
    # messages are put on one line
    forms |= {" ".join(form.split()) for form in forms}
    return {form for form in forms if len(form.strip()) >= SHORTEST_SECRET}


def _searched(secret: str) -> str:
    pattern = re.escape(secret)
    return pattern if len(secret) >= ANYWHERE else rf"(?<![^\W_]){pattern}(?![^\W_])"


_redactor = Redactor()
remember, remember_value, redact = _redactor.remember, _redactor.remember_value, _redactor.redact


def clean(text: str, limit: int = LONGEST_LINE) -> str:
    """Returns text from outside as one short line that can be shown, stored and encoded.

    Control characters and line breaks become a blank, lone surrogates become U+FFFD. Marks of direction are removed.

    Args:
        text: as it came.
        limit: most characters; a longer text is cut and ends with "…".
    """
    # cut first: a name may have megabytes
    text = _INVISIBLE.sub("", _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text[: 4 * limit])))
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def printable(text: str) -> str:
    """Returns text that may be printed, logged or written: redacted, and without sequences that a terminal or CI log obeys."""
    text = _INVISIBLE.sub("", _SURROGATES.sub("\ufffd", _CONTROLS_OF_LINES.sub(" ", redact(text))))
    return _LOGGING_COMMAND.sub("# #", _COMMAND.sub(r"\1: ", text))


def printable_json(value: Any) -> Any:
    """Returns a JSON value with `printable` applied to every text in it, keys included."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key) if isinstance(key, str) else key: printable_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable_json(one) for one in value]
    return value


class RedactingFilter(logging.Filter):
    """Makes log records printable: message, arguments and stack trace.

    On a handler it sees all records of that handler. On a logger it sees only the records of that logger.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Replaces the text of the record, and lets every record pass."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):
            text = str(record.msg)
        record.msg, record.args = printable(text), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        record.exc_info = None
        if record.exc_text:
            record.exc_text = printable(record.exc_text)
        return True

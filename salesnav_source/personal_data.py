"""What becomes of personal data: kept, replaced by pseudonyms, or left out, before anything is written to a disk.

A pseudonym is an HMAC-SHA-256 over the kind of a value and the value, with a secret key: the same for the same value on every
day and every machine that has the key, and of no use to find the value without it.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.schema import TPersonal, simplify

TMode = Literal["keep", "pseudonymize", "drop"]

MODES: tuple[TMode, ...] = ("keep", "pseudonymize", "drop")
KEEP: TMode = "keep"

SHORTEST_KEY = 16
"""Characters that a key must have at least."""

HOW_TO_MAKE_A_KEY = 'python -c "import secrets; print(secrets.token_hex(32))"'

_BLOCK = 64
"""Bytes of a block of SHA-256, to which HMAC brings its key."""


@dataclass(frozen=True)
class PersonalData:
    """What becomes of personal data."""

    mode: TMode = KEEP
    key: bytes = field(default=b"", repr=False)
    """Key of the pseudonyms."""
    keep_columns: frozenset[str] = frozenset()
    """Undocumented columns that are kept as they are in modes other than `keep`, as `simplify` writes them."""

    @property
    def is_kept(self) -> bool:
        """Tells whether rows are loaded as they come."""
        return self.mode == KEEP

    @property
    def record(self) -> dict[str, str] | None:
        """What a load notes of this in the state; nothing where personal data are kept."""
        if self.is_kept:
            return None
        fingerprint = {"key": self._fingerprint} if self.mode == "pseudonymize" else {}
        return {"mode": self.mode, **fingerprint}

    @property
    def _fingerprint(self) -> str:
        """Tells keys apart, and nothing of the key."""
        return hmac.digest(self.key, b"fingerprint of the key", "sha256").hex()[:16]

    def takes_column(self, title: str) -> bool:
        """Tells whether an undocumented column of a file is loaded."""
        return self.is_kept or simplify(title) in self.keep_columns

    def cover(self, texts: pa.StringArray, kind: TPersonal) -> pa.Array:
        """Returns the values of a personal column as they are loaded; what is empty stays empty."""
        if self.is_kept:
            return texts
        if self.mode == "drop":
            return pa.nulls(len(texts), pa.string())
        # a value stands in many rows, so each is replaced once per block
        encoded = texts.dictionary_encode()
        pseudonyms = self._pseudonyms(encoded.dictionary.to_pylist(), kind)
        return pa.array(pseudonyms, pa.string()).take(encoded.indices)

    def pseudonym(self, value: str, kind: TPersonal) -> str:
        """Returns what stands for a value."""
        return self._pseudonyms([value], kind)[0]

    def _pseudonyms(self, values: list[str], kind: TPersonal) -> list[str]:
        key = (hashlib.sha256(self.key).digest() if len(self.key) > _BLOCK else self.key).ljust(_BLOCK, b"\0")
        # HMAC by its definition: with both halves begun once, a value takes half the time that hmac.digest does
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        inner.update(f"{kind}:".encode())
        pseudonyms = []
        for value in values:
            plain = normal(value, kind)
            if not plain:
                pseudonyms.append(value)
                continue
            first, second = inner.copy(), outer.copy()
            first.update(plain.encode())
            second.update(first.digest())
            pseudonyms.append(second.hexdigest())
        return pseudonyms


KEPT = PersonalData()
"""Rows are loaded as they come."""


def normal(value: str, kind: TPersonal) -> str:
    """Returns a value as it is compared: without blanks around it, and e-mail addresses without case."""
    plain = (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()
    return plain.casefold() if kind == "email" else plain


def names_seat(row: str, seats: Collection[int]) -> bool:
    """Tells whether a row, of whatever form, names one of the seats; numbers may have marks between thousands."""
    if not seats:
        return False
    texts = (row, re.sub(r"(?<=[0-9])[,.' \u00a0\u202f\u2019](?=[0-9]{3})", "", row))
    return any(int(number) in seats for text in texts for number in re.findall("[0-9]+", text) if len(number) < 20)


def check(mode: Any, key: Any, keep_columns: list[Any]) -> PersonalData:
    """Returns what becomes of personal data, by the settings.

    Args:
        mode: `personal_data`.
        key: `pseudonym_key`.
        keep_columns: headers of columns.

    Raises:
        ConfigurationError: if a setting cannot be used.
    """
    if mode not in MODES:
        raise ConfigurationError(f"personal_data = {mode!r} is none of {', '.join(MODES)}.")
    key = str(key or "").strip()
    if mode == "pseudonymize" and len(key) < SHORTEST_KEY:
        wrong = f"has {len(key)} characters" if key else "is not set"
        raise ConfigurationError(
            f'personal_data = "pseudonymize" takes a pseudonym_key of at least {SHORTEST_KEY} characters, and it {wrong}. Make'
            f" one by\n\n    {HOW_TO_MAKE_A_KEY}\n\nand put it into [sources.salesnav] of secrets.toml, or into the"
            " environment as SOURCES__SALESNAV__PSEUDONYM_KEY. Keep it: with another key, the same person has other pseudonyms."
        )
    kept = frozenset(filter(None, (simplify(str(name)) for name in keep_columns)))
    return PersonalData(mode, key.encode() if mode == "pseudonymize" else b"", kept)


def require_same(now: PersonalData, before: Mapping[str, Any] | None, dataset: str) -> None:
    """Makes sure that rows are loaded as those that are there were.

    Args:
        now: what becomes of personal data.
        before: what was noted with the rows that are there; None where they were kept.
        dataset: where they are.

    Raises:
        ConfigurationError: if they were loaded in another way, with what to do.
    """
    was, wanted = dict(before or {"mode": KEEP}), now.record or {"mode": KEEP}
    if was == wanted:
        return
    if was["mode"] == now.mode:
        what = (
            "pseudonym_key is another one than that with which this warehouse was loaded, so the same person would have other"
            " pseudonyms from now on. Set the key that was used before."
        )
    else:
        what = (
            f'personal_data = "{now.mode}", but this warehouse was loaded with "{was["mode"]}": what is there would stay as it'
            f' is, and not fit what comes. Set personal_data = "{was["mode"]}" again.'
        )
    raise ConfigurationError(
        f"{what} To change it all the same, load everything anew: into another dataset or file; or drop the tables"
        f" {', '.join(TABLES_TO_DROP)} of dataset {dataset}, and the dataset in which dlt has staged rows ({dataset}_staging…),"
        " and run this again, which asks for all days anew, as far as LinkedIn still has them. Nothing was asked of LinkedIn."
    )


TABLES_TO_DROP = ("activities", "activity_outcomes", "seats", "rejected_rows")
"""The tables that hold rows of files."""

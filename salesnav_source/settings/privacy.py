"""Personal data are kept, replaced by pseudonyms, or left out, before anything is written to disk.

A pseudonym is an HMAC-SHA-256 over the kind of a value and the value, with a secret key. The same value has the same
pseudonym on every day and on every machine that has the key. Without the key, the value cannot be found from it.
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
"""Least number of characters of a key."""

HOW_TO_MAKE_A_KEY = 'python -c "import secrets; print(secrets.token_hex(32))"'

_BLOCK = 64
"""Bytes of a block of SHA-256; HMAC pads or hashes its key to this length."""


@dataclass(frozen=True)
class PersonalData:
    """How personal data are loaded."""

    mode: TMode = KEEP
    key: bytes = field(default=b"", repr=False)
    """Key of the pseudonyms."""
    keep_columns: frozenset[str] = frozenset()
    """Undocumented columns that are loaded unchanged in modes other than `keep`, as `simplify` writes them."""

    @property
    def is_kept(self) -> bool:
        """True if rows are loaded as they come."""
        return self.mode == KEEP

    @property
    def record(self) -> dict[str, str] | None:
        """What a load writes about this into the state; None if personal data are kept."""
        if self.is_kept:
            return None
        fingerprint = {"key": self._fingerprint} if self.mode == "pseudonymize" else {}
        return {"mode": self.mode, **fingerprint}

    @property
    def _fingerprint(self) -> str:
        """A short hash that differs between keys and reveals nothing of a key."""
        return hmac.digest(self.key, b"fingerprint of the key", "sha256").hex()[:16]

    def takes_column(self, title: str) -> bool:
        """Returns true if an undocumented column of a file is loaded."""
        return self.is_kept or simplify(title) in self.keep_columns

    def cover(self, texts: pa.StringArray, kind: TPersonal) -> pa.Array:
        """Returns the values of a personal column as they are loaded. Empty values stay empty."""
        if self.is_kept:
            return texts
        if self.mode == "drop":
            return pa.nulls(len(texts), pa.string())
        # a value is in many rows, so each is replaced once per block
        encoded = texts.dictionary_encode()
        pseudonyms = self._pseudonyms(encoded.dictionary.to_pylist(), kind)
        return pa.array(pseudonyms, pa.string()).take(encoded.indices)

    def pseudonym(self, value: str, kind: TPersonal) -> str:
        """Returns the pseudonym of a value."""
        return self._pseudonyms([value], kind)[0]

    def _pseudonyms(self, values: list[str], kind: TPersonal) -> list[str]:
        key = (hashlib.sha256(self.key).digest() if len(self.key) > _BLOCK else self.key).ljust(_BLOCK, b"\0")
        # HMAC by its definition: with both hashes begun once, a value takes half the time of hmac.digest
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
    """Returns a value in the form in which values are compared: stripped, and e-mail addresses in one case."""
    plain = (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()
    return plain.casefold() if kind == "email" else plain


def names_seat(row: str, seats: Collection[int]) -> bool:
    """Returns true if a row of any form has the number of one of the seats, also with thousands separators."""
    if not seats:
        return False
    texts = (row, re.sub(r"(?<=[0-9])[,.' \u00a0\u202f\u2019](?=[0-9]{3})", "", row))
    return any(int(number) in seats for text in texts for number in re.findall("[0-9]+", text) if len(number) < 20)


def check(mode: Any, key: Any, keep_columns: list[Any]) -> PersonalData:
    """Returns how personal data are loaded, by the settings.

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
            f'personal_data = "pseudonymize" needs a pseudonym_key of at least {SHORTEST_KEY} characters, and it {wrong}. Make'
            f" one by\n\n    {HOW_TO_MAKE_A_KEY}\n\nand put it into [sources.salesnav] of secrets.toml, or into the"
            " environment as SOURCES__SALESNAV__PSEUDONYM_KEY. Keep it: with another key, the same person has other pseudonyms."
        )
    kept = frozenset(filter(None, (simplify(str(name)) for name in keep_columns)))
    return PersonalData(mode, key.encode() if mode == "pseudonymize" else b"", kept)


def require_same(now: PersonalData, before: Mapping[str, Any] | None, dataset: str) -> None:
    """Makes sure that personal data are loaded in the same way as in the rows that the warehouse has.

    Args:
        now: how they are to be loaded.
        before: the record of the rows that are loaded; None if personal data were kept.
        dataset: of these rows.

    Raises:
        ConfigurationError: if they were loaded in another way, with what to do.
    """
    was, wanted = dict(before or {"mode": KEEP}), now.record or {"mode": KEEP}
    if was == wanted:
        return
    if was["mode"] == now.mode:
        what = (
            "pseudonym_key is not the key with which this warehouse was loaded, so the same person would have another"
            " pseudonym from now on. Set the key that was used before."
        )
    else:
        what = (
            f'personal_data = "{now.mode}", but this warehouse was loaded with "{was["mode"]}": its rows would stay as they'
            f' are, and not fit the new ones. Set personal_data = "{was["mode"]}" again.'
        )
    raise ConfigurationError(
        f"{what} To change it nevertheless, load everything again. Either load into another dataset or file. Or drop the tables"
        f" {', '.join(TABLES_TO_DROP)} of dataset {dataset}, and the dataset in which dlt has staged rows ({dataset}_staging…),"
        " and run this again: it exports all days that LinkedIn still has. Nothing was asked of LinkedIn."
    )


TABLES_TO_DROP = ("activities", "activity_outcomes", "seats", "rejected_rows", "seat_directory")
"""The tables that hold rows of files."""

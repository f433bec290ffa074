"""What a URN of a contract looks like, in the settings and in LinkedIn's answers, and how a person reads it."""

import re
from collections.abc import Mapping

from salesnav_source.settings.redaction import clean

LONGEST_SHOWN = 40
"""Most characters of a contract's name in a line for a person."""

_CONTRACT = re.compile(r"urn:li:contract:[A-Za-z0-9_.:~-]{1,64}")


def is_contract_urn(text: object) -> bool:
    """Returns true if a value is the URN of a contract, such as `urn:li:contract:123456`.

    Documented URNs end with a number. Letters are accepted too, but no quote, backslash, blank or percent sign.
    """
    return isinstance(text, str) and _CONTRACT.fullmatch(text) is not None


def urn_of_number(text: str) -> str | None:
    """Returns the URN of a contract that is given by its number alone, None if the text is no number.

    Zeros in front do not count: a spreadsheet may have added them.
    """
    return f"urn:li:contract:{text.lstrip('0') or '0'}" if text.isascii() and text.isdecimal() else None


def number_of(urn: str) -> str:
    """Returns the number of a contract, which ends its URN."""
    return urn.rpartition(":")[2]


def in_words(urn: str, names: Mapping[str, str]) -> str:
    """Returns a contract for a person: its name and URN, e.g. `North (urn:li:contract:123456)`; without a name the URN alone.

    Logs and JSON have the URN.

    Args:
        urn: of the contract.
        names: the known names, by URN.
    """
    name = clean(names.get(urn, ""), LONGEST_SHOWN)
    return f"{name} ({urn})" if name else urn

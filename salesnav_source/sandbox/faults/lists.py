"""Faults of the list of contracts."""

from typing import Any

from salesnav_source.sandbox.data import DEFAULT_CONTRACTS
from salesnav_source.sandbox.faults.calls import respond
from salesnav_source.sandbox.faults.declaring import declared
from salesnav_source.sandbox.faults.effects import Entry, IgnorePaging, Lost, Paging
from salesnav_source.sandbox.faults.model import EXPORT_CALLS, Call, Fault

_GROUP = "Lists of contracts"


@declared(_GROUP)
def repeat_page() -> Fault:
    """The list of contracts ignores paging and repeats its first page."""
    return Fault("contracts", IgnorePaging(), times=None)


@declared(_GROUP)
def short_page(hidden: tuple[int, ...] = (1,), page_size: int | None = 2) -> Fault:
    """The list of contracts comes in pages that may be short; a link says whether another one follows.

    Args:
        hidden: Before which entries there is one that the member may not see; it is left out after cutting pages.
        page_size: How many entries a page has at most, those left out included; None for the sandbox's own number.
    """
    return Fault("contracts", Paging(hidden, page_size, links="next"), times=None)


@declared(_GROUP)
def short_page_total(hidden: tuple[int, ...] = (1,), page_size: int | None = 2) -> Fault:
    """The list of contracts comes in pages that may be short; a total says how many entries there are."""
    return Fault("contracts", Paging(hidden, page_size, links="none", total=True), times=None)


@declared(_GROUP)
def no_links() -> Fault:
    """No page of the list of contracts links to another."""
    return Fault("contracts", Paging(links="none"), times=None)


@declared(_GROUP, value="STATUS")
def page_two_refused(status: int = 400) -> Fault:
    """All pages of the list of contracts but the first are refused (400)."""
    return respond(status, "contracts", message="Invalid start").where(times=None, when=lambda call: call.start > 0)


@declared(_GROUP)
def endless_links() -> Fault:
    """Every page of the list of contracts links to a next one, the last and the empty ones too."""
    return Fault("contracts", Paging(links="endless"), times=None)


def entry(which: int | str = 1, *without: str, **values: Any) -> Fault:
    """An entry of the list of contracts lacks fields or has other values.

    Args:
        which: Number of the entry from 0, or the contract's URN.
        *without: Fields that it lacks.
        **values: Fields that it has.
    """
    return Fault("contracts", Entry(which, values, without), times=None)


@declared(_GROUP)
def entry_without_name() -> Fault:
    """The second entry of the list of contracts has no name."""
    return entry(1, "name")


@declared(_GROUP)
def entry_without_access() -> Fault:
    """The second entry of the list of contracts does not say whether it may be exported."""
    return entry(1, "hasReportingAccess")


@declared(_GROUP)
def entry_without_contract() -> Fault:
    """The second entry of the list of contracts has no URN."""
    return entry(1, "contract")


@declared(_GROUP)
def null_name() -> Fault:
    """The second entry of the list of contracts has null for a name."""
    return entry(1, name=None)


@declared(_GROUP)
def name_with_controls() -> Fault:
    """The second entry of the list of contracts has a name with a bell, a line break and a mark that turns text round."""
    return entry(1, name="North\x07\r\nwest \u202eteam\u202c")


@declared(_GROUP)
def name_with_markup() -> Fault:
    """The second entry of the list of contracts has a name with marks of HTML, Markdown and CSV."""
    return entry(1, name='<b>North</b> & "West" | [team](#x) `=1+1`, *all*')


@declared(_GROUP, value="LETTERS")
def long_name(letters: int = 5000) -> Fault:
    """The second entry of the list of contracts has a name of 5000 letters."""
    return entry(1, name="North " * (letters // 6) + "North "[: letters % 6])


@declared(_GROUP)
def odd_description() -> Fault:
    """The second entry of the list of contracts has a description that is no text."""
    return entry(1, description={"localized": {"en_US": "Key accounts"}, "length": 12})


@declared(_GROUP)
def lost_access(contract: str = DEFAULT_CONTRACTS[1].urn) -> Fault:
    """A contract (the sandbox's second) loses reporting access: the list says so, other calls are refused (403)."""
    return _lost(Lost(contract, listed=True))


@declared(_GROUP)
def unlisted_contract(contract: str = DEFAULT_CONTRACTS[1].urn) -> Fault:
    """A contract (the sandbox's second) is no longer listed, and other calls do not find it (404)."""
    return _lost(Lost(contract, listed=False))


def _lost(effect: Lost) -> Fault:
    def hit(call: Call) -> bool:
        return call.kind == "contracts" or call.contract == effect.contract

    return Fault(EXPORT_CALLS, effect, when=hit, times=None)

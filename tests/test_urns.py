"""How a contract is put into words for a person."""

import pytest

from salesnav_source.settings.urns import in_words, urn_of_number

URN = "urn:li:contract:1"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        pytest.param({URN: "North"}, f"North ({URN})", id="named"),
        pytest.param({URN: ""}, URN, id="empty"),
        pytest.param({URN: " \u202e\x07"}, URN, id="nothing-to-see"),
        pytest.param({"urn:li:contract:2": "South"}, URN, id="unknown"),
        pytest.param({URN: "North" * 100}, f"{'North' * 7}Nort… ({URN})", id="long"),
        pytest.param({URN: "No\nrth\x1b[2J\u202e"}, f"No rth [2J ({URN})", id="of-an-older-release-that-did-not-clean"),
    ],
)
def test_a_contract_has_its_name_and_its_urn_on_one_short_line(names: dict[str, str], words: str) -> None:
    assert in_words(URN, names) == words


@pytest.mark.parametrize(("text", "urn"), [("7", "urn:li:contract:7"), ("007", "urn:li:contract:7"), ("0x7", None)])
def test_a_number_names_a_contract_whatever_zeros_are_in_front(text: str, urn: str | None) -> None:
    assert urn_of_number(text) == urn

"""Text where it comes in and where it goes out: shown, drawn, in a script, in a file."""

import csv
import io
import json
import unicodedata
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.marts.dashboard import charts
from salesnav_source.marts.dashboard.html import in_script
from salesnav_source.marts.dashboard.model import Table
from salesnav_source.marts.dashboard.tables import as_csv, cell, html_table, safe
from salesnav_source.marts.dashboard.text import MOST_LETTERS, clean

ANY_TEXT = st.text(st.characters(codec=None))


@given(ANY_TEXT)
def test_a_clean_text_has_a_shape_and_an_end(text: str) -> None:
    shown = clean(text)
    assert len(shown) <= MOST_LETTERS
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cf", "Cs", "Co", "Cn"}
    assert clean(shown) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann  Lee\n", "Ann Lee"),
        ("a\x00b\x1b[31mc", "ab[31mc"),
        ("right\u202eleft", "rightleft"),
        ("\ud800x", "x"),
        ("x" * 5_000_000, "x" * 199 + "…"),
    ],
    ids=["blanks", "control", "direction", "surrogate", "endless"],
)
def test_what_has_no_shape_is_left_out(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("name", ["a\x00b", "a\x1bb", "x" * 100_000], ids=["nul", "control", "long"])
def test_what_is_drawn_is_clean(name: str) -> None:
    spec = charts.spec(charts.bars(pd.DataFrame({"name": [name], "n": [1.0]}), "name", "n").chart)
    text = json.dumps(spec)
    assert "\\u0000" not in text and "\\u001b" not in text and len(text) < 20_000


@given(st.dictionaries(ANY_TEXT, ANY_TEXT))
def test_json_in_a_script_element_stays_data(value: dict[str, str]) -> None:
    text = in_script(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


@pytest.mark.parametrize("name", ["<b>bold</b>", "</SCRIPT>", "<!--", 'a" b', "a & b"])
def test_names_stay_text_in_tables(name: str) -> None:
    table = Table("k", "t", pd.DataFrame({"person": [name], name: [1]}))
    shown = html_table(table, 5, lambda _: "")
    assert name not in shown.replace("&quot;", "\x00") or name.isalnum()
    assert "<b>" not in shown and "</SCRIPT" not in shown and "<!--" not in shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "  =1", "\u00a0@x", "\ufeff+1", "\r\n=1", "＝1"])
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    ((shown, head),) = [(row["name"], row) for row in rows_of(pd.DataFrame({"name": [text]}))]
    assert shown == f"'{text}" and head
    assert safe(text).startswith("'")
    # a heading is a cell too
    assert list(rows_of(pd.DataFrame({text: ["x"]}))[0]) == [f"'{text}"]


@pytest.mark.parametrize(
    "before", ["\u2003", "\x0b", "\x00", "\x85", "\u2028", "\u200e", "\u202e", "\u2060", "\u180e", "\x1f \u205f"]
)
@pytest.mark.parametrize("sign", ["=", "＋", "﹣", "﹫"])
def test_a_sign_behind_what_is_not_seen_begins_no_formula(before: str, sign: str) -> None:
    assert safe(f"{before}{sign}1") == f"'{before}{sign}1"


@pytest.mark.parametrize("text", ["Ann", "", " ", "a=b", "1-2", "\u2003Ann"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert safe(text) == text


def rows_of(frame: pd.DataFrame) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(Table("k", "t", frame)).decode("utf-8"), newline="")))


def test_a_csv_holds_what_people_read() -> None:
    columns: dict[str, Any] = {
        "last used": pd.to_datetime(pd.Series(["2026-03-02", None])),
        "ended": pd.to_datetime(pd.Series(["2026-03-02 08:15", None]), utc=True),
        "activities": pd.Series([1200, None], dtype="Int64"),
        "% accepted": pd.Series([0.123456, None]),
        "SSI": pd.Series([51.256, None]),
        "change": pd.Series([-3.0, None]),
        "seat": pd.Series([2**53 + 1, 1]),
    }
    first, second = rows_of(pd.DataFrame(columns))
    shown = ["2026-03-02", "2026-03-02T08:15:00Z", "1200", "12.3", "51.26", "-3", "9007199254740993"]
    assert list(first.values()) == shown
    assert list(second.values()) == ["", "", "", "", "", "", "1"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("n", 1234, "1,234"),
        ("seat", 1234, "1234"),
        ("saved by seat", 1234, "1234"),
        ("% accepted", 0.256, "25.6%"),
        ("SSI", 51.25, "51.2"),
        ("change", -0.04, "0.0"),
        ("SSI", float("nan"), "–"),
        ("rows", pd.NA, "–"),
        ("day", pd.NaT, "–"),
        ("day", pd.Timestamp("2026-03-01"), "1 Mar 2026"),
        ("ended", pd.Timestamp("2026-03-01 08:15", tz="UTC"), "1 Mar 2026 08:15 UTC"),
    ],
)
def test_cells_are_read_as_people_read(name: str, value: Any, shown: str) -> None:
    assert cell(name, value) == shown

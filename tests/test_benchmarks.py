import csv
from datetime import date, datetime
from xml.etree import ElementTree

import pytest

from benchmarks.data import ExportFile, make_file, rows_of
from benchmarks.makespan import schedule
from benchmarks.report import Bar, Section, chart
from benchmarks.workspace import Period
from salesnav_source.schema import EXPORTS


@pytest.mark.parametrize("export", list(EXPORTS))
def test_made_files_have_the_rows_days_and_columns_of_an_export(tmp_path, export):
    path = make_file(tmp_path, ExportFile("urn:li:contract:7", export, "2026-01-01", "2026-03-31", 300))
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == rows_of(path) == 300
    declared = EXPORTS[export]
    columns = {position: column.name for position, column in declared.match(list(rows[0])).items()}
    assert set(declared.key) - {"contract"} <= set(columns.values())
    if export != "seats":
        days = [datetime.strptime(row["createdAt"], "%m-%d-%Y %H:%M:%S").date() for row in rows]
        assert date(2026, 1, 1) <= min(days) <= max(days) <= date(2026, 3, 31)
        assert days != sorted(days)
        assert len({row["activityId"] for row in rows}) == 300


def test_a_period_is_cut_as_the_source_cuts_it():
    windows = Period(date(2026, 1, 1), date(2026, 4, 10)).windows()
    assert windows == [Period(date(2026, 1, 11), date(2026, 4, 10)), Period(date(2026, 1, 1), date(2026, 1, 10))]


def test_the_best_schedule_is_as_long_as_the_longest_lane():
    assert schedule([("a", 5), ("b", 3), ("a", 4), ("b", 7)]) == 10


def test_a_section_is_a_table_with_notes():
    text = Section("Title", ("", "seconds"), [("one", "1.0")], ["A note."]).render()
    assert text == "## Title\n\n|  | seconds |\n|---|--:|\n| one | 1.0 |\n\nA note."


def test_the_chart_is_xml_with_a_bar_for_each():
    root = ElementTree.fromstring(chart("A & b", [Bar("slow <x>", 90.0, False), Bar("ours", 2.0, True)]))
    assert [rect.get("class") for rect in root.iter("{http://www.w3.org/2000/svg}rect")] == ["own", "bar"]

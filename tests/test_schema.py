"""The Exports Schema: complete, consistent, and matched to headers as files may spell them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesnav_source.linkedin.guesses import GUESSES, as_markdown
from salesnav_source.sandbox import FILE_COLUMNS
from salesnav_source.schema import (
    ACTIVITIES,
    ACTIVITY_OUTCOMES,
    CONTRACTS,
    EXPORT_JOBS,
    EXPORTS,
    REJECTED_ROWS,
    SEATS,
    Column,
    Export,
    Table,
    simplify,
)

TABLES = (CONTRACTS, *EXPORTS.values(), EXPORT_JOBS, REJECTED_ROWS)

by_name = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
each_export = pytest.mark.parametrize("export", EXPORTS.values(), ids=lambda export: export.name)


def names(matched: dict[int, Column]) -> dict[int, str]:
    return {position: column.name for position, column in matched.items()}


@pytest.mark.parametrize(
    ("table", "key", "columns"),
    [
        pytest.param(CONTRACTS, "contract", "contract* name* description has_reporting_access*", id="contracts"),
        pytest.param(
            ACTIVITIES,
            "contract activity_id",
            "contract* activity_id* activity_type* created_at* activity_date* seat_id* member_identity_key export_job_id*",
            id="activities",
        ),
        pytest.param(
            ACTIVITY_OUTCOMES,
            "contract activity_id activity_type",
            "contract* activity_id* activity_type* created_at outcome_date seat_id member_identity_key export_job_id*",
            id="activity_outcomes",
        ),
        pytest.param(
            SEATS,
            "contract seat_id snapshot_date",
            "contract* seat_id* snapshot_date* first_name last_name full_name email seat_status ssi ssi_brand ssi_find"
            " ssi_engage ssi_build total_connections total_saved_leads export_job_id*",
            id="seats",
        ),
    ],
)
def test_tables_are_those_promised(table: Table, key: str, columns: str) -> None:
    assert " ".join(table.key) == key
    assert " ".join(column.name + "*" * (not column.nullable) for column in table.columns) == columns


@by_name
def test_every_table_and_column_is_described(table: Table) -> None:
    assert table.description
    for column in table.columns:
        assert column.description, column.name
        hints = column.hints()
        assert hints["description"] and hints["data_type"] and hints["name"] == column.name


@by_name
def test_keys_are_columns_without_nulls(table: Table) -> None:
    for name in table.key:
        assert not table.column(name).nullable


@by_name
def test_no_column_is_declared_twice(table: Table) -> None:
    declared = [column.name for column in table.columns]
    assert len(declared) == len(set(declared))


def test_an_unknown_column_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        ACTIVITIES.column("shoe_size")


@each_export
def test_each_export_has_an_action_and_a_day(export: Export) -> None:
    assert export.action in ("exportActivityData", "exportActivityOutcomeData", "exportSeatData")
    assert export.column(export.day_column).type in ("date", "timestamp")


@each_export
def test_no_two_columns_of_a_file_claim_the_same_header(export: Export) -> None:
    claimed: dict[str, str] = {}
    for column in export.file_columns:
        for spelling in {simplify(spelling) for spelling in (column.name, *column.spellings)}:
            assert claimed.setdefault(spelling, column.name) == column.name


@each_export
def test_the_sandboxs_headers_are_all_known(export: Export) -> None:
    header = list(FILE_COLUMNS[export.name])
    assert names(export.match(header)) == dict(enumerate(FILE_COLUMNS[export.name].values()))


@each_export
def test_every_spelling_leads_to_its_column(export: Export) -> None:
    for column in export.file_columns:
        for spelling in (column.name, *column.spellings):
            assert names(export.match(["x", spelling])) == {1: column.name}


@pytest.mark.parametrize(
    "header", ["activityId", "ACTIVITY_ID", "Activity ID", "activity-id", " activityid ", "Activity.Id"]
)
def test_case_and_punctuation_do_not_matter(header: str) -> None:
    assert names(ACTIVITIES.match([header])) == {0: "activity_id"}


@given(st.permutations(list(FILE_COLUMNS["seats"])))
def test_order_does_not_matter(header: list[str]) -> None:
    assert names(SEATS.match(header)) == {n: FILE_COLUMNS["seats"][name] for n, name in enumerate(header)}


@each_export
@given(
    header=st.lists(st.text(max_size=12) | st.sampled_from(["seatId", "seat", "id", "createdAt", "name"]), max_size=8)
)
def test_any_header_is_matched_at_most_once(export: Export, header: list[str]) -> None:
    matched = export.match(header)
    assert set(matched) <= set(range(len(header)))
    assert len({column.name for column in matched.values()}) == len(matched)


def test_undocumented_columns_are_left_to_the_file() -> None:
    assert names(ACTIVITIES.match(["activityId", "shoeSize"])) == {0: "activity_id"}


def test_of_a_doubled_header_the_first_counts() -> None:
    assert names(ACTIVITIES.match(["seatId", "activityId", "seatId"])) == {0: "seat_id", 1: "activity_id"}


def test_a_better_spelling_wins_over_a_weaker_one() -> None:
    assert names(SEATS.match(["id", "seatId"])) == {1: "seat_id"}


def test_numbers_with_a_fraction_have_no_room_for_a_group_of_digits() -> None:
    # a single dot or comma in them stands before the fraction
    for export in EXPORTS.values():
        assert all(
            column.most is not None and column.most < 1000 for column in export.columns if column.type == "double"
        )


def test_spellings_known_elsewhere_are_among_the_spellings_and_have_their_mark() -> None:
    marks = {name: mark for column in SEATS.columns for name, mark in column.known_elsewhere.items()}
    assert marks["INSIGHT_ENGAGEMENT"] == "seen" and marks["prof_brand"] == "told"
    assert all(SEATS.has_spelling(name) for name in marks)


def test_every_guess_has_a_detector_and_stands_in_the_documentation() -> None:
    assert all(guess.detector and guess.then and guess.evidence in ("guess", "told") for guess in GUESSES.values())
    documentation = (Path(__file__).parent.parent / "docs" / "linkedin.md").read_text(encoding="utf-8")
    assert as_markdown() in documentation

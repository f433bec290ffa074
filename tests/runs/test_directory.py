"""A list of people and teams: read by its headers, matched with the seats, without those who were erased."""

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from salesnav_source import erase
from salesnav_source.exceptions import ConfigurationError, ReadError
from salesnav_source.run.handed.directory import DirectoryReport, import_directory, lines_of
from salesnav_source.settings.privacy import PersonalData

from .house import ONE, House, Timer, house


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("directory"), activities=1.0, days=2, contracts=(ONE,)) as made:
        made.sync(exports=["seats"])
        yield made


def bring(
    home: House, content: str | bytes, contract: str | None = None, plan_only: bool = False, **changes: object
) -> DirectoryReport:
    path = home.folder / "people.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    settings = home.settings(**changes)
    return import_directory(home.pipeline(), settings, path, contract, plan_only, clock=Timer(home.clock))


def table(home: House, columns: str) -> list[tuple[object, ...]]:
    return home.rows(f"SELECT {columns} FROM salesnav.seat_directory ORDER BY ALL")


def people(home: House) -> list[dict[str, object]]:
    return [dict(row) for row in home.world.rows("seats", ONE, home.yesterday, home.yesterday)]


ADMIN = (
    "invited_email_address,preferred_first_name,preferred_last_name,employee_id,seat_id,sales_license_current_status,"
    "teamlink_extend_license_current_status,admin_permission,groups\n"
)


def test_the_admin_centers_list_finds_its_seats_by_number_and_address(home: House) -> None:
    first, second, *_ = people(home)
    rows = (
        f"nobody@example.com,Ada,Byron,7,00{first['seat_id']},active,inactive,admin,East\n"
        f"{str(second['email']).upper()},Bo,Li,8,,active,,,West\n"
        "other@example.com,No,Seat,9,4711,inactive,,,West\n"
        ",,,10,,active,,,\n"
    )
    report = bring(home, ADMIN + rows)
    assert (report.entries, report.seats_found, report.seats, report.without_seat) == (3, 2, len(people(home)), 1)
    assert report.passed_over == ["teamlink_extend_license_current_status"]
    assert sum(report.left_out.values()) == 1 and not report.complete
    assert table(home, "name, employee_id, groups, admin_permission, contract") == [
        ("Ada Byron", "7", "East", "admin", None),
        ("Bo Li", "8", "West", None, None),
        ("No Seat", "9", "West", None, None),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "E-Mail;Team;Line Manager;Manager;Region\nx@example.com;Größe;;Max;EMEA\n".encode(),
        "\ufeffE-Mail Address\tTeam\tManager\tRegion\nx@example.com\tGröße\tMax\tEMEA\n".encode("utf-16"),
        "\ufeffemail,Sales Team,reports_to,Territory\r\nx@example.com,Größe,Max,EMEA\r\n".encode(),
        'mail,team,manager,region\n"x@example.com","Größe",Max,EMEA\n\n,,,\n'.encode("cp1252"),
        gzip.compress("mail,team,manager,region\nx@example.com,Größe,Max,EMEA\n".encode()),
    ],
    ids=["semicolons", "utf-16-tabs", "mark", "cp1252", "gzip"],
)
def test_lists_of_ones_own_are_read_by_their_headers(home: House, content: bytes) -> None:
    assert bring(home, content).complete
    assert table(home, "email, team, manager, region") == [("x@example.com", "Größe", "Max", "EMEA")]


def test_targets_are_numbers_and_what_is_none_is_said(home: House) -> None:
    report = bring(home, 'email,target_acceptance_rate,Target SSI\na@x,30%,"70,5"\nb@x,0.4,n/a\nc@x,40,seventy\n')
    assert table(home, "email, target_acceptance_rate, target_ssi") == [
        ("a@x", 0.3, 70.5),
        ("b@x", 0.4, None),
        ("c@x", None, None),
    ]
    assert report.unread == {"target_acceptance_rate": 1, "target_ssi": 1} and not report.complete


def test_seats_that_a_spreadsheet_has_rounded_name_nobody(home: House) -> None:
    report = bring(home, "seat_id,email,team\n1.2E+09,a@x,North\n12E+08,,South\n007,,East\n")
    assert table(home, "seat_id, email, team") == [("007", None, "East"), (None, "a@x", "North")]
    assert report.unread == {"seat_id": 2} and sum(report.left_out.values()) == 1 and not report.complete


def test_entries_that_say_different_things_of_one_seat_are_counted(home: House) -> None:
    report = bring(home, "seat_id,email,team\n7,,North\n007,,South\n8,,North\n8,,North\n9,a@x,East\n9,,West\n")
    assert report.at_odds == 1 and report.entries == 5
    assert any("Entries say different things of one seat or address (1)" in line for line in lines_of(report))


def test_a_list_of_a_contract_replaces_its_entries_and_one_without_all(home: House) -> None:
    bring(home, "email,contract\na@x,1\nb@x,Two\nc@x,nowhere\n")
    assert table(home, "email, contract") == [("a@x", ONE), ("b@x", "urn:li:contract:2")]
    bring(home, "email,contract\nd@x,\ne@x,2\n", contract=ONE)
    assert table(home, "email, contract") == [("b@x", "urn:li:contract:2"), ("d@x", ONE)]
    assert bring(home, "email\nf@x\n", plan_only=True).entries == 1
    assert len(table(home, "email")) == 2
    bring(home, "email\nf@x\n")
    assert table(home, "email, contract") == [("f@x", None)]


def workbook() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("team,manager\nNorth,Max\n", "is no list of people"),
        ("", "is no list of people"),
        ("activityId,activityType,createdAt,seatId\na,SAVED_LEAD,03-02-2026 10:00:00,1\n", "but a file of activities"),
        ("email,team\n", "No entry"),
        ("email,team\n,North\n", "name neither a seat nor an e-mail address"),
        (b"PK\x03\x04\0\0", "a zip archive that is damaged"),
        (workbook(), "saved as CSV"),
    ],
)
def test_what_is_no_list_changes_nothing(home: House, content: str | bytes, told: str) -> None:
    bring(home, "email\nf@x\n")
    with pytest.raises(ReadError, match=told):
        bring(home, content)
    assert table(home, "email") == [("f@x",)]


def test_personal_columns_follow_the_settings_of_the_warehouse(tmp_path: Path) -> None:
    with house(tmp_path, activities=1.0, days=2, contracts=(ONE,)) as home:
        drop = {"personal_data": "drop"}
        bring(home, "seat_id,email,name,manager,employee_id,team\n1,a@x,Ada,Max,7,North\n", **drop)
        assert table(home, "email, name, manager, employee_id, seat_id, team") == [
            (None, None, None, None, "1", "North")
        ]
        with pytest.raises(ConfigurationError, match="this warehouse was loaded with"):
            home.sync()
        home.sync(exports=["seats"], **drop)


def test_pseudonyms_of_addresses_find_their_seats(tmp_path: Path) -> None:
    changes = {"personal_data": "pseudonymize", "pseudonym_key": "a key of sixteen letters"}
    with house(tmp_path, activities=1.0, days=1, contracts=(ONE,)) as home:
        home.sync(exports=["seats"], **changes)
        first, *_ = people(home)
        report = bring(home, f"email,name\n {str(first['email']).upper()},Ada\n", **changes)
        assert (report.seats_found, report.without_seat) == (1, 0)
        ((email, name),) = table(home, "email, name")
        assert len(str(email)) == len(str(name)) == 64


def test_who_was_erased_is_taken_out_and_stays_out(tmp_path: Path) -> None:
    with house(tmp_path, activities=1.0, days=2, contracts=(ONE,)) as home:
        home.sync(exports=["seats"])
        first, second, third, *_ = people(home)
        entries = f"0{first['seat_id']},,North\n,{str(first['email']).upper()},North\n{second['seat_id']},,South\n"
        bring(home, f"seat_id,email,team\n{entries}")
        erase(home.pipeline(), PersonalData(), seat_id=int(str(first["seat_id"])))
        assert table(home, "team") == [("South",)]
        report = bring(home, f"seat_id,email,team\n{first['seat_id']},,North\n{third['seat_id']},,South\n")
        assert report.complete and sum(report.left_out.values()) == 1
        assert table(home, "seat_id") == [(str(third["seat_id"]),)]

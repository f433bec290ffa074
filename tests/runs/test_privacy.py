"""Personal data in each mode: what a run leaves behind, prints or shows of them, also if it fails or is killed."""

import hmac
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from salesnav_source import salesnav
from salesnav_source.exceptions import ConfigurationError, causes
from salesnav_source.sandbox import faults
from salesnav_source.sandbox import transforms as to
from salesnav_source.schema import ACTIVITIES, ACTIVITY_OUTCOMES, PII, REJECTED_ROWS, SEATS

from .house import ONE, PATIENCE, House, Process, house, query, tables

pytestmark = pytest.mark.long(
    "each is a run, often in a process that is killed, whose every file is searched",
    but=(
        "pseudonymize",
        "once it is read",
        "test_personal_columns_are_annotated",
        "test_a_holder_is_erased_by_the_command_also_from_what_is_in_flight",
    ),
)

KEY = "a key of some length that nobody guesses"
MARKS = (b"Zenobia", b"Quartermain", b"zenobia@", b"MemberKey77", b"Managerson")
"""What must not be found: a name, an e-mail address, a member key, and what is in a column that nobody declares."""

MODES = {"pseudonymize": {"personal_data": "pseudonymize", "pseudonym_key": KEY}, "drop": {"personal_data": "drop"}}

LOUD = {"RUNTIME__LOG_LEVEL": "DEBUG", "PROGRESS": "log"}
ROOT_AT_DEBUG = """
import logging
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
logging.getLogger().setLevel(logging.DEBUG)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    # a weekend has few rows, of which the bad ones must not be too many
    with house(tmp_path, day=None, days=4, activities=60.0) as made:
        give_marks(made)
        yield made


def give_marks(home: House) -> None:
    """Has all files bear the marks, in rows that can be loaded, in rows that cannot, and where no name belongs."""
    person = to.compose(
        to.map_column("firstName", lambda value: "Zenobia"),
        to.map_column("lastName", lambda value: "Quartermain"),
        to.map_column("email", lambda value: "zenobia@" + value if value else value),
        to.map_column("memberIdentityKey", lambda value: "MemberKey77" + value if value else value),
        to.extra_columns({"manager": "Wilhelmina Managerson", "region": "EMEA"}),
    )
    bad = {
        "seats": (to.set_value("ssi", "Zenobia", 2), to.set_value("seatId", "Zenobia Quartermain", 3), to.short_row(4)),
        "activities": (to.set_value("createdAt", "MemberKey77", 3), to.short_row(4)),
        "activity_outcomes": (),
    }
    for export, steps in bad.items():
        home.sandbox.add_fault(faults.content(to.compose(person, *steps)).where(export=export, times=None))


def environment(mode: str) -> dict[str, str | None]:
    return {f"SOURCES__SALESNAV__{name.upper()}": value for name, value in MODES.get(mode, {}).items()}


def found_in(folder: Path, marks: tuple[bytes, ...] = (*MARKS, KEY.encode())) -> list[tuple[str, bytes]]:
    """Returns which files below a folder hold which marks."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [(str(path), mark) for path in files for mark in marks if mark in path.read_bytes()]


def found_in_tables(database: Path) -> list[tuple[str, bytes]]:
    """Returns which tables, those of dlt and staged rows included, hold which marks."""
    names = query(database, "SELECT table_schema, table_name FROM information_schema.tables")
    texts = {
        f"{schema}.{table}": repr(query(database, f'SELECT * FROM "{schema}"."{table}"')).encode()
        for schema, table in names
    }
    return [(name, mark) for name, text in texts.items() for mark in (*MARKS, KEY.encode()) if mark in text]


def assert_nothing_found(home: House, ended: "subprocess.CompletedProcess[str]") -> None:
    printed = (ended.stdout + ended.stderr).encode()
    assert not [mark for mark in (*MARKS, KEY.encode()) if mark in printed]
    assert found_in(home.folder) == []
    if home.database.exists():
        assert found_in_tables(home.database) == []


@pytest.mark.parametrize("mode", MODES)
def test_nothing_personal_is_left_of_a_run(home: House, mode: str) -> None:
    report = home.folder / "report.json"
    ended = Process(home).run("--report-json", str(report), patch=ROOT_AT_DEBUG, **LOUD, **environment(mode))
    assert ended.returncode == 0, ended.stderr
    assert "DEBUG" in ended.stdout and report.exists()
    assert_nothing_found(home, ended)
    assert home.rows("SELECT count(*) > 0, count(DISTINCT contract) FROM salesnav.seats") == [(True, 2)]
    assert "manager, region" in ended.stdout
    rejected = home.rows("SELECT row, reason FROM salesnav.rejected_rows")
    assert rejected and {row for row, _ in rejected} == {None}
    assert any(reason.startswith("seat_id is not an integer of 64 bits, like 'a a'") for _, reason in rejected)


def test_in_a_warehouse_that_keeps_them_they_are_nowhere_else(home: House) -> None:
    report = home.folder / "report.json"
    ended = Process(home).run("--report-json", str(report), patch=ROOT_AT_DEBUG, **LOUD)
    assert ended.returncode == 0, ended.stderr
    assert not [mark for mark in MARKS if mark in (ended.stdout + ended.stderr).encode()]
    assert {name for name, _ in found_in(home.folder)} == {str(home.database)}
    holding = {name.partition(".")[2] for name, _ in found_in_tables(home.database)}
    assert holding == {"activities", "activity_outcomes", "seats", "rejected_rows"}
    assert stat.S_IMODE(home.database.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", ["keep", *MODES])
def test_a_file_of_another_form_leaves_nothing_either(home: House, mode: str) -> None:
    home.sandbox.clear_faults()
    no_header = to.edit_fields(
        lambda fields, _, number: fields if number else ["Zenobia", "Quartermain", "zenobia@x.y"]
    )
    moved = to.compose(
        to.map_column("createdAt", lambda value: "Zenobia Quartermain"),
        to.map_column("seatId", lambda value: "MemberKey77"),
    )
    home.sandbox.add_fault(faults.content(no_header).where(export="seats", times=None))
    home.sandbox.add_fault(faults.content(moved).where(export="activities", times=None))
    report = home.folder / "report.json"
    ended = Process(home).run("--report-json", str(report), patch=ROOT_AT_DEBUG, **LOUD, **environment(mode))
    assert ended.returncode == 3
    assert "is not a known header" in ended.stdout and "another form" in ended.stdout
    assert_nothing_found(home, ended)


DEATHS = {
    "while it is received": "import salesnav_source.linkedin.spool as s; s.Spool.grow = die",
    "while it is read": "import salesnav_source.linkedin.reader.files as f; f.Writer.__exit__ = die",
    "once it is read": "import salesnav_source.run.bookkeeping as b; b.Books.loaded = die",
    "before rows are normalized": "import dlt; dlt.Pipeline.normalize = die",
    "while rows are loaded": "from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob as j; j.run = die",
    "before the load is complete": "from dlt.load.load import Load as l; l.complete_package = die",
}


@pytest.mark.parametrize("death", DEATHS)
def test_nothing_personal_is_left_of_a_run_that_is_killed(home: House, death: str) -> None:
    process = Process(home).start(patch=ROOT_AT_DEBUG + DEATHS[death], **LOUD, **environment("pseudonymize"))
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == -9, err
    assert_nothing_found(home, subprocess.CompletedProcess([], process.returncode, out, err))


def test_what_a_killed_run_that_keeps_them_leaves_is_for_its_owner_alone(home: House) -> None:
    process = Process(home).start(patch=DEATHS["while rows are loaded"])
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -9
    left = [Path(name) for name, _ in found_in(home.folder)]
    assert left
    for path in left:
        above = [folder for folder in (path, *path.parents) if home.folder in folder.parents]
        assert any(not stat.S_IMODE(one.stat().st_mode) & 0o077 for one in above), path


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, House]]:
    """A house that is loaded in each mode, by the source as a library."""
    made: dict[str, House] = {}
    with house(tmp_path_factory.mktemp("kept"), days=4) as kept:
        kept.sync()
        made["keep"] = kept
        for mode, settings in MODES.items():
            one = House(tmp_path_factory.mktemp(mode), kept.sandbox, kept.clock, 4)
            one.sync(**settings)
            made[mode] = one
        yield made


PERSONAL = {
    SEATS: ("contract, seat_id, snapshot_date", "first_name", "last_name", "full_name", "email"),
    ACTIVITIES: ("contract, activity_id", "member_identity_key"),
    ACTIVITY_OUTCOMES: ("contract, activity_id, activity_type", "member_identity_key"),
}


@pytest.mark.parametrize("table", PERSONAL, ids=lambda table: table.name)
def test_pseudonyms_are_hmacs_and_all_else_stays(covered: dict[str, House], table: Any) -> None:
    key, *personal = PERSONAL[table]
    assert personal == [column.name for column in table.columns if column.personal]
    others = [column.name for column in table.columns if not column.personal and column.name != "export_job_id"]

    def rows(mode: str, columns: list[str]) -> list[tuple[Any, ...]]:
        return covered[mode].rows(f"SELECT {', '.join(columns)} FROM salesnav.{table.name} ORDER BY {key}")

    assert rows("keep", others) == rows("pseudonymize", others) == rows("drop", others)
    assert set(rows("drop", personal)) == {(None,) * len(personal)}
    for was, now in zip(rows("keep", personal), rows("pseudonymize", personal), strict=True):
        for name, value, pseudonym in zip(personal, was, now, strict=True):
            assert pseudonym == (value and by_hand(str(table.column(name).personal), value)), (name, value)


def by_hand(kind: str, value: str) -> str:
    plain = value.strip().lower() if kind == "email" else value.strip()
    return hmac.digest(KEY.encode(), f"{kind}:{plain}".encode(), "sha256").hex()


def test_personal_columns_are_annotated(covered: dict[str, House]) -> None:
    schema = covered["keep"].pipeline().default_schema
    found = {
        (table, name)
        for table, content in schema.tables.items()
        for name, column in content["columns"].items()
        if column.get(PII)
    }
    declared = (SEATS, ACTIVITIES, ACTIVITY_OUTCOMES, REJECTED_ROWS)
    assert found == {(table.name, column.name) for table in declared for column in table.columns if column.personal}
    assert ("seats", "email") in found


def test_a_loaded_warehouse_keeps_its_mode_and_key(covered: dict[str, House]) -> None:
    for mode, home in covered.items():
        home.sync(**MODES.get(mode, {}))
        another_key = {"another key": {**MODES["pseudonymize"], "pseudonym_key": KEY[::-1]}}
        others = {"keep": {}, **MODES, **(another_key if mode == "pseudonymize" else {})}
        for other in set(others) - {mode}:
            asked = len(home.sandbox.requests)
            with pytest.raises(ConfigurationError) as refused:
                home.sync(**others[other])
            said = str(refused.value)
            assert ("pseudonym_key" if other in another_key else f'loaded with "{mode}"') in said
            assert (
                "drop the tables activities, activity_outcomes, seats, rejected_rows, seat_directory of dataset" in said
            )
            assert KEY not in said and KEY[::-1] not in said
            assert len(home.sandbox.requests) == asked


def test_the_state_and_what_settings_show_hold_no_key(covered: dict[str, House]) -> None:
    home = covered["pseudonymize"]
    assert KEY not in repr(home.rows("SELECT * FROM salesnav._dlt_pipeline_state"))
    assert KEY not in repr(home.settings(**MODES["pseudonymize"]))


def test_the_way_to_change_the_mode_works(tmp_path: Path) -> None:
    with house(tmp_path, days=4) as home:
        home.sync()
        with duckdb.connect(str(home.database)) as connection:
            for name in ("activities", "activity_outcomes", "seats", "rejected_rows"):
                connection.execute(f"DROP TABLE salesnav.{name}")
            connection.execute("DROP SCHEMA salesnav_staging_house CASCADE")
        home.sync(**MODES["drop"])
        home.assert_truth(blank={table.name: names[1:] for table, names in PERSONAL.items()})
        assert {"activities", "activity_outcomes", "seats", "rejected_rows"} <= tables(home.database)
        with pytest.raises(ConfigurationError, match='loaded with "drop"'):
            home.sync()


def test_named_columns_are_kept(tmp_path: Path) -> None:
    with house(tmp_path, days=2) as home:
        extra = to.extra_columns({"Sales Region": "EMEA", "manager": "Wilhelmina Managerson"})
        home.sandbox.add_fault(faults.content(extra).where(export="seats", times=None))
        report = home.sync(**MODES["drop"], keep_columns="salesRegion, team")
        assert home.rows("SELECT DISTINCT sales_region FROM salesnav.seats") == [("EMEA",)]
        columns = home.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'seats'")
        assert ("manager",) not in columns
        assert [note for note in report.notes if "left out" in note and "manager" in note and "keep_columns" in note]
        home.clock.next_day()
        home.sync(**MODES["drop"])
        assert home.rows(f"SELECT DISTINCT sales_region FROM salesnav.seats WHERE snapshot_date = '{home.day(1)}'") == [
            (None,)
        ]


def test_a_run_of_a_users_own_goes_by_the_same_rules(tmp_path: Path) -> None:
    with house(tmp_path, days=2, day=None) as home:
        given = {
            "base_url": home.sandbox.base_url,
            "credentials": home.credentials(),
            "contracts": [ONE],
            "start_date": str(home.first_day),
            "poll_interval": 0.02,
        }
        home.pipeline().run(salesnav(**given, **MODES["pseudonymize"]))
        assert home.rows("SELECT DISTINCT length(email) FROM salesnav.seats") == [(64,)]
        for refused in ({}, MODES["drop"], {**MODES["pseudonymize"], "pseudonym_key": KEY[::-1]}):
            with pytest.raises(PipelineStepFailed) as failed:
                home.pipeline().run(salesnav(**given, **refused))
            assert any(isinstance(cause, ConfigurationError) for cause in causes(failed.value))
            home.pipeline().drop()
        home.pipeline().run(salesnav(**given, **MODES["drop"]), refresh="drop_sources")
        assert home.rows("SELECT count(*) > 0, count(email) FROM salesnav.seats") == [(True, 0)]


def test_a_holder_is_erased_by_the_command_also_from_what_is_in_flight(home: House) -> None:
    process = Process(home)
    assert process.run("--start-date", str(home.day(2))).returncode == 0
    # a run that goes further back is killed with jobs at LinkedIn and rows in dlt's folder
    killed = process.start(patch=DEATHS["once it is read"])
    killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -9
    jobs = len(home.sandbox.jobs)
    ((email, seat),) = home.rows("SELECT email, seat_id FROM salesnav.seats WHERE email LIKE 'zenobia%' LIMIT 1")

    asked = erase(process, "--email", email)
    assert asked.returncode == 2 and "add --yes" in asked.stderr
    assert home.rows(f"SELECT count(*) > 0 FROM salesnav.seats WHERE seat_id = {seat}") == [(True,)]
    done = erase(process, "--email", email, "--yes")
    assert done.returncode == 0, done.stderr
    assert email not in asked.stdout + asked.stderr + done.stdout + done.stderr
    assert found_in(process.data) == []

    again = process.run()
    assert again.returncode == 0, again.stderr
    assert len(home.sandbox.jobs) - jobs < len(home.sandbox.jobs) / 2, "jobs in flight were not taken over"
    left = "SELECT seat_id FROM salesnav.{} WHERE seat_id = {}"
    assert [home.rows(left.format(name, seat)) for name in ("activities", "activity_outcomes", "seats")] == [[]] * 3
    assert home.rows("SELECT count(DISTINCT snapshot_date) FROM salesnav.seats") == [(4,)]
    names = query(home.database, "SELECT table_schema, table_name FROM information_schema.tables")
    for schema, table in names:
        assert email not in repr(query(home.database, f'SELECT * FROM "{schema}"."{table}"')), table

    # DuckDB keeps the room of what was removed, with what is in it; a copy does not have it
    copy = home.folder / "copy.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{home.database}' AS loaded (READ_ONLY); ATTACH '{copy}' AS fresh")
        connection.execute("COPY FROM DATABASE loaded TO fresh")
    assert email.encode() not in copy.read_bytes()
    assert query(copy, "SELECT count(*) FROM salesnav.seats") == home.rows("SELECT count(*) FROM salesnav.seats")


def erase(process: Process, *options: str) -> "subprocess.CompletedProcess[str]":
    """Calls `salesnav erase`."""
    return subprocess.run(
        [sys.executable, "-m", "salesnav_source", "erase", "--database", str(process.house.database), *options],
        cwd=process.folder,
        env=process.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

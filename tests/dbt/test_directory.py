"""A list of people and teams that was imported: the marts go by it."""

from pathlib import Path

import duckdb
from runs.house import ONE, Timer, house

from dbt.package import transform
from salesnav_source.run.handed.directory import import_directory


def test_the_marts_go_by_an_imported_directory(tmp_path: Path) -> None:
    with house(tmp_path, activities=1.0, days=4, contracts=(ONE,)) as home:
        home.sync()
        first, second, *_ = home.world.rows("seats", ONE, home.yesterday, home.yesterday)
        path = tmp_path / "people.csv"
        path.write_text(
            "seat_id,invited_email_address,Team,Manager,Target SSI\n"
            f"000{first['seat_id']},,North,Max,70\n"
            f",{str(second['email']).upper()},South,Mia,\n"
            "4711,nobody@example.com,South,Mia,\n"
        )
        report = import_directory(home.pipeline(), home.settings(), path, clock=Timer(home.clock))
        assert (report.seats_found, report.without_seat, report.complete) == (2, 1, True)
        said = transform(home.folder, "--database", str(home.database))
        assert "PASS directory_entries_at_odds" in said
        found = home.rows(
            "SELECT seat_id, team, target_ssi, manager FROM salesnav_marts.salesnav__seats WHERE is_in_directory"
        )
        assert sorted(found) == sorted(
            [(first["seat_id"], "North", 70.0, "Max"), (second["seat_id"], "South", None, "Mia")]
        )
        # a list that somebody wrote has the seat twice
        with duckdb.connect(str(home.database)) as connection:
            connection.execute(
                "INSERT INTO salesnav.seat_directory BY NAME SELECT * REPLACE ('East' AS team)"
                " FROM salesnav.seat_directory WHERE team = 'North'"
            )
        said = transform(home.folder, "--database", str(home.database))
        assert "WARN 1 directory_entries_at_odds" in said
        with duckdb.connect(str(home.database)) as connection:
            connection.execute("DELETE FROM salesnav.seat_directory WHERE team = 'East'")
        # a run by a token leaves the list alone
        home.clock.next_day()
        home.sync()
        assert home.rows("SELECT count(*) FROM salesnav.seat_directory") == [(3,)]

"""Files that were handed over, and a list of people, in a warehouse that is a server: the same as jobs leave."""

import re
from pathlib import Path

import pytest
from runs.house import ONE, Timer

from salesnav_source.run.handed.directory import import_directory
from salesnav_source.run.handed.importing import Import, import_files
from salesnav_source.run.handed.planning import GivenDays
from salesnav_source.run.text import render
from salesnav_source.schema import EXPORTS

from .conftest import TGetServer
from .life import still_house
from .warehouse import environment, snapshot


@pytest.mark.parametrize("kind", ["postgres", "snowflake", "bigquery"])
def test_files_and_a_directory_are_loaded_into_a_server(kind: str, get_server: TGetServer, tmp_path: Path) -> None:
    server = get_server(kind)
    server.create("handed")
    with environment(server), still_house(tmp_path, server.destination(tmp_path, "handed"), 6, (ONE,)) as home:
        days = GivenDays(home.first_day, home.day(2))
        for export in EXPORTS:
            path = tmp_path / f"{export}.csv"
            path.write_bytes(b"".join(home.world.csv(export, ONE, home.first_day, home.day(2))))
            for _ in range(2):
                report = import_files(
                    home.pipeline(), home.settings(), Import([path], export, ONE, days), clock=Timer(home.clock)
                )
                assert report.exit_code == 0
        head, *rows = (tmp_path / "activities.csv").read_text().splitlines(keepends=True)
        later = home.day(1).strftime("%m-%d-%Y")
        same = tmp_path / "same.csv"
        same.write_text(head + "".join(re.sub(r"\d\d-\d\d-\d{4}", later, row) for row in rows))
        again = Import([same], "activities", ONE, GivenDays())
        report = import_files(home.pipeline(), home.settings(), again, clock=Timer(home.clock))
        assert f"{len(rows)} of {len(rows)} keys stand on other days of the warehouse" in render(report)
        seat = home.world.rows("seats", ONE, home.day(2), home.day(2))[0]["seat_id"]
        people = tmp_path / "people.csv"
        for team in ("North", "South"):
            people.write_text(f"seat_id,team,groups,target_ssi\n{seat},{team},x,70\n")
            found = import_directory(home.pipeline(), home.settings(), people, ONE, clock=Timer(home.clock))
            assert found.seats_found == 1
        home.sync()
        tables = snapshot(home.pipeline())
        for export, table in EXPORTS.items():
            names = [column.name for column in table.columns if column.name in table.key]
            got = [tuple(str(row[name]) for name in names) for row in tables[export].dicts()]
            rows = home.world.rows(export, ONE, home.first_day, home.yesterday)
            assert sorted(got) == sorted(tuple(str(row[name]) for name in names) for row in rows)
        (entry,) = tables["seat_directory"].dicts()
        assert (entry["seat_id"], entry["team"], entry["target_ssi"]) == (str(seat), "South", 70)

"""Erasing where not all tables are there: what is called removed is removed."""

from pathlib import Path

import dlt
import pytest

from salesnav_source import erase
from salesnav_source.exceptions import ConfigurationError
from salesnav_source.run.handed.directory import import_directory
from salesnav_source.settings.privacy import PersonalData

from .house import ONE, House, Timer, house


def erase_in(home: House, seat: int) -> dict[str, int]:
    """Erases a seat, and returns how many rows there were."""
    done = erase(home.pipeline(), PersonalData(), seat_id=seat)
    assert done is not None
    return done.rows


def test_outcomes_are_erased_where_no_activities_were_loaded(tmp_path: Path) -> None:
    with house(tmp_path, days=3, contracts=(ONE,)) as home:
        home.sync(exports=["activity_outcomes"])
        of_seat = "SELECT seat_id FROM {}.activity_outcomes WHERE seat_id = {}"
        ((seat, count),) = home.rows("SELECT seat_id, count(*) FROM salesnav.activity_outcomes GROUP BY 1 LIMIT 1")
        assert erase_in(home, seat)["activity_outcomes"] == count
        for dataset in ("salesnav", "salesnav_staging_house"):
            assert home.rows(of_seat.format(dataset, seat)) == []


def test_an_entry_of_a_list_is_erased_where_no_seats_were_loaded(tmp_path: Path) -> None:
    with house(tmp_path, days=1, contracts=(ONE,)) as home:
        home.sync(exports=["activities"])
        ((seat,),) = home.rows("SELECT seat_id FROM salesnav.activities LIMIT 1")
        people = tmp_path / "people.csv"
        people.write_text(f"seat_id,name\n{seat},Ada\n{seat + 1},Bo\n")
        import_directory(home.pipeline(), home.settings(), people, clock=Timer(home.clock))
        assert erase_in(home, seat)["seat_directory"] == 1
        assert home.rows("SELECT name FROM salesnav.seat_directory") == [("Bo",)]


def test_where_nothing_was_loaded_nobody_is_called_erased(tmp_path: Path) -> None:
    with house(tmp_path, days=1, contracts=(ONE,)) as home:
        home.sync(exports=["seats"])
        ((seat,),) = home.rows("SELECT seat_id FROM salesnav.seats LIMIT 1")
        destination = dlt.destinations.duckdb(str(home.database))
        other = dlt.pipeline("house", str(tmp_path / "machine"), destination=destination, dataset_name="misspelt")
        with pytest.raises(ConfigurationError, match="the dataset misspelt has no table that a load has made"):
            erase(other, PersonalData(), seat_id=seat, contract=ONE)
        assert (
            home.rows("SELECT DISTINCT table_schema FROM information_schema.tables WHERE table_schema = 'misspelt'")
            == []
        )
        assert home.rows(f"SELECT count(*) FROM salesnav.seats WHERE seat_id = {seat}") == [(1,)]

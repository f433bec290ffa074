"""The dbt package's sources follow the declared tables."""

from salesnav_source.marts.dbt_sources import PATH, render


def test_sources_are_those_that_are_declared() -> None:
    assert PATH.read_text(encoding="utf-8") == render(), "run python -m salesnav_source.marts.dbt_sources"

"""What Dagster makes of the assets. `test_dagster.py` has these tests run by the interpreter of Dagster's own environment."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from runs.house import DAY, NAMES, ONE, ROOT, TWO, House, house

from orchestrators.dagster_state import state
from salesnav_source.dagster import salesnav_assets
from salesnav_source.days.windows import Window
from salesnav_source.sandbox import faults
from salesnav_source.sandbox.transforms import short_row

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class Dagster:
    """The assets of a house's pipeline, and a Dagster instance that remembers what happened to them."""

    def __init__(self, home: House, instance: Any) -> None:
        self.home = home
        self.instance = instance

    def assets(self, **options: Any) -> Any:
        home = self.home
        settings = {
            "credentials": home.sandbox.access_token,
            "base_url": home.sandbox.base_url,
            "contracts": list(home.contracts),
            "start_date": str(home.first_day),
            "poll_interval": 0.02,
            "poll_max_interval": 0.2,
            "outage_timeout": 5.0,
        }
        return salesnav_assets(home.pipeline, settings={**settings, **options.pop("settings", {})}, **options)

    def daily(self, **options: Any) -> Any:
        days = dg.DailyPartitionsDefinition(start_date=str(self.home.first_day))
        return self.assets(partitions_def=days, **options)

    def run(self, assets: Any, *, first: Any = None, last: Any = None, config: Any = None, **options: Any) -> Any:
        """Materializes the assets; with days, those of the exports alone."""
        if first is not None:
            options["selection"] = tables(*NAMES)
            options["tags"] = dict(zip(RANGE, (str(first), str(last or first))))
        run_config = {"ops": {"load_salesnav": {"config": config}}} if config else None
        return dg.materialize([assets], instance=self.instance, raise_on_error=False, run_config=run_config, **options)

    def table(self, name: str) -> dict[str, Any]:
        return dict(state(self.instance)["tables"].get(name, {"materialized": 0, "partitions": []}))

    def failed_checks(self) -> list[tuple[str, str]]:
        return [(table, check) for table, check, passed in state(self.instance)["checks"] if not passed]


@pytest.fixture
def dagster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dagster]:
    monkeypatch.chdir(tmp_path)
    with house(tmp_path, day=None, days=6) as home, dg.DagsterInstance.ephemeral() as instance:
        yield Dagster(home, instance)


def said(result: Any) -> str:
    """Returns what Dagster shows of the step that failed."""
    (event,) = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    return str(event.step_failure_data.user_failure_data.description)


def tables(*names: str) -> Any:
    return dg.AssetSelection.assets(*(["salesnav", name] for name in names))


def keys(first: Any, last: Any) -> list[str]:
    return [str(first + n * DAY) for n in range((last - first).days + 1)]


def test_every_table_is_an_asset_with_what_was_loaded(dagster: Dagster) -> None:
    home = dagster.home
    assert dagster.run(dagster.assets()).success
    home.assert_truth()
    for name in NAMES:
        metadata = dagster.table(name)["metadata"]
        assert (metadata["rows"],) == home.rows(f"SELECT count(*) FROM salesnav.{name}")[0]
        assert (metadata["first_day"], metadata["last_day"]) == (str(home.first_day), str(home.yesterday))
    assert {name: dagster.table(name)["materialized"] for name in ("contracts", "export_jobs", "rejected_rows")} == {
        "contracts": 1,
        "export_jobs": 1,
        "rejected_rows": 1,
    }
    assert dagster.failed_checks() == []


def test_a_table_whose_days_failed_is_not_green_and_the_check_names_them(dagster: Dagster) -> None:
    home = dagster.home
    home.sandbox.add_fault(faults.internal_error().where(export="seats", contract=TWO, times=None))
    result = dagster.run(dagster.assets())
    window = Window(home.first_day, home.yesterday)
    assert not result.success
    assert f"seats of Two ({TWO}), {window}: LinkedIn had an internal error" in said(result)
    assert dagster.failed_checks() == [("seats", "days_complete")]
    (check,) = [one for one in result.get_asset_check_evaluations() if not one.passed]
    assert f"{window}: LinkedIn had an internal error" in check.description
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert dagster.table("seats")["materialized"] == 0
    assert dagster.table("activities")["materialized"] == 1
    home.sandbox.clear_faults()
    seen = len(home.sandbox.requests)
    assert dagster.run(dagster.assets()).success
    assert [(export, contract) for export, contract, _, _ in home.posts(seen)] == [("seats", TWO)]
    assert dagster.table("seats")["materialized"] == 1
    home.assert_truth()


def test_dagster_retries_what_may_come_and_not_what_is_refused(dagster: Dagster) -> None:
    home = dagster.home
    home.sandbox.add_fault(faults.internal_error().where(export="seats", contract=TWO, times=3))
    policy = dg.RetryPolicy(max_retries=1)
    assert dagster.run(dagster.assets(retry_policy=policy)).success
    home.assert_truth()
    seen = len(home.calls("contracts"))
    result = dagster.run(dagster.assets(retry_policy=policy, settings={"credentials": "dead"}))
    assert not result.success and "Get a new token" in said(result)
    assert len(home.calls("contracts")) - seen <= 3
    assert not [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY]


def test_rows_that_cannot_be_read_are_a_warning(dagster: Dagster) -> None:
    dagster.home.sandbox.add_fault(faults.content(short_row(2, fields=3)).where(export="activities", contract=ONE))
    result = dagster.run(dagster.assets())
    assert result.success
    (check,) = [one for one in result.get_asset_check_evaluations() if not one.passed]
    assert (check.asset_key.path[-1], check.check_name) == ("activities", "rows_readable")
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert dagster.table("rejected_rows")["metadata"]["rows_rejected"] == 1


def test_days_that_wait_for_linkedin_are_shown_and_no_failure(dagster: Dagster) -> None:
    dagster.home.sandbox.add_fault(faults.data_delay().where(export="seats", times=None))
    assert dagster.run(dagster.assets()).success
    assert dagster.table("seats")["metadata"]["open_days"] == 2
    assert dagster.failed_checks() == []


def test_some_of_the_tables_are_loaded_alone(dagster: Dagster) -> None:
    assets = dagster.assets()
    assert dagster.run(assets, selection=tables("contracts")).success
    assert not dagster.home.sandbox.jobs
    assert dagster.run(assets, selection=tables("seats")).success
    assert {job.export for job in dagster.home.sandbox.jobs} == {"seats"}
    assert (dagster.table("seats")["materialized"], dagster.table("activities")["materialized"]) == (1, 0)


def test_a_range_of_days_is_one_run_that_asks_for_just_these_days(dagster: Dagster) -> None:
    home = dagster.home
    first, last = home.day(5), home.day(3)
    assert dagster.run(dagster.daily(), first=first, last=last).success
    assert {(a, b) for _, _, a, b in home.posts()} == {(first, last)} and len(home.sandbox.jobs) == 6
    home.assert_truth([Window(first, last)])
    for name in NAMES:
        assert dagster.table(name)["partitions"] == keys(first, last)


def test_only_days_that_are_loaded_are_marked(dagster: Dagster) -> None:
    home = dagster.home
    assets = dagster.daily()
    assert dagster.run(assets, first=home.day(4)).success
    home.sandbox.add_fault(faults.internal_error().where(export="seats", contract=TWO, day=home.day(2), times=None))
    result = dagster.run(assets, first=home.day(5), last=home.day(2))
    assert not result.success
    assert dagster.table("activities")["partitions"] == keys(home.day(5), home.day(2))
    failed = [home.day(3), home.day(2)]
    assert f"seats of Two ({TWO}), {Window(*failed)}" in said(result)
    assert dagster.table("seats")["partitions"] == keys(home.day(5), home.day(4))
    home.sandbox.clear_faults()
    seen = len(home.sandbox.requests)
    assert dagster.run(assets, first=home.day(5), last=home.day(2)).success
    assert home.posts(seen) == [("seats", TWO, *failed)]
    assert dagster.table("seats")["partitions"] == keys(home.day(5), home.day(2))


def test_a_day_asked_for_by_its_partition_that_has_not_come_fails_and_is_not_marked(dagster: Dagster) -> None:
    home = dagster.home
    home.sandbox.add_fault(faults.data_delay().where(times=None))
    result = dagster.run(dagster.daily(), first=home.day(2), last=home.yesterday)
    assert not result.success and "LinkedIn has no data" in said(result)
    assert dagster.table("seats")["partitions"] == [str(home.day(2))]
    assert dagster.failed_checks() == []


def test_a_loaded_day_is_asked_for_again_only_by_a_full_refresh(dagster: Dagster) -> None:
    home = dagster.home
    assets = dagster.daily(settings={"lookback_days": 0})
    assert dagster.run(assets, first=home.day(3), last=home.day(2)).success
    home.world.withdraw("seats", ONE, lambda row: row["snapshot_date"] == home.day(3))
    seen = len(home.sandbox.requests)
    assert dagster.run(assets, first=home.day(3)).success
    assert home.posts(seen) == []
    assert dagster.run(assets, first=home.day(3), config={"full_refresh": True}).success
    assert {(first, last) for _, _, first, last in home.posts(seen)} == {(home.day(3), home.day(3))}
    home.assert_truth([Window(home.day(3), home.day(2))])


def test_days_of_a_run_without_partitions_may_be_named(dagster: Dagster) -> None:
    home = dagster.home
    config = {"start_date": str(home.day(3)), "end_date": str(home.day(2))}
    assert dagster.run(dagster.assets(), config=config).success
    home.assert_truth([Window(home.day(3), home.day(2))])
    result = dagster.run(dagster.daily(), first=home.day(3), config=config)
    assert not result.success and "Leave them out" in said(result)


@pytest.mark.parametrize(
    "options",
    [
        {"exports": ["leads"]},
        {"partitions_def": dg.StaticPartitionsDefinition(["a"])},
        {"partitions_def": dg.HourlyPartitionsDefinition(start_date="2026-01-01-00:00")},
        {"partitions_def": dg.DailyPartitionsDefinition(start_date="2026-01-01", timezone="Europe/Berlin")},
        {"partitions_def": dg.DailyPartitionsDefinition(start_date="2026-01-01", hour_offset=6)},
    ],
    ids=["no-export", "static", "hours", "other-zone", "from-six"],
)
def test_what_cannot_be_is_told_when_the_definitions_are_loaded(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is none of|midnight UTC"):
        salesnav_assets(lambda: None, **options)  # type: ignore[arg-type,return-value]


def test_weeks_and_months_are_partitions_too(dagster: Dagster) -> None:
    home = dagster.home
    weeks = dg.WeeklyPartitionsDefinition(start_date=str(home.day(13)), day_offset=(home.day(13).weekday() + 1) % 7)
    assets = dagster.assets(partitions_def=weeks)
    assert dagster.run(assets, first=home.day(13)).success
    assert {(first, last) for _, _, first, last in home.posts()} == {(home.day(13), home.day(7))}
    assert dagster.table("seats")["partitions"] == [str(home.day(13))]


def test_the_definitions_in_the_docs_and_several_shards_are_whole() -> None:
    text = (ROOT / "docs" / "orchestrators.md").read_text()
    (code,) = [one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "partitions_def=" in one]
    names: dict[str, Any] = {}
    exec(code, names)
    dg.Definitions.validate_loadable(names["defs"])
    shards = [
        salesnav_assets(lambda: None, name=f"load_{one}", key_prefix=["salesnav", one])  # type: ignore[arg-type,return-value]
        for one in ("shard_1", "shard_2")
    ]
    dg.Definitions.validate_loadable(dg.Definitions(assets=shards))


def test_the_example_project_is_whole() -> None:
    defs = runpy.run_path(str(ROOT / "deploy" / "dagster" / "definitions.py"))["defs"]
    dg.Definitions.validate_loadable(defs)
    expected = {
        dg.AssetKey(["salesnav", name])
        for name in ("contracts", *NAMES, "export_jobs", "rejected_rows", "export_columns")
    }
    assert set(defs.resolve_job_def("salesnav").asset_layer.executable_asset_keys) == expected

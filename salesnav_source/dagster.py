"""Dagster assets over `sync`: one per table, with checks, and with partitions if wanted.

from dagster import Definitions
from salesnav_source.dagster import salesnav_assets

defs = Definitions(assets=[salesnav_assets(my_pipeline)])
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Optional

import dlt

from salesnav_source.days.windows import ONE_DAY, Days, Window
from salesnav_source.jobs.results import WindowResult
from salesnav_source.run.account import Commit
from salesnav_source.run.orchestration import Outcome, name_windows, try_sync
from salesnav_source.run.planning import Refresh
from salesnav_source.run.result import RunReport
from salesnav_source.schema import EXPORT_JOBS, EXPORTS, REJECTED_ROWS, TABLES, Table
from salesnav_source.settings.installed import how_to_install, of_extra

try:
    import dagster as dg
except ImportError as error:
    raise ImportError(f"salesnav_source.dagster needs Dagster: {how_to_install(*of_extra('dagster'))}") from error

DAYS_COMPLETE = "days_complete"
"""Name of the check that fails if days of a table could not be loaded."""
ROWS_READABLE = "rows_readable"
"""Name of the check that fails if rows or values could not be read."""

_MIDNIGHTS = re.compile(r"0 0 \S+ \S+ \S+")
"""Cron schedules of whole days."""


class SalesnavConfig(dg.Config):
    """Options of a run in Dagster's launchpad."""

    full_refresh: bool = False
    """Ask again for what is loaded, and replace it day by day."""
    start_date: Optional[str] = None
    """First day wanted, ISO, UTC; not with partitions, which name the days."""
    end_date: Optional[str] = None
    """Last day wanted, ISO, UTC; not with partitions."""


def salesnav_assets(
    pipeline: Callable[[], dlt.Pipeline],
    *,
    settings: Mapping[str, Any] | None = None,
    exports: Sequence[str] = tuple(EXPORTS),
    name: str = "load_salesnav",
    key_prefix: str | Sequence[str] = "salesnav",
    group_name: str = "salesnav",
    pool: str | None = "salesnav",
    partitions_def: "dg.TimeWindowPartitionsDefinition | None" = None,
    retry_policy: "dg.RetryPolicy | None" = None,
) -> "dg.AssetsDefinition":
    """Returns an asset for each table, all of them loaded by one step that calls `sync`.

    A table is materialized when all of its wanted days are loaded, or wait for LinkedIn. If a window has failed, its table is
    not materialized, the check `days_complete` names window and reason, and the step fails and may be retried. A new run only
    asks for what is missing.

    Args:
        pipeline: makes the pipeline; called in the run, so that loading the definitions touches no disk.
        settings: settings by name, before those of dlt's configuration.
        exports: names of the exports that have assets.
        name: of the step.
        key_prefix: of the assets' keys; the last part is the table's name.
        group_name: of the assets.
        pool: Dagster's pool in which the step takes a slot; None for no pool.
        partitions_def: days, weeks or months in UTC: a partition is the days to ask for. Without it a run asks for everything
            that the settings want, which suits most users. Dagster's weeks begin on Sunday unless `day_offset=1`.
        retry_policy: how often Dagster retries the step, if a retry can help.

    Raises:
        ValueError: if an export does not exist, or partitions are not made of whole UTC days.
    """
    unknown = sorted(set(exports) - set(EXPORTS))
    if unknown:
        raise ValueError(f"exports: {', '.join(unknown)} is none of {', '.join(EXPORTS)}.")
    _require_whole_days(partitions_def)
    prefix = [key_prefix] if isinstance(key_prefix, str) else list(key_prefix)
    tables = [table for table in TABLES if table.name in exports or table.name not in EXPORTS]
    keys = {table.name: dg.AssetKey([*prefix, table.name]) for table in tables}

    @dg.multi_asset(
        name=name,
        specs=[_spec(table, keys[table.name], group_name, partitions_def) for table in tables],
        check_specs=[spec for export in exports for spec in _check_specs(keys[export])],
        can_subset=True,
        pool=pool,
        retry_policy=retry_policy,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions_def is not None else None,
    )
    def load(context: dg.AssetExecutionContext, config: SalesnavConfig) -> Iterator[Any]:
        yield from _Step(context, config, keys, partitions_def).run(pipeline, dict(settings or {}))

    assets: dg.AssetsDefinition = load
    return assets


def _spec(table: Table, key: Any, group_name: str, partitions_def: Any) -> Any:
    columns = [
        dg.TableColumn(
            column.name,
            type=column.type,
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for column in table.columns
    ]
    return dg.AssetSpec(
        key,
        description=table.description,
        group_name=group_name,
        kinds={"dlt", "linkedin"},
        skippable=True,
        metadata={"dagster/column_schema": dg.TableSchema(columns)},
        partitions_def=partitions_def if table.name in EXPORTS else None,
    )


def _check_specs(key: Any) -> Iterator[Any]:
    yield dg.AssetCheckSpec(DAYS_COMPLETE, asset=key, description="Every day wanted is loaded, or waits for LinkedIn.")
    yield dg.AssetCheckSpec(ROWS_READABLE, asset=key, description="Every row and value of the new files could be read.")


def _require_whole_days(partitions_def: Any) -> None:
    if partitions_def is None:
        return
    if not (
        isinstance(partitions_def, dg.TimeWindowPartitionsDefinition)
        and partitions_def.timezone == "UTC"
        and _MIDNIGHTS.fullmatch(partitions_def.cron_schedule)
    ):
        raise ValueError(
            "partitions_def must be of days, weeks or months that begin at midnight UTC, as LinkedIn's do."
        )


class _Step:
    """One run of the step."""

    def __init__(self, context: Any, config: SalesnavConfig, keys: Mapping[str, Any], partitions_def: Any) -> None:
        self._context = context
        self._config = config
        self._keys = {table: key for table, key in keys.items() if key in context.selected_asset_keys}
        self._partitions = self._asked_for(partitions_def)

    def _asked_for(self, partitions_def: Any) -> dict[str, Window]:
        """Returns the days of this run's partitions; empty if it has none."""
        context = self._context
        if partitions_def is None or not (context.has_partition_key or context.has_partition_key_range):
            return {}
        windows = {key: partitions_def.time_window_for_partition_key(key) for key in context.partition_keys}
        return {key: Window(one.start.date(), one.end.date() - ONE_DAY) for key, one in windows.items()}

    def run(self, pipeline: Callable[[], dlt.Pipeline], settings: dict[str, Any]) -> Iterator[Any]:
        """Loads, and yields the events of each table for Dagster.

        Raises:
            Failure: if anything asked for is missing.
        """
        exports = [table for table in self._keys if table in EXPORTS]
        days = self._days()
        refresh = Refresh(*(_day(days.get(name)) for name in ("start_date", "end_date"))) if days else True
        outcome = try_sync(
            pipeline,
            {**settings, **days},
            exports,
            refresh if self._config.full_refresh else False,
            self._tell_of,
        )
        for note in outcome.record["notes"]:
            self._context.log.warning(note)
        if outcome.report is None:
            raise dg.Failure(outcome.message, {"exit_code": outcome.exit_code}, allow_retries=outcome.may_retry)
        missing: list[WindowResult] = []
        for table in self._keys:
            if table not in EXPORTS:
                yield dg.MaterializeResult(self._keys[table], metadata=_of_others(table, outcome))
                continue
            own = [one for one in outcome.report.not_loaded if one.export == table]
            # a partition is for exactly these days, and no other run will ask for them
            gaps = own if self._partitions else [one for one in own if one.outcome == "failed"]
            missing += gaps
            yield from self._checks(table, outcome.report)
            yield from self._table(table, outcome, gaps)
        if missing:
            waits = name_windows(missing, "LinkedIn has no data yet for:", outcome.report.names)
            said = outcome.message if outcome.report.failed else waits
            raise dg.Failure(said, {"exit_code": outcome.exit_code}, allow_retries=True)

    def _days(self) -> dict[str, str]:
        named = {"start_date": self._config.start_date, "end_date": self._config.end_date}
        given = {name: day for name, day in named.items() if day}
        if not self._partitions:
            return given
        if given:
            raise dg.Failure(
                f"{' and '.join(given)} cannot be given to a run of partitions, which name the days. Leave them out.",
                allow_retries=False,
            )
        windows = self._partitions.values()
        return {"start_date": str(min(windows).first), "end_date": str(max(window.last for window in windows))}

    def _tell_of(self, commit: Commit) -> None:
        for one in commit.windows:
            self._context.log.info(f"{one.export} of {one.contract}, {one.window}: {one.rows:,} rows loaded.")

    def _table(self, table: str, outcome: Outcome, gaps: Sequence[WindowResult]) -> Iterator[Any]:
        assert outcome.report is not None
        key, metadata = self._keys[table], _of_export(table, outcome)
        if not gaps:
            yield dg.MaterializeResult(key, metadata=metadata)
            return
        self._context.log_event(dg.AssetObservation(key, metadata=metadata))
        missing = Days.of(one.window for one in gaps)
        for partition, window in self._partitions.items():
            if not missing & Days((window,)):
                self._context.log_event(dg.AssetMaterialization(key, partition=partition))

    def _checks(self, table: str, report: RunReport) -> Iterator[Any]:
        key = self._keys[table]
        failed = [one for one in report.failed if one.export == table]
        loaded = [one for one in report.loaded if one.export == table]
        rows, values = sum(one.rows_rejected for one in loaded), sum(one.values_rejected for one in loaded)
        results = {
            DAYS_COMPLETE: dg.AssetCheckResult(
                asset_key=key,
                check_name=DAYS_COMPLETE,
                passed=not failed,
                severity=dg.AssetCheckSeverity.ERROR,
                description=name_windows(failed, "Could not be loaded:", report.names) if failed else None,
                metadata={"failed_days": _days(failed)},
            ),
            ROWS_READABLE: dg.AssetCheckResult(
                asset_key=key,
                check_name=ROWS_READABLE,
                passed=not (rows or values),
                severity=dg.AssetCheckSeverity.WARN,
                description=f"{rows:,} rows and {values:,} values could not be read: see the table rejected_rows."
                if rows or values
                else None,
                metadata={"rows_rejected": rows, "values_rejected": values},
            ),
        }
        selected = {(one.asset_key, one.name) for one in self._context.selected_asset_check_keys}
        yield from (result for name, result in results.items() if (key, name) in selected)


def _of_export(table: str, outcome: Outcome) -> dict[str, Any]:
    """Returns the metadata of a table's event."""
    report = outcome.report
    assert report is not None
    loaded = [one for one in report.loaded if one.export == table]
    covered = [coverage.loaded for (export, _), coverage in report.coverage.items() if export == table]
    spans = [(days.windows[0].first, days.windows[-1].last) for days in covered if days]
    metadata: dict[str, Any] = {
        "rows": sum(one.rows for one in loaded),
        "rows_rejected": sum(one.rows_rejected for one in loaded),
        "values_rejected": sum(one.values_rejected for one in loaded),
        "windows": len(loaded),
        "contracts": len(spans),
        "open_days": _days(one for one in report.not_loaded if one.export == table and one.outcome == "open"),
        "failed_days": _days(one for one in report.failed if one.export == table),
    }
    if spans:
        metadata["first_day"] = str(min(first for first, _ in spans))
        metadata["last_day"] = str(max(last for _, last in spans))
    changed = [one for one in outcome.record["columns_changed"] if one["export"] == table]
    if changed:
        metadata["columns_changed"] = changed
    return metadata


def _of_others(table: str, outcome: Outcome) -> dict[str, Any]:
    record = outcome.record
    if table == EXPORT_JOBS.name:
        return {name: record[name] for name in ("jobs_created", "windows_loaded", "windows_open", "windows_failed")}
    if table == REJECTED_ROWS.name:
        return {name: record[name] for name in ("rows_rejected", "values_rejected")}
    return {}


def _days(windows: Iterable[WindowResult]) -> int:
    """Returns how many days the windows have, summed up over contracts."""
    own: dict[str, list[Window]] = defaultdict(list)
    for one in windows:
        own[one.contract].append(one.window)
    return sum(len(Days.of(days)) for days in own.values())


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None

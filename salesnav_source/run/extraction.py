"""What dlt extracts in one load: the resources, their tables, and a user's additions to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dlt

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.jobs.task import Task
from salesnav_source.linkedin.reader import read_schema
from salesnav_source.schema import EXPORT_COLUMNS, EXPORTS, REJECTED_ROWS, TABLES
from salesnav_source.settings.configuration import SECTION
from salesnav_source.warehouse import dlt_compat

ROOT = "_exports"
"""Name of the hidden resource that runs the exports."""

NAMES = frozenset(table.name for table in TABLES)
"""Names of the resources that are loaded."""

NOT_LOADED = "not loaded"
"""Id of a load if rows are only looked at."""


@dataclass(frozen=True)
class Extraction:
    """The load that dlt extracts now."""

    load_id: str
    pipeline: Any
    """None if rows are only looked at."""
    source_name: str
    """The name that dlt keeps the state under: that of the source that is extracted."""
    state: dict[str, Any]
    """The source's state, as dlt hands it out."""
    resources: Mapping[str, Any]
    """Resources that are extracted, by name."""
    selected: frozenset[str]
    """Names of the resources whose rows are loaded."""
    tables: Mapping[str, str]
    """Names of the resources' tables, which a user may have changed."""

    @staticmethod
    def current(pipeline: Any) -> "Extraction":
        """Returns what is extracted now.

        Args:
            pipeline: the pipeline; None if rows are only looked at.
        """
        source = dlt_compat.current_source()
        resources: Any = source.resources if source is not None else None
        extracted = {resource.name: resource for resource in (resources.extracted if resources else [])}
        tables = {}
        for name, resource in extracted.items():
            named = resource.table_name
            is_text = source is not None and isinstance(named, str)
            tables[name] = source.schema.naming.normalize_table_identifier(named) if is_text else name
        return Extraction(
            load_id=dlt_compat.current_load_id() if pipeline is not None else NOT_LOADED,
            pipeline=pipeline,
            source_name=source.name if source is not None else SECTION,
            state=dlt.current.source_state() if pipeline is not None else {},
            resources=extracted,
            selected=frozenset(resources.selected if resources else ()),
            tables=tables,
        )

    @property
    def exports(self) -> tuple[str, ...]:
        """Names of the exports that are extracted."""
        return tuple(name for name in EXPORTS if name in self.resources)

    def table(self, resource: str) -> str:
        """Returns the name of a resource's table."""
        return self.tables.get(resource, resource)

    def loads(self, resource: str) -> bool:
        """True if the rows of a resource are loaded."""
        return resource in self.selected

    @property
    def has_company(self) -> bool:
        """True if a user's resources are extracted beside ours. Waiting would delay them."""
        return bool(set(self.resources) - NAMES - {ROOT})

    def has_own_steps(self, resource: str) -> bool:
        """True if the user has added steps to a resource, which may change or drop rows."""
        return dlt_compat.has_own_steps(self.resources[resource])

    def check(self) -> None:
        """Makes sure that a user's hints for our tables can be followed.

        Raises:
            ConfigurationError: if one cannot.
        """
        self._require_loaded_exports()
        named: dict[str, str] = {}
        for name in sorted(self.selected & NAMES):
            other = named.setdefault(self.table(name), name)
            if other != name:
                raise ConfigurationError(
                    f"{other} and {name} would be loaded into one table, {self.table(name)}. Leave table_name out, or give"
                    f' it to one of them: source.{name}.apply_hints(table_name="…").'
                )
            if self.resources[name].incremental is not None:
                raise ConfigurationError(
                    f"{name} has a hint dlt.sources.incremental. It leaves rows out of days that are replaced as a whole, so"
                    " loaded rows would be lost. Leave the hint out: each run asks for the missing days by itself, and for the"
                    " last days again. Nothing was asked of LinkedIn."
                )
            if self.resources[name].compute_table_schema().get("x-merge-strategy") == "scd2":
                raise ConfigurationError(
                    f"{name} cannot use the strategy scd2, because days are replaced. Leave the hint out. A dbt snapshot of the"
                    " table keeps earlier values."
                )

    def _require_loaded_exports(self) -> None:
        """Refuses an export that only feeds a user's transformer: nothing would say which of its days are loaded.

        Raises:
            ConfigurationError: if there is one.
        """
        unloaded = [name for name in self.exports if not self.loads(name)]
        if unloaded and self.pipeline is not None:
            raise ConfigurationError(
                f"{', '.join(unloaded)} would be exported for a transformer only, and not loaded. Then nothing would say which"
                f" days are loaded. Add the transformer to the source, and run the source with the export:"
                f' source.resources["mine"] = source.{unloaded[0]} | transformer; pipeline.run(source). Nothing was asked of'
                " LinkedIn."
            )

    def refusal(self, task: Task) -> str | None:
        """Returns why a window's rows would be discarded by the pipeline's schema contract, None if they are not."""
        file = task.received
        if self.pipeline is None or file.rows is None or not self.loads(task.export):
            return None
        schema, name = dlt.current.source_schema(), self.table(task.export)
        is_known = name in {table["name"] for table in schema.data_tables(seen_data_only=True)}
        known = set(schema.tables[name]["columns"]) if is_known else set()
        columns = {schema.naming.normalize_identifier(column) for column in read_schema(file.rows).names}
        if is_known and columns <= known:
            return None
        # the table as it was stored may still have the contract of an earlier run
        declared = self.resources[task.export].compute_table_schema()
        contract: Mapping[str, Any] = schema.resolve_contract_settings_for_table(name, declared)
        if contract["tables"].startswith("discard") and not is_known:
            return f"the schema contract of this pipeline discards new tables, and {name} is one; let tables evolve"
        if contract["columns"] == "discard_row" and known and columns - known:
            return (
                f"the file has new columns ({', '.join(sorted(columns - known))}), and the schema contract of this pipeline"
                " discards rows that have any; let columns evolve, or discard their values"
            )
        return None

    def new_tables(self) -> set[str]:
        """Returns the resources whose tables are not in the pipeline's schema yet."""
        if self.pipeline is None:
            return set()
        schema = dlt.current.source_schema()
        known = {table["name"] for table in schema.data_tables(seen_data_only=True)}
        names = {REJECTED_ROWS.name, EXPORT_COLUMNS.name, *self.exports} & set(self.resources)
        return {name for name in names if self.table(name) not in known}

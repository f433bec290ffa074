"""Loads that were killed half-way: keeping dlt from copying a file twice when it goes on."""

from pathlib import Path
from typing import Any

from dlt.common import logger
from dlt.common.storages.load_package import ParsedLoadJobFileName


def secure_pending(pipeline: Any) -> None:
    """Makes dlt de-duplicate what an interrupted load may have copied twice.

    A process killed between the commit of a file and its note of that copies the file again when it goes on. The rows are
    in a staging table then, and this source tells dlt that it need not look for repetitions there; so it is told otherwise.
    """
    storage = pipeline._get_load_storage()
    if not storage.is_storage_ready():
        return
    packages = storage.normalized_packages
    for load_id in storage.list_normalized_packages():
        interrupted = {
            ParsedLoadJobFileName.parse(file).table_name
            for file in packages.list_started_jobs(load_id)
            if packages.load_pending_transition(load_id, Path(file).name) is None
        }
        if not interrupted:
            continue
        schema = packages.load_schema(load_id)
        for name in interrupted & set(schema.data_table_names()):
            table = schema.tables[name]
            table.pop("x-stage-data-deduplicated", None)
            if not any(column.get("primary_key") for column in table["columns"].values()):
                for column in table["columns"].values():
                    column["primary_key"] = True
        packages.save_schema(load_id, schema)
        logger.info(f"Load {load_id} was interrupted; its rows are de-duplicated.")

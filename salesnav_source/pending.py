"""What a killed run has left to load: making sure that dlt goes on with it rightly."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from dlt.common import logger
from dlt.common.schema.typing import TTableSchema
from dlt.common.storages.load_package import PackageStorage, ParsedLoadJobFileName

from salesnav_source.schema import LOAD_ID
from salesnav_source.warehouses import is_embedded


def secure_pending(pipeline: Any) -> None:
    """Makes sure that what is pending is loaded as it was meant to be, and once. Call it before dlt loads."""
    _use_extracted_schemas(pipeline)
    _secure_interrupted_loads(pipeline)


def _use_extracted_schemas(pipeline: Any) -> None:
    """Makes dlt load what a killed run has extracted with the schema of that run.

    dlt prefers the schema in the pipeline's folder, which such a run may have left as it was before: with the days that an
    earlier load replaced, which would be deleted again.
    """
    if pipeline.list_extracted_load_packages():
        packages = pipeline._get_normalize_storage().extracted_packages
        for load_id in packages.list_packages():
            schema = packages.load_schema(load_id)
            pipeline._schema_storage.save_schema(schema)
            if not pipeline.default_schema_name:
                # a first run that was killed before it could note it: dlt would pass over what it has extracted
                with pipeline.managed_state():
                    pipeline._set_default_schema_name(schema)


def _secure_interrupted_loads(pipeline: Any) -> None:
    """Makes sure that what an interrupted load may have copied twice comes out once.

    A process killed between the commit of a file and dlt's note of that copies the file again when it goes on. In an
    embedded database the rows of that load are taken out again, and all its files are copied anew: looking for repetitions
    takes it more memory than it may have. On a server, which may still be at work on a file, dlt looks for them in the
    staging table.
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
            if is_embedded(pipeline):
                _take_out(pipeline, packages, load_id, schema.tables[name])
            else:
                _deduplicate(schema.tables[name])
        packages.save_schema(load_id, schema)
        logger.info(f"Load {load_id} was interrupted; its rows are made to come out once.")


def _deduplicate(table: TTableSchema) -> None:
    table.pop("x-stage-data-deduplicated", None)  # type: ignore[typeddict-item]
    if not any(column.get("primary_key") for column in table["columns"].values()):
        for column in table["columns"].values():
            column["primary_key"] = True


def _take_out(pipeline: Any, packages: PackageStorage, load_id: str, schema: TTableSchema) -> None:
    table, staged = schema["name"], schema["write_disposition"] != "append"
    with pipeline.sql_client() as client, client.with_staging_dataset() if staged else nullcontext():
        name = client.make_qualified_table_name(table)
        client.execute_sql(f"DELETE FROM {name} WHERE {LOAD_ID} = %s", load_id)
    for file in packages.list_started_jobs(load_id):
        if ParsedLoadJobFileName.parse(file).table_name == table:
            # a note of its commit would keep it from being copied anew
            packages.clear_pending_transition(load_id, Path(file).name)
    folders = (PackageStorage.COMPLETED_JOBS_FOLDER, PackageStorage.NEW_JOBS_FOLDER)
    completed, anew = (
        packages.storage.make_full_path(packages.get_job_state_folder_path(load_id, folder)) for folder in folders
    )
    for file in os.listdir(completed):
        if ParsedLoadJobFileName.parse(file).table_name == table:
            os.replace(os.path.join(completed, file), os.path.join(anew, file))

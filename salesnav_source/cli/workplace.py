"""The pipeline, destination and settings of a command, by its options; and LinkedIn or the sandbox."""

import argparse
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dlt

from salesnav_source.cli.terminal import SANDBOX_POLL_INTERVAL, show
from salesnav_source.settings.configuration import SECTION, Settings, resolve_settings
from salesnav_source.settings.names import DATASET, SANDBOX_PIPELINE
from salesnav_source.warehouse import destinations
from salesnav_source.warehouse.connection import database_file

_REMEMBERED = "duckdb_database"
"""dlt's key in a pipeline's local state for the DuckDB file that it reads."""


@contextlib.contextmanager
def settings_of(
    options: argparse.Namespace, explicit: dict[str, Any] | None = None, quiet: bool = True, needs_token: bool = True
) -> Iterator[Settings]:
    """Gives the settings of a command: the configured ones, or, with `--sandbox`, those of a sandbox that it serves meanwhile.

    Args:
        options: of the command.
        explicit: settings that its options name.
        quiet: whether nothing is said of the sandbox.
        needs_token: false if there may be no token yet.
    """
    given = dict(explicit or {})
    if not options.sandbox:
        yield resolve_settings(given, needs_token)
        return
    with _sandbox(quiet) as sandbox:
        # the configured contracts are real ones
        yield replace(resolve_settings({**given, "contracts": given.get("contracts") or [], **sandbox}))


def pipeline_of(options: argparse.Namespace, name: str | None = None, progress: Any = None) -> dlt.Pipeline:
    """Returns the pipeline that the options of a command mean.

    Args:
        options: of the command.
        name: of the pipeline; by the options if None.
        progress: shows how far it has come; nothing does if None.
    """
    options.pipeline = name or options.pipeline or f"salesnav_to_{options.destination}"
    destination, dataset = destinations.make(options), DATASET
    if options.sandbox:
        options.pipeline, dataset = apart(destination)
    shown = {"progress": progress} if progress is not None else {}
    pipeline: dlt.Pipeline = dlt.pipeline(
        options.pipeline,
        destination=destination,
        dataset_name=getattr(options, "dataset", None) or dataset,
        pipelines_dir=getattr(options, "pipelines_dir", None) or "",
        **shown,
    )
    return pipeline


def apart(warehouse: Any) -> tuple[str, str]:
    """Returns the names of pipeline and dataset that keep invented rows and their state apart from real ones."""
    if warehouse.destination_name == "duckdb":
        # it has its own file, which must not have the dataset's name
        return SANDBOX_PIPELINE, DATASET
    return f"{SANDBOX_PIPELINE}_{warehouse.destination_name}", SANDBOX_PIPELINE


def remember_file(pipeline: dlt.Pipeline) -> None:
    """Lets `dlt.attach` and `dlt pipeline` read the DuckDB file that was loaded, if it is not the one they would guess."""
    path = database_file(pipeline)
    if path is None or not (Path(pipeline.working_dir) / pipeline.STATE_FILE).exists():
        return
    guessed = Path(pipeline.get_local_state_val("initial_cwd")) / f"{pipeline.pipeline_name}.duckdb"
    with contextlib.suppress(OSError):
        pipeline.set_local_state_val(_REMEMBERED, None if path == guessed else str(path))


def forget_file(pipeline: dlt.Pipeline) -> bool:
    """Forgets the file that was loaded last, which dlt would use for any relative path. Returns true if there was one."""
    with contextlib.suppress(KeyError):
        if pipeline.get_local_state_val(_REMEMBERED) is not None:
            pipeline.set_local_state_val(_REMEMBERED, None)
            return True
    return False


@contextlib.contextmanager
def _sandbox(quiet: bool) -> Iterator[dict[str, Any]]:
    """Serves the stand-in, and gives the settings for it. The user's own credentials are not used."""
    from salesnav_source.sandbox import Sandbox

    with Sandbox() as sandbox:
        if not quiet:
            show(f"The sandbox stands in for LinkedIn at {sandbox.base_url}: all data are invented.")
        yield {
            "base_url": sandbox.base_url,
            "credentials": {
                "access_token": sandbox.access_token,
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                "refresh_token": sandbox.refresh_token,
                "authorization_url": sandbox.authorization_url,
                "token_url": sandbox.token_url,
            },
            **({} if dlt.config.get(f"sources.{SECTION}.poll_interval") else {"poll_interval": SANDBOX_POLL_INTERVAL}),
        }

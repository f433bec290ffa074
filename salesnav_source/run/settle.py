"""Writes what is loaded into the state in the warehouse, by a load without rows."""

from collections.abc import Iterator
from typing import Any

import dlt
from dlt.extract import DltResource

from salesnav_source.run.destination import run_on_destination
from salesnav_source.run.sync import drop_working_folder
from salesnav_source.settings.configuration import SECTION
from salesnav_source.settings.privacy import PersonalData
from salesnav_source.warehouse import dlt_compat
from salesnav_source.warehouse.state import Ledger, StateWriter


def commit_state(pipeline: dlt.Pipeline, ledger: Ledger, personal_data: PersonalData | None = None) -> None:
    """Writes the ledger into the state in the warehouse.

    Args:
        pipeline: of the state; its working folder is emptied.
        ledger: what is loaded.
        personal_data: how personal data were loaded; if None, the state keeps what it says.
    """
    pipeline.activate()
    drop_working_folder(pipeline)
    source = _state_alone(ledger, personal_data)
    run_on_destination(pipeline, lambda: pipeline.run(source))


@dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
def _state_alone(ledger: Ledger, personal_data: PersonalData | None) -> DltResource:
    def settled() -> Iterator[Any]:
        writer = StateWriter(dlt.current.source_state(), ledger, dlt_compat.current_load_id())
        writer.settle()
        if personal_data is not None:
            writer.note_personal_data(personal_data.record)
        yield from ()

    return dlt.resource(settled, name="_state")

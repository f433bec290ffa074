"""A load divided by contract and by days among pipelines of their own, that share nothing but the dataset."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
from runs.house import ONE, TWO, Timer

from salesnav_source.run.sync import sync
from salesnav_source.settings.configuration import SalesnavConfiguration, SalesnavCredentials, Settings

from .life import TODAY, StillClock
from .warehouse import Server, environment


@dataclass(frozen=True)
class Part:
    """What one of several pipelines loads."""

    name: str
    contract: str
    first_day: dt.date
    last_day: dt.date | None


SPLIT = dt.date(2026, 3, 4)
PARTS = tuple(
    Part(f"{name}_{when}", contract, first, last)
    for name, contract in (("one", ONE), ("two", TWO))
    for when, first, last in (
        ("past", dt.date(2026, 2, 20), SPLIT - dt.timedelta(days=1)),
        ("present", SPLIT, None),
    )
)


@dataclass(frozen=True)
class Place:
    """Where the parts are loaded from and to."""

    server: Server
    folder: Path
    database: str
    base_url: str
    access_token: str
    shares_bucket: bool = False
    """Whether rows go through a bucket that is the same for all."""

    def pipeline(self, name: str, **options: Any) -> Any:
        return dlt.pipeline(
            name,
            pipelines_dir=str(self.folder / name),
            destination=self.server.destination(self.folder, self.database, **options),
            staging=dlt.destinations.filesystem(str(self.folder / "bucket")) if self.shares_bucket else None,
            dataset_name="salesnav",
        )

    def settings(self, **wanted: Any) -> Settings:
        return Settings.check(
            SalesnavConfiguration(
                credentials=SalesnavCredentials(access_token=self.access_token),
                base_url=self.base_url,
                poll_interval=0.02,
                poll_max_interval=0.2,
                **wanted,
            )
        )


def load_shard(place: Place, name: str, contracts: list[str], today: dt.date) -> int:
    """Loads the contracts of a shard, as a worker of its own would; returns how many windows were not loaded."""
    with environment(place.server):
        settings = place.settings(contracts=contracts, start_date=str(TODAY - dt.timedelta(days=10)))
        clock = StillClock(today)
        return len(sync(place.pipeline(name), settings, clock=Timer(clock)).not_loaded)


def load_part(place: Place, part: Part) -> int:
    """Loads a part, as a worker of its own would; returns how many windows were not loaded."""
    with environment(place.server):
        settings = place.settings(
            contracts=[part.contract],
            start_date=str(part.first_day),
            end_date=str(part.last_day) if part.last_day else None,
        )
        return len(sync(place.pipeline(part.name), settings, clock=Timer(StillClock(TODAY))).not_loaded)

"""How much is measured: in full, or in small to see that everything works."""

from typing import NamedTuple


class Scale(NamedTuple):
    """Sizes of what is measured."""

    window_rows: int
    """Rows in a window of 90 days."""
    dict_rows: int
    """Rows for what is too slow for all of them."""
    tool_rows: int
    """Rows for other tools, likewise; none to leave them out, as installing one takes minutes."""
    rounds: int
    """How often each is measured, in turns; medians count."""
    windows: int
    """Windows of the long backfill whose memory is compared to that of one window."""
    small_table_windows_rows: int
    """Rows per window of the small table to which days are added."""
    table_windows: int
    """Windows that the tables have to which days are added."""
    day_rows: int
    """Rows of such a day."""
    days: int
    """How many days are added, one after the other."""
    backfill_days: int
    backfill_contracts: int
    backfill_day_rows: int
    """Activities per day and contract in the backfill of many jobs."""
    job_seconds: tuple[float, float]
    poll_interval: float
    budget: int
    """Jobs in flight at a time."""
    job_durations: tuple[float, ...]
    """Durations of jobs for which polls are counted."""
    contracts: tuple[int, ...]
    """Numbers of contracts that get a day more; the first one is what there is to pay in any case."""
    latent: tuple[int, float]
    """A number of contracts that get a day more from a server that holds each answer back for so many seconds."""
    backlog: tuple[int, int]
    """Contracts and days of a first load of very many jobs."""
    postgres_rows: int
    """Rows of a window that goes into PostgreSQL."""
    big_rows: int
    """Rows of the largest file that LinkedIn makes."""
    marts: tuple[tuple[int, int, int], ...]
    """Activities, seats and days of the files on which marts are built: one like the sandbox's demo, and a large one."""


FULL = Scale(
    window_rows=4_000_000,
    dict_rows=100_000,
    tool_rows=50_000,
    rounds=3,
    windows=4,
    small_table_windows_rows=20_000,
    table_windows=5,
    day_rows=15_000,
    days=5,
    backfill_days=730,
    backfill_contracts=5,
    backfill_day_rows=2_000,
    job_seconds=(5.0, 30.0),
    poll_interval=5.0,
    budget=30,
    job_durations=(10.0, 60.0, 300.0, 1200.0),
    contracts=(1, 100, 1000),
    latent=(100, 0.15),
    backlog=(1000, 1095),
    postgres_rows=1_000_000,
    big_rows=45_000_000,
    marts=((600_000, 196, 90), (20_600_000, 822, 730)),
)

QUICK = Scale(
    window_rows=100_000,
    dict_rows=10_000,
    tool_rows=0,
    rounds=1,
    windows=2,
    small_table_windows_rows=1_000,
    table_windows=2,
    day_rows=2_000,
    days=2,
    backfill_days=180,
    backfill_contracts=2,
    backfill_day_rows=100,
    job_seconds=(0.5, 3.0),
    poll_interval=0.5,
    budget=4,
    job_durations=(10.0, 300.0),
    contracts=(1, 20),
    latent=(20, 0.15),
    backlog=(10, 365),
    postgres_rows=50_000,
    big_rows=500_000,
    marts=((20_000, 20, 30),),
)

"""The source's state in dlt: which days are loaded, and which days each load claims to have loaded.

The state of each export has its coverage and the claims of loads. dlt commits a state together with the rows of its load. But
dlt can be configured to tolerate rows that the warehouse refuses or a schema contract discards, and a crash can make it skip
or repeat a step. So a claim counts as covered only once the tables were seen to have exactly these rows. The days of a false
claim stay open.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from salesnav_source.days.windows import Coverage, Days, Window
from salesnav_source.jobs.journal import LoadOutcome
from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS, Export
from salesnav_source.settings.configuration import INTERVAL_ENDS, TIntervalEnd
from salesnav_source.warehouse.connection import OpenWarehouse
from salesnav_source.warehouse.replace import ReplaceScope
from salesnav_source.warehouse.tables import literal

COVERAGE, CLAIMS = "coverage", "claims"
"""Keys in the state of an export."""
COLUMNS = "columns"
"""Key in the state of an export, in 0.2.0."""
LISTED, NAMES = "listed", "names"
"""Keys in the state of `contracts`."""

INTERVAL_END = "interval_end"
"""Key in the state of the source: the form of `endAt` in which LinkedIn created jobs."""

PERSONAL_DATA = "personal_data"
"""Key in the state of the source: how personal data were loaded; absent if they were kept."""

DIRECTORY = "directory"
"""Key in the state of the source: true once a directory was imported, whose rows may name people."""

TState = dict[str, Any]


@dataclass(frozen=True)
class ClaimedWindow:
    """A window that a load claims to have loaded."""

    contract: str
    window: Window
    read_on: date
    """The UTC day on which LinkedIn made the file."""


@dataclass
class Claim:
    """The rows that a load claims to have loaded of an export."""

    table: str
    lookback_days: int
    windows: list[ClaimedWindow] = field(default_factory=list)
    days: dict[str, list[Window]] = field(default_factory=dict)
    """The days whose rows it has replaced, by contract."""
    by_key: list[str] = field(default_factory=list)
    """Contracts whose rows it has replaced by key as well."""
    rows: int | None = 0
    """Rows that the table must have of this load; None if a user's own step may have changed the number."""
    rejected: int | None = 0
    """Rows that `rejected_rows` must hold of it; None if they were not asked for."""
    repeats: bool = False
    """True if a key stands in the files of two of its windows."""
    shares_keys: bool = False
    """True if the table may hold keys of its rows on days that it does not replace."""
    merges_many: bool = False
    """True if many rows are compared with those of other days."""

    def to_state(self) -> TState:
        """Returns the claim as JSON-able values."""
        return {
            "table": self.table,
            "lookback": self.lookback_days,
            "windows": [[one.contract, *_ends(one.window), one.read_on.isoformat()] for one in self.windows],
            "days": {
                contract: [_ends(window) for window in Days.of(windows)] for contract, windows in self.days.items()
            },
            "by_key": sorted(set(self.by_key)),
            "rows": self.rows,
            "rejected": self.rejected,
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> "Claim":
        """Returns the claim that `to_state` wrote."""
        return Claim(
            state["table"],
            state["lookback"],
            [
                ClaimedWindow(contract, _window(first, last), date.fromisoformat(read_on))
                for contract, first, last, read_on in state["windows"]
            ],
            {contract: [_window(*ends) for ends in windows] for contract, windows in state["days"].items()},
            list(state["by_key"]),
            state["rows"],
            state["rejected"],
        )

    @property
    def contracts(self) -> set[str]:
        """The contracts with a window in the load."""
        return {one.contract for one in self.windows}

    def added_to(self, coverage: Coverage, contract: str) -> Coverage:
        """Returns the coverage of a contract with the windows of this claim."""
        for one in self.windows:
            if one.contract == contract:
                coverage = coverage.with_window(one.window, one.read_on, self.lookback_days)
        return coverage

    def scope(self, export: Export) -> ReplaceScope:
        """Returns the rows that the claim is about."""
        return ReplaceScope(export, self.days, self.by_key)


def _ends(window: Window) -> list[str]:
    return [window.first.isoformat(), window.last.isoformat()]


def _window(first: str, last: str) -> Window:
    return Window(date.fromisoformat(first), date.fromisoformat(last))


@dataclass
class Ledger:
    """Which days of which export and contract are loaded."""

    settled: dict[str, dict[str, Coverage]] = field(default_factory=dict)
    """Days of complete loads, by export and contract."""
    under_way: dict[str, Claim] = field(default_factory=dict)
    """Claims of the load that is being extracted, by export."""
    listed: str | None = None
    """A digest of the contracts in the warehouse."""
    interval_end: TIntervalEnd | None = None
    """The form of `endAt` in which LinkedIn created jobs, if it is not the first one."""
    tables: dict[str, str] = field(default_factory=dict)
    """Names of the exports' tables, if claims name them."""
    names: dict[str, str] = field(default_factory=dict)
    """Names of the contracts in the warehouse, by URN."""
    missing_tables: list[str] = field(default_factory=list)
    """Tables that the state mentions and the warehouse lacks."""
    broken: list[tuple[str, str]] = field(default_factory=list)
    """False claims: exports and loads whose rows are not in the warehouse as claimed."""
    holding: set[tuple[str, str]] = field(default_factory=set)
    """True claims: exports and loads whose rows are in the warehouse as claimed."""
    outcomes: dict[str, LoadOutcome] = field(default_factory=dict)
    """What the warehouse has of each complete load that was checked."""

    def coverage(self, key: str, contract: str) -> Coverage:
        """Returns what is loaded of a contract."""
        coverage = self.settled.get(key, {}).get(contract, Coverage())
        claim = self.under_way.get(key)
        return claim.added_to(coverage, contract) if claim else coverage

    def contracts(self, keys: Iterable[str]) -> list[str]:
        """Returns the contracts with a loaded day in any of the exports."""
        found = {urn for key in keys for urn, coverage in self.settled.get(key, {}).items() if coverage.loaded}
        return sorted(found)


def read_ledger(
    state: Mapping[str, Any],
    warehouse: OpenWarehouse | None,
    unsettled: Mapping[str, int],
    current_load: str | None = None,
    verified: Collection[tuple[str, str]] = (),
) -> Ledger:
    """Returns what is loaded, by the source's state in the warehouse and by the rows in its tables.

    Args:
        state: the source's state after the last complete load.
        warehouse: used to check claims; if None, they count unchecked.
        unsettled: loads that the journal does not know to be complete, each with the number of its records.
        current_load: a load that is being extracted: its claims count unchecked.
        verified: exports and loads whose claims were checked before.
    """
    resources: Mapping[str, Any] = state.get("resources", {})
    claims = {
        (key, load_id): Claim.from_state(claim)
        for key, own in _exports(state).items()
        for load_id, claim in own.get(CLAIMS, {}).items()
    }
    contracts = resources.get(CONTRACTS.name, {})
    ledger = Ledger(listed=contracts.get(LISTED), interval_end=state.get(INTERVAL_END), names=contracts.get(NAMES, {}))
    ledger.tables = {export: claim.table for (export, _), claim in claims.items()}
    ledger.under_way = {key: claim for (key, load_id), claim in claims.items() if load_id == current_load}
    earlier = {one: claim for one, claim in claims.items() if one[1] != current_load}
    holding = set(earlier)
    if warehouse is not None:
        _look_for_tables(ledger, _exports(state), earlier, warehouse)
        to_check = {load_id for key, load_id in earlier if (key, load_id) not in verified}
        complete = warehouse.complete_loads({*unsettled, *to_check})
        holding = {
            (key, load_id)
            for (key, load_id), claim in earlier.items()
            if _table_of(key, {(key, load_id): claim}) not in ledger.missing_tables
            and ((key, load_id) in verified or (load_id in complete and _holds(warehouse, key, load_id, claim)))
        }
        ledger.holding = holding
        ledger.broken = sorted(set(earlier) - holding)
        ledger.outcomes = {
            load_id: LoadOutcome(
                {key for key, load in holding if load == load_id},
                _holds_records(warehouse, load_id, unsettled.get(load_id, 0)),
            )
            for load_id in complete
        }
    for key, own in _exports(state).items():
        if _table_of(key, earlier) not in ledger.missing_tables:
            ledger.settled[key] = {
                contract: Coverage.from_state(coverage) for contract, coverage in own.get(COVERAGE, {}).items()
            }
    for key, load_id in sorted(holding, key=lambda one: one[1]):
        own = ledger.settled.setdefault(key, {})
        for contract in claims[key, load_id].contracts:
            own[contract] = claims[key, load_id].added_to(own.get(contract, Coverage()), contract)
    return ledger


def _look_for_tables(
    ledger: Ledger, resources: Mapping[str, Any], claims: Mapping[tuple[str, str], Claim], warehouse: OpenWarehouse
) -> None:
    claimed = {key for key, _ in claims}
    spoken_of = {_table_of(key, claims) for key, own in resources.items() if own.get(COVERAGE) or key in claimed}
    if ledger.listed is not None:
        spoken_of.add(CONTRACTS.name)
    if spoken_of:
        ledger.missing_tables = sorted(warehouse.missing({name for name in spoken_of if name}))
    if CONTRACTS.name in ledger.missing_tables:
        ledger.listed = None


def _table_of(key: str, claims: Mapping[tuple[str, str], Claim]) -> str:
    """Returns the table of an export."""
    named = [claim.table for (own, _), claim in claims.items() if own == key]
    return named[-1] if named else key


def _holds(warehouse: OpenWarehouse, key: str, load_id: str, claim: Claim) -> bool:
    """Returns true if a claim is true: its days have exactly the rows of the load, each once."""
    if claim.rows is None:
        return True
    export = EXPORTS[key]
    if (
        claim.rejected
        and warehouse.count_of_load(REJECTED_ROWS.name, load_id, f"export = {literal(key)}") != claim.rejected
    ):
        return False
    scope = claim.scope(export)
    own = warehouse.count_of_load(claim.table, load_id) if scope.keys_may_come_again else None
    if not claim.by_key:
        rows, of_load = warehouse.count(claim.table, scope.of_days(), load_id)
        if own is None or own == claim.rows:
            return rows == of_load and (own is not None or rows == claim.rows)
        return rows == of_load and own < claim.rows and _loses_to_others(warehouse, scope, claim, load_id, own)
    same = sum(
        warehouse.count_same_keys(claim.table, claim.scope(export).key, contract, load_id) for contract in claim.by_key
    )
    of_others = sum(
        warehouse.count_of_load(claim.table, load_id, f"contract = {literal(contract)}") for contract in claim.by_key
    )
    complete = own == claim.rows or _loses_to_others(warehouse, scope, claim, load_id, own or 0)
    return complete and same == of_others


def _loses_to_others(warehouse: OpenWarehouse, scope: ReplaceScope, claim: Claim, load_id: str, own: int) -> bool:
    """Tells whether rows of a load are missing just because other rows with their keys are newer.

    What the load has staged is still there: it is removed as the next one begins.
    """
    keys, lost = warehouse.count_staged(claim.table, scope.full_key, load_id)
    return keys > 0 and own + lost == keys


def _holds_records(warehouse: OpenWarehouse, load_id: str, taken: int) -> bool:
    """Returns true if the warehouse has the records that the journal has assigned to a complete load.

    If the journal was not written for a while, because its store was out of reach, it may know of none. Then the records of
    the load stay, because the journal has nothing to replace them with.
    """
    return taken == 0 or warehouse.count_of_load(EXPORT_JOBS.name, load_id) == taken


class StateWriter:
    """Writes the claims of a load into the state that dlt commits with it."""

    def __init__(self, state: TState, ledger: Ledger, load_id: str) -> None:
        """Changes nothing yet: a load without rows leaves the state as it is.

        Args:
            state: the source's state, as dlt hands it out while a load is extracted.
            ledger: what is loaded.
            load_id: the load that is extracted.
        """
        self._state = state
        self._ledger = ledger
        self._load_id = load_id
        self._settled: set[str] = set()

    def claim(self, key: str, claim: Claim) -> None:
        """Notes what the load claims of an export."""
        own = self._own(key)
        own[CLAIMS] = {**own.get(CLAIMS, {}), self._load_id: claim.to_state()}
        # from now on the table export_columns has the columns of these contracts
        for contract in claim.contracts:
            own.get(COLUMNS, {}).pop(contract, None)

    def settle(self) -> None:
        """Replaces the claims of earlier loads by the coverage in the ledger, for every export."""
        for export in {*self._ledger.settled, *exports_in(self._state)}:
            self._own(export)

    def note_personal_data(self, record: Mapping[str, str] | None) -> None:
        """Notes how the load treats personal data."""
        if record is not None:
            self._state[PERSONAL_DATA] = dict(record)
        else:
            self._state.pop(PERSONAL_DATA, None)

    def note_directory(self) -> None:
        """Notes that a directory was imported."""
        self._state[DIRECTORY] = True

    def note_interval_end(self, form: TIntervalEnd | None) -> None:
        """Notes the form of `endAt` in which jobs were created, unless that is the first form, or there was no job."""
        if form is not None and (form != next(iter(INTERVAL_ENDS)) or INTERVAL_END in self._state):
            self._state[INTERVAL_END] = form

    def mark_stale(self, key: str, contract: str, days: Days) -> None:
        """Notes loaded days that a full refresh asks for again. Later runs ask for those that it does not get."""
        own = self._ledger.settled.setdefault(key, {})
        coverage = own.get(contract, Coverage())
        own[contract] = replace(coverage, stale=coverage.stale | (days & coverage.loaded))
        self._settled.discard(key)
        # also if no window of the export comes, so that there is no claim
        self._own(key)

    def list_contracts(self, digest: str, names: Mapping[str, str]) -> None:
        """Notes the contracts that the load writes. Rows and names of other contracts stay."""
        own: TState = self._state.setdefault("resources", {}).setdefault(CONTRACTS.name, {})
        own[LISTED], own[NAMES] = digest, {**own.get(NAMES, {}), **names}

    def _own(self, key: str) -> TState:
        """Returns the state of an export. The first call replaces the claims of earlier loads by the ledger's coverage."""
        own: TState = self._state.setdefault("resources", {}).setdefault(key, {})
        if key not in self._settled:
            self._settled.add(key)
            settled = self._ledger.settled.get(key, {})
            own[COVERAGE] = {contract: coverage.to_state() for contract, coverage in settled.items() if coverage.loaded}
            own[CLAIMS] = {load: claim for load, claim in own.get(CLAIMS, {}).items() if load == self._load_id}
        return own


def state_to_trust(stored: Mapping[str, Any], local: Mapping[str, Any], current_load: str) -> TState:
    """Returns the state from which a user's own run starts.

    That is the warehouse's state, whatever an earlier run has left on this disk. There are two exceptions: what was removed on
    this machine, by dlt's `refresh` or `drop`, and the claims of the load that is being extracted.

    Args:
        stored: the source's state in the warehouse.
        local: the source's state as dlt hands it out.
        current_load: the load that is being extracted.
    """
    merged: TState = {"resources": {}}
    own_of: Mapping[str, Any] = local.get("resources", {})
    for key, own in stored.get("resources", {}).items():
        here = own_of.get(key, {})
        if here.get(COVERAGE) or here.get(CLAIMS) or here.get(LISTED):
            claims = {load: claim for load, claim in own.get(CLAIMS, {}).items() if load != current_load}
            merged["resources"][key] = {**own, CLAIMS: claims}
    for key in (PERSONAL_DATA, INTERVAL_END, DIRECTORY) if merged["resources"] else ():
        if key in stored:
            merged[key] = stored[key]
    for key, here in own_of.items():
        if current_load in here.get(CLAIMS, {}):
            merged["resources"].setdefault(key, {}).setdefault(CLAIMS, {})[current_load] = here[CLAIMS][current_load]
    return merged


def columns_of(state: Mapping[str, Any]) -> dict[tuple[str, str], frozenset[str]]:
    """Returns the columns of files that 0.2.0 has noted, by contract and export. Newer versions have a table for them."""
    return {
        (contract, export): frozenset(one["found"])
        for export, own in _exports(state).items()
        for contract, one in own.get(COLUMNS, {}).items()
    }


def exports_in(state: Mapping[str, Any]) -> list[str]:
    """Returns the exports with coverage or claims in the state."""
    return [export for export, own in _exports(state).items() if own.get(COVERAGE) or own.get(CLAIMS)]


def _exports(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the state by export. 0.2.0 also had entries for transformers of users, which are ignored."""
    return {export: own for export, own in state.get("resources", {}).items() if export in EXPORTS}

"""How the source's state in dlt is laid out: which days are loaded, and which a load claims to have brought.

The state of each export holds, beside its coverage, the claims of loads. dlt commits a state with the rows of its load, but
it can be told to tolerate what its warehouse refuses or a schema contract discards, and a crash can make it skip or repeat a
step. So what a load claims counts as covered once the tables were seen to hold exactly that. A claim that does not hold
leaves its days open.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from salesnav_source.journal import LoadOutcome
from salesnav_source.replace import ReplaceScope
from salesnav_source.schema import CONTRACTS, EXPORT_JOBS, EXPORTS, REJECTED_ROWS, Export
from salesnav_source.warehouse import OpenWarehouse
from salesnav_source.windows import Coverage, Days, Window

COVERAGE, CLAIMS, COLUMNS = "coverage", "claims", "columns"
"""Keys in the state of an export."""
LISTED, NAMES = "listed", "names"
"""Keys in the state of `contracts`."""

PERSONAL_DATA = "personal_data"
"""Key in the state of the source: what became of personal data in the rows that are there; absent where they were kept."""

TState = dict[str, Any]


@dataclass(frozen=True)
class ClaimedWindow:
    """A window that a load has brought."""

    contract: str
    window: Window
    read_on: date
    """The UTC day on which LinkedIn made the file."""


@dataclass
class Claim:
    """What a load claims to hold of an export."""

    table: str
    lookback_days: int
    windows: list[ClaimedWindow] = field(default_factory=list)
    days: dict[str, list[Window]] = field(default_factory=dict)
    """The days whose rows it has replaced, by contract."""
    by_key: list[str] = field(default_factory=list)
    """Contracts of which it has replaced rows by key as well."""
    rows: int | None = 0
    """Rows that the table must hold of it; None if that is not known, as a user's own step may have changed them."""
    rejected: int | None = 0
    """Rows that `rejected_rows` must hold of it; None if they were not asked for."""

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
        """The contracts of which the load has brought anything."""
        return {one.contract for one in self.windows}

    def added_to(self, coverage: Coverage, contract: str) -> Coverage:
        """Returns the coverage of a contract with the windows of this claim."""
        for one in self.windows:
            if one.contract == contract:
                coverage = coverage.with_window(one.window, one.read_on, self.lookback_days)
        return coverage

    def scope(self, export: Export) -> ReplaceScope:
        """Returns the rows that the claim speaks of."""
        return ReplaceScope(export, self.days, self.by_key)


@dataclass(frozen=True)
class FileColumns:
    """The columns that the files of a contract's export have, and what changed last."""

    found: tuple[str, ...]
    gone: tuple[str, ...] = ()
    come: tuple[str, ...] = ()
    changed_on: date | None = None
    """The UTC day on which LinkedIn made the first file that was different."""

    def followed_by(self, found: Iterable[str], day: date) -> "FileColumns":
        """Returns the columns as they are with another file; this very object if they are the same."""
        before, now = set(self.found), set(found)
        if before == now:
            return self
        return FileColumns(tuple(sorted(now)), tuple(sorted(before - now)), tuple(sorted(now - before)), day)

    def __str__(self) -> str:
        told = ((self.gone, "gone"), (self.come, "new"))
        return "; ".join(f"{', '.join(names)} {what}" for names, what in told if names)

    def to_state(self) -> TState:
        """Returns this as JSON-able values."""
        state: TState = {"found": list(self.found)}
        if self.changed_on is not None:
            state.update(gone=list(self.gone), come=list(self.come), on=self.changed_on.isoformat())
        return state

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> "FileColumns":
        """Returns what `to_state` wrote."""
        changed_on = date.fromisoformat(state["on"]) if "on" in state else None
        return FileColumns(
            tuple(state["found"]), tuple(state.get("gone", ())), tuple(state.get("come", ())), changed_on
        )


def _ends(window: Window) -> list[str]:
    return [window.first.isoformat(), window.last.isoformat()]


def _window(first: str, last: str) -> Window:
    return Window(date.fromisoformat(first), date.fromisoformat(last))


@dataclass
class Ledger:
    """Which days of which export and contract are loaded. An export goes by its name or what stands for it in the state."""

    settled: dict[str, dict[str, Coverage]] = field(default_factory=dict)
    """What complete loads have brought, by export and contract."""
    under_way: dict[str, Claim] = field(default_factory=dict)
    """What the load that is being extracted has brought so far, by export."""
    columns: dict[str, dict[str, FileColumns]] = field(default_factory=dict)
    """The columns that files have, by export and contract."""
    listed: str | None = None
    """A digest of the contracts as the warehouse has them."""
    names: dict[str, str] = field(default_factory=dict)
    """Names of the contracts by URN, as the warehouse has them."""
    missing_tables: list[str] = field(default_factory=list)
    """Tables that the state speaks of and the warehouse lacks."""
    broken: list[tuple[str, str]] = field(default_factory=list)
    """Exports, with the load, whose rows the warehouse does not hold as claimed."""
    holding: set[tuple[str, str]] = field(default_factory=set)
    """Exports, with the load, whose rows the warehouse holds as claimed."""
    outcomes: dict[str, LoadOutcome] = field(default_factory=dict)
    """What the warehouse holds of each complete load that was looked at."""

    def coverage(self, key: str, contract: str) -> Coverage:
        """Returns what is loaded of a contract."""
        coverage = self.settled.get(key, {}).get(contract, Coverage())
        claim = self.under_way.get(key)
        return claim.added_to(coverage, contract) if claim else coverage

    def note_columns(self, key: str, contract: str, found: Sequence[str], day: date) -> FileColumns | None:
        """Notes which columns a file has; returns what has changed since the last one, None if nothing has."""
        known = self.columns.setdefault(key, {})
        before = known.get(contract)
        known[contract] = before.followed_by(found, day) if before else FileColumns(tuple(sorted(found)))
        return known[contract] if before is not None and known[contract] is not before else None

    def contracts(self, keys: Iterable[str]) -> list[str]:
        """Returns the contracts of which anything is loaded of any of the exports."""
        found = {urn for key in keys for urn, coverage in self.settled.get(key, {}).items() if coverage.loaded}
        return sorted(found)


def read_ledger(
    state: Mapping[str, Any],
    warehouse: OpenWarehouse | None,
    unsettled: Mapping[str, int],
    current_load: str | None = None,
    verified: Collection[tuple[str, str]] = (),
) -> Ledger:
    """Returns what is loaded, by the source's state in the warehouse and by what the tables are seen to hold.

    Args:
        state: the source's state that the last complete load has left.
        warehouse: is asked whether claims hold; None takes them as they are.
        unsettled: loads that the journal does not know to be complete, with the records that each has taken.
        current_load: a load that is being extracted: what it claims counts, and is not looked for.
        verified: exports and loads whose claims were seen to hold before.
    """
    resources: Mapping[str, Any] = state.get("resources", {})
    claims = {
        (key, load_id): Claim.from_state(claim)
        for key, own in resources.items()
        for load_id, claim in own.get(CLAIMS, {}).items()
    }
    contracts = resources.get(CONTRACTS.name, {})
    ledger = Ledger(listed=contracts.get(LISTED), names=contracts.get(NAMES, {}))
    ledger.columns = columns_of(state)
    ledger.under_way = {key: claim for (key, load_id), claim in claims.items() if load_id == current_load}
    earlier = {one: claim for one, claim in claims.items() if one[1] != current_load}
    holding = set(earlier)
    if warehouse is not None:
        _look_for_tables(ledger, resources, earlier, warehouse)
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
    for key, own in resources.items():
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
    """Returns the table that a key of the state speaks of; nothing if it is a user's own."""
    if key not in EXPORTS:
        return ""
    named = [claim.table for (own, _), claim in claims.items() if own == key]
    return named[-1] if named else key


def _holds(warehouse: OpenWarehouse, key: str, load_id: str, claim: Claim) -> bool:
    """Tells whether the tables hold what a load claims: of its days its rows and no others, each once."""
    if claim.rows is None or key not in EXPORTS:
        return True
    export = EXPORTS[key]
    if claim.rejected and warehouse.count_of_load(REJECTED_ROWS.name, load_id, f"export = '{key}'") != claim.rejected:
        return False
    if not claim.by_key:
        scope = claim.scope(export).of_days()
        return warehouse.count(claim.table, scope, load_id) == (claim.rows, claim.rows)
    own = warehouse.count_of_load(claim.table, load_id)
    same = sum(
        warehouse.count_same_keys(claim.table, claim.scope(export).key, contract, load_id) for contract in claim.by_key
    )
    of_others = sum(
        warehouse.count_of_load(claim.table, load_id, f"contract = '{contract}'") for contract in claim.by_key
    )
    return own == claim.rows and same == of_others


def _holds_records(warehouse: OpenWarehouse, load_id: str, taken: int) -> bool:
    """Tells whether a complete load has brought the records that the journal knows it has taken.

    A journal that was not written for a while, as its store was out of reach, may know of none: what the load has brought
    stays then, as the journal has nothing to put in its place.
    """
    return taken == 0 or warehouse.count_of_load(EXPORT_JOBS.name, load_id) == taken


class StateWriter:
    """Writes what a load brings into the state that dlt commits with it."""

    def __init__(self, state: TState, ledger: Ledger, load_id: str) -> None:
        """Changes nothing yet: a load that brings nothing leaves the state as it is.

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
        """Notes what the load holds of an export, and which columns its files have."""
        own = self._own_with_columns(key)
        own[CLAIMS] = {**own.get(CLAIMS, {}), self._load_id: claim.to_state()}

    def settle(self) -> None:
        """Notes what the ledger says of every export, in place of what earlier loads claimed."""
        for key in {*self._ledger.settled, *keys_of(self._state)}:
            self._own_with_columns(key)

    def note_personal_data(self, record: Mapping[str, str] | None) -> None:
        """Notes what becomes of personal data in the rows that the load brings."""
        if record is not None:
            self._state[PERSONAL_DATA] = dict(record)
        else:
            self._state.pop(PERSONAL_DATA, None)

    def mark_stale(self, key: str, contract: str, days: Days) -> None:
        """Notes loaded days that a full refresh asks for anew: later runs ask for those that it does not get."""
        own = self._ledger.settled.setdefault(key, {})
        coverage = own.get(contract, Coverage())
        own[contract] = replace(coverage, stale=coverage.stale | (days & coverage.loaded))
        self._settled.discard(key)
        # also where no window of the export comes, and hence none is claimed
        self._own_with_columns(key)

    def list_contracts(self, digest: str, names: Mapping[str, str]) -> None:
        """Notes the contracts that the load writes; rows of others stay, and so do their names."""
        own: TState = self._state.setdefault("resources", {}).setdefault(CONTRACTS.name, {})
        own[LISTED], own[NAMES] = digest, {**own.get(NAMES, {}), **names}

    def _own_with_columns(self, key: str) -> TState:
        """Returns the state of an export, as `_own` does, once it says which columns its files have."""
        own = self._own(key)
        own[COLUMNS] = {contract: one.to_state() for contract, one in self._ledger.columns.get(key, {}).items()}
        return own

    def _own(self, key: str) -> TState:
        """Returns the state of an export, once it says what the ledger does in place of what earlier loads claimed."""
        own: TState = self._state.setdefault("resources", {}).setdefault(key, {})
        if key not in self._settled:
            self._settled.add(key)
            settled = self._ledger.settled.get(key, {})
            own[COVERAGE] = {contract: coverage.to_state() for contract, coverage in settled.items() if coverage.loaded}
            own[CLAIMS] = {load: claim for load, claim in own.get(CLAIMS, {}).items() if load == self._load_id}
        return own


def state_to_trust(stored: Mapping[str, Any], local: Mapping[str, Any], current_load: str) -> TState:
    """Returns the state from which a run of a user's own starts.

    That is what the warehouse holds, whatever an earlier run has left on this disk, with two exceptions: what was taken back
    on this machine, by dlt's `refresh` or `drop`, and what the load that is being extracted has brought already.

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
    if merged["resources"] and PERSONAL_DATA in stored:
        merged[PERSONAL_DATA] = stored[PERSONAL_DATA]
    for key, here in own_of.items():
        if current_load in here.get(CLAIMS, {}):
            merged["resources"].setdefault(key, {}).setdefault(CLAIMS, {})[current_load] = here[CLAIMS][current_load]
    return merged


def columns_of(state: Mapping[str, Any]) -> dict[str, dict[str, FileColumns]]:
    """Returns the columns that files have, by export and contract."""
    return {
        key: {contract: FileColumns.from_state(one) for contract, one in own.get(COLUMNS, {}).items()}
        for key, own in state.get("resources", {}).items()
    }


def keys_of(state: Mapping[str, Any]) -> list[str]:
    """Returns what the state speaks of: exports, and what stands for one that only feeds a user's transformer."""
    return [key for key, own in state.get("resources", {}).items() if own.get(COVERAGE) or own.get(CLAIMS)]

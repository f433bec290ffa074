"""An invented world of Sales Navigator: contracts, seats and what they did, the same on every run with the same seed.

A day's data follows from the seed, the contract and the day alone, so that any window is cheap to produce and no day
changes as later days pass. Volumes and shares follow the sample of real usage that LinkedIn published. The stories of
the contracts that a world has by default are told in `stories.py`.
"""

import datetime as dt
import math
import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from salesnav_source.sandbox.stories import (
    COLLAPSED_SHARE,
    LATEST_REPLY_DAYS,
    THIRD_OUTCOME,
    Life,
    Stories,
    acts_always,
    has_life,
    life_on,
)
from salesnav_source.schema import ACTIVITIES, ACTIVITY_OUTCOMES, EXPORTS, SEATS

TRow = dict[str, Any]
"""A row under the canonical columns of the schema, with typed values."""

TEdit = Callable[[dict[tuple[Any, ...], TRow], dt.date], None]
"""A change of the rows of a day, which are given by their keys."""

FILE_COLUMNS: Mapping[str, Mapping[str, str]] = {
    ACTIVITIES.name: {
        "activityId": "activity_id",
        "activityType": "activity_type",
        "createdAt": "created_at",
        "seatId": "seat_id",
        "memberIdentityKey": "member_identity_key",
    },
    ACTIVITY_OUTCOMES.name: {
        "activityId": "activity_id",
        "activityType": "activity_type",
        "createdAt": "created_at",
        "seatId": "seat_id",
        "memberIdentityKey": "member_identity_key",
    },
    SEATS.name: {
        "seatId": "seat_id",
        "date": "snapshot_date",
        "firstName": "first_name",
        "lastName": "last_name",
        "email": "email",
        "seatStatus": "seat_status",
        "ssi": "ssi",
        "ssiBrand": "ssi_brand",
        "ssiFind": "ssi_find",
        "ssiEngage": "ssi_engage",
        "ssiBuild": "ssi_build",
        "totalConnections": "total_connections",
        "totalSavedLeads": "total_saved_leads",
    },
}
"""The header of each export's file, and the canonical column for each of its columns."""

ACTIVITY_MIX: Mapping[str, float] = {
    "PROFILE_VIEWED": 760,
    "SEARCH_PERFORMED": 380,
    "SAVED_LEAD": 77,
    "CONNECTION_MADE": 73,
    "SAVED_ACCOUNT": 4,
    "INMAIL_SENT": 4,
    "MESSAGE_SENT": 2,
}
"""How often each type of activity occurs, in relation to the others."""

INMAIL = "INMAIL_SENT"
SEARCH_MEMBER_KEY = "-1"
"""The member key of all searches."""

_SEARCH = "SEARCH_PERFORMED"
_ACCOUNT = "SAVED_ACCOUNT"
_ACCEPTED, _DECLINED = "INMAIL_ACCEPTED", "INMAIL_DECLINED"
_DECLINED_SHARE = 0.08
_LONGEST_REPLY_DAYS = 10
_WEEKDAY_FACTORS = (0.95, 1.1, 1.1, 1.05, 0.8, 0.18, 0.22)
_HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 4, 6, 9, 10, 10, 9, 7, 8, 10, 10, 9, 8, 6, 4, 3, 2, 1, 1)
_SECONDS = [hour * 3600 + n * 10 // w for hour, w in enumerate(_HOUR_WEIGHTS) for n in range(360 * w)] + [0, 86399] * 20
_MEMBERS_PER_CONTRACT = 20_000
_GROWTH_BEGINS = dt.date(2017, 1, 1).toordinal()
_SSI_MEANS = (19.0, 14.0, 9.0, 24.6)
_ENGAGE = 2
_CACHE_BYTES = 96 * 2**20

_TActivity = tuple[str, str, int, int, str]
"""Id, type, second of the day, seat and member key of an activity."""

_TEnding = tuple[str, float]
"""The type of an outcome, and how many hours after the InMail it took place."""


@dataclass(frozen=True)
class ContractSpec:
    """A contract of the invented world."""

    urn: str
    name: str
    description: str | None = None
    has_reporting_access: bool = True
    seats: int | None = None
    """How many seats it has; if None, as many as the world gives each contract."""
    stories: Stories = field(default_factory=Stories)
    """What happens in it beyond everyday use; nothing by default."""


DEFAULT_CONTRACTS: tuple[ContractSpec, ...] = (
    ContractSpec(
        "urn:li:contract:210001",
        "Sandbox North",
        "Field sales, new business",
        seats=120,
        stories=Stories(lives=True, teams=True, mornings=True, territories=True, spare_seats=10, invited_seats=3),
    ),
    ContractSpec(
        "urn:li:contract:210002",
        "Sandbox South",
        "Key accounts",
        seats=60,
        stories=Stories(
            endings=True,
            two_spellings=True,
            snapshot_gap=True,
            teams=True,
            mornings=True,
            territories=True,
            spare_seats=4,
        ),
    ),
    ContractSpec(
        "urn:li:contract:210003",
        "Sandbox Pilot",
        seats=20,
        stories=Stories(new_types=True, collapse=True, seats_of="urn:li:contract:210001", territories=True),
    ),
    ContractSpec("urn:li:contract:210004", "Sandbox Restricted", "No reporting access", False, seats=10),
)
"""The contracts of a world without others."""


@dataclass(frozen=True)
class _Seat:
    """A seat, what its holder is like, and how its metrics move."""

    id: int
    number: int
    activated: bool
    weight: int
    phases: tuple[float, ...]
    offsets: tuple[float, ...]
    connections_per_day: float
    leads_per_day: float
    lives: bool
    engage: float

    def life(self, day: dt.date) -> Life | None:
        """Returns the stage of the seat's life on a day, if it is passed on; None if nothing ever changes."""
        return life_on(self.number, day) if self.lives else None

    def acts(self, day: dt.date) -> bool:
        """Returns true if its holder uses it around that day."""
        life = self.life(day)
        return self.activated if life is None else life.busy

    @property
    def last_name(self) -> str:
        """The number of the seat; some with letters and marks that a reader must cope with."""
        return {3: f"Nº {self.number:03d}", 5: f'{self.number:03d}, "acting"'}.get(
            self.number % 7, f"{self.number:03d}"
        )

    def ssi_parts(self, day: int) -> list[int]:
        """Returns the four parts of the SSI on a day, in hundredths."""
        parts = []
        for n, mean in enumerate(_SSI_MEANS):
            room = min(mean, 25 - mean)
            drift = 0.6 * self.offsets[n] + 0.4 * math.sin(day / (23 + 7 * n) + self.phases[n])
            part = 100 * (mean + room * drift)
            parts.append(round(max(part + 100 * self.engage, 0) if n == _ENGAGE and self.engage else part))
        return parts


class _Contract:
    """The people of a contract: its seats and the members they look at."""

    def __init__(self, seed: int, spec: ContractSpec, seats: int, shared: Sequence[int] = ()) -> None:
        self.spec = spec
        self.stories = spec.stories
        self.salt = f"{seed}/{spec.urn}"
        rng = random.Random(f"{self.salt}/seats")
        ids = rng.sample(range(100_000_000, 1_000_000_000), seats)
        ids[: len(shared)] = shared[:seats]
        self.seats = [_make_seat(rng, seat_id, number, self.stories) for number, seat_id in enumerate(ids, 1)]
        self.numbers = {seat.id: seat.number for seat in self.seats}
        self.active_seats = [seat for seat in self.seats if seat.activated]
        self.crew = lru_cache(maxsize=1024)(self._crew)
        self._everyday_crew = self._pool(self.active_seats)

    def _crew(self, day: dt.date) -> tuple[int, list[int]]:
        """Returns how many seats act on a day, and their ids, each as often as its holder is busy."""
        collapses = self.stories.collapses(day)
        if not self.stories.lives and not collapses:
            return self._everyday_crew
        acting = [seat for seat in self.active_seats if seat.acts(day)]
        return self._pool([seat for seat in acting if acts_always(seat.number)] if collapses else acting)

    @staticmethod
    def _pool(seats: "list[_Seat]") -> tuple[int, list[int]]:
        return len(seats), [seat.id for seat in seats for _ in range(seat.weight)]

    @cached_property
    def members(self) -> list[str]:
        """The member keys of this contract: text of signed 32-bit integers."""
        rng = random.Random(f"{self.salt}/members")
        return [str(rng.getrandbits(32) - 2**31) for _ in range(_MEMBERS_PER_CONTRACT)]

    def leads(self, seats: Sequence[int], drawn: Sequence[int]) -> list[str]:
        """Returns the keys of the members that seats turn to, by what was drawn among all of the contract."""
        if not self.stories.territories:
            return [self.members[number] for number in drawn]
        return [
            self.members[self.stories.lead(number, self.numbers[seat], len(self.seats), _MEMBERS_PER_CONTRACT)]
            for seat, number in zip(seats, drawn, strict=True)
        ]

    @cached_property
    def id_prefix(self) -> str:
        """What the ids of all its activities begin with."""
        return str(1000 + random.Random(f"{self.salt}/ids").randrange(9000))


def _make_seat(rng: random.Random, seat_id: int, number: int, stories: Stories) -> _Seat:
    team = stories.team(number)
    return _Seat(
        id=seat_id,
        number=number,
        activated=number % 10 != 3,
        weight=rng.randint(1, 10) * team.zeal,
        phases=tuple(rng.uniform(0, 2 * math.pi) for _ in _SSI_MEANS),
        offsets=tuple(rng.uniform(-1, 1) for _ in _SSI_MEANS),
        connections_per_day=rng.uniform(0.1, 0.8),
        leads_per_day=rng.uniform(0.3, 2.5),
        lives=stories.lives and has_life(number),
        engage=team.engage,
    )


class World:
    """The contracts of the sandbox and the truth about each of their days.

    Args:
        seed: Two worlds with the same seed and settings hold the same data.
        contracts: The contracts; by default three that may be exported, of 120, 60 and 20 seats, and one that may not.
        seats_per_contract: Seats of each contract that does not say itself; if given, the default contracts obey too.
        activities_per_seat: Activities per activated seat on an average weekday; a weekend day has about a fifth.
        history_days: Days before today that have data.
        today: Tells the day, UTC, from which on there is no data yet.
        mix: How often each type of activity occurs, in relation to the others.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        contracts: Sequence[ContractSpec] | None = None,
        seats_per_contract: int | None = None,
        activities_per_seat: float = 50.0,
        history_days: int = 730,
        today: Callable[[], dt.date] | None = None,
        mix: Mapping[str, float] = ACTIVITY_MIX,
    ) -> None:
        self.seed = seed
        self.activities_per_seat = activities_per_seat
        self.history_days = history_days
        self.today = today or _utc_today
        specs = list(contracts) if contracts is not None else _default_contracts(seats_per_contract)
        seats = 20 if seats_per_contract is None else seats_per_contract
        self._contracts: dict[str, _Contract] = {}
        for spec in specs:
            lender = self._contracts.get(spec.stories.seats_of or "")
            shared = [seat.id for seat in lender.seats[:2]] if lender else []
            self._contracts[spec.urn] = _Contract(seed, spec, seats if spec.seats is None else spec.seats, shared)
        self._inmail_share = mix.get(INMAIL, 0) / sum(mix.values())
        self._other_types = [kind for kind in mix if kind != INMAIL]
        self._other_weights = [mix[kind] for kind in self._other_types]
        self._edits: dict[tuple[str, str], tuple[TEdit, ...]] = {}
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[str, str, dt.date], bytes] = OrderedDict()
        self._cached_bytes = 0
        self._replies = lru_cache(maxsize=4096)(self._make_replies)

    def specs(self) -> list[ContractSpec]:
        """Returns what the contracts are made from."""
        return [people.spec for people in self._contracts.values()]

    def numbers(self, contract: str) -> dict[int, int]:
        """Returns the seats of a contract, each with its place among them, 1 for the first."""
        return dict(self._contracts[contract].numbers)

    def contracts(self) -> list[dict[str, Any]]:
        """Returns the contracts as the API lists them."""
        return [_as_element(contract.spec) for contract in self._contracts.values()]

    def rows(self, export: str, contract: str, first_day: dt.date, last_day: dt.date) -> list[TRow]:
        """Returns the rows of a correct export of these days, in the order of its file.

        Args:
            export: Name of the export: activities, activity_outcomes or seats.
            contract: URN of the contract.
            first_day: First day of the window, UTC.
            last_day: Last day of the window, included.
        """
        return self.file(export, contract, first_day, last_day).rows()

    def csv(self, export: str, contract: str, first_day: dt.date, last_day: dt.date) -> Iterator[bytes]:
        """Yields the file of an export of these days, piece by piece, header first."""
        return self.file(export, contract, first_day, last_day).chunks()

    def file(self, export: str, contract: str, first_day: dt.date, last_day: dt.date) -> "CsvFile":
        """Returns the file of an export of these days as it is now, whatever changes later.

        Raises:
            KeyError: if there is no such export or contract.
        """
        if export not in EXPORTS:
            raise KeyError(export)
        people = self._contracts[contract]
        today = self.today()
        first = max(first_day, today - dt.timedelta(days=self.history_days))
        days = [first + dt.timedelta(days=n) for n in range((min(last_day, today - _DAY) - first).days + 1)]
        random.Random(f"{people.salt}/{first_day}/{last_day}").shuffle(days)
        with self._lock:
            return CsvFile(self, export, people, tuple(days), self._edits.get((export, contract), ()))

    def add_row(self, export: str, contract: str, row: Mapping[str, Any]) -> None:
        """Adds a late row. It replaces a row with the same key on the same day.

        Args:
            export: Name of the export.
            contract: URN of the contract.
            row: Values under canonical columns. Those left out are None, days and contract follow from the others.

        Raises:
            ValueError: if the row names no day.
        """
        whole = _complete(export, contract, row)
        day = _day_of(export, whole)

        def add(rows: dict[tuple[Any, ...], TRow], on: dt.date) -> None:
            if on == day:
                rows[_key_of(export, whole)] = whole

        self._edit(export, contract, add)

    def withdraw(self, export: str, contract: str, which: Callable[[TRow], bool] | tuple[Any, ...] | str | int) -> None:
        """Withdraws rows: later exports no longer have them.

        Args:
            export: Name of the export.
            contract: URN of the contract.
            which: A predicate over rows, or the values of the key (or of its first columns) after the contract.
        """
        prefix = which if isinstance(which, tuple) else (which,)

        def gone(key: tuple[Any, ...], row: TRow) -> bool:
            return which(row) if callable(which) else key[: len(prefix)] == prefix

        def drop(rows: dict[tuple[Any, ...], TRow], _: dt.date) -> None:
            for key in [key for key, row in rows.items() if gone(key, row)]:
                del rows[key]

        self._edit(export, contract, drop)

    def _edit(self, export: str, contract: str, edit: TEdit) -> None:
        if export not in EXPORTS or contract not in self._contracts:
            raise KeyError(f"{export} of {contract}")
        with self._lock:
            self._edits[export, contract] = (*self._edits.get((export, contract), ()), edit)

    def _original_rows(self, export: str, people: _Contract, day: dt.date) -> list[TRow]:
        """Returns the rows of a day as they were before any change."""
        if export == SEATS.name:
            return (
                [] if people.stories.lacks_snapshots(day) else [_seat_row(people, seat, day) for seat in people.seats]
            )
        if export == ACTIVITY_OUTCOMES.name:
            return self._outcomes(people, day)
        midnight = dt.datetime.combine(day, dt.time(), dt.timezone.utc)
        urn = people.spec.urn
        return [
            {
                "contract": urn,
                "activity_id": activity_id,
                "activity_type": kind,
                "created_at": midnight + dt.timedelta(seconds=second),
                "activity_date": day,
                "seat_id": seat,
                "member_identity_key": member or None,
            }
            for activity_id, kind, second, seat, member in self._activities(people, day)
        ]

    def _original_count(self, export: str, people: _Contract, day: dt.date) -> int:
        """Returns how many rows a day had before any change."""
        if export == SEATS.name:
            return 0 if people.stories.lacks_snapshots(day) else len(people.seats)
        if export == ACTIVITY_OUTCOMES.name:
            return len(self._outcomes(people, day))
        return self._draw_others(people, day)[1] + len(self._inmails(people, day))

    def _original_text(self, export: str, people: _Contract, day: dt.date) -> bytes:
        """Returns the lines of a day as they were before any change."""
        key = (export, people.spec.urn, day)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        if export == ACTIVITIES.name:
            text = _activity_lines(self._activities(people, day), day)
        else:
            text = b"".join(_line(export, row) for row in self._original_rows(export, people, day))
        self._remember(key, text)
        return text

    def _remember(self, key: tuple[str, str, dt.date], text: bytes) -> None:
        with self._lock:
            if key not in self._cache:
                self._cache[key] = text
                self._cached_bytes += len(text)
            while self._cached_bytes > _CACHE_BYTES:
                self._cached_bytes -= len(self._cache.popitem(last=False)[1])

    def _volume(self, people: _Contract, day: dt.date) -> float:
        everyday = people.crew(day)[0] * self.activities_per_seat * _WEEKDAY_FACTORS[day.weekday()]
        return everyday * COLLAPSED_SHARE if people.stories.collapses(day) else everyday

    def _draw_others(self, people: _Contract, day: dt.date) -> tuple[random.Random, int]:
        """Returns how many activities but InMails a day has, and the generator that goes on to make them."""
        rng = random.Random(f"{people.salt}/activities/{day}")
        expected = self._volume(people, day) * (1 - self._inmail_share) * rng.uniform(0.9, 1.1)
        return rng, int(expected + rng.random()) if self._other_types else 0

    def _activities(self, people: _Contract, day: dt.date) -> list[_TActivity]:
        """Returns the activities of a day, in no order."""
        rng, count = self._draw_others(people, day)
        if not count:
            return self._inmails(people, day)
        prefix = f"{people.id_prefix}{day.toordinal()}1"
        ids = [f"{prefix}{n:06d}" for n in range(count)]
        kinds = people.stories.spell(rng.choices(self._other_types, self._other_weights, k=count), day)
        drawn = rng.choices(range(_MEMBERS_PER_CONTRACT), k=count)
        seconds, seats = rng.choices(_SECONDS, k=count), rng.choices(people.crew(day)[1], k=count)
        if people.stories.teams:
            kinds = [people.stories.act(kind, people.numbers[seats[n]], n) for n, kind in enumerate(kinds)]
        members = [
            SEARCH_MEMBER_KEY if kind == _SEARCH else "" if kind == _ACCOUNT else lead
            for kind, lead in zip(kinds, people.leads(seats, drawn), strict=True)
        ]
        activities = list(zip(ids, kinds, seconds, seats, members, strict=True))
        for inmail in self._inmails(people, day):
            activities.insert(rng.randrange(len(activities) + 1), inmail)
        return activities

    def _inmails(self, people: _Contract, day: dt.date) -> list[_TActivity]:
        """Returns the InMails sent on a day."""
        rng = random.Random(f"{people.salt}/inmails/{day}")
        crew = people.crew(day)[1]
        count = int(self._volume(people, day) * self._inmail_share + rng.random()) if crew else 0
        prefix = f"{people.id_prefix}{day.toordinal()}2"
        drawn = [(rng.choice(_SECONDS), rng.choice(crew), rng.randrange(_MEMBERS_PER_CONTRACT)) for _ in range(count)]
        leads = people.leads([seat for _, seat, _ in drawn], [number for _, _, number in drawn])
        return [
            (f"{prefix}{n:06d}", INMAIL, second, seat, lead)
            for n, ((second, seat, _), lead) in enumerate(zip(drawn, leads, strict=True))
        ]

    def _outcomes(self, people: _Contract, day: dt.date) -> list[TRow]:
        """Returns the outcomes that took place on a day, whenever their activities did."""
        longest = LATEST_REPLY_DAYS if people.stories.endings else _LONGEST_REPLY_DAYS
        sent_days = [day - dt.timedelta(days=n) for n in range(longest + 1)]
        replies = [row for sent in sent_days for row in self._replies(people, sent) if row["created_at"].date() == day]
        random.Random(f"{people.salt}/outcomes/{day}").shuffle(replies)
        return [dict(row) for row in replies]

    def _make_replies(self, people: _Contract, day: dt.date) -> list[TRow]:
        """Returns what came of the InMails sent on a day."""
        rng = random.Random(f"{people.salt}/replies/{day}")
        more = random.Random(f"{people.salt}/endings/{day}")
        midnight = dt.datetime.combine(day, dt.time(), dt.timezone.utc)
        replies = []
        for activity_id, _, second, seat, member in self._inmails(people, day):
            ending = _draw_ending(rng, people.stories.accepted(people.numbers[seat], second))
            endings = [ending] if ending else []
            if people.stories.endings:
                endings += _draw_more_endings(more, ending)
            replies += [
                {
                    "contract": people.spec.urn,
                    "activity_id": activity_id,
                    "activity_type": kind,
                    "created_at": (at := midnight + dt.timedelta(seconds=second + int(hours * 3600))),
                    "outcome_date": at.date(),
                    "seat_id": seat,
                    "member_identity_key": member,
                }
                for kind, hours in endings
            ]
        return replies


class CsvFile:
    """The file of an export, fixed at the moment it was asked for."""

    def __init__(
        self, world: World, export: str, people: _Contract, days: tuple[dt.date, ...], edits: tuple[TEdit, ...]
    ) -> None:
        self._world, self._export, self._people, self._days, self._edits = world, export, people, days, edits

    @cached_property
    def row_count(self) -> int:
        """How many rows the file has, without its header."""
        if self._edits:
            return sum(len(self._edited(day)) for day in self._days)
        return sum(self._world._original_count(self._export, self._people, day) for day in self._days)

    @property
    def header(self) -> bytes:
        """The first line of the file."""
        return (",".join(FILE_COLUMNS[self._export]) + "\n").encode()

    def chunks(self) -> Iterator[bytes]:
        """Yields the file in pieces of whole lines, header first."""
        yield self.header
        for day in self._days:
            if self._edits:
                yield b"".join(_line(self._export, row) for row in self._edited(day))
            else:
                yield self._world._original_text(self._export, self._people, day)

    def records(self) -> Iterator[bytes]:
        """Yields the file line by line, header first. A line with quoted newlines comes in one piece."""
        yield self.header
        for day in self._days:
            if self._edits:
                yield from (_line(self._export, row) for row in self._edited(day))
            else:
                yield from self._world._original_text(self._export, self._people, day).splitlines(keepends=True)

    def rows(self) -> list[TRow]:
        """Returns the rows under canonical columns, in the order of the file."""
        return [row for day in self._days for row in self._edited(day)]

    def _edited(self, day: dt.date) -> list[TRow]:
        rows = self._world._original_rows(self._export, self._people, day)
        if not self._edits:
            return rows
        by_key = {_key_of(self._export, row): row for row in rows}
        for edit in self._edits:
            edit(by_key, day)
        return list(by_key.values())


_DAY = dt.timedelta(days=1)


def _utc_today() -> dt.date:
    return dt.datetime.now(dt.timezone.utc).date()


def _default_contracts(seats: int | None) -> list[ContractSpec]:
    return [spec if seats is None else replace(spec, seats=seats) for spec in DEFAULT_CONTRACTS]


def _as_element(spec: ContractSpec) -> dict[str, Any]:
    element: dict[str, Any] = {"contract": spec.urn, "name": spec.name}
    if spec.description is not None:
        element["description"] = spec.description
    return {**element, "hasReportingAccess": spec.has_reporting_access}


def _draw_ending(rng: random.Random, accepted: float) -> _TEnding | None:
    """Returns what comes of an InMail, and how many hours later; None for nothing.

    Args:
        rng: draws it.
        accepted: the share of such InMails that are accepted.
    """
    chance, hours = rng.random(), min(0.2 + rng.expovariate(1 / 30), 24 * (_LONGEST_REPLY_DAYS - 1))
    if chance >= accepted + _DECLINED_SHARE:
        return None
    return _ACCEPTED if chance < accepted else _DECLINED, hours


def _draw_more_endings(rng: random.Random, first: _TEnding | None) -> list[_TEnding]:
    """Returns what else comes of an InMail: a second outcome, one of a third kind, or one that is weeks late."""
    chance, share = rng.random(), rng.random()
    if first is not None:
        other = _DECLINED if first[0] == _ACCEPTED else _ACCEPTED
        return [(other, first[1] + 1 + 71 * share)] if chance < 0.3 else []
    if chance < 0.06:
        return [(THIRD_OUTCOME, 24 * (14 + 7 * share))]
    return [(_ACCEPTED if share < 0.6 else _DECLINED, 24 * (21 + 35 * share))] if chance < 0.12 else []


def _seat_row(people: _Contract, seat: _Seat, day: dt.date) -> TRow:
    life = seat.life(day)
    activated = seat.activated if life is None else life.activated
    age = max(day.toordinal() - _GROWTH_BEGINS, 0)
    days, busy_days = (age, age) if life is None else (life.days, life.busy_days)
    who = "" if life is None else f"-{life.holder.lower()}"
    parts: list[int | None] = [*seat.ssi_parts(day.toordinal())] if activated else [None] * 4
    scores = [None if part is None else part / 100 for part in parts]
    return {
        "contract": people.spec.urn,
        "seat_id": seat.id,
        "snapshot_date": day,
        "first_name": "Seat" if life is None else f"Holder {life.holder}",
        "last_name": seat.last_name,
        "full_name": None,
        "email": f"seat-{seat.id}{who}@example.com",
        "seat_status": "ACTIVE" if activated else "PENDING",
        "ssi": sum(part for part in parts if part is not None) / 100 if activated else None,
        **dict(zip(("ssi_brand", "ssi_find", "ssi_engage", "ssi_build"), scores, strict=True)),
        "total_connections": int(seat.connections_per_day * days) if activated else None,
        "total_saved_leads": int(seat.leads_per_day * busy_days) if activated else None,
    }


@lru_cache(maxsize=1)
def _clock_times() -> list[str]:
    return [f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}" for second in range(86400)]


def _activity_lines(activities: list[_TActivity], day: dt.date) -> bytes:
    times, date = _clock_times(), day.strftime("%m-%d-%Y")
    lines = [f"{name},{kind},{date} {times[at]},{seat},{member}\n" for name, kind, at, seat, member in activities]
    return "".join(lines).encode()


def _line(export: str, row: TRow) -> bytes:
    return (",".join(_field(row[column]) for column in FILE_COLUMNS[export].values()) + "\n").encode()


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.timezone.utc).strftime("%m-%d-%Y %H:%M:%S")
    if isinstance(value, dt.date):
        return value.strftime("%m-%d-%Y 00:00:00")
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    if any(mark in text for mark in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _complete(export: str, contract: str, row: Mapping[str, Any]) -> TRow:
    columns = [column.name for column in EXPORTS[export].columns if column.name != "export_job_id"]
    whole: TRow = {column: row.get(column) for column in columns}
    whole["contract"] = contract
    for column in ("activity_date", "outcome_date"):
        if column in whole and isinstance(whole["created_at"], dt.datetime):
            whole[column] = whole["created_at"].astimezone(dt.timezone.utc).date()
    return whole


def _day_of(export: str, row: TRow) -> dt.date:
    day = row[EXPORTS[export].day_column]
    if isinstance(day, dt.datetime):
        return day.astimezone(dt.timezone.utc).date()
    if isinstance(day, dt.date):
        return day
    raise ValueError(f"A row of {export} needs a day in {EXPORTS[export].day_column}.")


def _key_of(export: str, row: TRow) -> tuple[Any, ...]:
    return tuple(row[column] for column in EXPORTS[export].key if column != "contract")

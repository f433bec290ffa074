"""Stories: what happens in a contract of the sandbox beyond everyday use, again and again.

Whatever the day is, each story has taken place within the last 90 days: stories of a contract return every eight weeks,
and those of a seat every 24 weeks, a different seat's turn coming every four weeks. So a day's data still follow from the
day alone.
"""

import datetime as dt
from dataclasses import dataclass

NEW_TYPES = ("SMART_LINK_SENT", "ALERT_OPENED", "ACCOUNT_MAP_EDITED", "LIST_SHARED")
"""Types of activity that are added, one every eight weeks, and given up again after four."""

OTHER_VIEW = "PROFILE_VIEW"
"""How some rows spell PROFILE_VIEWED, as real data of 2019 did."""

THIRD_OUTCOME = "INMAIL_EXPIRED"
"""An outcome that is neither an acceptance nor a refusal."""

COLLAPSED_SHARE = 0.2
"""How much those few do who still act while a contract's use collapses."""

LATEST_REPLY_DAYS = 60

_VIEWED, _SAVED, _SEARCHED = "PROFILE_VIEWED", "SAVED_LEAD", "SEARCH_PERFORMED"
_MORNING, _MORNING_FACTOR, _OTHER_FACTOR = range(8, 12), 1.6, 0.78
_SHARED_LEADS = 33
_SEASON_WEEKS = 8
_COLLAPSE_WEEK, _GAP_WEEK, _FIRST_NEW_WEEK = 2, 3, 4
_GAP_WEEKDAYS = range(1, 6)
_PENDING_DAYS, _ACTIVE_DAYS, _IDLE_DAYS = 14, 84, 70
_LIFE_DAYS = _PENDING_DAYS + _ACTIVE_DAYS + _IDLE_DAYS
_TURN_DAYS = 28


@dataclass(frozen=True)
class Team:
    """A team of a contract, and in what it differs from the others."""

    name: str
    manager: str
    region: str
    zeal: int
    """How much its members do, in relation to the other teams."""
    accepted: float
    """The share of its InMails that are accepted."""
    engage: float
    """How far its members are above the others in the SSI's part of engaging with insights."""
    saves: bool = True
    """Whether its members save leads as often as others; else every second time they search on instead."""


EVERYDAY = Team("", "", "", 1, 0.12, 0.0)
"""The values for contracts without teams."""

TEAMS = (
    Team("Enterprise", "Manager One", "EMEA", 3, 0.16, 2.5),
    Team("Mid-market", "Manager Two", "EMEA", 2, 0.11, 0.5),
    Team("Emerging", "Manager Three", "Americas", 1, 0.03, -3.0, saves=False),
)


def team_of(number: int) -> Team:
    """Returns the team of a seat of this number, in contracts with teams."""
    return TEAMS[number % len(TEAMS)]


@dataclass(frozen=True)
class Stories:
    """The stories of a contract; none by default."""

    lives: bool = False
    """Every twentieth seat is assigned, activated two weeks later, used for twelve weeks, idle for ten, and passed on."""
    endings: bool = False
    """InMails have a second outcome, one of a third kind, or one that comes three to eight weeks later."""
    two_spellings: bool = False
    """A quarter of PROFILE_VIEWED is written PROFILE_VIEW."""
    new_types: bool = False
    """A type of activity is added every eight weeks, and given up after four."""
    collapse: bool = False
    """In one week of eight only every fourth seat acts, and that little."""
    snapshot_gap: bool = False
    """In one week of eight there are no snapshots of seats from Tuesday to Saturday."""
    seats_of: str | None = None
    """URN of an earlier contract, whose first two seat ids this one has too."""
    teams: bool = False
    """Every third seat belongs to the same team; teams differ in how much they do, in what comes of it, and in their SSI."""
    mornings: bool = False
    """InMails that are sent in the morning are accepted twice as often as later ones."""
    territories: bool = False
    """Each seat has leads of its own, and shares few with others."""
    spare_seats: int = 0
    """How many more seats were bought than its exports have."""
    invited_seats: int = 0
    """How many of those are assigned to somebody who has not begun; only the directory has them."""

    def team(self, number: int) -> Team:
        """Returns what the holder of a seat is like."""
        return team_of(number) if self.teams else EVERYDAY

    def accepted(self, number: int, second: int) -> float:
        """Returns the share of a seat's InMails, sent at this second of a day, that is accepted."""
        share = self.team(number).accepted
        if not self.mornings:
            return share
        return share * (_MORNING_FACTOR if second // 3600 in _MORNING else _OTHER_FACTOR)

    def lead(self, drawn: int, number: int, seats: int, members: int) -> int:
        """Returns which member a seat turns to, by what was drawn among all of the contract."""
        if not self.territories or not drawn % _SHARED_LEADS:
            return drawn
        own = members // seats
        return (number - 1) * own + drawn % own

    def act(self, kind: str, number: int, n: int) -> str:
        """Returns what a seat does instead of a kind of activity, its n-th of the day."""
        return _SEARCHED if kind == _SAVED and n % 2 and not self.team(number).saves else kind

    def collapses(self, day: dt.date) -> bool:
        """Returns true if the contract's use is low on that day."""
        return self.collapse and _season(day)[1] == _COLLAPSE_WEEK

    def lacks_snapshots(self, day: dt.date) -> bool:
        """Returns true if there are no snapshots of a day."""
        return self.snapshot_gap and _season(day)[1] == _GAP_WEEK and day.weekday() in _GAP_WEEKDAYS

    def spell(self, kinds: list[str], day: dt.date) -> list[str]:
        """Returns the types of a day's activities as this contract writes them."""
        if self.two_spellings:
            kinds = [OTHER_VIEW if kind == _VIEWED and not n % 4 else kind for n, kind in enumerate(kinds)]
        season, week = _season(day)
        if self.new_types and week >= _FIRST_NEW_WEEK:
            new = NEW_TYPES[season % len(NEW_TYPES)]
            kinds = [kind if n % 40 else new for n, kind in enumerate(kinds)]
        return kinds


@dataclass(frozen=True)
class Life:
    """Where a seat is between being assigned and being passed on."""

    holder: str
    """A letter for its holder."""
    days: int
    """For how many days it has been activated; negative before."""

    @property
    def activated(self) -> bool:
        """True if its holder has begun."""
        return self.days >= 0

    @property
    def busy(self) -> bool:
        """True if its holder still uses it."""
        return 0 <= self.days < _ACTIVE_DAYS

    @property
    def busy_days(self) -> int:
        """For how many days it has been used."""
        return max(min(self.days, _ACTIVE_DAYS), 0)


def has_life(number: int) -> bool:
    """Returns true if a seat of this number is passed on, in contracts with lives."""
    return number % 20 == 6


def life_on(number: int, day: dt.date) -> Life:
    """Returns the stage of such a seat's life on a day."""
    holder, at = divmod(day.toordinal() + number // 20 * _TURN_DAYS, _LIFE_DAYS)
    return Life(chr(ord("A") + holder % 26), at - _PENDING_DAYS)


def acts_always(number: int) -> bool:
    """Returns true if a seat of this number still acts while its contract's use collapses."""
    return number % 4 == 0


def _season(day: dt.date) -> tuple[int, int]:
    """Returns the season of eight weeks that a day is in, and the week of that season."""
    return divmod((day.toordinal() - 1) // 7, _SEASON_WEEKS)

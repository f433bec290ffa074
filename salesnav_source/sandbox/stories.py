"""What happens in a contract of the sandbox beyond everyday use, told again and again.

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

_VIEWED = "PROFILE_VIEWED"
_SEASON_WEEKS = 8
_COLLAPSE_WEEK, _GAP_WEEK, _FIRST_NEW_WEEK = 2, 3, 4
_GAP_WEEKDAYS = range(1, 6)
_PENDING_DAYS, _ACTIVE_DAYS, _IDLE_DAYS = 14, 84, 70
_LIFE_DAYS = _PENDING_DAYS + _ACTIVE_DAYS + _IDLE_DAYS
_TURN_DAYS = 28


@dataclass(frozen=True)
class Stories:
    """Which stories a contract tells; none by default."""

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
    """URN of a contract, told earlier, whose first two seat ids this one has too."""

    def collapses(self, day: dt.date) -> bool:
        """Tells whether the contract's use lies low on a day."""
        return self.collapse and _season(day)[1] == _COLLAPSE_WEEK

    def lacks_snapshots(self, day: dt.date) -> bool:
        """Tells whether there are no snapshots of a day."""
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
    """A letter for who holds it."""
    days: int
    """For how many days it has been activated; negative before."""

    @property
    def activated(self) -> bool:
        """Tells whether its holder has begun."""
        return self.days >= 0

    @property
    def busy(self) -> bool:
        """Tells whether its holder still uses it."""
        return 0 <= self.days < _ACTIVE_DAYS

    @property
    def busy_days(self) -> int:
        """For how many days it has been used."""
        return max(min(self.days, _ACTIVE_DAYS), 0)


def has_life(number: int) -> bool:
    """Tells whether a seat of this number is passed on, where a contract tells of lives."""
    return number % 20 == 6


def life_on(number: int, day: dt.date) -> Life:
    """Returns where such a seat is on a day."""
    holder, at = divmod(day.toordinal() + number // 20 * _TURN_DAYS, _LIFE_DAYS)
    return Life(chr(ord("A") + holder % 26), at - _PENDING_DAYS)


def acts_always(number: int) -> bool:
    """Tells whether a seat of this number still acts while its contract's use collapses."""
    return number % 4 == 0


def _season(day: dt.date) -> tuple[int, int]:
    """Returns in which season of eight weeks a day lies, and in which week of it."""
    return divmod((day.toordinal() - 1) // 7, _SEASON_WEEKS)

"""The style of a column: what one value does not show, but the whole file does.

`02-03-2026` is February 3 or March 2, and `1.000` is a thousand or one. At first a column is read in the documented style.
At the same time the clues in its values are counted (`Clues`). If they show another style, the file is read again in that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

TRole = Literal["fraction", "group", "unknown"]
"""What follows a dot or comma in a number: a fraction, or a group of three digits."""

DOT, COMMA = ".", ","


@dataclass(frozen=True)
class Style:
    """How the values of a column are written."""

    day_first: bool = False
    dot: TRole = "fraction"
    comma: TRole = "group"

    def role(self, mark: str) -> TRole:
        """Returns what follows a dot or comma."""
        return self.dot if mark == DOT else self.comma


DOCUMENTED = Style()


@dataclass
class OrderClues:
    """How many values of a column each order of month and day can read."""

    values: int = 0
    """Values that are not empty."""
    differing: int = 0
    """Values that mean another day in the other order."""
    days: list[int] = field(default_factory=lambda: [0, 0])
    """Values that are days with the month first, and with the day first."""
    inside: list[int] = field(default_factory=lambda: [0, 0])
    """Those of them that lie in the days asked for."""

    def add(self, other: "OrderClues") -> None:
        """Adds what other values show."""
        self.values += other.values
        self.differing += other.differing
        for mine, more in ((self.days, other.days), (self.inside, other.inside)):
            mine[:] = [one + two for one, two in zip(mine, more, strict=True)]

    def day_first(self, strict: bool) -> bool:
        """True if the day stands before the month.

        Args:
            strict: true if all values must lie in the days asked for.
        """
        if strict:
            return self.inside[True] > self.inside[False]
        if self.days[True] != self.days[False]:
            return self.days[True] > self.days[False]
        return self.inside[True] == self.days[True] and self.inside[False] < self.days[False]

    def is_open(self, strict: bool) -> bool:
        """True if some values mean another day in the other order, and nothing shows which is meant."""
        if not self.differing or (not strict and self.days[True] != self.days[False]):
            return False
        fits = [inside == self.days[order] for order, inside in enumerate(self.inside)]
        return self.inside[True] == self.inside[False] if strict else fits[True] == fits[False]


@dataclass
class MarkClues:
    """What the dots and commas of a column of whole numbers show."""

    shown: set[tuple[str, TRole]] = field(default_factory=set)
    """Marks with a role that some value shows beyond doubt."""
    open: dict[str, int] = field(default_factory=dict)
    """How many values would be another number if the mark had another role, by mark."""

    def add(self, other: "MarkClues") -> None:
        """Adds what other values show."""
        self.shown |= other.shown
        for mark, count in other.open.items():
            self.open[mark] = self.open.get(mark, 0) + count

    def role(self, mark: str) -> TRole:
        """Returns what follows a mark, by all values."""
        role, other = self._own_role(mark), self._own_role(COMMA if mark == DOT else DOT)
        if role == "unknown" and not self._roles(mark) and other != "unknown":
            return "group" if other == "fraction" else "fraction"
        return role

    def _own_role(self, mark: str) -> TRole:
        roles = self._roles(mark)
        return next(iter(roles)) if len(roles) == 1 else "unknown"

    def _roles(self, mark: str) -> set[TRole]:
        return {role for one, role in self.shown if one == mark}


@dataclass
class Clues:
    """What the values of a file show about its style, by column."""

    orders: dict[str, OrderClues] = field(default_factory=dict)
    marks: dict[str, MarkClues] = field(default_factory=dict)
    without_clock: dict[str, int] = field(default_factory=dict)
    """How many times have no time of day."""

    def add(self, other: "Clues") -> None:
        """Adds what other values show."""
        for name, order in other.orders.items():
            self.orders.setdefault(name, OrderClues()).add(order)
        for name, marks in other.marks.items():
            self.marks.setdefault(name, MarkClues()).add(marks)
        for name, count in other.without_clock.items():
            self.without_clock[name] = self.without_clock.get(name, 0) + count

    def shows_other_order(self, styles: Mapping[str, Style], strict: bool) -> bool:
        """True if days are read in another order of month and day than the values show."""
        return any(
            clues.day_first(strict) != styles.get(name, DOCUMENTED).day_first for name, clues in self.orders.items()
        )

    def styles(self, strict: bool) -> dict[str, Style]:
        """Returns the styles in which to read the columns; those with the documented style are left out.

        Args:
            strict: true if all days must be days asked for.
        """
        styles = {name: Style(day_first=clues.day_first(strict)) for name, clues in self.orders.items()}
        for name, marks in self.marks.items():
            # the role of a mark matters only if it changes a value
            roles = {mark: marks.role(mark) if mark in marks.open else DOCUMENTED.role(mark) for mark in (DOT, COMMA)}
            styles[name] = Style(dot=roles[DOT], comma=roles[COMMA])
        return {name: style for name, style in styles.items() if style != DOCUMENTED}

    def notes(self, styles: Mapping[str, Style], strict: bool) -> list[str]:
        """Returns notes about a file that is read in these styles."""
        notes = []
        for name, order in self.orders.items():
            if styles.get(name, DOCUMENTED).day_first:
                notes.append(f"{name} is read with the day before the month, as its values show")
            elif order.is_open(strict):
                notes.append(
                    f"nothing shows whether {name} has the month or the day first ({order.differing:,} values would be other"
                    " days), so it is read as documented, with the month first"
                )
        for name, marks in self.marks.items():
            style = styles.get(name, DOCUMENTED)
            for mark in sorted(marks.open):
                role, count = style.role(mark), marks.open[mark]
                if role == "unknown":
                    notes.append(
                        f"nothing shows whether 1{mark}000 in {name} is a thousand or one: {count:,} such values are not read"
                    )
                elif role != DOCUMENTED.role(mark):
                    what = "groups digits (1.000 is a thousand)" if role == "group" else "is a decimal mark"
                    notes.append(f"the {'dot' if mark == DOT else 'comma'} in {name} {what}, as its values show")
        for name, count in self.without_clock.items():
            notes.append(f"{count:,} values of {name} have no time of day and are read as midnight")
        return notes

"""The list of ready-made faults: each is declared once, by the function that makes it, and all else follows from that."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from salesnav_source.sandbox.faults.model import Fault

TMake = TypeVar("TMake", bound=Callable[..., Fault])

GROUPS = (
    "Lists of contracts",
    "Any call",
    "Signing in",
    "Jobs",
    "Windows and rows",
    "Downloads",
    "Files",
    "Columns and values",
)
"""What faults are about, in the order in which they are listed."""

_TEXT = re.compile(r"(?P<name>[^=:@]*)(=(?P<value>[^:@]*))?(:(?P<times>[^@]*))?(@(?P<wait>.*))?")


@dataclass(frozen=True)
class Declared:
    """A ready-made fault."""

    name: str
    """What it is called on the command line."""
    group: str
    """What it is about: the heading under which the documentation lists it."""
    make: Callable[..., Fault]
    value: str | None
    """What may come after an equals sign; None if nothing may."""

    @property
    def description(self) -> str:
        """What happens, in a line."""
        return (self.make.__doc__ or "").partition("\n")[0]

    @property
    def help(self) -> str:
        """What happens, and what it may be given, in a line."""
        return self.description if self.value is None else f"{self.description} {self.name}={self.value} gives another."

    @property
    def hits(self) -> str:
        """How often it hits by default."""
        fault = self.make()
        if fault.seconds is not None:
            return f"{fault.seconds:g} s"
        return "all" if fault.times is None else "once" if fault.times == 1 else f"{fault.times} times"

    def with_value(self, text: str) -> Fault:
        """Returns the fault with the value after the equals sign.

        Raises:
            ValueError: if it takes none, or this is none.
        """
        if self.value is None:
            raise ValueError(f"The fault {self.name} takes no value.")
        kind = next(iter(inspect.signature(self.make).parameters.values())).annotation
        try:
            return self.make(kind(text))
        except ValueError:
            raise ValueError(f"The fault {self.name} takes {self.value}, and not {text!r}.") from None


_DECLARED: dict[str, Declared] = {}


def declarations() -> list[Declared]:
    """Returns the ready-made faults in the order in which they are listed."""
    return sorted(_DECLARED.values(), key=lambda fault: GROUPS.index(fault.group))


class _Makers(Mapping[str, Callable[..., Fault]]):
    """What makes the ready-made faults, by the name they have on the command line."""

    def __getitem__(self, name: str) -> Callable[..., Fault]:
        return _DECLARED[name].make

    def __iter__(self) -> Any:
        return (fault.name for fault in declarations())

    def __len__(self) -> int:
        return len(_DECLARED)


FAULTS: Mapping[str, Callable[..., Fault]] = _Makers()
"""What makes the ready-made faults, by the name they have on the command line."""


def declared(group: str, *, name: str | None = None, value: str | None = None) -> Callable[[TMake], TMake]:
    """Declares the fault that a function makes; the first line of its docstring describes it.

    Args:
        group: What it is about.
        name: What it is called on the command line; None for the function's name with hyphens.
        value: What may stand after an equals sign on the command line: the function's first argument.
    """

    def declare(make: TMake) -> TMake:
        known = name or make.__name__.replace("_", "-")
        _DECLARED[known] = Declared(known, group, make, value)
        return make

    return declare


def describe(name: str) -> str:
    """Returns a line about a ready-made fault."""
    return _DECLARED[name].description


def tables() -> dict[str, str]:
    """Returns a Markdown table of the faults of each group."""
    lines = {group: ["| name | what happens | hits | `=` |", "|---|---|---|---|"] for group in GROUPS}
    for fault in declarations():
        lines[fault.group].append(f"| `{fault.name}` | {fault.description} | {fault.hits} | {fault.value or ''} |")
    return {group: "\n".join(table) for group, table in lines.items()}


def parse_fault(text: str) -> Fault:
    """Returns the ready-made fault that `NAME[=VALUE][:TIMES][@SECONDS]` names.

    `VALUE` is what the fault is about, where it takes one. `TIMES` is how many requests are hit: a number, `always`, or a
    span such as `300s`, which begins with the first request that is hit. `SECONDS` is how long the fault waits after the
    sandbox was started.

    Raises:
        ValueError: if there is no such fault, or the rest is none of these.
    """
    parts = _TEXT.fullmatch(text)
    if parts is None or parts["name"] not in _DECLARED:
        raise ValueError(f"There is no fault {text!r}; there are: {', '.join(FAULTS)}.")
    fault = _DECLARED[parts["name"]]
    made = fault.make() if parts["value"] is None else fault.with_value(parts["value"])
    wait, times = parts["wait"], parts["times"]
    if wait is not None:
        if not wait.isdecimal():
            raise ValueError(f"{text!r}: after the @ stands how many seconds the fault waits.")
        made = made.where(wait=float(wait))
    return made if not times else _limited(made, text, times)


def _limited(fault: Fault, text: str, times: str) -> Fault:
    if times == "always":
        return fault.where(times=None, seconds=None)
    span = times.removesuffix("s")
    if not span.isdecimal() or not int(span):
        raise ValueError(f"{text!r}: after the colon stands how many times, how many seconds (300s), or 'always'.")
    return fault.where(times=int(span)) if span == times else fault.where(times=None, seconds=float(span))

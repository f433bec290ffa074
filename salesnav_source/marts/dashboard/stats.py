"""How sure a share is."""

import math

import pandas as pd

Z = 1.959964
"""An interval of this width holds the true share 19 times in 20."""

FEW = 20
"""InMails below which no share is shown of them alone."""


def wilson(part: float, whole: float) -> tuple[float, float] | None:
    """Returns the least and the most that a share may be, by Wilson; None where there is nothing to share.

    Args:
        part: how many of them.
        whole: how many in all.
    """
    if not whole or pd.isna(whole) or pd.isna(part):
        return None
    found, square = part / whole, Z * Z
    middle = (found + square / (2 * whole)) / (1 + square / whole)
    reach = Z / (1 + square / whole) * math.sqrt(found * (1 - found) / whole + square / (4 * whole * whole))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def with_rates(frame: pd.DataFrame, part: str, whole: str, name: str = "rate") -> pd.DataFrame:
    """Returns a frame with a share and the ends of its interval: `rate`, `low` and `high` by default.

    Args:
        frame: the rows.
        part: the column with how many of them.
        whole: the column with how many in all.
        name: of the share; the others are `low` and `high`, or begin with it if it is another.
    """
    ends = [wilson(float(a), float(b)) for a, b in zip(_floats(frame[part]), _floats(frame[whole]), strict=True)]
    rates = _floats(frame[part]) / _floats(frame[whole]).where(_floats(frame[whole]) > 0)
    low, high = ("low", "high") if name == "rate" else (f"{name}_low", f"{name}_high")
    return frame.assign(
        **{
            name: rates,
            low: pd.Series([end[0] if end else math.nan for end in ends], index=frame.index, dtype="float64"),
            high: pd.Series([end[1] if end else math.nan for end in ends], index=frame.index, dtype="float64"),
        }
    )


def _floats(values: pd.Series) -> pd.Series:
    return values.astype("float64")

"""How far an axis reaches: to a value far beyond all others it does not, as these would be one point on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

_FAR, _FAR_OF_DIVERGED = 30.0, 3.0
"""From the median, in units of the median itself or of the median distance from it, whichever is more."""


def near(values: Sequence[float], trusted: Sequence[bool] = (), by_spread: bool = False) -> np.ndarray:
    """Of each value, whether it is finite and not far beyond the others.

    Args:
        trusted: whether it is of a run that did not diverge; where no value is, or without this, all count alike.
        by_spread: by the median distance alone, however far they all are from 0; for many values.
    """
    numbers = np.asarray(values, float)
    finite = np.isfinite(numbers)
    kept = finite & np.asarray(trusted, bool) if len(trusted) else finite
    sure = kept if kept.any() else finite
    if not sure.any():
        return finite
    median = float(np.median(numbers[sure]))
    away = np.abs(np.where(finite, numbers, median) - median)
    spread = float(np.median(away[sure]))
    unit = (spread if by_spread else max(spread, abs(median))) or math.inf
    return np.asarray(finite & (away <= unit * np.where(sure, _FAR, _FAR_OF_DIVERGED)))


def limits_of(
    values: Sequence[float], trusted: Sequence[bool] = (), margin: float = 0.0, by_spread: bool = False
) -> tuple[float, ...]:
    """The least and the largest near value, and a part of their distance more; empty where none is far. See `near`."""
    numbers, kept = np.asarray(values, float), near(values, trusted, by_spread)
    if not kept.any() or kept[np.isfinite(numbers)].all():
        return ()
    return widened((float(numbers[kept].min()), float(numbers[kept].max())), margin)


def is_beyond(value: float, limits: Sequence[float]) -> bool:
    """Whether a finite value is not between the limits; nothing is beyond none."""
    return bool(limits) and math.isfinite(value) and not limits[0] <= value <= limits[1]


def widened(limits: Sequence[float], margin: float) -> tuple[float, float]:
    """Limits with a part of their distance more on each side."""
    low, high = limits
    further = margin * ((high - low) or 0.2 * abs(high) or 1.0)
    return low - further, high + further


def beyond(named: Iterable[tuple[str, float]]) -> str:
    """The sentence of a caption about what lies beyond an axis, with the value of each; empty where nothing does."""
    found = [f"{name} ({shown_as(value)})" for name, value in named]
    return f" Beyond the axis, at its edge: {', '.join(found)}." if found else ""


def shown_as(value: float) -> str:
    """A number of any size in few characters."""
    return f"{value:,.7g}"

"""A part of a dataset, for runs that a limit keeps small and for choosing settings."""

from __future__ import annotations

import numpy as np


def evenly_spaced(n: int, labels: np.ndarray | None, limit: int) -> np.ndarray:
    """(part,) places of ``limit`` of n examples, ascending; all of them where the limit is 0 or not below n.

    They are evenly spaced over the classes one after the other: each has its share, in whatever order a file is.

    Args:
        labels: (n,) classes; None takes the examples in their order.
    """
    if not limit or limit >= n:
        return np.arange(n)
    by_class = np.arange(n) if labels is None else np.argsort(labels, kind="stable")
    return np.sort(by_class[np.linspace(0, n - 1, limit).round().astype(np.int64)])


def held_out(n: int, labels: np.ndarray | None, share: int) -> np.ndarray:
    """(n,) whether an example is held out: one of so many, evenly over the classes; none of fewer than ``share``."""
    found = np.zeros(n, bool)
    found[evenly_spaced(n, labels, n // share)] = n >= share
    return found

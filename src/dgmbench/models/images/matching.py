"""Matching two populations: the cheapest pairing of their members, exactly or nearly."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from dgmbench.fast.images.matching import improve


def exact_matching(cost: np.ndarray) -> np.ndarray:
    """(N, N) → (N,) the column of each row, with the smallest sum of costs."""
    return linear_sum_assignment(cost)[1]


def fast_matching(cost: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(N, N) → (N,) a matching that swaps and cycles improve from the identity; never dearer than that.

    Every row, in random order, tries to get every column: it swaps with the row that has it, where that lowers the sum
    of costs. Then all do so once more, and where a swap is no gain, the row of another column takes part in a cycle;
    that is so many columns further, a number that is drawn for each row. These are 2 N² proposals.

    Args:
        cost: not negative.
    """
    n = len(cost)
    matching = np.arange(n)
    improve(cost, matching, random.permutation(n), np.zeros(n, np.int64))
    improve(cost, matching, random.permutation(n), random.integers(n, size=n))
    return matching


def plain_improve(cost: np.ndarray, matching: np.ndarray, order: np.ndarray, offsets: np.ndarray) -> None:
    """What `dgmbench.fast.images.matching.improve` does, as it is read: rows (steps,), and how far the third column is.

    With an offset of 0 there are no cycles.
    """
    n = len(cost)
    for i, offset in zip(order, offsets, strict=True):
        for b in range(n):
            d = (b + offset) % n
            a = matching[i]
            j, k = (int(np.flatnonzero(matching == column)[0]) for column in (b, d))
            if cost[i, b] + cost[j, a] < cost[i, a] + cost[j, b]:
                matching[i], matching[j] = b, a
            elif i != k and j != k and i != j:
                before = cost[i, a] + cost[j, b] + cost[k, d]
                if cost[i, b] + cost[j, d] + cost[k, a] < before:
                    matching[i], matching[j], matching[k] = b, d, a

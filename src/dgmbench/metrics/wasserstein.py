"""Wasserstein distances of two samples: along many directions, and exactly between as many examples each."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from dgmbench.metrics.resampling import Resampled, Weights, centred

DIRECTIONS = 1000
DRAWN_DIRECTIONS = 100
"""Of these the spread is told: sorting every draw along all of them takes minutes."""
PAIRS = 2000
SETS = 5
"""The exact distance is computed for so many sets of `PAIRS` examples each, where there are so many."""


def directions(width: int, number: int = DIRECTIONS) -> np.ndarray:
    """(number, width) of length 1, evenly distributed, always the same."""
    found = np.random.default_rng(0).standard_normal((number, width))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def sliced_wasserstein(x: np.ndarray, y: np.ndarray, drawn: Weights | None = None) -> Resampled:
    """(E_θ W₂²(θᵀx, θᵀy))^½ over fixed directions θ (Rabin et al., SSVM 2011).

    Args:
        x, y: (n, width) and (m, width).
        drawn: none leaves the draws empty.
    """
    along = directions(x.shape[1])
    first, second = ((along @ sample.T.astype(np.float64)) for sample in (x, y))  # (directions, examples)
    observed = float(np.sqrt(_squared(np.sort(first, axis=1), np.sort(second, axis=1)).mean()))
    if drawn is None:
        return Resampled(observed, np.empty(0))
    parts = [_Sorted(values[:DRAWN_DIRECTIONS]) for values in (first, second)]
    pairs = zip(drawn.generated, drawn.held_out, strict=True)
    found = [_squared(parts[0].drawn(w), parts[1].drawn(v)).mean() for w, v in pairs]
    return centred(observed, np.sqrt(found))


class _Sorted:
    """Projections that are sorted once, for draws with replacement."""

    def __init__(self, values: np.ndarray) -> None:
        self.order = np.argsort(values, axis=1)
        self.values = np.take_along_axis(values, self.order, axis=1)

    def drawn(self, counts: np.ndarray) -> np.ndarray:
        """(directions, n) sorted, example i as often as ``counts`` (n,) says; these sum to n."""
        times = counts.astype(np.int64)[self.order]
        return np.repeat(self.values.ravel(), times.ravel()).reshape(self.values.shape)


def _squared(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(directions, n), (directions, m), each row sorted → (directions,) ∫ (F⁻¹(t) − G⁻¹(t))² dt, exactly."""
    n, m = x.shape[1], y.shape[1]
    if n == m:
        return np.square(x - y).mean(axis=1)
    # where either quantile function jumps, in units of 1 / nm; between two jumps both are constant
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    lengths = np.diff(ends, prepend=0) / (n * m)
    return np.square(x[:, (ends - 1) // m] - y[:, (ends - 1) // n]) @ lengths


def wasserstein(x: np.ndarray, y: np.ndarray, pairs: int = PAIRS, sets: int = SETS) -> np.ndarray:
    """W₁ with Euclidean cost, by an optimal matching: of the first examples of both, then of the next ones.

    Args:
        x, y: (n, width) and (m, width).
        pairs: examples of each in a matching, fewer where there are fewer.
        sets: matchings at most.

    Returns:
        (sets,) the mean distance of matched examples. It is larger than the distance of the distributions, the more
        the fewer pairs there are and the wider they are.
    """
    fewest = min(len(x), len(y))
    size = min(pairs, fewest)
    found = []
    for number in range(min(sets, fewest // size)):
        part = slice(number * size, (number + 1) * size)
        cost = cdist(x[part].astype(np.float64), y[part].astype(np.float64))
        found.append(cost[linear_sum_assignment(cost)].mean())
    return np.array(found)

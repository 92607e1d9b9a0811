"""Is one model better than another? Differences on the same examples, with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit


class Interval(NamedTuple):
    """A difference and the interval that covers it at the asked level."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0

    @property
    def is_known(self) -> bool:
        """Whether it has two ends."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def mean_difference(ours: np.ndarray, theirs: np.ndarray, level: float = 0.95) -> Interval:
    """Mean of ``ours - theirs`` example by example, with Student's t interval.

    With one seed each it is that of a paired t-test, and covers the choice of the examples. Where a model has several
    seeds, the variance of its seeds' means counts, too, the seeds of two models being independent:
    s² = s²(difference)/n + s²(our seeds)/S + s²(their seeds)/S', with Welch and Satterthwaite's degrees of freedom.

    Args:
        ours, theirs: (examples,) or (seeds, examples), values of two models on the same examples, in the same order.
        level: coverage of the interval.

    Returns:
        The interval is infinite where nothing is known about the spread: with a single example, or where all
        differences are equal and so few that chance could make them all point one way (the sign test).
    """
    ours, theirs = np.atleast_2d(ours), np.atleast_2d(theirs)
    if ours.ndim != 2 or ours.shape[1:] != theirs.shape[1:]:
        raise ValueError(f"values of shapes {ours.shape} and {theirs.shape} are not on the same examples")
    difference = ours.mean(axis=0) - theirs.mean(axis=0)
    n, mean = len(difference), float(difference.mean())
    if n < 2:
        return Interval(mean, -math.inf, math.inf)
    images = (float(difference.var(ddof=1)) / n, n - 1.0)
    parts = [images, *_seed_variances(ours.mean(axis=1), theirs.mean(axis=1))]
    variance = sum(part for part, _ in parts)
    rounding = 1e-12 * float(max(np.abs(ours).max(), np.abs(theirs).max()))
    if variance <= rounding**2:
        if abs(mean) <= rounding:
            return Interval(0.0, 0.0, 0.0)
        by_chance = 2.0 ** (1 - n) > 1 - level
        return Interval(mean, -math.inf, math.inf) if by_chance else Interval(mean, mean, mean)
    reach = float(stdtrit(_freedom(parts), 0.5 + level / 2)) * math.sqrt(variance)
    return Interval(mean, mean - reach, mean + reach)


def _seed_variances(*by_seed: np.ndarray) -> list[tuple[float, float]]:
    """Variance of each mean over seeds, and its degrees of freedom, where there are several seeds."""
    return [(float(values.var(ddof=1)) / len(values), len(values) - 1.0) for values in by_seed if len(values) > 1]


def _freedom(parts: list[tuple[float, float]]) -> float:
    """Welch and Satterthwaite's degrees of freedom of a sum of independent variances, each with its own."""
    uncertain = sum(variance**2 / degrees for variance, degrees in parts)
    return sum(variance for variance, _ in parts) ** 2 / uncertain if uncertain > 0 else math.inf


@dataclass(frozen=True, eq=False)
class Draws:
    """A metric of one model that is no mean over examples, on the test examples and on bootstrap draws of them.

    Attributes:
        observed: (seeds,) on the examples as they are.
        drawn: (seeds, draws) on examples drawn with replacement; draw b is the same for every model.
    """

    observed: np.ndarray
    drawn: np.ndarray


@lru_cache(maxsize=4)  # one for each dataset of a table
def example_draws(n: int, draws: int = 1000) -> np.ndarray:
    """(draws, n) float32: how often each of n examples is drawn, n at a time with replacement."""
    rng = np.random.default_rng(0)
    return rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float32)


def f1_draws(labels: np.ndarray, predictions: np.ndarray, draws: np.ndarray) -> Draws:
    """Macro F1 of predictions (seeds, documents) of the classes ``labels`` (documents,) on each of the draws."""
    counts = np.concatenate([np.ones((1, len(labels)), np.float32), draws])
    scores = np.array([_macro_f1(labels, predicted, counts) for predicted in predictions])
    return Draws(scores[:, 0], scores[:, 1:])


def drawn_difference(ours: Draws, theirs: Draws, level: float = 0.95) -> Interval:
    """Difference of two models' metric, means over their seeds, with a percentile bootstrap interval.

    The metric is no mean over examples, so examples are drawn again with replacement, the same for both models.
    Seeds are drawn, too, for each model by itself: of S seeds S − 1 with replacement, whose mean then varies as much
    as the mean of S seeds does. How much a few seeds differ is itself uncertain: the reach of the interval from the
    difference is multiplied by Student's quantile over the normal one, with Welch and Satterthwaite's degrees of
    freedom, the examples having infinitely many. With a single seed nothing is known about other seeds, and the
    interval covers the choice of examples alone.

    Returns:
        The interval is infinite where both differ by the same in every draw: too few examples to know a spread.
    """
    rng = np.random.default_rng(1)
    draws = _over_seeds(ours.drawn, rng) - _over_seeds(theirs.drawn, rng)
    low, high = (float(end) for end in np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2]))
    mean = float(ours.observed.mean() - theirs.observed.mean())
    if draws.min() == draws.max() != 0:
        return Interval(mean, -math.inf, math.inf)
    examples = float((ours.drawn.mean(axis=0) - theirs.drawn.mean(axis=0)).var())
    freedom = _freedom([(examples, math.inf), *_seed_variances(ours.observed, theirs.observed)])
    if math.isfinite(freedom):
        wider = float(stdtrit(freedom, 0.5 + level / 2) / ndtri(0.5 + level / 2))
        low, high = mean - wider * (mean - low), mean + wider * (high - mean)
    return Interval(mean, low, high)


def _over_seeds(drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(draws,) the mean over seeds drawn anew for each draw."""
    n_seeds, n_draws = drawn.shape
    if n_seeds == 1:
        return drawn[0]
    seeds = rng.integers(n_seeds, size=(n_seeds - 1, n_draws))
    return np.asarray(np.take_along_axis(drawn, seeds, axis=0).mean(axis=0))


def _macro_f1(labels: np.ndarray, predicted: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(draws,) macro F1 in percent; ``counts`` (draws, documents) float32 says how often each document is drawn."""
    classes = np.union1d(labels, predicted)  # as in `dgmbench.metrics.classification`
    true = (labels[:, None] == classes).astype(np.float32)  # (documents, classes)
    given = (predicted[:, None] == classes).astype(np.float32)
    hits = (counts @ (true * given)).astype(np.float64)  # whole numbers below 2^24 are exact in single precision
    return np.asarray(200 * (hits / np.maximum(counts @ (true + given), 1)).mean(axis=1))

"""Is one model better than another? Differences on the same examples, with an interval."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit


class Interval(NamedTuple):
    """A difference and the interval that covers it at the asked level."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def mean_difference(ours: np.ndarray, theirs: np.ndarray, level: float = 0.95) -> Interval:
    """Mean of ``ours - theirs`` example by example, with Student's t interval (that of a paired t-test).

    Args:
        ours, theirs: (examples,) values of two models on the same examples, in the same order.
        level: coverage of the interval.

    Returns:
        With a single example the interval is infinite: nothing is known about the spread.
    """
    if ours.shape != theirs.shape or ours.ndim != 1:
        raise ValueError(f"values of shapes {ours.shape} and {theirs.shape} are not on the same examples")
    difference = ours - theirs
    n, mean = len(difference), float(difference.mean())
    if n < 2:
        return Interval(mean, -math.inf, math.inf)
    reach = float(stdtrit(n - 1, 0.5 + level / 2)) * float(difference.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - reach, mean + reach)


def f1_difference(
    labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray, level: float = 0.95, resamples: int = 1000
) -> Interval:
    """Difference of two macro F1, in percent, with a percentile bootstrap interval over the documents.

    Macro F1 is no mean over documents, so the documents are drawn again with replacement, the same draw for both
    methods. With several seeds a method's F1 is the mean over its seeds in every draw.

    Args:
        labels: (documents,) the true classes.
        ours, theirs: (seeds, documents) the classes that two methods give; their numbers of seeds may differ.
    """
    n = len(labels)
    rng = np.random.default_rng(0)
    everything = np.ones((1, n))
    mean = _macro_f1(labels, ours, everything) - _macro_f1(labels, theirs, everything)
    draws = np.concatenate(
        [
            _macro_f1(labels, ours, counts) - _macro_f1(labels, theirs, counts)
            for counts in (rng.multinomial(n, np.full(n, 1 / n), size=100) for _ in range(max(1, resamples // 100)))
        ]
    )
    low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(mean[0]), float(low), float(high))


def _macro_f1(labels: np.ndarray, predictions: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(draws,) macro F1 in percent, mean over the seeds; ``counts`` (draws, documents) says how often each is drawn."""
    scores = []
    for predicted in predictions:
        classes = np.union1d(labels, predicted)  # as in `dgmbench.evaluation.classification`
        true = (labels[:, None] == classes).astype(float)  # (documents, classes)
        given = (predicted[:, None] == classes).astype(float)
        hits = counts @ (true * given)
        scores.append(200 * (hits / np.maximum(counts @ true + counts @ given, 1)).mean(axis=1))
    return np.asarray(np.mean(scores, axis=0))

"""A distance between two samples, and the same on bootstrap draws of both: how certain it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dgmbench.metrics.differences import example_draws

DRAWS = 200
"""Bootstrap draws of test images and of generated ones."""
BLOCK = 1000
"""Rows of a matrix of pairs that are computed together."""


@dataclass(frozen=True, eq=False)
class Weights:
    """How often each example is drawn, in each bootstrap draw.

    Attributes:
        generated: (draws, n) float64, of the generated images; independent between models.
        held_out: (draws, m) float64, of the test images; the same for every model, so that differences are paired.
    """

    generated: np.ndarray
    held_out: np.ndarray


def weights(n: int, m: int, seed: int, draws: int = DRAWS) -> Weights:
    """Draws of n generated images, by the seed, and of m test images, always the same."""
    rng = np.random.default_rng(seed)
    generated = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    return Weights(generated.astype(np.float64), example_draws(m, draws).astype(np.float64))


@dataclass(frozen=True, eq=False)
class Resampled:
    """A metric.

    Attributes:
        observed: of the samples as they are.
        drawn: (draws,) of bootstrap draws.
    """

    observed: float
    drawn: np.ndarray

    @property
    def error(self) -> float:
        """Standard error: the standard deviation over the draws."""
        return float(self.drawn.std(ddof=1))


def mean_of(values: np.ndarray, drawn: np.ndarray) -> Resampled:
    """The mean of (n,) values, one an example, with (draws, n) weights."""
    return Resampled(float(values.mean()), drawn @ values / drawn.sum(axis=1))


def centred(observed: float, drawn: np.ndarray) -> Resampled:
    """Draws moved to the observed value: of a distance that drawing with replacement makes larger by itself.

    The distance of finite samples is biased, and a bootstrap draw adds the same once more; what the draws tell is the
    spread.
    """
    return Resampled(observed, drawn - drawn.mean() + observed)


def blocks(n: int) -> Iterator[slice]:
    """All places from 0 to n, `BLOCK` at a time."""
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))

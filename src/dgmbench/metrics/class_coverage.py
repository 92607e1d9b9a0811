"""Which classes a model generates, as a classifier sees it: a model that lost a mode lacks one."""

from __future__ import annotations

import numpy as np

from dgmbench.metrics.resampling import Resampled

SHARE = 0.1
"""A class is covered when the generated share of it is at least so much of its share among test images."""


def classes_covered(given: np.ndarray, labels: np.ndarray, drawn: np.ndarray) -> Resampled:
    """How many classes of test images, ``labels`` (m,), are among those that generated images were ``given`` (n,).

    Args:
        drawn: (draws, n) how often each generated image is drawn.
    """
    classes, counts = np.unique(labels, return_counts=True)
    needed = SHARE * counts / len(labels)
    has = (given[:, None] == classes).astype(np.float64)  # (n, classes)
    covered = (has.mean(axis=0) >= needed).sum()
    by_draw = (drawn @ has / drawn.sum(axis=1, keepdims=True) >= needed).sum(axis=1)
    return Resampled(float(covered), by_draw.astype(np.float64))


def prediction_entropy(probabilities: np.ndarray, drawn: np.ndarray) -> Resampled:
    """Entropy in nats of the mean of (n, classes) predictions: log K where all of K classes are generated alike."""
    means = np.concatenate([probabilities.mean(axis=0)[None], drawn @ probabilities / drawn.sum(axis=1)[:, None]])
    values = -(means * np.log(np.maximum(means, 1e-300))).sum(axis=1)
    return Resampled(float(values[0]), values[1:])

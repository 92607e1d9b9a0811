"""Which memory slots the images of each class use: preferences, their entropy, sparsity and correlation."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

ACTIVE = 0.01  # a slot counts as used when some class prefers it more than this


@dataclass(frozen=True)
class SlotSummary:
    """What a table of preferences says, whatever the order of its slots.

    Attributes:
        entropies: (classes,) entropy of each class's preferences, in nats; at most log(slots).
        active: number of slots that some class prefers by more than `ACTIVE`.
        correlation: (classes, classes) Pearson correlation of the classes' preferences over the slots.
    """

    entropies: np.ndarray
    active: int
    correlation: np.ndarray

    @property
    def mean_entropy(self) -> float:
        """Mean over the classes, in nats."""
        return float(self.entropies.mean())

    def closest(self, n: int = 3) -> list[tuple[int, int, float]]:
        """The n most correlated pairs of classes with their correlation, the highest first."""
        pairs = itertools.combinations(range(len(self.correlation)), 2)
        known = [(a, b, float(r)) for a, b in pairs if np.isfinite(r := self.correlation[a, b])]
        return sorted(known, key=lambda pair: -pair[2])[:n]


def class_preferences(attention: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Each image's attention divided by its sum over the slots, averaged over the images of each class.

    Args:
        attention: (images, slots), not negative, some of it positive for each image.
        labels: (images,) the classes, 0 to n_classes − 1.

    Returns:
        (classes, slots) float64; a class's row sums to 1.

    Raises:
        ValueError: shapes that do not fit, a negative attention, an image without any, a class without images.
    """
    if attention.ndim != 2 or labels.shape != attention.shape[:1]:
        raise ValueError(f"attention is (images, slots) with a label each, not {attention.shape} and {labels.shape}")
    counts = np.bincount(labels, minlength=n_classes)
    if len(counts) > n_classes or not counts.all():
        raise ValueError(f"labels must name each of the {n_classes} classes and no other")
    weights = attention.astype(np.float64)
    sums = weights.sum(1, keepdims=True)
    if weights.min() < 0 or not sums.all():
        raise ValueError("attention is negative somewhere, or zero on all slots of an image")
    totals = np.zeros((n_classes, attention.shape[1]))
    np.add.at(totals, labels, weights / sums)
    return totals / counts[:, None]


def summarise(preferences: np.ndarray) -> SlotSummary:
    """Entropy, sparsity and correlation of (classes, slots) preferences."""
    logs = np.log(np.where(preferences > 0, preferences, 1))
    entropies = -(preferences * logs).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):  # a class that prefers all slots alike has no correlation
        correlation = np.corrcoef(preferences)
    return SlotSummary(entropies, int((preferences > ACTIVE).any(0).sum()), np.atleast_2d(correlation))

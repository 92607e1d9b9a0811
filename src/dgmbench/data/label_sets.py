"""The few examples whose labels a run may see."""

from __future__ import annotations

import numpy as np


def balanced(labels: np.ndarray, number: int, random: np.random.Generator) -> np.ndarray:
    """(number,) places of examples drawn at random, with the classes as equal in number as can be.

    Of one state of the generator a smaller set is the beginning of a larger one.

    Args:
        labels: (n,) classes.
        number: at most n.
    """
    order = random.permutation(len(labels))
    rank = np.empty(len(labels), np.int64)  # how many of its class come before an example
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        rank[of_class] = np.arange(len(of_class))
    return order[np.argsort(rank[order], kind="stable")][:number]

"""Fit a method that sees the documents once, a minibatch at a time, and measure its decisions on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dgmbench.data.corpora import Corpus
from dgmbench.files import atomic_write
from dgmbench.run.progress import note
from dgmbench.tasks.classification.documents import evenly_spaced

BETWEEN = math.sqrt(2)
"""The factor from one measured minibatch to the next."""
MEASURED = 2000
"""So many of the documents to classify are measured on the way, evenly spaced."""


def fit_by_minibatches(method: Any, train: Corpus, test: Corpus, folder: Path) -> float:
    """Fit, and leave ``curve.csv``: the accuracy of the method's own decisions against seconds and documents seen.

    Args:
        method: has ``minibatches(corpus, labels)``, an iterator that gives the number of documents seen so far, and
            ``transform(corpus)``, scores of the classes.

    Returns:
        The seconds of the fit alone: while documents are measured, its clock stands still.
    """
    if hasattr(method, "warm_up"):
        method.warm_up(train)
    curve = pd.DataFrame(_lines(method, train, evenly_spaced(test, MEASURED)))
    with atomic_write(folder / "curve.csv") as file:
        curve.to_csv(file, index=False, lineterminator="\n")
    return float(curve["seconds"].iloc[-1])


def _lines(method: Any, train: Corpus, test: Corpus) -> Iterator[dict[str, float]]:
    """A line of the curve for minibatches 1, 2, 3, 4, 6, ..., each by a factor of `BETWEEN`, and the last one."""
    seconds, due = 0.0, 1.0
    begun = time.perf_counter()
    for number, seen in enumerate(method.minibatches(train, train.labels), 1):
        seconds += time.perf_counter() - begun
        if number >= due or seen == len(train):
            accuracy = 100 * float(np.mean(method.transform(test).argmax(axis=1) == test.labels))
            note(accuracy=accuracy)
            due = max(number + 1, number * BETWEEN)
            yield {"epoch": number, "documents": seen, "seconds": round(seconds, 3), "accuracy": accuracy}
        begun = time.perf_counter()

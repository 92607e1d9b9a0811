"""Which topics of a model go together in its documents, and the file of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dgmbench.files import atomic_write
from dgmbench.metrics.documents import LogisticNormal
from dgmbench.metrics.topics import top_words

FILE = "correlations.csv"
_WORDS = 10


def topic_correlations(covariance: np.ndarray) -> np.ndarray:
    """(K, K) correlations of log θ_k − mean_j log θ_j, θ = softmax(η), from the covariance of η.

    What is added to all of η changes no proportion; so it is taken out.
    """
    K = len(covariance)
    centring = np.eye(K) - 1 / K
    centred = centring @ covariance @ centring
    scale = np.sqrt(np.maximum(np.diag(centred), 1e-300))
    return np.asarray(centred / np.outer(scale, scale))


def correlated(covariance: np.ndarray) -> bool:
    """Whether a covariance has more than its diagonal."""
    return bool(np.count_nonzero(covariance - np.diag(np.diagonal(covariance))))


def write_correlations(folder: Path, model: LogisticNormal, vocabulary: Sequence[str]) -> None:
    """Write ``correlations.csv``: for each topic its number, size, top words, and correlations with topics 0 to K − 1.

    The size is E e^η_k, divided by the sum over topics.
    """
    log_size = model.mean + np.diag(model.covariance) / 2
    size = np.exp(log_size - log_size.max())
    words = [" ".join(each) for each in top_words(model.topics, vocabulary, _WORDS)]
    columns = {"topic": range(len(words)), "size": size / size.sum(), "words": words}
    correlations = pd.DataFrame(topic_correlations(model.covariance))
    with atomic_write(folder / FILE) as file:
        frame = pd.concat([pd.DataFrame(columns), correlations], axis=1)
        frame.to_csv(file, index=False, float_format="%.4f", lineterminator="\n")

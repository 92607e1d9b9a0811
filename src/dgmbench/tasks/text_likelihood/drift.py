"""How the topics of a model change from slice to slice of time, and the file of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dgmbench.errors import UserError
from dgmbench.files import atomic_write
from dgmbench.metrics.topics import top_words

FILE = "drift.csv"
_WORDS = 10


def write_drift(
    folder: Path, topics: np.ndarray, shares: np.ndarray, days: Sequence[str], vocabulary: Sequence[str], name: str
) -> None:
    """Write ``drift.csv``: for each topic and slice the slice's first day, the topic's share and its top words there.

    The change of a topic is the total variation between its words in the first and in the last slice.

    Args:
        topics: (slices, K, vocabulary) word probabilities.
        shares: (slices, K) mean proportions of the slice's documents.
        name: of the row, for messages.

    Raises:
        UserError: shapes that do not fit each other or the slices.
    """
    T, K = len(days), topics.shape[1] if topics.ndim == 3 else 0
    if topics.shape != (T, K, len(vocabulary)) or shares.shape != (T, K):
        raise UserError(
            f"{name}: topics_by_slice_ has the shape {topics.shape} and shares_ {shares.shape}; give ({T}, topics, "
            f"{len(vocabulary)}) and ({T}, topics)"
        )
    change = 0.5 * np.abs(topics[-1] - topics[0]).sum(axis=1)
    words = [[" ".join(each) for each in top_words(of_slice, vocabulary, _WORDS)] for of_slice in topics]
    frame = pd.DataFrame(
        {
            "topic": np.repeat(np.arange(K), T),
            "slice": np.tile(np.arange(1, T + 1), K),
            "from": list(days) * K,
            "share": shares.T.ravel(),
            "change": np.repeat(change, T),
            "words": [words[t][k] for k in range(K) for t in range(T)],
        }
    )
    with atomic_write(folder / FILE) as file:
        frame.to_csv(file, index=False, float_format="%.4f", lineterminator="\n")

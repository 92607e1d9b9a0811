"""Loading word embeddings."""

from __future__ import annotations

from dgmbench.data.catalogue import find_dataset
from dgmbench.data.download.store import stored
from dgmbench.data.embeddings import Embeddings


def load_embeddings(name: str) -> Embeddings:
    """Word embeddings by name.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    dataset = find_dataset(name, "embeddings")
    embeddings: Embeddings = dataset.make(stored(dataset)[1])
    return embeddings

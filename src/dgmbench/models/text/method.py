"""What a document method is: any class with these two methods, whatever it derives from."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from scipy import sparse

from dgmbench.data.corpora import Corpus

Features: TypeAlias = np.ndarray | sparse.csr_matrix


class DocumentMethod(Protocol):
    """Turns documents into features. What else a method can do, it tells by what else it has:

    - ``topics_`` (n_topics, vocabulary) word probabilities and ``alpha_`` (n_topics,) Dirichlet parameters after the
      fit, with which a topic model is judged by its topics; ``topic_vectors_`` (n_topics, dim) if the topics are points
      in the space of the word embeddings.
    - ``feature_set``, what its features are, in words.

    Its constructor takes ``seed``, ``threads`` and ``embeddings`` if it has use for them.
    """

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> Any:
        """Learn from training documents; ``labels`` (documents,) may be left aside."""

    def transform(self, corpus: Corpus) -> Features:
        """(documents, features) of training or held-out documents, one row each; the fitted method stays as it is."""

"""Mean word vector of a document."""

from __future__ import annotations

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.models.text.estimator import DocumentMethod
from dgmbench.models.text.preparation import WordVectors, require_documents, require_vocabulary, word_vectors


class MeanWordVectors(DocumentMethod):
    """The mean of the embeddings of a document's tokens, Σ_w n_dw v_w / n_d: nothing is learned.

    Args:
        embeddings: word embeddings that cover the vocabulary.
    """

    feature_set = "mean word vector"

    def __init__(self, *, embeddings: WordVectors) -> None:
        self.embeddings = embeddings

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> MeanWordVectors:
        """Look up the embedding of every word."""
        require_documents(corpus)
        self.vocabulary_ = corpus.vocabulary
        self.word_vectors_ = word_vectors(corpus, self.embeddings)
        return self

    def transform(self, corpus: Corpus) -> np.ndarray:
        """(documents, dim) float64: the mean embedding of each document."""
        require_vocabulary(corpus, self.vocabulary_)
        return mean_word_vectors(corpus, self.word_vectors_)


def mean_word_vectors(corpus: Corpus, vectors: np.ndarray) -> np.ndarray:
    """(documents, dim) float64 from the embedding of each word, (vocabulary, dim)."""
    return (corpus.counts @ vectors.astype(np.float64)) / corpus.lengths[:, None]

"""Bag of words: how often each word occurs."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.models.text.estimator import DocumentMethod
from dgmbench.models.text.preparation import require_documents, require_vocabulary


class BagOfWords(DocumentMethod):
    """Raw word counts as document features: nothing is learned but the vocabulary."""

    feature_set = "raw counts"

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> BagOfWords:
        """Remember the vocabulary."""
        require_documents(corpus)
        self.vocabulary_ = corpus.vocabulary
        return self

    def transform(self, corpus: Corpus) -> sparse.csr_matrix:
        """(documents, vocabulary) float64: the count of each word in each document."""
        require_vocabulary(corpus, self.vocabulary_)
        return corpus.counts.astype(np.float64)

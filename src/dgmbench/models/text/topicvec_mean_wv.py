"""TopicVec's features and the mean word embedding beside them, the last row of the published table."""

from __future__ import annotations

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.models.text.mean_wv import mean_word_vectors
from dgmbench.models.text.topicvec import TopicVec


class TopicVecMeanWV(TopicVec):
    """`TopicVec`, whose features are followed by those of `MeanWordVectors`."""

    @property
    def feature_set(self) -> str:
        """What the features are, for the table."""
        return f"{super().feature_set} + mean word vector"

    def transform(self, corpus: Corpus) -> np.ndarray:
        """(documents, topics + dim) float64."""
        return np.hstack([super().transform(corpus), mean_word_vectors(corpus, self.word_vectors_)])

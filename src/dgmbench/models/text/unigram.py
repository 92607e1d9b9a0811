"""The unigram model: every token of every document from one distribution."""

from __future__ import annotations

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.models.text.preparation import require_documents
from dgmbench.models.text.word_distributions import SMOOTHING, best, estimated, held_out


class Unigram:
    """p(w) ∝ β + how often w occurs.

    Args:
        beta: β; None takes the one of `SMOOTHING` under which a tenth of the documents is most probable, given the
            others.

    Attributes:
        topics_: (1, vocabulary) p(w).
        weights_: (1,) 1.
        beta_: β.
    """

    passes_ = 1

    def __init__(self, beta: float | None = None) -> None:
        if beta is not None and not beta > 0:
            raise ValueError(f"beta is {beta}; give a number above 0")
        self.beta = beta

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> Unigram:
        """Count words; labels are not looked at.

        Raises:
            UserError: no documents, or an empty one.
        """
        require_documents(corpus)
        apart, counts = held_out(corpus), corpus.counts

        def score(beta: float) -> float:
            topics, _ = estimated(counts[~apart], np.ones((int((~apart).sum()), 1)), beta)
            return float((counts[apart] @ np.log(topics[0])).sum())

        self.beta_ = best(SMOOTHING, score) if self.beta is None else self.beta
        self.topics_, self.weights_ = estimated(counts, np.ones((len(corpus), 1)), self.beta_)
        return self

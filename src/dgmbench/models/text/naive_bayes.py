"""Naive Bayes: every token of a document from the distribution of its class."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text.estimator import TopicMethod
from dgmbench.models.text.preparation import require_documents, require_vocabulary
from dgmbench.models.text.word_distributions import SMOOTHING, best, estimated, held_out, log_joint, one_hot


class NaiveBayes(TopicMethod):
    """p(w_d, y) = p(y) Π_n p(w_n | y), both by counting (McCallum, Nigam, AAAI workshop 1998).

    Of a document without a label it is a mixture with the classes as components.

    Args:
        beta: β of p(w | y) ∝ β + how often w occurs in documents of class y; None takes the one of `SMOOTHING` under
            which a tenth of the documents with their labels is most probable, given the others.

    Attributes:
        topics_: (classes, vocabulary) p(w | y).
        weights_: (classes,) p(y) ∝ 1 + how many documents are of class y.
        beta_: β.
    """

    passes_ = 1
    feature_set = "class posteriors"

    def __init__(self, beta: float | None = None) -> None:
        self.beta = beta
        self.__post_init__()

    def __post_init__(self) -> None:
        if self.beta is not None and not self.beta > 0:
            raise ValueError(f"beta is {self.beta}; give a number above 0")

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> NaiveBayes:
        """Count words by class.

        Args:
            labels: (documents,) positions in ``corpus.classes``.

        Raises:
            UserError: no labels, no documents, or an empty one.
        """
        require_documents(corpus)
        if labels is None:
            raise UserError("naive Bayes: the documents have no labels; give a class for each")
        self.vocabulary_, apart, counts = corpus.vocabulary, held_out(corpus), corpus.counts
        of_class = one_hot(labels, max(len(corpus.classes), int(labels.max()) + 1))

        def score(beta: float) -> float:
            topics, weights = estimated(counts[~apart], of_class[~apart], beta)
            return float(of_class[apart].multiply(log_joint(counts[apart], topics, weights)).sum())

        self.beta_ = best(SMOOTHING, score) if self.beta is None else self.beta
        self.topics_, self.weights_ = estimated(counts, of_class, self.beta_)
        return self

    def transform(self, corpus: Corpus) -> np.ndarray:
        """(documents, classes) log p(y | w_d): a document's most probable class has the largest.

        Raises:
            UserError: an empty document, or another vocabulary than that of the fit.
        """
        require_vocabulary(corpus, self.vocabulary_)
        joint = log_joint(corpus.counts, self.topics_, self.weights_)
        return np.asarray(joint - logsumexp(joint, axis=1, keepdims=True))

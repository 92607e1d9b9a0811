"""Held-out documents: the same two measures for every model, from the distributions that it exports.

What a model exports is one of the classes here: (K, vocabulary) word distributions and the prior of a document's state.
Log-likelihoods are in nats; `dgmbench.metrics.halves.per_token` divides them by tokens. Words outside the vocabulary
are dropped by the caller, for all models alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import logsumexp

from dgmbench.fast.text.proportions import fold_in
from dgmbench.metrics import logistic_normal
from dgmbench.metrics.halves import Completion, flat, halves, score
from dgmbench.metrics.topics import left_to_right


@dataclass(frozen=True, eq=False)
class Admixture:
    """Every token of a document has a topic of its own: theta ~ Dir(alpha), z ~ theta, w ~ phi_z.

    Attributes:
        topics: (K, vocabulary) phi, rows sum to 1.
        alpha: (K,) Dirichlet parameters.
    """

    topics: np.ndarray
    alpha: np.ndarray

    @property
    def prior(self) -> np.ndarray:
        return self.alpha

    def proportions(self, given: sparse.csr_matrix, threads: int = 1) -> np.ndarray:
        """(documents, K) theta, estimated from (documents, vocabulary) counts by `dgmbench.fast.text.proportions`."""
        return fold_in(self.topics, self.alpha, given, threads=threads)


@dataclass(frozen=True, eq=False)
class Mixture:
    """All tokens of a document are of one component: c ~ weights, w ~ phi_c.

    Attributes:
        topics: (K, vocabulary) phi, rows sum to 1.
        weights: (K,) sum to 1.
    """

    topics: np.ndarray
    weights: np.ndarray

    @property
    def prior(self) -> np.ndarray:
        return self.weights

    def log_joint(self, counts: sparse.csr_matrix) -> np.ndarray:
        """(documents, K) log p(c) + log p(w_d | c) of (documents, vocabulary) counts."""
        with np.errstate(divide="ignore"):  # a word that a component does not have: minus infinity
            return np.log(self.weights) + counts @ np.log(self.topics.T)

    def proportions(self, given: sparse.csr_matrix, threads: int = 1) -> np.ndarray:
        """(documents, K) p(c | given); the weights for a document that no component can have."""
        joint = self.log_joint(given)
        possible = np.isfinite(joint.max(axis=1))
        found = np.tile(self.weights, (len(joint), 1))
        found[possible] = np.exp(joint[possible] - logsumexp(joint[possible], axis=1, keepdims=True))
        return found


@dataclass(frozen=True, eq=False)
class LogisticNormal:
    """As `Admixture`, with theta = softmax(eta), eta ~ N(mean, covariance): proportions that correlate.

    Attributes:
        topics: (K, vocabulary) phi, rows sum to 1.
        mean: (K,).
        covariance: (K, K).
    """

    topics: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    @property
    def prior(self) -> np.ndarray:
        return self.mean

    def proportions(self, given: sparse.csr_matrix, threads: int = 1) -> np.ndarray:
        """(documents, K) mean of theta, given (documents, vocabulary) counts, by sampling."""
        return logistic_normal.mean_proportions(self.topics, self.mean, self.covariance, given, threads)


DocumentModel = Admixture | Mixture | LogisticNormal


def complete(model: DocumentModel, documents: Sequence[np.ndarray], seed: int = 0, *, threads: int = 1) -> Completion:
    """Σ_n log p(w_n | given half) over the scored half of each document: every token by itself, given the other half.

    Args:
        documents: the word numbers of each document.
        seed: of the split, which depends on nothing else: models are compared on the same tokens.

    Raises:
        UserError: shapes that do not fit, or word numbers outside the vocabulary.
    """
    words, offsets = flat(model.topics, model.prior, documents)
    given, scored = halves(words, offsets, model.topics.shape[1], seed)
    return score(model.proportions(given, threads), model.topics, scored)


def log_marginal(
    model: DocumentModel, documents: Sequence[np.ndarray], particles: int = 20, seed: int = 0
) -> np.ndarray:
    """(documents,) log p(w_d), the document's state summed out: exact for a mixture, else from left to right.

    Raises:
        UserError: shapes that do not fit, or word numbers outside the vocabulary.
    """
    if isinstance(model, Admixture):
        return left_to_right(model.topics, model.alpha, documents, particles, seed)
    if isinstance(model, LogisticNormal):
        flat(model.topics, model.prior, documents)
        return logistic_normal.left_to_right(model.topics, model.mean, model.covariance, documents, particles, seed)
    words, offsets = flat(model.topics, model.prior, documents)
    ones = np.ones(len(words), np.int32)
    counts = sparse.csr_matrix((ones, words, offsets), shape=(len(documents), model.topics.shape[1]))
    return np.asarray(logsumexp(model.log_joint(counts), axis=1))

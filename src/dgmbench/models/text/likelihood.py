"""How well topic assignments explain a corpus, and the Dirichlet prior that fits them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from scipy import sparse
from scipy.special import digamma, gammaln

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text.layout import topic_counts

_LEAST_ALPHA = 1e-5  # a topic with a parameter of zero would never come back


class Sampler(Protocol):
    """What has a topic for each token of a corpus."""

    n_topics: int
    beta: float

    @property
    def topics(self) -> np.ndarray:
        """(tokens,) in document order."""


class Sums(Protocol):
    """What follows from the topics that a sampler has now."""

    def outcome(self, alpha: np.ndarray) -> tuple[sparse.csr_matrix, float]:
        """`word_topic_counts` and `joint_log_likelihood`."""

    def fitted_alpha(self, alpha: np.ndarray) -> np.ndarray:
        """See the function `fitted_alpha`."""


class SumsInMemory(NamedTuple):
    """`Sums` over topics that are in the memory of this process."""

    corpus: Corpus
    sampler: Sampler

    def outcome(self, alpha: np.ndarray) -> tuple[sparse.csr_matrix, float]:
        topics = self.sampler.topics
        counts = word_topic_counts(self.corpus, topics, self.sampler.n_topics)
        return counts, joint_log_likelihood(self.corpus, topics, alpha, self.sampler.beta)

    def fitted_alpha(self, alpha: np.ndarray) -> np.ndarray:
        return fitted_alpha(document_topic_counts(self.corpus, self.sampler.topics, self.sampler.n_topics), alpha)


def document_topic_counts(corpus: Corpus, topics: np.ndarray, n_topics: int) -> sparse.csr_matrix:
    """(documents, n_topics) tokens of each topic in each document; ``topics`` (tokens,) in document order."""
    return topic_counts(corpus.offsets, topics, n_topics)


def word_topic_counts(corpus: Corpus, topics: np.ndarray, n_topics: int) -> sparse.csr_matrix:
    """(vocabulary, n_topics) tokens of each topic among each word's; ``topics`` (tokens,) in document order."""
    ones = np.ones(corpus.n_tokens, np.int32)
    return sparse.csr_matrix((ones, (corpus.words, topics.astype(np.int32))), shape=(corpus.n_words, n_topics))


def joint_log_likelihood(corpus: Corpus, topics: np.ndarray, alpha: np.ndarray, beta: float) -> float:
    """log p(w, z | alpha, beta) / tokens in nats, topics and proportions integrated out (Griffiths, Steyvers 2004).

    Args:
        topics: (tokens,) the topic of each token, in document order.
        alpha: (n_topics,) Dirichlet parameters of the proportions.
        beta: the symmetric Dirichlet parameter of the topics.
    """
    of_documents = document_topic_counts(corpus, topics, len(alpha))
    of_words = word_topic_counts(corpus, topics, len(alpha))
    log_z = proportions_log_likelihood(of_documents, alpha)
    return (log_z + topics_log_likelihood(of_words, beta)) / corpus.n_tokens


def proportions_log_likelihood(counts: sparse.csr_matrix, alpha: np.ndarray) -> float:
    """log p(z | alpha) in nats, from the (documents, n_topics) tokens of each topic in each document."""
    prior = alpha[counts.indices]
    log_z = np.sum(gammaln(counts.data + prior) - gammaln(prior))
    return float(log_z - np.sum(gammaln(_sums(counts) + alpha.sum()) - gammaln(alpha.sum())))


def topics_log_likelihood(counts: sparse.csr_matrix, beta: float) -> float:
    """log p(w | z, beta) in nats, from the (vocabulary, n_topics) tokens of each topic among each word's."""
    log_w = np.sum(gammaln(counts.data + beta) - gammaln(beta))
    v_beta, sizes = counts.shape[0] * beta, np.bincount(counts.indices, counts.data, counts.shape[1])
    return float(log_w - np.sum(gammaln(sizes + v_beta) - gammaln(v_beta)))


def fitted_alpha(counts: sparse.csr_matrix, alpha: np.ndarray, *, iterations: int = 20) -> np.ndarray:
    """(n_topics,) Dirichlet parameters nearer to the maximum of p(z | alpha), by Minka's fixed point (2000, eq. 55).

    Args:
        counts: (documents, n_topics) topic counts of the documents.
        alpha: (n_topics,) where to start.
    """

    def gains(alpha: np.ndarray) -> np.ndarray:
        return np.bincount(counts.indices, alpha_terms(counts, alpha), minlength=len(alpha))

    return fixed_point(alpha, _sums(counts), gains, iterations=iterations)


def fixed_point(
    alpha: np.ndarray, lengths: np.ndarray, gains: Callable[[np.ndarray], np.ndarray], *, iterations: int = 20
) -> np.ndarray:
    """As `fitted_alpha`, given the (documents,) tokens of each document, and what sums `alpha_terms` up by topic."""
    for _ in range(iterations):
        alpha = alpha * gains(alpha) / np.sum(digamma(lengths + alpha.sum()) - digamma(alpha.sum()))
        alpha = np.maximum(alpha, _LEAST_ALPHA)
    return alpha


def alpha_terms(counts: sparse.csr_matrix, alpha: np.ndarray) -> np.ndarray:
    """Of each count that is not zero, in their order: digamma(n_dk + alpha_k) - digamma(alpha_k)."""
    prior = alpha[counts.indices]
    return np.asarray(digamma(counts.data + prior) - digamma(prior))


def _sums(counts: sparse.csr_matrix) -> np.ndarray:
    """(rows,) the sum of each row."""
    return np.asarray(counts.sum(axis=1)).ravel()

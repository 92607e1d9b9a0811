"""How well topic assignments explain a corpus, and the Dirichlet prior that fits them."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.special import digamma, gammaln

from dgmbench.data.corpora import Corpus

_LEAST_ALPHA = 1e-5  # a topic with a parameter of zero would never come back


def document_topic_counts(corpus: Corpus, topics: np.ndarray, n_topics: int) -> sparse.csr_matrix:
    """(documents, n_topics) tokens of each topic in each document; ``topics`` (tokens,) in document order."""
    ones = np.ones(corpus.n_tokens, np.int32)
    counts = sparse.csr_matrix((ones, topics.astype(np.int32), corpus.offsets), shape=(len(corpus), n_topics))
    counts.sum_duplicates()
    return counts


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
    prior = alpha[of_documents.indices]
    log_z = np.sum(gammaln(of_documents.data + prior) - gammaln(prior))
    log_z -= np.sum(gammaln(corpus.lengths + alpha.sum()) - gammaln(alpha.sum()))
    log_w = np.sum(gammaln(of_words.data + beta) - gammaln(beta))
    sizes = np.bincount(topics, minlength=len(alpha))
    log_w -= np.sum(gammaln(sizes + corpus.n_words * beta) - gammaln(corpus.n_words * beta))
    return float(log_z + log_w) / corpus.n_tokens


def fitted_alpha(counts: sparse.csr_matrix, alpha: np.ndarray, *, iterations: int = 20) -> np.ndarray:
    """(n_topics,) Dirichlet parameters nearer to the maximum of p(z | alpha), by Minka's fixed point (2000, eq. 55).

    Args:
        counts: (documents, n_topics) topic counts of the documents.
        alpha: (n_topics,) where to start.
    """
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    for _ in range(iterations):
        prior = alpha[counts.indices]
        gains = np.bincount(counts.indices, digamma(counts.data + prior) - digamma(prior), minlength=len(alpha))
        alpha = alpha * gains / np.sum(digamma(lengths + alpha.sum()) - digamma(alpha.sum()))
        alpha = np.maximum(alpha, _LEAST_ALPHA)
    return alpha

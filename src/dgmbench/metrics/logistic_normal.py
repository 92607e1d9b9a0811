"""Held-out documents under topics whose proportions are the softmax of a Gaussian vector, by Gibbs sampling.

Given a document's vector its topics are independent; given its topics the vector is resampled with Pólya-Gamma
variables (Chen, Zhu, Wang, Zheng, Zhang, NIPS 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse
from scipy.special import softmax

from dgmbench.fast.random import Stream
from dgmbench.fast.text import logistic_normal_documents as fast
from dgmbench.fast.text.dense import padded_rows
from dgmbench.fast.text.logistic_normal import resample

PASSES = 50, 400
"""Of the sampler of a document's proportions: before the mean begins, and those that it is of."""


def mean_proportions(
    topics: np.ndarray, mean: np.ndarray, covariance: np.ndarray, given: sparse.csr_matrix, threads: int = 1
) -> np.ndarray:
    """(documents, K) means of theta = softmax(eta), eta ~ N(mean, covariance), given the documents' words.

    Words that no topic has are left out; NaN where an array is not finite. A document's result depends on its number,
    and on no other document.

    Args:
        topics: (K, vocabulary) word probabilities.
        mean, covariance: (K,) and (K, K).
        given: (documents, vocabulary) counts.
        threads: they change no result.
    """
    if not _finite(topics, mean, covariance):
        return np.full((given.shape[0], len(mean)), np.nan)
    wide = padded_rows(np.ascontiguousarray(topics.T))
    known, precision = topics.max(axis=0) > 0, np.linalg.inv(covariance)

    def of_document(d: int) -> np.ndarray:
        row = slice(given.indptr[d], given.indptr[d + 1])
        words = np.repeat(given.indices[row], given.data[row])
        return fast.mean_proportions(  # `plain_mean_proportions`, compiled
            words[known[words]], wide, mean, precision, PASSES, (0, d), np.random.default_rng([0, d])
        )

    with ThreadPoolExecutor(threads) as pool:
        return np.array(list(pool.map(of_document, range(given.shape[0])))).reshape(-1, len(mean))


def plain_mean_proportions(
    words: np.ndarray,
    topics: np.ndarray,
    mean: np.ndarray,
    precision: np.ndarray,
    passes: tuple[int, int],
    named: tuple[int, int],
    rng: np.random.Generator,
) -> np.ndarray:
    """(K,) of one document, (tokens,) rows of ``topics`` (words, K)."""
    stream, eta, found = Stream(*named), mean[None].copy(), np.zeros(len(mean))
    for number in range(sum(passes)):
        z = [stream.draw(softmax(eta[0]) * topics[word]) for word in words]
        counts = np.bincount(np.array(z, int), minlength=len(mean))[None].astype(float)
        resample(eta, counts, mean, precision, rng)
        if number >= passes[0]:
            found += softmax(eta[0])
    return found / passes[1]


def left_to_right(
    topics: np.ndarray,
    mean: np.ndarray,
    covariance: np.ndarray,
    documents: Sequence[np.ndarray],
    particles: int = 20,
    seed: int = 0,
) -> np.ndarray:
    """(documents,) log p(w_d) by the left-to-right sampler, as `dgmbench.metrics.topics.left_to_right`.

    A particle is a vector eta. At each position it says how probable the next word is, particles go on in as many
    copies as they explained it well, and each is resampled given the words so far: p is estimated without bias.

    Args:
        topics, mean, covariance: as for `mean_proportions`.
        documents: the word numbers of each document, in order; an empty one has log-likelihood zero.
    """
    if not _finite(topics, mean, covariance):
        return np.full(len(documents), np.nan)
    precision, root = np.linalg.inv(covariance), np.linalg.cholesky(covariance)
    found = np.zeros(len(documents))
    for d, document in enumerate(documents):
        used, words = np.unique(np.asarray(document, np.int64), return_inverse=True)
        by_word, rng = np.ascontiguousarray(topics[:, used].T), np.random.default_rng([seed, d])
        eta = mean + rng.standard_normal((particles, len(mean))) @ root.T
        found[d] = fast.left_to_right(  # `plain_left_to_right`, compiled
            words, by_word, padded_rows(by_word), mean, precision, eta, (seed, d), rng
        )
    return found


def _finite(*arrays: np.ndarray) -> bool:
    """A sampler of what is not finite would not end."""
    return all(np.isfinite(values).all() for values in arrays)


def plain_left_to_right(
    words: np.ndarray,
    by_word: np.ndarray,
    mean: np.ndarray,
    precision: np.ndarray,
    eta: np.ndarray,
    named: tuple[int, int],
    rng: np.random.Generator,
) -> float:
    """log p of one document, (tokens,) rows of ``by_word`` (words, K), from (particles, K) draws of the Gaussian."""
    stream, (particles, K), result = Stream(*named), eta.shape, 0.0
    for n, word in enumerate(words):
        explained = softmax(eta, axis=1) @ by_word[word]  # (particles,) p(w_n | eta)
        result += float(np.log(explained.mean()))
        # systematic resampling: a particle goes on in R explained / Σ explained copies, rounded up or down
        points = (np.arange(particles) + stream.random()) * explained.mean()
        eta = eta[np.minimum(np.searchsorted(np.cumsum(explained), points, side="right"), particles - 1)]
        theta, counts = softmax(eta, axis=1), np.zeros(eta.shape)
        for r in range(particles):
            z = [stream.draw(theta[r] * by_word[earlier]) for earlier in words[: n + 1]]
            counts[r] = np.bincount(z, minlength=K)
        resample(eta, counts, mean, precision, rng)
    return result

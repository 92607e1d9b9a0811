"""Held-out documents under topics with a logistic normal prior: their proportions, and how probable they are."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast.random import advance, stream, unit
from dgmbench.fast.text.dense import BLOCK, draw
from dgmbench.fast.text.logistic_normal import resample


@njit(error_model="numpy")
def _softmax(eta: np.ndarray, theta: np.ndarray, wide: np.ndarray) -> None:
    """Into ``theta`` (K,) and, for drawing, ``wide`` (padded K,) float32."""
    largest, total = eta.max(), 0.0
    for k in range(eta.shape[0]):
        theta[k] = np.exp(eta[k] - largest)
        total += theta[k]
    for k in range(eta.shape[0]):
        theta[k] /= total
        wide[k] = theta[k]


@njit(cache=True, nogil=True, error_model="numpy")
def mean_proportions(
    words: np.ndarray,
    topics: np.ndarray,
    mean: np.ndarray,
    precision: np.ndarray,
    passes: tuple[int, int],
    named: tuple[int, int],
    rng: np.random.Generator,
) -> np.ndarray:
    """`dgmbench.metrics.logistic_normal.plain_mean_proportions`, compiled, of one document: (K,).

    Args:
        words: (tokens,) rows of ``topics``.
        topics: (words, padded K) float32 word probabilities, zero from K on.
        passes: that are made before the mean begins, and that it is of.
        named: the numbers of the topics' random stream.
    """
    K, width = mean.shape[0], topics.shape[1]
    s0, s1 = stream(named[0], named[1], 0)
    eta, counts, theta, found = mean.copy().reshape(1, K), np.zeros((1, K)), np.zeros(K), np.zeros(K)
    wide, none, masses = np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros(width // BLOCK, np.float32)
    _softmax(eta[0], theta, wide)
    for number in range(passes[0] + passes[1]):
        counts[:] = 0
        for w in words:
            s0, s1, bits = advance(s0, s1)
            counts[0, draw(bits, wide, none, topics[w], masses, K)] += 1
        resample(eta, counts, mean, precision, rng)
        _softmax(eta[0], theta, wide)
        if number >= passes[0]:
            found += theta
    return found / passes[1]


@njit(cache=True, nogil=True, error_model="numpy")
def left_to_right(
    words: np.ndarray,
    by_word: np.ndarray,
    topics: np.ndarray,
    mean: np.ndarray,
    precision: np.ndarray,
    eta: np.ndarray,
    named: tuple[int, int],
    rng: np.random.Generator,
) -> float:
    """`dgmbench.metrics.logistic_normal.plain_left_to_right`, compiled, of one document.

    Args:
        words: (tokens,) rows of ``by_word`` and ``topics``, in order.
        by_word: (words, K) word probabilities.
        topics: (words, padded K) the same in float32, zero from K on.
        eta: (particles, K) draws of the Gaussian, changed in place.
        named: the numbers of the topics' random stream.
    """
    (particles, K), width = eta.shape, topics.shape[1]
    s0, s1 = stream(named[0], named[1], 0)
    counts, theta, explained, result = np.zeros((particles, K)), np.zeros(K), np.empty(particles), 0.0
    wide, none = np.zeros((particles, width), np.float32), np.zeros(width, np.float32)
    masses = np.zeros(width // BLOCK, np.float32)
    for n in range(words.shape[0]):
        for r in range(particles):
            _softmax(eta[r], theta, wide[r])
            explained[r] = np.dot(theta, by_word[words[n]])
        probability = explained.sum() / particles
        result += np.log(probability)
        if probability == 0:  # a word that no topic has: minus infinity, whatever follows
            break
        s0, s1, bits = advance(s0, s1)
        points = (np.arange(particles) + unit(bits)) * probability
        parents = np.minimum(np.searchsorted(np.cumsum(explained), points, side="right"), particles - 1)
        eta, wide = eta[parents], wide[parents]
        counts[:] = 0
        for r in range(particles):
            for m in range(n + 1):
                s0, s1, bits = advance(s0, s1)
                counts[r, draw(bits, wide[r], none, topics[words[m]], masses, K)] += 1
        resample(eta, counts, mean, precision, rng)
    return result

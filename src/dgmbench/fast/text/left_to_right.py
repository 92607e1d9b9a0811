"""The left-to-right sampler of a document's probability."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast.random import advance, stream, unit
from dgmbench.fast.text.dense import BLOCK, draw, padded_rows


def left_to_right(
    topics: np.ndarray, alpha: np.ndarray, words: np.ndarray, offsets: np.ndarray, particles: int, seed: int
) -> np.ndarray:
    """(documents,) estimates of log p(w_d | phi, alpha): `metrics.topics.plain_left_to_right`."""
    used, rows = np.unique(words, return_inverse=True)
    by_word = np.ascontiguousarray(np.asarray(topics[:, used], np.float64).T)
    prior = np.asarray(alpha, np.float64)
    return _left_to_right(by_word, prior, padded_rows(by_word), padded_rows(prior), rows, offsets, particles, seed)


@njit(cache=True, nogil=True, error_model="numpy")
def _left_to_right(
    by_word: np.ndarray,
    alpha: np.ndarray,
    wide: np.ndarray,
    wide_alpha: np.ndarray,
    words: np.ndarray,
    offsets: np.ndarray,
    particles: int,
    seed: int,
) -> np.ndarray:
    """The estimates in float64 from ``by_word`` (words, K) and alpha; topics drawn from float32, padded to blocks."""
    K, n_documents, one = alpha.shape[0], offsets.shape[0] - 1, np.float32(1)
    result, alpha_sum = np.zeros(n_documents), alpha.sum()
    masses = np.empty(wide.shape[1] // BLOCK, np.float32)
    explained = np.empty(particles)
    counts = np.zeros((particles, wide.shape[1]), np.float32)  # n_k of each particle
    for d in range(n_documents):
        s0, s1 = stream(seed, d, 0)
        document = words[offsets[d] : offsets[d + 1]]
        z = np.zeros((particles, document.shape[0]), np.int64)
        counts[:] = 0
        for n in range(document.shape[0]):
            row = by_word[document[n]]
            for r in range(particles):
                for m in range(n):
                    counts[r, z[r, m]] -= one
                    s0, s1, bits = advance(s0, s1)
                    z[r, m] = draw(bits, counts[r], wide_alpha, wide[document[m]], masses, K)
                    counts[r, z[r, m]] += one
                mass = 0.0
                for k in range(K):
                    mass += (counts[r, k] + alpha[k]) * row[k]
                explained[r] = mass / (n + alpha_sum)
            probability = explained.sum() / particles
            result[d] += np.log(probability)
            if probability == 0:  # a word that no topic has: minus infinity, whatever follows
                break
            s0, s1, bits = advance(s0, s1)
            # systematic resampling: particle r goes on in R explained_r / Σ explained copies, rounded up or down
            points = (np.arange(particles) + unit(bits)) * probability
            parents = np.minimum(np.searchsorted(np.cumsum(explained), points), particles - 1)
            z, counts = z[parents], counts[parents]
            for r in range(particles):
                s0, s1, bits = advance(s0, s1)
                z[r, n] = draw(bits, counts[r], wide_alpha, wide[document[n]], masses, K)
                counts[r, z[r, n]] += one
    return result

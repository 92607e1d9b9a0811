"""Topic proportions of new documents, given the topics: no model is changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from scipy import sparse

from dgmbench.fast.text.layout import Counts

ITERATIONS = 200  # at most so many per document
_BATCHES_PER_THREAD = 4


def fold_in(
    topics: np.ndarray, alpha: np.ndarray, counts: sparse.csr_matrix, *, tolerance: float = 1e-4, threads: int = 1
) -> np.ndarray:
    """(documents, n_topics) float64 proportions, each row summing to one: `models.text.proportion_model.fold_in`.

    Deterministic; a document's result does not depend on the others.

    Args:
        topics: (n_topics, vocabulary) word probabilities.
        alpha: (n_topics,) Dirichlet parameters.
        counts: (documents, vocabulary) word counts.
        tolerance: stop when the proportions change by less than this in sum, or after `ITERATIONS`.
    """
    by_word = np.ascontiguousarray(topics.T, np.float32)
    prior = np.asarray(alpha, np.float32)
    bounds = np.linspace(0, counts.shape[0], threads * _BATCHES_PER_THREAD + 1).astype(int)
    rows = Counts(counts.indptr, counts.indices, counts.data.astype(np.float32))

    def run(begin: int, end: int) -> np.ndarray:
        return _fold_in(rows, by_word, prior, begin, end, tolerance)

    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(run, bounds[:-1], bounds[1:])))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _fold_in(
    rows: Counts, by_word: np.ndarray, alpha: np.ndarray, begin: int, end: int, tolerance: float
) -> np.ndarray:
    (offsets, words, counts), K = rows, alpha.shape[0]
    result = np.empty((end - begin, K))
    theta, gains = np.empty(K, np.float32), np.empty(K, np.float32)
    for d in range(begin, end):
        theta[:] = np.float32(1.0 / K)
        for _ in range(ITERATIONS):
            gains[:] = 0
            n = np.float32(0)
            for i in range(offsets[d], offsets[d + 1]):
                row = by_word[words[i]]
                mass = np.float32(0)
                for k in range(K):
                    mass += theta[k] * row[k]
                if mass <= 0:
                    continue
                n += counts[i]
                share = counts[i] / mass
                for k in range(K):
                    gains[k] += share * row[k]
            total = n + np.sum(alpha)
            change = np.float32(0)
            for k in range(K):
                new = (alpha[k] + theta[k] * gains[k]) / total
                change += abs(new - theta[k])
                theta[k] = new
            if change < tolerance:
                break
        total = np.sum(theta)
        for k in range(K):
            result[d - begin, k] = theta[k] / total
    return result

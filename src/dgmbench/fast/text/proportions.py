"""Topic proportions of new documents, given the topics: no model is changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from scipy import sparse

_BATCHES_PER_THREAD = 4


def fold_in(
    topics: np.ndarray,
    alpha: np.ndarray,
    counts: sparse.csr_matrix,
    *,
    iterations: int = 200,
    tolerance: float = 1e-4,
    threads: int = 1,
) -> np.ndarray:
    """(documents, n_topics) float64 proportions, each row summing to one: `models.text.proportion_model.fold_in`.

    Deterministic; a document's result does not depend on the others.

    Args:
        topics: (n_topics, vocabulary) word probabilities.
        alpha: (n_topics,) Dirichlet parameters.
        counts: (documents, vocabulary) word counts.
        iterations: at most so many per document.
        tolerance: stop when the proportions change by less than this in sum.
    """
    by_word = np.ascontiguousarray(topics.T, np.float32)
    prior = np.asarray(alpha, np.float32)
    parts = threads * _BATCHES_PER_THREAD if threads > 1 else 1
    bounds = np.linspace(0, counts.shape[0], parts + 1).astype(int)
    arrays = (counts.indptr, counts.indices, counts.data.astype(np.float32))

    def run(part: int) -> np.ndarray:
        return _fold_in(by_word, prior, *arrays, bounds[part], bounds[part + 1], iterations, tolerance)

    if threads == 1:
        return run(0)
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(run, range(parts))))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _fold_in(
    by_word: np.ndarray,
    alpha: np.ndarray,
    offsets: np.ndarray,
    words: np.ndarray,
    counts: np.ndarray,
    begin: int,
    end: int,
    iterations: int,
    tolerance: float,
) -> np.ndarray:
    K = alpha.shape[0]
    result = np.empty((end - begin, K))
    theta, gains = np.empty(K, np.float32), np.empty(K, np.float32)
    for d in range(begin, end):
        theta[:] = np.float32(1.0 / K)
        for _ in range(iterations):
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

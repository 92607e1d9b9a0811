"""The variational expectation step of documents whose topics give every word a score."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy import sparse

from dgmbench.fast.special import digamma


def expectation(
    counts: sparse.csr_matrix, scores: np.ndarray, theta: np.ndarray, alpha: float, passes: int
) -> tuple[float, np.ndarray]:
    """The bound and the expected counts of words and topics: `models.text.topicvec.expectation`.

    The tokens of one word in a document share pi, so that the work follows the document-word nonzeros.
    """
    highest = scores.max(axis=1)
    weights = np.exp(scores - highest[:, None])
    word_topic = np.zeros_like(weights)
    data = counts.data.astype(np.float64)
    bound = _expectation(counts.indptr, counts.indices, data, highest, weights, theta, alpha, passes, word_topic)
    return bound, word_topic


@njit(cache=True, nogil=True)
def _expectation(
    indptr: np.ndarray,
    words: np.ndarray,
    counts: np.ndarray,
    highest: np.ndarray,
    weights: np.ndarray,
    theta: np.ndarray,
    alpha: float,
    passes: int,
    word_topic: np.ndarray,
) -> float:
    K = weights.shape[1]
    log_phi, exp_phi, share, expected = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    bound = 0.0
    for d in range(len(indptr) - 1):
        for turn in range(passes):
            last = turn == passes - 1
            of_total = digamma(theta[d].sum())
            for k in range(K):
                log_phi[k] = digamma(theta[d, k]) - of_total
                exp_phi[k] = math.exp(log_phi[k])
                expected[k] = alpha
            if last:  # −KL(Dir(theta_d) ‖ Dir(alpha))
                bound += math.lgamma(K * alpha) - K * math.lgamma(alpha) - math.lgamma(theta[d].sum())
                for k in range(K):
                    bound += math.lgamma(theta[d, k]) + (alpha - theta[d, k]) * log_phi[k]
            for i in range(indptr[d], indptr[d + 1]):
                w, n = words[i], counts[i]
                total = 0.0
                for k in range(K):
                    share[k] = weights[w, k] * exp_phi[k]
                    total += share[k]
                scale = n / total
                for k in range(K):
                    share[k] *= scale
                    expected[k] += share[k]
                if last:
                    bound += n * (math.log(total) + highest[w])
                    for k in range(K):
                        word_topic[w, k] += share[k]
            theta[d] = expected
    return bound

"""The variational expectation step of documents whose topics give every word a score."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy import sparse

from dgmbench.fast.special import digamma
from dgmbench.fast.text.layout import Counts


def expectation(
    counts: sparse.csr_matrix, scores: np.ndarray, theta: np.ndarray, alpha: float, passes: int
) -> tuple[float, np.ndarray]:
    """The bound and the expected counts of words and topics: `models.text.topicvec.expectation`.

    The tokens of one word in a document share pi, so that the work follows the document-word nonzeros.
    """
    highest = scores.max(axis=1)
    weights = np.exp(scores - highest[:, None])
    rows = Counts(counts.indptr, counts.indices, counts.data.astype(np.float64))
    return _expectation(rows, highest, weights, theta, alpha, passes)


@njit(cache=True, nogil=True)
def _expectation(
    rows: Counts, highest: np.ndarray, weights: np.ndarray, theta: np.ndarray, alpha: float, passes: int
) -> tuple[float, np.ndarray]:
    (offsets, words, counts), K = rows, weights.shape[1]
    word_topic = np.zeros_like(weights)
    log_phi, exp_phi, share, expected = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    bound = 0.0
    for d in range(len(offsets) - 1):
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
            for i in range(offsets[d], offsets[d + 1]):
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
    return bound, word_topic

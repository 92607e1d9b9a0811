"""A sweep over the topics of all tokens, given the documents' proportions, with the topics' words summed out."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast.random import advance, stream
from dgmbench.fast.text.dense import BLOCK, draw
from dgmbench.fast.text.layout import WordTokens


@njit(cache=True, error_model="numpy")
def sweep(tokens: WordTokens, theta: np.ndarray, beta: float, seed: int, number: int) -> None:
    """`dgmbench.models.text.ctm.sweep`, compiled: the same states from the same stream, up to rounding.

    Args:
        theta: (documents, padded K) float32, up to a factor for each document, zero from K on.
        seed, number: name the sweep's random stream.
    """
    offsets, documents, topics, sizes = tokens
    V, K, width = offsets.shape[0] - 1, sizes.shape[0], theta.shape[1]
    s0, s1 = stream(seed, number, 0)
    one, per_word, prior = np.float32(1), np.float32(beta), np.float32(V * beta)
    none, of_word = np.zeros(width, np.float32), np.zeros(width, np.float32)
    q, inverse = np.zeros(width, np.float32), np.zeros(width, np.float32)  # p(w | k) = (n_wk + beta) / (n_k + V beta)
    masses = np.zeros(width // BLOCK, np.float32)
    for k in range(K):
        inverse[k] = one / (np.float32(sizes[k]) + prior)
    for w in range(V):
        begin, end = offsets[w], offsets[w + 1]
        if begin == end:
            continue
        of_word[:] = 0
        for i in range(begin, end):
            of_word[topics[i]] += one
        for k in range(K):
            q[k] = (of_word[k] + per_word) * inverse[k]
        for i in range(begin, end):
            k = int(topics[i])
            of_word[k] -= one
            sizes[k] -= 1
            inverse[k] = one / (np.float32(sizes[k]) + prior)
            q[k] = (of_word[k] + per_word) * inverse[k]
            s0, s1, bits = advance(s0, s1)
            k = draw(bits, theta[documents[i]], none, q, masses, K)
            topics[i] = k
            of_word[k] += one
            sizes[k] += 1
            inverse[k] = one / (np.float32(sizes[k]) + prior)
            q[k] = (of_word[k] + per_word) * inverse[k]

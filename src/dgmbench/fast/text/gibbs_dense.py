"""Exact collapsed Gibbs sampling of LDA over all K topics at once: the faster order of work while K is small.

Tokens are visited word by word. With q_k = (n_wk + beta) / (n_k + V beta) kept up to date for the current word,
p(k) ∝ (n_dk + alpha_k) q_k is one vector product over a row of the document-topic counts.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint64

from dgmbench.fast.random import advance, stream
from dgmbench.fast.text.dense import BLOCK, block_mass
from dgmbench.fast.text.layout import WordTokens

_SHIFT = BLOCK.bit_length() - 1


@njit(cache=True, error_model="numpy")
def sweep(tokens: WordTokens, rows: np.ndarray, alpha: np.ndarray, beta: float, seed: int, number: int) -> None:
    """Resample the topic of every token once.

    Args:
        rows: (documents, padded K) float32 topic counts of the documents, changed in place.
        alpha: (padded K,) float32, zero from K on.
        seed, number: name the sweep's random stream.
    """
    offsets, documents, topics, sizes = tokens
    V, K, n_blocks = offsets.shape[0] - 1, sizes.shape[0], rows.shape[1] // BLOCK
    s0, s1 = stream(seed, number, 0)
    one, zero, per_word, prior = np.float32(1), np.float32(0), np.float32(beta), np.float32(V * beta)
    of_word, q, inverse = np.zeros_like(alpha), np.zeros_like(alpha), np.zeros_like(alpha)
    masses = np.zeros(n_blocks, np.float32)
    for k in range(K):
        inverse[k] = one / (np.float32(sizes[k]) + prior)
    for w in range(V):
        begin, end = offsets[w], offsets[w + 1]
        if begin == end:
            continue
        of_word[:] = zero
        for i in range(begin, end):
            of_word[topics[i]] += one
        for k in range(K):
            q[k] = (of_word[k] + per_word) * inverse[k]
        for i in range(begin, end):
            row, old = rows[documents[i]], int(topics[i])
            total = zero
            for block in range(n_blocks):
                masses[block] = block_mass(row, alpha, q, block * BLOCK)
                total += masses[block]
            # Take the token out of the sums alone: if it stays where it is, nothing has to be written.
            inverse_without = one / (np.float32(sizes[old] - 1) + prior)
            q_without = (of_word[old] - one + per_word) * inverse_without
            mass_without = (row[old] - one + alpha[old]) * q_without
            change = mass_without - (row[old] + alpha[old]) * q[old]
            masses[old >> _SHIFT] += change
            total += change
            s0, s1, bits = advance(s0, s1)
            u = np.float32((bits >> uint64(40)) * (1.0 / 16777216.0)) * total
            block = 0
            while block < n_blocks - 1 and u >= masses[block]:
                u -= masses[block]
                block += 1
            new = block * BLOCK
            stop = min(new + BLOCK, K) - 1
            while new < stop:
                u -= mass_without if new == old else (row[new] + alpha[new]) * q[new]
                if u < 0:
                    break
                new += 1
            if new == old:
                continue
            topics[i] = new
            row[old] -= one
            of_word[old] -= one
            sizes[old] -= 1
            inverse[old], q[old] = inverse_without, q_without
            row[new] += one
            of_word[new] += one
            sizes[new] += 1
            inverse[new] = one / (np.float32(sizes[new]) + prior)
            q[new] = (of_word[new] + per_word) * inverse[new]

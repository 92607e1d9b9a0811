"""A sweep of collapsed Gibbs sampling where each topic mixes counted words with words from a fixed distribution."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast.random import advance, stream, unit
from dgmbench.fast.text.dense import BLOCK, draw, padded_counts, padded_rows
from dgmbench.fast.text.layout import Tokens, WordTokens


def sweep(
    tokens: Tokens,
    switches: np.ndarray,
    alpha: np.ndarray,
    beta: float,
    mixture: float,
    features: np.ndarray,
    seed: int,
    number: int,
) -> None:
    """Resample topic and switch of every token, sorted by word: `models.text.lftm.sweep`."""
    (documents, words, topics), (K, V) = tokens, features.shape
    offsets, sizes = np.searchsorted(words, np.arange(V + 1)), np.bincount(topics[~switches], minlength=K)
    by_word = WordTokens(offsets, documents, topics, sizes)
    rows, part = padded_counts(documents, topics, K), padded_rows(mixture * features.T)
    _sweep(by_word, switches, rows, padded_rows(alpha), part, 1 - mixture, beta, seed, number)


@njit(cache=True, error_model="numpy")
def _sweep(
    tokens: WordTokens,
    switches: np.ndarray,
    rows: np.ndarray,
    alpha: np.ndarray,
    features: np.ndarray,
    share: float,
    beta: float,
    seed: int,
    number: int,
) -> None:
    offsets, documents, topics, sizes = tokens
    V, K, one = offsets.shape[0] - 1, sizes.shape[0], np.float32(1)
    s0, s1 = stream(seed, number, 1)
    of_word, q = np.zeros(K), np.zeros(rows.shape[1], np.float32)
    masses = np.empty(rows.shape[1] // BLOCK, np.float32)
    for w in range(V):
        begin, end, part = offsets[w], offsets[w + 1], features[w]
        of_word[:] = 0
        for i in range(begin, end):
            if not switches[i]:
                of_word[topics[i]] += 1
        for k in range(K):
            q[k] = part[k] + share * (of_word[k] + beta) / (sizes[k] + V * beta)
        for i in range(begin, end):
            row, k = rows[documents[i]], topics[i]
            row[k] -= one
            if not switches[i]:
                of_word[k] -= 1
                sizes[k] -= 1
                q[k] = part[k] + share * (of_word[k] + beta) / (sizes[k] + V * beta)
            s0, s1, bits = advance(s0, s1)
            k = draw(bits, row, alpha, q, masses, K)
            s0, s1, bits = advance(s0, s1)
            switches[i] = unit(bits) * q[k] < part[k]
            topics[i] = k
            row[k] += one
            if not switches[i]:
                of_word[k] += 1
                sizes[k] += 1
                q[k] = part[k] + share * (of_word[k] + beta) / (sizes[k] + V * beta)

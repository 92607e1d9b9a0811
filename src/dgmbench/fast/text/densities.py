"""A sweep of collapsed Gibbs sampling over documents whose words have fixed weights under each topic."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast.random import advance, stream
from dgmbench.fast.text.dense import BLOCK, draw, padded_counts, padded_rows
from dgmbench.fast.text.layout import Tokens


def sweep(tokens: Tokens, alpha: np.ndarray, weights: np.ndarray, seed: int, number: int) -> None:
    """Resample the topic of every token, p(k) ∝ (n_dk + alpha_k) weights[k, w]: `models.text.gaussian_lda.sweep`."""
    K = len(alpha)
    rows = padded_counts(tokens.documents, tokens.topics, K)
    _sweep(tokens, rows, padded_rows(alpha), padded_rows(weights.T), K, seed, number)


@njit(cache=True, error_model="numpy")
def _sweep(
    tokens: Tokens, rows: np.ndarray, alpha: np.ndarray, weights: np.ndarray, K: int, seed: int, number: int
) -> None:
    documents, words, topics = tokens
    masses = np.empty(rows.shape[1] // BLOCK, np.float32)
    s0, s1 = stream(seed, number, 0)
    for i in range(words.shape[0]):
        row = rows[documents[i]]
        row[topics[i]] -= np.float32(1)
        s0, s1, bits = advance(s0, s1)
        topics[i] = draw(bits, row, alpha, weights[words[i]], masses, K)
        row[topics[i]] += np.float32(1)

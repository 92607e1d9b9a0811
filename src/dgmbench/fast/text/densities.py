"""A sweep of collapsed Gibbs sampling over documents whose words have fixed weights under each topic."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast.random import advance, stream
from dgmbench.fast.text.dense import BLOCK, draw, padded_counts, padded_prior


def sweep(
    documents: np.ndarray,
    words: np.ndarray,
    topics: np.ndarray,
    alpha: np.ndarray,
    weights: np.ndarray,
    seed: int,
    number: int,
) -> None:
    """Resample the topic of every token, p(k) ∝ (n_dk + alpha_k) weights[k, w]: `models.text.gaussian_lda.sweep`."""
    prior = padded_prior(alpha)
    wide = np.zeros((weights.shape[1], len(prior)), np.float32)
    wide[:, : len(alpha)] = weights.T
    _sweep(
        documents, words, topics, padded_counts(documents, topics, len(alpha)), prior, wide, len(alpha), seed, number
    )


@njit(cache=True, error_model="numpy")
def _sweep(
    documents: np.ndarray,
    words: np.ndarray,
    topics: np.ndarray,
    rows: np.ndarray,
    alpha: np.ndarray,
    weights: np.ndarray,
    K: int,
    seed: int,
    number: int,
) -> None:
    masses = np.empty(rows.shape[1] // BLOCK, np.float32)
    s0, s1 = stream(seed, number, 0)
    for i in range(words.shape[0]):
        row = rows[documents[i]]
        row[topics[i]] -= np.float32(1)
        s0, s1, bits = advance(s0, s1)
        topics[i] = draw(bits, row, alpha, weights[words[i]], masses, K)
        row[topics[i]] += np.float32(1)

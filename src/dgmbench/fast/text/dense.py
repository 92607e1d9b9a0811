"""Drawing a topic from (n_dk + alpha_k) q_k over all K topics at once, in blocks of one vector register."""

from __future__ import annotations

import numpy as np
from numba import njit, uint64

from dgmbench.fast.text.simd import BLOCK, block_mass

AHEAD = 4
"""Tokens between asking for a document's row and using it."""


def padded(n_topics: int) -> int:
    """The row length: K rounded up to whole blocks. Topics beyond K have alpha and q of zero and are never drawn."""
    return -(-n_topics // BLOCK) * BLOCK


def padded_prior(alpha: np.ndarray) -> np.ndarray:
    """(padded K,) float32, alpha and then zeros."""
    wide = np.zeros(padded(len(alpha)), np.float32)
    wide[: len(alpha)] = alpha
    return wide


@njit(error_model="numpy")
def draw(bits: int, row: np.ndarray, alpha: np.ndarray, q: np.ndarray, masses: np.ndarray, K: int) -> int:
    """k with probability ∝ (row_k + alpha_k) q_k.

    Args:
        bits: 64 random bits.
        row, alpha, q: (padded K,) float32, alpha and q zero from K on.
        masses: (padded K / BLOCK,) float32, room for the sums of the blocks.
    """
    total = np.float32(0)
    for block in range(masses.shape[0]):
        masses[block] = block_mass(row, alpha, q, block * BLOCK)
        total += masses[block]
    u = np.float32((bits >> uint64(40)) * (1.0 / 16777216.0)) * total
    block = 0
    while block < masses.shape[0] - 1 and u >= masses[block]:
        u -= masses[block]
        block += 1
    k = block * BLOCK
    stop = min(k + BLOCK, K) - 1
    while k < stop:
        u -= (row[k] + alpha[k]) * q[k]
        if u < 0:
            break
        k += 1
    return k

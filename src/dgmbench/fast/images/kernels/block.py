"""What an evaluation does between its matrix products to a block of samples of one image, in place.

Where a sum, an exponential and a division follow upon each other, each has its own loop over the row: a processor
looks some two hundred instructions ahead, and one long chain for every few numbers would leave it waiting.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast import FAST
from dgmbench.fast.special import exp

ONE, HALF, ZERO = np.float32(1), np.float32(0.5), np.float32(0)
# Factors in [√½, √2] whose product stays a float32 number: one logarithm for so many pixels.
FACTORS = 240
ROOT = np.float32(np.sqrt(0.5))
LOG_ROOT = float(np.log(np.float64(ROOT)))


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def sample(noise: np.ndarray, mean: np.ndarray, log_variance: np.ndarray, log_ratio: np.ndarray) -> None:
    """Noise (n, latent) becomes z = mean + σ · noise; log_ratio (n,) = ½ Σ (noise² − z² + log σ²) = log p(z) / q(z)."""
    n, width = noise.shape
    mean, deviation = mean.copy(), np.exp(HALF * log_variance)
    constant = HALF * log_variance.sum()
    for i in range(n):
        total = ZERO
        for j in range(width):
            e = noise[i, j]
            z = mean[j] + e * deviation[j]
            noise[i, j] = z
            total += (e - z) * (e + z)
        log_ratio[i] = HALF * total + constant


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def add_relu(rows: np.ndarray, bias: np.ndarray) -> None:
    """rows = max(0, rows + bias); ``rows`` (n, width), ``bias`` (width,)."""
    bias = bias.copy()  # an array made here: the compiler knows that it overlaps nothing, and vectorises the loop
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            value = rows[i, j] + bias[j]
            rows[i, j] = ZERO if value < ZERO else value  # in this order NaN stays NaN


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def add_sigmoid(scores: np.ndarray, bias: np.ndarray) -> None:
    """scores = σ(scores + bias); ``scores`` (n, slots), ``bias`` (slots,)."""
    n, slots = scores.shape
    bias, row = bias.copy(), np.empty(slots, np.float32)
    for i in range(n):
        for j in range(slots):
            row[j] = exp(-(scores[i, j] + bias[j]))
        for j in range(slots):
            scores[i, j] = ONE / (ONE + row[j])


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def bernoulli(rows: np.ndarray, bias: np.ndarray, x: np.ndarray, log_w: np.ndarray) -> None:
    """log_w_i += Σ_d x_d l_d − softplus(l_d), l = rows_i + bias; ``rows`` (n, pixels), ``bias`` and ``x`` (pixels,)."""
    n, pixels = rows.shape
    bias, x, products = bias.copy(), x.copy(), np.empty(n, np.float32)
    for start in range(0, pixels, FACTORS):
        stop = min(start + FACTORS, pixels)
        for i in range(n):
            linear, factors = ZERO, ONE
            for d in range(start, stop):
                logit = rows[i, d] + bias[d]
                linear += logit * x[d] - max(logit, ZERO)
                factors *= ROOT + ROOT * exp(-abs(logit))
            log_w[i] += linear
            products[i] = factors
        constant = np.float32((stop - start) * LOG_ROOT)
        for i in range(n):
            log_w[i] += constant - np.log(products[i])

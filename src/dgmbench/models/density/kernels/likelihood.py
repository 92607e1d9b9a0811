"""Log-likelihoods of binary pixels, and normal samples with their densities."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.models.density.kernels import FAST
from dgmbench.models.density.kernels.exponential import exp_negative, sigmoid

ONE, HALF, ZERO = np.float32(1), np.float32(0.5), np.float32(0)
FACTORS = 64  # factors in [1, 2] whose product stays a float32 number: one logarithm for so many pixels


@njit(cache=True, fastmath=FAST, error_model="numpy")
def bernoulli(logits: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """out_i = Σ_d x_d l_d − softplus(l_d); logits (k · batch, pixels), x (batch, pixels), out (k · batch,)."""
    n, pixels = logits.shape
    for i in range(n):
        row = i % x.shape[0]
        total = ZERO
        for start in range(0, pixels, FACTORS):
            linear, factors = ZERO, ONE
            for d in range(start, min(start + FACTORS, pixels)):
                logit = logits[i, d]
                linear += logit * x[row, d] - max(logit, ZERO)
                factors *= ONE + exp_negative(-abs(logit))
            total += linear - np.log(factors)
        out[i] = total


@njit(cache=True, fastmath=FAST, error_model="numpy")
def bernoulli_backward(grad: np.ndarray, logits: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """out = grad · (x − σ(logits)), row by row; grad (k · batch,)."""
    n, pixels = logits.shape
    for i in range(n):
        row = i % x.shape[0]
        for d in range(pixels):
            out[i, d] = grad[i] * (x[row, d] - sigmoid(logits[i, d]))


@njit(cache=True, fastmath=FAST, error_model="numpy")
def sample(
    mean: np.ndarray,
    log_variance: np.ndarray,
    deviation: np.ndarray,
    noise: np.ndarray,
    z: np.ndarray,
    log_ratio: np.ndarray,
) -> None:
    """z = mean + noise · deviation and log_ratio = ½ Σ (noise² − z² + log_variance), of shapes as in `sampling`."""
    samples, batch, width = noise.shape
    for i in range(samples):
        for b in range(batch):
            total = ZERO
            for j in range(width):
                e = noise[i, b, j]
                value = mean[b, j] + e * deviation[b, j]
                z[i, b, j] = value
                total += e * e - value * value + log_variance[b, j]
            log_ratio[i, b] = HALF * total


@njit(cache=True, fastmath=FAST, error_model="numpy")
def sample_backward(
    grad: np.ndarray,
    grad_ratio: np.ndarray,
    deviation: np.ndarray,
    noise: np.ndarray,
    z: np.ndarray,
    grad_mean: np.ndarray,
    grad_log_variance: np.ndarray,
) -> None:
    """Adds to the gradients by mean and log-variance (batch, width), which come as zeros."""
    samples, batch, width = noise.shape
    for i in range(samples):
        for b in range(batch):
            ratio = grad_ratio[i, b]
            for j in range(width):
                grad_mean[b, j] += grad[i, b, j] - ratio * z[i, b, j]
            for j in range(width):
                t = grad[i, b, j] - ratio * z[i, b, j]
                grad_log_variance[b, j] += HALF * (t * noise[i, b, j] * deviation[b, j] + ratio)

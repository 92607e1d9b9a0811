"""Log-likelihoods of binary pixels, and normal samples with their densities."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast import FAST
from dgmbench.fast.special import exp, sigmoid

Arrays = tuple[np.ndarray, ...]
ONE, HALF, ZERO = np.float32(1), np.float32(0.5), np.float32(0)
ROWS = 64  # rows summed in float32 before their sum goes to float64
FACTORS = 64  # factors in [1, 2] whose product stays a float32 number: one logarithm for so many pixels


@njit(cache=True, fastmath=FAST, error_model="numpy")
def bernoulli(logits: np.ndarray, x: np.ndarray, start: int, out: np.ndarray) -> None:
    """out_i = Σ_d x_d l_d − softplus(l_d) of logits (n, pixels) and x of image (start + i) mod batch; out (n,)."""
    n, pixels = logits.shape
    for i in range(n):
        row = (start + i) % x.shape[0]
        total = ZERO
        for part in range(0, pixels, FACTORS):
            linear, factors = ZERO, ONE
            for d in range(part, min(part + FACTORS, pixels)):
                logit = logits[i, d]
                linear += logit * x[row, d] - max(logit, ZERO)
                factors *= ONE + exp(-abs(logit))
            total += linear - np.log(factors)
        out[i] = total


@njit(cache=True, fastmath=FAST, error_model="numpy")
def bernoulli_backward(
    grad: np.ndarray, logits: np.ndarray, x: np.ndarray, images: np.ndarray, out: np.ndarray, totals: np.ndarray
) -> None:
    """out_i = grad_i · (x_{images_i} − σ(logits_i)); adds their sum to ``totals`` (pixels,) float64."""
    n, pixels = logits.shape
    s = np.empty(pixels, np.float32)
    for part in range(0, n, ROWS):
        s[:] = ZERO
        for i in range(part, min(part + ROWS, n)):
            row = images[i]
            g = grad[i]
            for d in range(pixels):
                value = g * (x[row, d] - sigmoid(logits[i, d]))
                out[i, d] = value
                s[d] += value
        for d in range(pixels):
            totals[d] += s[d]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def importance(log_w: np.ndarray, weights: np.ndarray) -> float:
    """weights = w_i / Σ_j w_j over the samples of each image, (k, batch); returns the mean of log (1/k) Σ_i w_i."""
    k, batch = log_w.shape
    total = 0.0
    for b in range(batch):
        largest = log_w[0, b]
        for i in range(k):
            largest = max(largest, log_w[i, b])
        mass = ZERO
        for i in range(k):
            weights[i, b] = np.exp(log_w[i, b] - largest)
            mass += weights[i, b]
        for i in range(k):
            weights[i, b] /= mass
        total += largest + np.log(mass / np.float32(k))
    return total / batch


@njit(cache=True, error_model="numpy")
def resample(weights: np.ndarray, places: np.ndarray, draws: int, counts: np.ndarray) -> None:
    """How often each sample of an image is drawn, by its weight: ``counts`` (k, batch), of an image Σ = draws.

    Systematic: image b's draws are at (places_b + 0 … draws − 1) / draws of its cumulated weights, 0 ≤ places < 1.
    """
    k, batch = weights.shape
    for b in range(batch):
        mass = 0.0
        for i in range(k):
            mass += weights[i, b]
        cumulated, drawn = 0.0, 0
        for i in range(k):
            cumulated += weights[i, b] / mass
            # what rounding leaves below 1 is the last sample's
            until = draws if i == k - 1 else min(draws, max(drawn, int(np.ceil(cumulated * draws - places[b]))))
            counts[i, b] = until - drawn
            drawn = until


@njit(cache=True, fastmath=FAST, error_model="numpy")
def sample(moments: Arrays, noise: np.ndarray, z: np.ndarray, log_ratio: np.ndarray) -> None:
    """z = mean + noise · deviation (k, batch, latent), log_ratio = ½ Σ (noise² − z² + log_variance) (k, batch).

    ``moments`` are mean, log-variance and deviation, each (batch, latent).
    """
    (mean, log_variance, deviation), (samples, batch, width) = moments, noise.shape
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
    grad: np.ndarray, weight: np.ndarray, grad_ratio: np.ndarray, path_only: bool, drawn: Arrays, grads: Arrays
) -> None:
    """Adds to ``grads``, by mean and log-variance (batch, width), which come as zeros.

    ``grad`` (rows, width) is what comes from the decoder, ``grad_ratio`` (rows,) that of the log-ratio; ``drawn`` are
    images (rows,), deviation (batch, width), and noise and z (rows, width) of `sample`. The whole gradient by z is
    t = weight · (grad − z · grad_ratio), with ``path_only`` t = weight · (grad + (noise / deviation − z) · grad_ratio);
    then ∂C/∂μ = Σ t and ∂C/∂log σ² = ½ Σ (t · noise · deviation + grad_ratio), the last term not with ``path_only``.
    """
    (images, deviation, noise, z), (grad_mean, grad_log_variance) = drawn, grads
    rows, width = noise.shape
    for i in range(rows):
        b, ratio, w = images[i], grad_ratio[i], weight[i]
        score = ZERO if path_only else ratio
        through = ratio if path_only else ZERO
        for j in range(width):
            e, s = noise[i, j], deviation[b, j]
            t = w * (grad[i, j] + ratio * (-z[i, j]) + through * e / s)
            grad_mean[b, j] += t
            grad_log_variance[b, j] += HALF * (t * e * s + score)

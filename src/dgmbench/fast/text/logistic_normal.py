"""Gaussian vectors whose softmax are topic proportions: resampled given topics, with Pólya-Gamma variables."""

from __future__ import annotations

import numpy as np
from numba import njit

_LOST = 1e-6  # a rest that is a smaller part of a sum is summed anew: taking it off leaves rounding alone
_NEAR_ZERO = 1e-2


@njit(error_model="numpy")
def polya_gamma(n: float, z: float, rng: np.random.Generator) -> float:
    """`dgmbench.models.text.ctm.polya_gamma`, compiled."""
    z = abs(z)
    if z < _NEAR_ZERO:
        mean, variance = n * (1 / 4 - z**2 / 48), n * (1 / 24 - z**2 / 120)
    else:
        e = np.exp(-z)
        t = (1 - e) / (1 + e)  # tanh(z / 2)
        mean, variance = n * t / (2 * z), n * (2 * t - z * (1 - t**2)) / (4 * z**3)
    largest = 2 / (np.pi**2 + z**2)
    rest, spread = mean - n * largest, variance - n * largest**2
    return largest * rng.standard_gamma(n) + spread / rest * rng.standard_gamma(rest**2 / spread)


@njit(cache=True, nogil=True, error_model="numpy")
def resample(
    eta: np.ndarray,
    counts: np.ndarray,
    mean: np.ndarray,
    precision: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """`dgmbench.models.text.ctm.resample_eta`, compiled: (documents, K) vectors change in place.

    Takes time in documents · K²: what depends on all topics, precision · (eta − mean) and Σ e^eta, is kept up to date.

    Args:
        counts: (documents, K) tokens of each topic.
        mean, precision: (K,) and (K, K) of the Gaussian.
    """
    K = mean.shape[0]
    pulled, parts = np.empty(K), np.empty(K)
    for d in range(eta.shape[0]):
        row = eta[d]
        n = 0.0
        for k in range(K):
            n += counts[d, k]
            parts[k] = row[k] - mean[k]
        for k in range(K):
            pulled[k] = np.dot(precision[k], parts)
        largest = row.max()
        total = 0.0
        for k in range(K):
            parts[k] = np.exp(row[k] - largest)
            total += parts[k]
        for k in range(K):
            rest = total - parts[k]
            if rest < _LOST * total:
                rest = 0.0
                for j in range(K):
                    if j != k:
                        rest += parts[j]
            zeta = largest + np.log(max(rest, 1e-300))
            old, of_prior = row[k], precision[k, k]
            lam = polya_gamma(n, old - zeta, rng) if n > 0 else 0.0
            weight = 1 / (of_prior + lam)
            centre = of_prior * old - pulled[k] + counts[d, k] - n / 2 + lam * zeta
            row[k] = weight * centre + np.sqrt(weight) * rng.standard_normal()
            parts[k] = np.exp(row[k] - largest)
            total = rest + parts[k]
            moved = row[k] - old
            for j in range(K):
                pulled[j] += moved * precision[k, j]

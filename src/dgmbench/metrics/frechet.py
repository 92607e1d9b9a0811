"""Fréchet distance: between the Gaussians with the means and covariances of two samples."""

from __future__ import annotations

import numpy as np

from dgmbench.metrics.resampling import Resampled, Weights, centred


def frechet_distance(x: np.ndarray, y: np.ndarray, drawn: Weights | None = None) -> Resampled:
    """‖μ_x − μ_y‖² + tr(C_x + C_y − 2 (C_x C_y)^½) (Heusel et al., NIPS 2017).

    It is biased upwards, the more the fewer examples there are: compare samples of equal size alone.

    Args:
        x, y: (n, width) and (m, width) features, at least two each.
        drawn: none leaves the draws empty.
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    observed = _distance(*_moments(x, np.ones(len(x))), *_moments(y, np.ones(len(y))))
    if drawn is None:
        return Resampled(observed, np.empty(0))
    pairs = zip(drawn.generated, drawn.held_out, strict=True)
    return centred(observed, np.array([_distance(*_moments(x, w), *_moments(y, v)) for w, v in pairs]))


def _moments(x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of examples that count w times each."""
    mean = w @ x / w.sum()
    away = x - mean
    return mean, (away * w[:, None]).T @ away / (w.sum() - 1)


def _distance(mean_x: np.ndarray, of_x: np.ndarray, mean_y: np.ndarray, of_y: np.ndarray) -> float:
    values, vectors = np.linalg.eigh(of_x)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    # C_x C_y has the eigenvalues of C_x^½ C_y C_x^½, which is symmetric
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ of_y @ root), 0)).sum()
    return float(((mean_x - mean_y) ** 2).sum() + np.trace(of_x) + np.trace(of_y) - 2 * shared)

"""Coordinate descent on a quadratic function plus the sum of absolute values."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def sweep_coordinates(H: np.ndarray, slope: np.ndarray, u: np.ndarray, sweeps: int) -> None:
    """Sweeps of coordinate descent: `metrics.linear_svm.plain_sweep_coordinates`."""
    for _ in range(sweeps):
        for j in range(len(u)):
            h = H[j, j]
            if h <= 0.0:
                continue
            goal = u[j] - slope[j] / h
            if goal > 1.0 / h:
                goal -= 1.0 / h
            elif goal < -1.0 / h:
                goal += 1.0 / h
            else:
                goal = 0.0
            change = goal - u[j]
            if change != 0.0:
                u[j] = goal
                for k in range(len(u)):
                    slope[k] += change * H[j, k]

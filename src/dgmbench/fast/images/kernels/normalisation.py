"""Batch norm and ReLU over a block of rows at a time: sums over all blocks first, then what follows from them."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast import FAST

ZERO = np.float32(0)
ROWS = 64  # rows summed in float32 before their sum goes to float64


@njit(cache=True, fastmath=FAST, error_model="numpy")
def add_moments(rows: np.ndarray, origin: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Add Σ d and Σ d² of d = rows − origin to ``first`` and ``second``, each (width,) float64.

    ``origin`` (width,) is some row: squares of a large mean would drown the variance.
    """
    n, width = rows.shape
    o = origin.copy()
    # arrays made here: the compiler knows that they overlap nothing, and vectorises the loops
    s, q = np.empty(width, np.float32), np.empty(width, np.float32)
    for start in range(0, n, ROWS):
        s[:] = ZERO
        q[:] = ZERO
        for i in range(start, min(start + ROWS, n)):
            for j in range(width):
                d = rows[i, j] - o[j]
                s[j] += d
                q[j] += d * d
        for j in range(width):
            first[j] += s[j]
            second[j] += q[j]


@njit(cache=True, error_model="numpy")
def finish_moments(
    n: int,
    origin: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    eps: float,
    mean: np.ndarray,
    inverse: np.ndarray,
) -> None:
    """Mean and 1 / sqrt(variance + eps) of n rows from their `add_moments`; sets the sums back to zero."""
    for j in range(len(mean)):
        shifted = first[j] / n
        mean[j] = origin[j] + shifted
        inverse[j] = 1.0 / np.sqrt(max(second[j] / n - shifted * shifted, 0.0) + eps)
        first[j] = 0.0
        second[j] = 0.0


@njit(cache=True, fastmath=FAST, error_model="numpy")
def normalise_relu(
    rows: np.ndarray, mean: np.ndarray, inverse: np.ndarray, scale: np.ndarray, shift: np.ndarray, out: np.ndarray
) -> None:
    """out = max(0, (rows − mean) · inverse · scale + shift); ``inverse`` is one over the standard deviation."""
    factor = inverse * scale
    offset = shift - mean * factor
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            value = rows[i, j] * factor[j] + offset[j]
            out[i, j] = ZERO if value < ZERO else value  # in this order NaN stays NaN


@njit(cache=True, fastmath=FAST, error_model="numpy")
def add_relu_gradient(
    grad: np.ndarray,
    rows: np.ndarray,
    mean: np.ndarray,
    inverse: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    out: np.ndarray,
) -> None:
    """out = the gradient behind the ReLU; adds its sum and the sum of it times (rows − mean), (width,) float64."""
    n, width = rows.shape
    factor = inverse * scale
    offset = shift - mean * factor
    centre = mean.copy()
    s, q = np.empty(width, np.float32), np.empty(width, np.float32)
    for start in range(0, n, ROWS):
        s[:] = ZERO
        q[:] = ZERO
        for i in range(start, min(start + ROWS, n)):
            for j in range(width):
                value = rows[i, j]
                g = grad[i, j] if value * factor[j] + offset[j] > ZERO else ZERO
                s[j] += g
                q[j] += g * (value - centre[j])
                out[i, j] = g
        for j in range(width):
            first[j] += s[j]
            second[j] += q[j]


@njit(cache=True, error_model="numpy")
def finish_gradient(
    n: int,
    first: np.ndarray,
    second: np.ndarray,
    mean: np.ndarray,
    inverse: np.ndarray,
    scale: np.ndarray,
    own: np.ndarray,
    own_unit: np.ndarray,
    grad_scale: np.ndarray,
    grad_shift: np.ndarray,
    slope: np.ndarray,
    constant: np.ndarray,
) -> None:
    """Gradients of scale and shift, and what `rows_gradient` needs; sets the sums back to zero.

    With u = scale · g + o the gradient by the normalised rows, of which o comes from elsewhere, and ``own`` = Σ o,
    ``own_unit`` = Σ o · unit: the gradient by the rows is inverse · (u − mean u − unit · mean(u · unit)).
    """
    for j in range(len(mean)):
        g, g_unit = first[j], second[j] * inverse[j]
        grad_shift[j] = g
        grad_scale[j] = g_unit
        slope[j] = -inverse[j] * inverse[j] * (scale[j] * g_unit + own_unit[j]) / n
        constant[j] = -inverse[j] * (scale[j] * g + own[j]) / n - slope[j] * mean[j]
        first[j] = 0.0
        second[j] = 0.0


@njit(cache=True, fastmath=FAST, error_model="numpy")
def rows_gradient(
    grad: np.ndarray,
    rows: np.ndarray,
    inverse: np.ndarray,
    scale: np.ndarray,
    slope: np.ndarray,
    constant: np.ndarray,
    out: np.ndarray,
) -> None:
    """out = inverse · scale · grad + slope · rows + constant."""
    factor = inverse * scale
    a, b = slope.copy(), constant.copy()
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            out[i, j] = factor[j] * grad[i, j] + a[j] * rows[i, j] + b[j]

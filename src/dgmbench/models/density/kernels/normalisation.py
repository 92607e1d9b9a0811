"""Batch norm and ReLU in one: two passes over the rows forward, two backward."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.models.density.kernels import FAST

ZERO = np.float32(0)
ROWS = 64  # rows summed in float32 before their sum goes to float64


@njit(cache=True, fastmath=FAST, error_model="numpy")
def moments(rows: np.ndarray, eps: float, mean: np.ndarray, inverse: np.ndarray) -> None:
    """Mean and 1 / sqrt(variance + eps) of each column; ``rows`` (n, width), ``mean`` and ``inverse`` (width,)."""
    n, width = rows.shape
    origin = rows[0].copy()  # sums of differences from some row: squares of a large mean would drown the variance
    first, second = np.zeros(width), np.zeros(width)
    # arrays made here: the compiler knows that they overlap nothing, and vectorises the loops
    s, q = np.empty(width, np.float32), np.empty(width, np.float32)
    for start in range(0, n, ROWS):
        s[:] = ZERO
        q[:] = ZERO
        for i in range(start, min(start + ROWS, n)):
            for j in range(width):
                d = rows[i, j] - origin[j]
                s[j] += d
                q[j] += d * d
        for j in range(width):
            first[j] += s[j]
            second[j] += q[j]
    for j in range(width):
        shifted = first[j] / n
        mean[j] = origin[j] + shifted
        inverse[j] = 1.0 / np.sqrt(max(second[j] / n - shifted * shifted, 0.0) + eps)


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
def normalise_relu_backward(
    grad: np.ndarray,
    rows: np.ndarray,
    mean: np.ndarray,
    inverse: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    grad_scale: np.ndarray,
    grad_shift: np.ndarray,
    grad_rows: np.ndarray,
) -> None:
    """Gradients of `normalise_relu` by scale, shift and rows, the mean and the deviation depending on the rows.

    With g the gradient behind the ReLU: Σ g · unit, Σ g, and factor · (g − mean g − unit · mean(g · unit)).
    """
    n, width = rows.shape
    factor = inverse * scale
    offset = shift - mean * factor
    centre = mean.copy()
    first, second = np.zeros(width), np.zeros(width)
    s, q = np.empty(width, np.float32), np.empty(width, np.float32)
    for start in range(0, n, ROWS):
        s[:] = ZERO
        q[:] = ZERO
        for i in range(start, min(start + ROWS, n)):
            for j in range(width):
                g = grad[i, j] if rows[i, j] * factor[j] + offset[j] > ZERO else ZERO
                s[j] += g
                q[j] += g * (rows[i, j] - centre[j])
        for j in range(width):
            first[j] += s[j]
            second[j] += q[j]
    slope, constant = np.empty(width, np.float32), np.empty(width, np.float32)
    for j in range(width):
        grad_shift[j] = first[j]
        grad_scale[j] = second[j] * inverse[j]
        # the third, sorted as factor · g + slope · rows + constant
        slope[j] = -factor[j] * inverse[j] * grad_scale[j] / n
        constant[j] = -factor[j] * grad_shift[j] / n - slope[j] * mean[j]
    for i in range(n):
        for j in range(width):
            x = rows[i, j]
            g = grad[i, j] if x * factor[j] + offset[j] > ZERO else ZERO
            grad_rows[i, j] = factor[j] * g + slope[j] * x + constant[j]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def fold(
    weight: np.ndarray,
    bias: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    out_weight: np.ndarray,
    out_bias: np.ndarray,
) -> None:
    """The linear layer that does what linear layer and batch norm by stored statistics do one after the other.

    ``variance`` comes with its eps added.
    """
    for o in range(weight.shape[0]):
        factor = np.float32(scale[o] / np.sqrt(variance[o]))
        out_bias[o] = (bias[o] - mean[o]) * factor + shift[o]
        for i in range(weight.shape[1]):
            out_weight[o, i] = weight[o, i] * factor

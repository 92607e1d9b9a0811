"""Batch norm and ReLU over a block of rows at a time: sums over all blocks first, then what follows from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from dgmbench.fast import FAST

ZERO = np.float32(0)
ROWS = 64  # rows summed in float32 before their sum goes to float64


class Norm(NamedTuple):
    """A batch norm, or the gradient of one.

    Attributes:
        unit: (2, width) mean and one over the standard deviation; of a gradient, slope and constant of `rows_gradient`.
        scale, shift: (width,).
    """

    unit: np.ndarray
    scale: np.ndarray
    shift: np.ndarray


@njit(cache=True, fastmath=FAST, error_model="numpy")
def add_moments(rows: np.ndarray, origin: np.ndarray, sums: np.ndarray) -> None:
    """Add Σ d and Σ d² of d = rows − origin to ``sums`` (2, width) float64.

    ``origin`` (width,) is some row: squares of a large mean would lose the variance to rounding.
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
            sums[0, j] += s[j]
            sums[1, j] += q[j]


@njit(cache=True, error_model="numpy")
def finish_moments(n: int, origin: np.ndarray, sums: np.ndarray, eps: float, unit: np.ndarray) -> None:
    """Mean and 1 / sqrt(variance + eps) of n rows, ``unit`` (2, width), from `add_moments`; sets the sums to zero."""
    for j in range(len(origin)):
        shifted = sums[0, j] / n
        unit[0, j] = origin[j] + shifted
        unit[1, j] = 1.0 / np.sqrt(max(sums[1, j] / n - shifted * shifted, 0.0) + eps)
        sums[:, j] = 0.0


@njit(cache=True, fastmath=FAST, error_model="numpy")
def normalise_relu(rows: np.ndarray, norm: Norm, out: np.ndarray) -> None:
    """out = max(0, (rows − mean) · inverse · scale + shift)."""
    factor = norm.unit[1] * norm.scale
    offset = norm.shift - norm.unit[0] * factor
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            value = rows[i, j] * factor[j] + offset[j]
            out[i, j] = ZERO if value < ZERO else value  # in this order NaN stays NaN


@njit(cache=True, fastmath=FAST, error_model="numpy")
def add_relu_gradient(grad: np.ndarray, rows: np.ndarray, norm: Norm, sums: np.ndarray, out: np.ndarray) -> None:
    """out = the gradient behind the ReLU; adds its sum and the sum of it times (rows − mean) to ``sums`` (2, width)."""
    n, width = rows.shape
    factor = norm.unit[1] * norm.scale
    offset = norm.shift - norm.unit[0] * factor
    centre = norm.unit[0].copy()
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
            sums[0, j] += s[j]
            sums[1, j] += q[j]


@njit(cache=True, error_model="numpy")
def finish_gradient(n: int, sums: np.ndarray, norm: Norm, own: np.ndarray, grads: Norm) -> None:
    """Gradients of scale and shift, and the line of `rows_gradient`, all into ``grads``; sets the sums to zero.

    With u = scale · g + o the gradient by the normalised rows, of which o comes from elsewhere, and ``own`` (2, width)
    = Σ o and Σ o · unit: the gradient by the rows is inverse · (u − mean u − unit · mean(u · unit)).
    """
    scale, inverse, line = norm.scale, norm.unit[1], grads.unit
    for j in range(len(scale)):
        g, g_unit = sums[0, j], sums[1, j] * inverse[j]
        grads.shift[j] = g
        grads.scale[j] = g_unit
        line[0, j] = -inverse[j] * inverse[j] * (scale[j] * g_unit + own[1, j]) / n
        line[1, j] = -inverse[j] * (scale[j] * g + own[0, j]) / n - line[0, j] * norm.unit[0, j]
        sums[:, j] = 0.0


@njit(cache=True, fastmath=FAST, error_model="numpy")
def rows_gradient(
    grad: np.ndarray, rows: np.ndarray, norm: Norm, line: np.ndarray, shares: np.ndarray, out: np.ndarray
) -> None:
    """out = inverse · scale · grad + share · (slope · rows + constant).

    ``line`` (2, width) is slope and constant, ``shares`` (n,) how many of all rows a row stands for.
    """
    factor = norm.unit[1] * norm.scale
    a, b = line[0].copy(), line[1].copy()
    for i in range(rows.shape[0]):
        share = shares[i]
        for j in range(rows.shape[1]):
            out[i, j] = factor[j] * grad[i, j] + share * (a[j] * rows[i, j] + b[j])

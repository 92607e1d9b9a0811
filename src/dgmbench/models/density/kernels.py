"""Compiled loops for the CPU where PyTorch's own would go over memory many times."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True)
def ladder_gate(h: np.ndarray, m: np.ndarray, ladder: np.ndarray, out: np.ndarray) -> None:
    """out = c1 + c2·h + c3·m + c4·h·m, all (rows, width); ladder (9, width)."""
    c1, c2, c3, c4 = ladder[5], ladder[6], ladder[7], ladder[8]
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            out[i, j] = c1[j] + c2[j] * h[i, j] + (c3[j] + c4[j] * h[i, j]) * m[i, j]


@njit(cache=True, fastmath=True)
def ladder_out(h: np.ndarray, m: np.ndarray, gate: np.ndarray, ladder: np.ndarray, out: np.ndarray) -> None:
    """out = max(0, a1 + a2·h + a3·m + a4·h·m + b1·gate)."""
    a1, a2, a3, a4, b1 = ladder[0], ladder[1], ladder[2], ladder[3], ladder[4]
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            value = a1[j] + a2[j] * h[i, j] + (a3[j] + a4[j] * h[i, j]) * m[i, j] + b1[j] * gate[i, j]
            out[i, j] = max(value, np.float32(0))


@njit(cache=True, fastmath=True)
def ladder_inputs(
    grad: np.ndarray,
    m: np.ndarray,
    h: np.ndarray,
    inner: np.ndarray,
    ladder: np.ndarray,
    grad_h: np.ndarray,
    grad_m: np.ndarray,
) -> None:
    """Gradients of the ladder by h and m, from those by its value (``grad``) and by the gate's argument (``inner``)."""
    a2, a3, a4, c2, c3, c4 = ladder[1], ladder[2], ladder[3], ladder[6], ladder[7], ladder[8]
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            both = grad[i, j] * a4[j] + inner[i, j] * c4[j]
            grad_h[i, j] = grad[i, j] * a2[j] + inner[i, j] * c2[j] + both * m[i, j]
        for j in range(h.shape[1]):
            both = grad[i, j] * a4[j] + inner[i, j] * c4[j]
            grad_m[i, j] = grad[i, j] * a3[j] + inner[i, j] * c3[j] + both * h[i, j]


@njit(cache=True, fastmath=True)
def gated_gradients(
    grad: np.ndarray, out: np.ndarray, gate: np.ndarray, ladder: np.ndarray, outer: np.ndarray, inner: np.ndarray
) -> None:
    """The gradient behind the ReLU (``outer``) and behind the sigmoid (``inner``)."""
    b1 = ladder[4]
    zero, one = np.float32(0), np.float32(1)
    for i in range(grad.shape[0]):
        for j in range(grad.shape[1]):
            outer[i, j] = grad[i, j] if out[i, j] > zero else zero
        for j in range(grad.shape[1]):
            inner[i, j] = outer[i, j] * b1[j] * gate[i, j] * (one - gate[i, j])


@njit(cache=True, fastmath=True)
def weighted_sums(weight: np.ndarray, h: np.ndarray, m: np.ndarray, sums: np.ndarray) -> None:
    """Column sums of weight × (1, h, m, h·m): ``sums`` (4, width)."""
    width = h.shape[1]
    # arrays made here: the compiler knows that they overlap nothing, and vectorises the loops
    s0, s1 = np.zeros(width, np.float32), np.zeros(width, np.float32)
    s2, s3 = np.zeros(width, np.float32), np.zeros(width, np.float32)
    for i in range(h.shape[0]):
        for j in range(width):
            s0[j] += weight[i, j]
            s1[j] += weight[i, j] * h[i, j]
        for j in range(width):
            product = weight[i, j] * m[i, j]
            s2[j] += product
            s3[j] += product * h[i, j]
    sums[0], sums[1], sums[2], sums[3] = s0, s1, s2, s3


@njit(cache=True, fastmath=True)
def column_dot(x: np.ndarray, y: np.ndarray, sums: np.ndarray) -> None:
    """Column sums of x·y: ``sums`` (width,)."""
    total = np.zeros(x.shape[1], np.float32)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total[j] += x[i, j] * y[i, j]
    sums[:] = total

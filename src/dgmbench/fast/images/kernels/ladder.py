"""The ladder composition of hidden units and what they read from a memory, one pass over the rows each way."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast import FAST
from dgmbench.fast.special import exp, sigmoid

Arrays = tuple[np.ndarray, ...]
ONE, ZERO = np.float32(1), np.float32(0)
ROWS = 64  # rows summed in float32 before their sum goes to float64


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def compose(h: np.ndarray, m: np.ndarray, ladder: np.ndarray, out: np.ndarray) -> None:
    """out = max(0, a1 + a2·h + a3·m + a4·h·m + b1·σ(c1 + c2·h + c3·m + c4·h·m)); it may be h itself.

    ``ladder`` (9, width), the rest (n, width). The sum, the exponential and the division have a loop each: a processor
    looks some two hundred instructions ahead, and one long chain for every few numbers would leave it waiting.
    """
    rows, width = h.shape
    a1, a2, a3, a4, b1, c1, c2, c3, c4 = columns_of(ladder)
    sums, gates = np.empty(width, np.float32), np.empty(width, np.float32)
    for i in range(rows):
        for j in range(width):
            x, y = h[i, j], m[i, j]
            sums[j] = a1[j] + a2[j] * x + (a3[j] + a4[j] * x) * y
            gates[j] = -(c1[j] + c2[j] * x + (c3[j] + c4[j] * x) * y)
        for j in range(width):
            gates[j] = exp(gates[j])
        for j in range(width):
            value = sums[j] + b1[j] / (ONE + gates[j])
            out[i, j] = ZERO if value < ZERO else value  # in this order NaN stays NaN


@njit(cache=True, fastmath=FAST, error_model="numpy")
def compose_backward(
    grad: np.ndarray,
    average: Arrays,
    state: Arrays,
    ladder: np.ndarray,
    rows: Arrays,
    grads: Arrays,
    totals: np.ndarray,
) -> None:
    """Gradients of `compose` by h and m, into ``grads``; adds the one by the ladder to ``totals`` (9, width) float64.

    The gradient by row i of its value is grad_i + share_i · (constant_{images_i} + slope · out_i): the last two are
    what comes through the average of the normalised rows; ``average`` is slope (width,) and constant (batch, width),
    ``rows`` images and shares, both (n,). ``state`` is h, m and out, as for `compose`.
    """
    (grad_slope, grad_constant), (h, m, out), (grad_h, grad_m) = average, state, grads
    (images, shares), (n, width) = rows, h.shape
    _, a2, a3, a4, b1, c1, c2, c3, c4 = columns_of(ladder)
    slope = grad_slope.copy()
    # arrays made here: the compiler knows that they overlap nothing, and vectorises the loops
    outer, inner, gates = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    s0, s1, s2 = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    s3, s4, s5 = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    s6, s7, s8 = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    for part in range(0, n, ROWS):
        for s in (s0, s1, s2, s3, s4, s5, s6, s7, s8):
            s[:] = ZERO
        for i in range(part, min(part + ROWS, n)):
            b, share = images[i], shares[i]
            for j in range(width):
                x, y = h[i, j], m[i, j]
                gate = sigmoid(c1[j] + c2[j] * x + (c3[j] + c4[j] * x) * y)
                value = out[i, j]
                g = grad[i, j] + share * (grad_constant[b, j] + slope[j] * value) if value > ZERO else ZERO
                gates[j] = gate
                outer[j] = g
                inner[j] = g * b1[j] * gate * (ONE - gate)
            for j in range(width):
                x, y = h[i, j], m[i, j]
                g, product = outer[j], outer[j] * y
                s0[j] += g
                s1[j] += g * x
                s2[j] += product
                s3[j] += product * x
                s4[j] += g * gates[j]
            for j in range(width):
                x, y = h[i, j], m[i, j]
                g, product = inner[j], inner[j] * y
                s5[j] += g
                s6[j] += g * x
                s7[j] += product
                s8[j] += product * x
            for j in range(width):
                g, d = outer[j], inner[j]
                grad_h[i, j] = g * a2[j] + d * c2[j] + (g * a4[j] + d * c4[j]) * m[i, j]
            for j in range(width):
                g, d = outer[j], inner[j]
                grad_m[i, j] = g * a3[j] + d * c3[j] + (g * a4[j] + d * c4[j]) * h[i, j]
        for r, s in enumerate((s0, s1, s2, s3, s4, s5, s6, s7, s8)):
            for j in range(width):
                totals[r, j] += s[j]


@njit(cache=True, fastmath=FAST, error_model="numpy", inline="always")
def columns_of(ladder: np.ndarray) -> Arrays:
    """Copies of the nine coefficient vectors."""
    c = ladder.copy()
    return c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def add_samples(rows: np.ndarray, start: int, sums: np.ndarray) -> None:
    """Add row i, the next after ``start`` rows of (k · batch), to sums_{(start + i) mod batch}; sums (batch, width)."""
    for i in range(rows.shape[0]):
        b = (start + i) % sums.shape[0]
        for j in range(rows.shape[1]):
            sums[b, j] += rows[i, j]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def attend_backward(grad: np.ndarray, attention: np.ndarray, totals: np.ndarray) -> None:
    """grad ← its value by the scores, before the sigmoid; adds its sum over the rows to ``totals`` (slots,) float64."""
    n, slots = grad.shape
    s = np.empty(slots, np.float32)
    for start in range(0, n, ROWS):
        s[:] = ZERO
        for i in range(start, min(start + ROWS, n)):
            for j in range(slots):
                a = attention[i, j]
                g = grad[i, j] * a * (ONE - a)
                grad[i, j] = g
                s[j] += g
        for j in range(slots):
            totals[j] += s[j]

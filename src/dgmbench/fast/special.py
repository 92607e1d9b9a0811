"""Special functions of compiled code, in a form that the compiler turns into vector instructions."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast import FAST

ONE = np.float32(1)
LOG2_E, LN_2 = np.float32(1.4426950408889634), np.float32(0.6931471805599453)
LOWEST = np.float32(-87)  # exp of less is no normal float32 number
# the Taylor series of exp on |r| ≤ ln 2 / 2, where its seventh term is below 2e-7
T2, T3, T4, T5, T6 = (np.float32(1 / f) for f in (2, 6, 24, 120, 720))
TO_WHOLE = np.float32(1.5 * 2**23)  # where float32 numbers are 1 apart: adding it rounds to a whole number


# Without reordered sums: rounding by adding and subtracting a large number depends on their order.
@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def exp(x: np.float32) -> np.float32:
    """exp(x) for |x| ≤ 87, and its value there beyond. The relative error is below 1e-7 · (2 + |x|)."""
    x = min(max(x, LOWEST), -LOWEST)
    shifted = np.float32(x * LOG2_E + TO_WHOLE)
    r = x - (shifted - TO_WHOLE) * LN_2
    q = r * r  # in pairs of terms, whose products need not wait for each other
    series = (ONE + r) + q * ((T2 + T3 * r) + q * ((T4 + T5 * r) + q * T6))
    # times 2ⁿ, by adding n, the lowest bits of the shifted number, to the exponent
    n = np.int32(np.float32(shifted).view(np.int32) << np.int32(23))
    return np.int32(np.float32(series).view(np.int32) + n).view(np.float32)


@njit(cache=True, nogil=True, fastmath=FAST, inline="always", error_model="numpy")
def sigmoid(x: np.float32) -> np.float32:
    """1 / (1 + exp(−x)), from 1e-38 to 1."""
    return ONE / (ONE + exp(-x))


@njit(cache=True, nogil=True)
def digamma(x: float) -> float:
    """psi(x) = d log Γ(x) / dx for x > 0: recurrence to x ≥ 6, then the asymptotic series. Error below 1e-10."""
    shift = 0.0
    while x < 6:
        shift -= 1 / x
        x += 1
    y = 1 / (x * x)
    return shift + np.log(x) - 0.5 / x - y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))

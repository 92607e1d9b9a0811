"""exp and the logistic function in float32, in a form that the compiler turns into vector instructions."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from dgmbench.models.density.kernels import FAST

ONE, HALF, ZERO = np.float32(1), np.float32(0.5), np.float32(0)
LOG2_E, LN_2 = np.float32(1.4426950408889634), np.float32(0.6931471805599453)
LOWEST = np.float32(-87)  # exp of less is no normal float32 number
# the Taylor series of exp on |r| ≤ ln 2 / 2, where its eighth term is below 6e-9
T2, T3, T4, T5, T6, T7 = (np.float32(1 / f) for f in (2, 6, 24, 120, 720, 5040))
TO_WHOLE = np.float32(1.5 * 2**23)  # where float32 numbers are 1 apart: adding it rounds to a whole number


@intrinsic
def _power_of_two(typing_context: Any, n: Any) -> Any:
    """2ⁿ for a whole float32 number n, by writing n into the exponent's bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(32)
        exponent = builder.add(builder.fptosi(arguments[0], integer), integer(127))
        return builder.bitcast(builder.shl(exponent, integer(23)), ir.FloatType())

    return types.float32(types.float32), generate


@intrinsic
def _truncate(typing_context: Any, x: Any) -> Any:
    """x without its fraction. (The library's floor is a call, which keeps a loop from being vectorised.)"""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.sitofp(builder.fptosi(arguments[0], ir.IntType(32)), ir.FloatType())

    return types.float32(types.float32), generate


@njit(cache=True, fastmath=FAST, inline="always", error_model="numpy")
def exp_negative(x: np.float32) -> np.float32:
    """exp(x) for x ≤ 0; exp(−87) below −87. The relative error is below 6e-8 · (2 + |x|)."""
    x = max(x, LOWEST)
    n: np.float32 = _truncate(x * LOG2_E - HALF)  # type: ignore[call-arg]  # to the nearest, for x ≤ 0
    r = x - n * LN_2
    series = ONE + r * (ONE + r * (T2 + r * (T3 + r * (T4 + r * (T5 + r * (T6 + r * T7))))))
    return series * _power_of_two(n)


@njit(cache=True, fastmath=FAST, inline="always", error_model="numpy")
def sigmoid(x: np.float32) -> np.float32:
    """1 / (1 + exp(−x))."""
    e = exp_negative(-abs(x))
    share = ONE / (ONE + e)
    return share if x >= ZERO else e * share


# Without the leave to reorder sums: rounding by adding and subtracting a large number lives on their order.
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

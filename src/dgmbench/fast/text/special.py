"""Special functions that compiled loops can call."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_LOG2_E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)


@intrinsic
def _as_float(typing: Any, bits: Any) -> Any:
    """The float32 with the bits of an int32."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), build


as_float: Any = _as_float


@njit(inline="always")
def exp32(x: Any) -> Any:
    """e^x in float32 with a relative error under 1e-6, x clipped to ±80; a loop of it over an array is vectorised.

    2^n e^r with |r| <= ln 2 / 2, e^r by its Taylor polynomial.
    """
    x = min(max(x, np.float32(-80)), np.float32(80))
    n = np.floor(x * _LOG2_E + np.float32(0.5))
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(0.5)
    p = p * r + np.float32(1)
    p = p * r + np.float32(1)
    return p * as_float((np.int32(n) + np.int32(127)) << np.int32(23))


@njit(cache=True)
def digamma(x: float) -> float:
    """psi(x) for x > 0, by recurrence and the asymptotic series."""
    shift = 0.0
    while x < 6:
        shift -= 1 / x
        x += 1
    y = 1 / (x * x)
    return shift + np.log(x) - 0.5 / x - y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))

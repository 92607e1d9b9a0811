"""Random numbers inside compiled kernels: a stream per (seed, sweep, part), independent of the number of threads."""

from typing import Any

import numpy as np
from numba import njit, uint64

# Written as uint64 throughout: one signed operand would make the shifts arithmetic.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2^-53


@njit(inline="always")
def _scramble(x: Any) -> Any:
    """The finaliser of splitmix64 (Steele, Lea, Flood, 2014)."""
    x = (x ^ (x >> uint64(30))) * _MIX_1
    x = (x ^ (x >> uint64(27))) * _MIX_2
    return x ^ (x >> uint64(31))


@njit(inline="always")
def _rotate(x: Any, bits: int) -> Any:
    return (x << uint64(bits)) | (x >> uint64(64 - bits))


@njit(inline="always")
def stream(seed: int, first: int, second: int) -> tuple[Any, Any]:
    """The start state of the stream named by three whole numbers."""
    x = _scramble(uint64(seed) + _GOLDEN)
    x = _scramble((x ^ uint64(first)) + _GOLDEN)
    x = _scramble((x ^ uint64(second)) + _GOLDEN)
    # A state of two zeros would stay so; the second word is odd.
    return x, _scramble(x + _GOLDEN) | uint64(1)


@njit(inline="always")
def advance(s0: Any, s1: Any) -> tuple[Any, Any, Any]:
    """One step of xoroshiro128+ (Blackman and Vigna, 2018): the next state and 64 random bits."""
    bits = s0 + s1
    s1 ^= s0
    return _rotate(s0, 24) ^ s1 ^ (s1 << uint64(16)), _rotate(s1, 37), bits


@njit(inline="always")
def unit(bits: Any) -> float:
    """Uniform on [0, 1), from the upper 53 bits."""
    return (bits >> uint64(11)) * _TO_UNIT

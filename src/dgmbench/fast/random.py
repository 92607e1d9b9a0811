"""Random numbers of compiled code.

`standard_normal` fills arrays by xoshiro128++ in parallel lanes (Blackman, Vigna, 2021) and the Box-Muller transform.
`stream` and `advance` give a sampler one number after the other, by xoroshiro128+ (Blackman, Vigna, 2018); `Stream`
gives plain Python the same numbers.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numba import njit, uint64

from dgmbench.fast import FAST

LANES = 16  # generators side by side: two vector registers of eight, so that one's latency hides in the other's
PAIRS = 2 * LANES  # numbers that a step gives

ONE, TWO, HALF, ZERO = np.float32(1), np.float32(2), np.float32(0.5), np.float32(0)
LN_2 = np.float32(0.6931471805599453)
SQRT_HALF = np.int32(0x3F3504F3)  # the bits of sqrt(1/2)
PI_2_31 = np.float32(np.pi / 2**32)
# artanh s / s in powers of s², for |s| ≤ (√2 − 1) / (√2 + 1): the next term is below 4e-10
A3, A5, A7, A9 = (np.float32(1 / n) for n in (3, 5, 7, 9))
# sin and cos by their Taylor series, for |angle| ≤ π / 2: the next terms are below 6e-8 and 7e-9
S3, S5, S7, S9, S11 = (np.float32(s) for s in (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800))
C2, C4, C6, C8, C10, C12 = (np.float32(c) for c in (-1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600))


def state_from(seed: bytes) -> np.ndarray:
    """The generators' state that follows from a seed of any length: (4, lanes) uint32."""
    return np.frombuffer(hashlib.shake_256(seed).digest(16 * LANES), np.uint32).reshape(4, LANES).copy()


@njit(cache=True, nogil=True, inline="always")
def _rotate(x: np.uint32, by: np.uint32) -> np.uint32:
    return np.uint32((x << by) | (x >> (np.uint32(32) - by)))


@njit(cache=True, nogil=True, inline="always")
def step(s0: np.ndarray, s1: np.ndarray, s2: np.ndarray, s3: np.ndarray, words: np.ndarray) -> None:
    """The next word, uniform in 32 bits, of every lane, into ``words`` (lanes,); the four rows of the state go on."""
    for lane in range(LANES):
        a, b, c, d = s0[lane], s1[lane], s2[lane], s3[lane]
        words[lane] = np.uint32(_rotate(np.uint32(a + d), np.uint32(7)) + a)
        shifted = np.uint32(b << np.uint32(9))
        c ^= a
        d ^= b
        s1[lane] = b ^ c
        s0[lane] = a ^ d
        s2[lane] = c ^ shifted
        s3[lane] = _rotate(d, np.uint32(11))


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def standard_normal(state: np.ndarray, out: np.ndarray) -> None:
    """Fill ``out`` (n,) float32 with independent N(0, 1) numbers; ``state`` goes on.

    Of two words the first gives the radius r = sqrt(−2 ln u) and a sign, the second an angle within the right half
    plane: ± r (cos, sin) then is uniform in direction. u has 31 bits, so that |number| stays below 6.7.
    """
    n = len(out)
    # arrays made here: the compiler knows that they overlap nothing, and vectorises the loops
    s0, s1, s2, s3 = state[0].copy(), state[1].copy(), state[2].copy(), state[3].copy()
    first, second = np.empty(LANES, np.uint32), np.empty(LANES, np.uint32)
    numbers = np.empty(PAIRS, np.float32)
    for start in range(0, n, PAIRS):
        step(s0, s1, s2, s3, first)
        step(s0, s1, s2, s3, second)
        for lane in range(LANES):
            word = first[lane]
            u = np.float32(np.int32(word >> np.uint32(1))) + HALF  # 2³¹ times a number in (0, 1]
            bits = np.float32(u).view(np.int32)
            exponent = np.int32(np.int32(bits - SQRT_HALF) >> np.int32(23))
            mantissa = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32)  # in [√½, √2)
            s = (mantissa - ONE) / (mantissa + ONE)
            q = s * s
            log = TWO * s * (ONE + q * (A3 + q * (A5 + q * (A7 + q * A9))))
            log += np.float32(np.int32(exponent - np.int32(31))) * LN_2
            radius = np.sqrt(max(-TWO * log, ZERO))
            radius = np.uint32(np.float32(radius).view(np.uint32) ^ np.uint32(word << np.uint32(31))).view(np.float32)
            angle = np.float32(np.int32(second[lane])) * PI_2_31
            t = angle * angle
            sine = angle * (ONE + t * (S3 + t * (S5 + t * (S7 + t * (S9 + t * S11)))))
            cosine = ONE + t * (C2 + t * (C4 + t * (C6 + t * (C8 + t * (C10 + t * C12)))))
            numbers[lane] = radius * cosine
            numbers[lane + LANES] = radius * sine
        for j in range(min(PAIRS, n - start)):
            out[start + j] = numbers[j]
    for lane in range(LANES):  # by lane: to assign rows takes four seconds more to compile
        state[0, lane], state[1, lane], state[2, lane], state[3, lane] = s0[lane], s1[lane], s2[lane], s3[lane]


# Written as uint64 throughout: one signed operand would make the shifts arithmetic.
_GOLDEN, _MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@njit(inline="always")
def _scramble(x: Any) -> Any:
    """The finaliser of splitmix64 (Steele, Lea, Flood, 2014)."""
    x = (x ^ (x >> uint64(30))) * _MIX_1
    x = (x ^ (x >> uint64(27))) * _MIX_2
    return x ^ (x >> uint64(31))


@njit(inline="always")
def _rotate_64(x: Any, by: int) -> Any:
    return (x << uint64(by)) | (x >> uint64(64 - by))


@njit(inline="always")
def stream(seed: int, first: int, second: int) -> tuple[Any, Any]:
    """The start state of the stream named by three whole numbers: of the seed, the sweep, the part of the sweep."""
    x = _scramble(uint64(seed) + _GOLDEN)
    x = _scramble((x ^ uint64(first)) + _GOLDEN)
    x = _scramble((x ^ uint64(second)) + _GOLDEN)
    # A state of two zeros would stay so; the second word is odd.
    return x, _scramble(x + _GOLDEN) | uint64(1)


@njit(inline="always")
def advance(s0: Any, s1: Any) -> tuple[Any, Any, Any]:
    """The next state of a stream, and 64 random bits."""
    bits = s0 + s1
    s1 ^= s0
    return _rotate_64(s0, 24) ^ s1 ^ (s1 << uint64(16)), _rotate_64(s1, 37), bits


@njit(inline="always")
def unit(bits: Any) -> float:
    """Uniform on [0, 1), from the upper 53 bits."""
    return (bits >> uint64(11)) * (1.0 / 2**53)


@njit(cache=True)
def _start(seed: int, first: int, second: int) -> np.ndarray:
    state = np.empty(2, np.uint64)
    state[0], state[1] = stream(seed, first, second)
    return state


@njit(cache=True)
def _next(state: np.ndarray) -> float:
    state[0], state[1], bits = advance(state[0], state[1])
    return unit(bits)


class Stream:
    """A stream for plain Python, so that a plain sampler visits the same states as its compiled form.

    Args:
        seed, first, second: its name, as for `stream`.
    """

    def __init__(self, seed: int, first: int, second: int = 0) -> None:
        self._state = _start(seed, first, second)

    def random(self) -> float:
        """The next number, uniform on [0, 1)."""
        return _next(self._state)

    def draw(self, weights: np.ndarray) -> int:
        """k with probability ∝ ``weights`` (K,)."""
        passed = np.cumsum(weights)
        return int(np.searchsorted(passed[:-1], self.random() * passed[-1], side="right"))

"""A sweep over the topics of documents whose classes take part in it by a hinge loss."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from dgmbench.fast.random import advance, stream, unit
from dgmbench.fast.special import exp


class Batch(NamedTuple):
    """Documents whose topics are sampled.

    Attributes:
        words: (tokens,) places in the rows of the word probabilities.
        offsets: (documents + 1,) document d has the tokens from ``offsets[d]`` to ``offsets[d + 1]``.
        topics: (tokens,) int64, changed in place; −1 for a token that has none yet.
        names: (documents,) uint64, the documents' part of the name of a random stream.
    """

    words: np.ndarray
    offsets: np.ndarray
    topics: np.ndarray
    names: np.ndarray


class Response(NamedTuple):
    """What is known of L classifiers' weights η, and how they are held to a margin.

    Attributes:
        mean: (L, K) E[η].
        second: (L, K, K) E[ηηᵀ].
        c: weight of the hinge loss.
        margin: l, what y η·z̄ should exceed.
    """

    mean: np.ndarray
    second: np.ndarray
    c: float
    margin: float


def sweep(
    batch: Batch, signs: np.ndarray, by_word: np.ndarray, alpha: float, response: Response, seed: int, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """`dgmbench.models.text.bayes_pa.sweep`, compiled: the same topics from the same streams, up to rounding."""
    return _sweep(
        batch,
        signs.astype(np.float32),
        by_word.astype(np.float32),
        response.mean.astype(np.float32),
        response.second.astype(np.float32),
        np.float32(alpha),
        float(response.c),
        float(response.margin),
        seed,
        number,
    )


@njit(error_model="numpy")
def _inverse_gaussian(mean: float, s0: Any, s1: Any) -> tuple[Any, Any, float]:
    """The next state of a stream, and `dgmbench.models.text.bayes_pa.inverse_gaussian` from three of its numbers."""
    s0, s1, first = advance(s0, s1)
    s0, s1, second = advance(s0, s1)
    s0, s1, third = advance(s0, s1)
    n = np.sqrt(-2 * np.log1p(-unit(first))) * np.cos(2 * np.pi * unit(second))
    w = mean * n * n
    ratio = 1 + 0.5 * (w + np.sqrt(w * (4 + w)))
    return s0, s1, mean / ratio if unit(third) * (1 + ratio) < ratio else mean * ratio


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _sweep(
    batch: Batch,
    signs: np.ndarray,
    by_word: np.ndarray,
    mean: np.ndarray,
    second: np.ndarray,
    alpha: np.float32,
    c: float,
    margin: float,
    seed: int,
    number: int,
) -> tuple[np.ndarray, np.ndarray]:
    (words, offsets, topics, names), (L, K), D = batch, mean.shape, batch.names.shape[0]
    means, inverse = np.empty((D, K), np.float32), np.empty((D, L))
    C, A, b = np.empty(K, np.float32), np.empty((K, K), np.float32), np.empty(K, np.float32)
    e, p, one = np.empty(K, np.float32), np.empty(K, np.float32), np.float32(1)
    for d in range(D):
        begin, end = offsets[d], offsets[d + 1]
        N = np.float32(end - begin)
        s0, s1 = stream(seed, number, names[d])
        C[:], A[:], b[:] = np.float32(0), np.float32(0), np.float32(0)
        for i in range(begin, end):
            if topics[i] >= 0:
                C[topics[i]] += one
        for y in range(L):
            at, spread, sign = np.float32(0), np.float32(0), signs[d, y]
            for k in range(K):
                if C[k] > 0:
                    row, product = second[y, k], np.float32(0)
                    for j in range(K):
                        product += row[j] * C[j]
                    at += mean[y, k] * C[k]
                    spread += product * C[k]
            square = margin * margin - 2 * margin * sign * at / N + spread / (N * N)  # E (l − y η·z̄)²
            s0, s1, x = _inverse_gaussian(1 / (c * np.sqrt(max(square, 1e-9 * margin * margin))), s0, s1)
            inverse[d, y] = x
            linear, quadratic = np.float32(c * sign * (1 + c * margin * x)), np.float32(c * c * x)
            for k in range(K):
                b[k] += linear * mean[y, k]
                for j in range(K):
                    A[k, j] += quadratic * second[y, k, j]
        scale = one / (N * N)
        if L:
            for k in range(K):
                product = np.float32(0)
                for j in range(K):
                    product += A[k, j] * C[j]
                e[k] = b[k] / N - scale * (product + np.float32(0.5) * A[k, k])
        for i in range(begin, end):
            row, old = by_word[words[i]], topics[i]
            if old >= 0:
                C[old] -= one
            for k in range(K):
                p[k] = (C[k] + alpha) * row[k]
            if L:
                if old >= 0:
                    for k in range(K):
                        e[k] += scale * A[old, k]
                top = e[0]
                for k in range(K):
                    top = max(top, e[k])
                for k in range(K):
                    p[k] *= exp(e[k] - top)
            total = np.float32(0)
            for k in range(K):
                total += p[k]
            s0, s1, bits = advance(s0, s1)
            u, new = np.float32(unit(bits)) * total, 0
            while new < K - 1:
                u -= p[new]
                if u < 0:
                    break
                new += 1
            topics[i] = new
            C[new] += one
            if L:
                for k in range(K):
                    e[k] -= scale * A[new, k]
        for k in range(K):
            means[d, k] = C[k] / N
    return means, inverse

"""Topics of dated tokens, given the proportions of documents and the words of topics, by Metropolis-Hastings."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from dgmbench.fast.random import advance, stream, unit
from dgmbench.fast.text.warp import alias_table


class DatedTokens(NamedTuple):
    """The tokens of a corpus in slices of time, and their topics.

    Attributes:
        order: (documents,) the documents, slice after slice.
        slices: (documents,) the slice of each document.
        offsets: (documents + 1,) document d has the tokens ``offsets[d]`` to ``offsets[d + 1]``.
        words: (tokens,) the word of each.
        topics: (tokens,) the topic of each, changed in place.
    """

    order: np.ndarray
    slices: np.ndarray
    offsets: np.ndarray
    words: np.ndarray
    topics: np.ndarray


@njit(inline="always")
def _proposed(bits: Any, thresholds: np.ndarray, aliases: np.ndarray) -> int:
    """A topic by an alias table; the fraction that is left of the number chooses the side."""
    x = unit(bits) * thresholds.shape[0]
    cell = int(x)
    return cell if x - cell < thresholds[cell] else int(aliases[cell])


@njit(cache=True, nogil=True, error_model="numpy")
def sweep(tokens: DatedTokens, theta: np.ndarray, psi: np.ndarray, pairs: int, seed: int, number: int) -> None:
    """`dgmbench.models.text.dynamic_topics.sweep`, compiled: the same states from the same stream.

    Args:
        theta: (documents, K) float64 proportions, up to a factor for each document.
        psi: (slices, vocabulary, K) float64 word probabilities of the topics in each slice.
        pairs: proposals of each kind for a token.
        seed, number: name the sweep's random stream.
    """
    order, slices, offsets, words, topics = tokens
    V, K = psi.shape[1], psi.shape[2]
    s0, s1 = stream(seed, number, 0)
    word_thresholds, word_aliases = np.empty((V, K)), np.empty((V, K), np.int64)
    made_for = np.full(V, -1)  # the slice whose table a word has
    for d in order:
        t = slices[d]
        thresholds, aliases = alias_table(theta[d])
        for i in range(offsets[d], offsets[d + 1]):
            w, k = words[i], int(topics[i])
            if made_for[w] != t:
                made_for[w] = t
                word_thresholds[w], word_aliases[w] = alias_table(psi[t, w])
            for _ in range(pairs):
                s0, s1, bits = advance(s0, s1)
                to = _proposed(bits, thresholds, aliases)
                s0, s1, bits = advance(s0, s1)
                if unit(bits) * psi[t, w, k] < psi[t, w, to]:
                    k = to
                s0, s1, bits = advance(s0, s1)
                to = _proposed(bits, word_thresholds[w], word_aliases[w])
                s0, s1, bits = advance(s0, s1)
                if unit(bits) * theta[d, k] < theta[d, to]:
                    k = to
            topics[i] = k

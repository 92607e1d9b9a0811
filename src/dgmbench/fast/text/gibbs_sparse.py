"""Exact collapsed Gibbs sampling of LDA whose cost per token follows the few topics of a document, not K.

Tokens are visited word by word, as in F+LDA (Yu, Hsieh, Yun, Vishwanathan, Dhillon, WWW 2015). With
q_k = (n_wk + beta) / (n_k + V beta) of the current word, a token of document d has

    p(k) ∝ n_dk q_k + alpha_k q_k.

The first part is summed over the topics that the document has. The second is kept as sums over blocks of about √K
topics, two of which change when a token moves; few draws fall into it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from dgmbench.fast.random import advance, stream, unit
from dgmbench.fast.text.layout import WordTokens


class Lists(NamedTuple):
    """Each document's topics, the most frequent roughly first; all but the starts change in place.

    Attributes:
        starts: (documents + 1,) where each document's list begins. There is one place more than a document can fill,
            because a new topic enters before the old one leaves.
        listed, counts: (places,) the topics and their counts.
        used: (documents,) the length of each list.
    """

    starts: np.ndarray
    listed: np.ndarray
    counts: np.ndarray
    used: np.ndarray


def list_topics(documents: np.ndarray, topics: np.ndarray, lengths: np.ndarray, n_topics: int) -> Lists:
    """The lists of tokens with these documents and topics, both (tokens,); ``lengths`` (documents,) tokens of each."""
    starts = np.cumsum([0, *(np.minimum(lengths, n_topics) + 1)])
    places = np.zeros(starts[-1], topics.dtype), np.zeros(starts[-1], np.int32)
    lists = Lists(starts, *places, np.zeros(len(lengths), np.int32))
    _fill(documents, topics, lists)
    return lists


@njit(cache=True)
def _fill(documents: np.ndarray, topics: np.ndarray, lists: Lists) -> None:
    starts, listed, counts, used = lists
    for i in range(topics.shape[0]):
        d, k = documents[i], int(topics[i])
        at = _find(k, listed, starts[d], used[d])
        used[d] = _add(at, k, listed, counts, starts[d], used[d])


@njit(cache=True, error_model="numpy")
def sweep(tokens: WordTokens, lists: Lists, alpha: np.ndarray, beta: float, seed: int, number: int) -> None:
    """Resample the topic of every token once; ``alpha`` (K,) float64, ``seed`` and ``number`` name the stream."""
    offsets, documents, topics, sizes = tokens
    starts, listed, counts, used = lists
    K, V = sizes.shape[0], offsets.shape[0] - 1
    s0, s1 = stream(seed, number, 0)
    shift = 0
    while (1 << (2 * shift)) < K:
        shift += 1
    of_word = np.zeros(K, np.int32)
    inverse, q, blocks = 1.0 / (sizes + V * beta), np.zeros(K), np.zeros((K >> shift) + 1)
    total = 0.0
    for k in range(K):
        total += _set(k, beta * inverse[k], q, alpha, blocks, shift)
    for w in range(V):
        begin, end = offsets[w], offsets[w + 1]
        for i in range(begin, end):
            of_word[topics[i]] += 1
        for i in range(begin, end):
            k = topics[i]
            total += _set(k, (of_word[k] + beta) * inverse[k], q, alpha, blocks, shift)
        for i in range(begin, end):
            d, old = documents[i], int(topics[i])
            # Take the token out of its word's and its topic's counts.
            q_before, block_before, inverse_before, total_before = q[old], blocks[old >> shift], inverse[old], total
            inverse[old] = 1.0 / (sizes[old] - 1 + V * beta)
            total += _set(old, (of_word[old] - 1 + beta) * inverse[old], q, alpha, blocks, shift)
            first, n = starts[d], used[d]
            of_document = 0.0  # Σ_k n_dk q_k, without the token itself
            for at in range(first, first + n):
                of_document += counts[at] * q[listed[at]]
            of_document -= q[old]
            s0, s1, bits = advance(s0, s1)
            u = unit(bits) * (of_document + total)
            if u < of_document:
                at = _find_mass(u, listed, counts, first, n, old, q)
                new = int(listed[at])
            else:
                new = _from_prior(u - of_document, blocks, shift, alpha, q)
                at = _find(new, listed, first, n)
            if new == old:
                q[old], blocks[old >> shift], inverse[old], total = q_before, block_before, inverse_before, total_before
                continue
            topics[i] = new
            of_word[new] += 1
            sizes[new] += 1
            inverse[new] = 1.0 / (sizes[new] + V * beta)
            total += _set(new, (of_word[new] + beta) * inverse[new], q, alpha, blocks, shift)
            of_word[old] -= 1
            sizes[old] -= 1
            n = _add(at, new, listed, counts, first, n)
            used[d] = _remove(old, listed, counts, first, n)
        for i in range(begin, end):
            k = topics[i]
            if of_word[k] > 0:
                of_word[k] = 0
                total += _set(k, beta * inverse[k], q, alpha, blocks, shift)


@njit(inline="always")
def _set(k: int, value: float, q: np.ndarray, alpha: np.ndarray, blocks: np.ndarray, shift: int) -> float:
    """Change q_k and its block's sum; returns the change of the sum over all blocks."""
    change = alpha[k] * (value - q[k])
    q[k] = value
    blocks[k >> shift] += change
    return change


@njit
def _find_mass(u: float, listed: np.ndarray, counts: np.ndarray, first: int, n: int, old: int, q: np.ndarray) -> int:
    """The position in a document's list where the running sum of n_dk q_k, without the token itself, passes u."""
    at = first
    while at < first + n - 1:
        u -= (counts[at] - (listed[at] == old)) * q[listed[at]]
        if u < 0:
            break
        at += 1
    return at


@njit
def _from_prior(u: float, blocks: np.ndarray, shift: int, alpha: np.ndarray, q: np.ndarray) -> int:
    """The topic where the running sum of alpha_k q_k passes u."""
    block = 0
    while block < blocks.shape[0] - 1 and u >= blocks[block]:
        u -= blocks[block]
        block += 1
    k = min(block << shift, q.shape[0] - 1)
    last = min((block + 1) << shift, q.shape[0]) - 1
    while k < last:
        u -= alpha[k] * q[k]
        if u < 0:
            break
        k += 1
    return k


@njit
def _find(k: int, listed: np.ndarray, first: int, n: int) -> int:
    """The position of topic k in a list, or the end of the list."""
    at = first
    while at < first + n and listed[at] != k:
        at += 1
    return at


@njit
def _add(at: int, k: int, listed: np.ndarray, counts: np.ndarray, first: int, n: int) -> int:
    """Count one more of topic k, which is at ``at`` or, at the end of the list, new; returns the list's length."""
    if at == first + n:
        listed[at] = k
        counts[at] = 1
        return n + 1
    more = counts[at] + 1
    counts[at] = more
    if at > first and counts[at - 1] < more:
        counts[at], counts[at - 1] = counts[at - 1], more
        listed[at], listed[at - 1] = listed[at - 1], k
    return n


@njit
def _remove(k: int, listed: np.ndarray, counts: np.ndarray, first: int, n: int) -> int:
    """Count one less of topic k, which leaves the list with its last count; returns the list's length."""
    at = _find(k, listed, first, n)
    less = counts[at] - 1
    if less == 0:
        n -= 1
        listed[at] = listed[first + n]
        counts[at] = counts[first + n]
        return n
    counts[at] = less
    if at + 1 < first + n and counts[at + 1] > less:
        counts[at], counts[at + 1] = counts[at + 1], less
        listed[at], listed[at + 1] = listed[at + 1], k
    return n

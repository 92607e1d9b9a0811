"""WarpLDA (Chen, Li, Zhu, Chen, VLDB 2016) with proposals from a Pólya urn.

`dgmbench.models.text.warp` explains the algorithm, and has its plain form.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit, uint64

from dgmbench.data.corpora import Corpus
from dgmbench.fast.random import advance, stream
from dgmbench.fast.text.layout import random_topics, word_offsets

PARTS = 16
"""Rows are visited in so many parts, each with its own random stream: results depend on them, not on the threads."""


class Rows(NamedTuple):
    """The tokens of a corpus by word or by document, and their topics.

    Attributes:
        offsets: where the tokens of each row begin.
        positions: (tokens,) where each token is in ``source``.
        source, target: (tokens, 1 + proposals) topic and proposals, read in the one order and written in the other.
    """

    offsets: np.ndarray
    positions: np.ndarray
    source: np.ndarray
    target: np.ndarray


class Warp:
    """The sampler's state: topic and proposals of every token, at first random topics.

    They are kept twice, by word and by document. A visit reads them in the other order, in which they were written, and
    writes in its own: threads that wrote to scattered places would wait for each other's cache lines.

    Args:
        corpus: documents, none of them empty.
        n_topics: K.
        beta: the symmetric Dirichlet parameter of the topics.
        seed: names the random streams.
        proposals: proposals per token and visit; more cost time and mix faster.
        threads: how many parts are visited at once.
        parts: of the words and of the documents; each has a random stream of its own.
    """

    def __init__(
        self,
        corpus: Corpus,
        n_topics: int,
        *,
        beta: float,
        seed: int = 0,
        proposals: int = 1,
        threads: int = 1,
        parts: int = PARTS,
    ) -> None:
        self.n_topics, self.beta, self.seed, self.threads, self.sweeps = n_topics, beta, seed, threads, 0
        self._parts = parts
        self._n_words = corpus.n_words
        kind = np.uint32 if corpus.n_tokens < 2**32 else np.uint64
        to_document = np.argsort(corpus.words, kind="stable").astype(kind)  # where each token of word order is there
        to_word = np.empty_like(to_document)
        to_word[to_document] = np.arange(corpus.n_tokens, dtype=kind)
        self._rows = (word_offsets(corpus), to_document), (corpus.offsets, to_word)
        first = random_topics(corpus, n_topics, seed)
        self._by_document = np.repeat(first[:, None], 1 + proposals, axis=1)
        self._by_word = np.empty_like(self._by_document)
        self._sizes = np.bincount(first, minlength=n_topics)

    def sweep(self, alpha: np.ndarray) -> None:
        """Visit every word and every document once, given the (n_topics,) parameters of the proportions."""
        words = np.full(self.n_topics, self.beta), self._by_document, self._by_word
        documents = np.asarray(alpha, np.float64), self._by_word, self._by_document
        for phase, (prior, source, target) in enumerate((words, documents)):
            offsets, positions = self._rows[phase]
            rows = Rows(offsets, positions, source, target)
            v_beta = self._n_words * self.beta
            visit = visits(rows, prior, self._sizes, v_beta, seed=self.seed, number=2 * self.sweeps + phase)
            bounds = even_parts(offsets, self._parts)
            parts = range(self._parts), bounds[:-1], bounds[1:]
            if self.threads == 1:
                sizes = list(map(visit, *parts))
            else:
                with ThreadPoolExecutor(self.threads) as pool:  # the kernel runs without the interpreter's lock
                    sizes = list(pool.map(visit, *parts))
            self._sizes = np.sum(sizes, axis=0)
        self.sweeps += 1

    @property
    def topics(self) -> np.ndarray:
        """(tokens,) the topic of each token, in document order."""
        return self._by_document[:, 0].copy()

    def state(self) -> dict[str, np.ndarray]:
        """All that `restore` needs to go on exactly."""
        return {"tokens": self._by_document, "sweeps": np.array(self.sweeps)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up a state of a sampler with the same arguments."""
        self._by_document[...] = state["tokens"]
        self._sizes = np.bincount(self._by_document[:, 0], minlength=self.n_topics)
        self.sweeps = int(state["sweeps"])


def even_parts(offsets: np.ndarray, parts: int) -> list[int]:
    """Where each of so many runs of rows begins, with about as many tokens in each; and the row after the last."""
    bounds: list[int] = np.searchsorted(offsets, np.linspace(0, offsets[-1], parts + 1)).tolist()
    bounds[0], bounds[-1] = 0, len(offsets) - 1
    return bounds


def visits(
    rows: Rows, prior: np.ndarray, sizes: np.ndarray, v_beta: float, *, seed: int, number: int
) -> Callable[[int, int, int], np.ndarray]:
    """What visits a part, given its number, its first row and the row after its last; gives (K,) its topics' tokens.

    Args:
        prior: (K,) Dirichlet parameters of a row.
        sizes: (K,) n_k, the tokens of each topic among all.
        v_beta: V beta.
        seed, number: of the run, and of the visit to all rows: with the part they name the random stream.
    """
    urn = prior.astype(np.float32), float(prior.sum()), *alias_table(prior)
    inverse = (1.0 / (sizes + v_beta)).astype(np.float32)
    return partial(_visit_rows, rows, urn, inverse, seed, number)


@njit(cache=True)
def alias_table(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) thresholds and (n,) aliases: keep a uniform i with probability threshold_i, else alias_i (Vose, 1991)."""
    n = weights.shape[0]
    thresholds, aliases = weights * (n / weights.sum()), np.arange(n)
    small, large = np.empty(n, np.int64), np.empty(n, np.int64)
    n_small = n_large = 0
    for i in range(n):
        if thresholds[i] < 1:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        low, high = small[n_small], large[n_large - 1]
        aliases[low] = high
        thresholds[high] -= 1 - thresholds[low]
        if thresholds[high] < 1:
            n_large -= 1
            small[n_small] = high
            n_small += 1
    # What rounding left over is one.
    thresholds[small[:n_small]] = 1.0
    thresholds[large[:n_large]] = 1.0
    return thresholds, aliases


@njit(cache=True, nogil=True, error_model="numpy")
def _visit_rows(
    rows: Rows, urn: tuple[Any, ...], inverse: np.ndarray, seed: int, number: int, part: int, begin: int, end: int
) -> np.ndarray:
    """Visit rows ``begin`` to ``end``; returns (K,) the tokens of each topic in them.

    Args:
        urn: (K,) Dirichlet parameters of a row, their sum, thresholds and aliases of their alias table.
        inverse: (K,) 1 / (n_k + V beta).
        seed, number, part: name the random stream.
    """
    offsets, positions, source, target = rows
    prior, prior_sum, thresholds, aliases = urn
    K, M = inverse.shape[0], source.shape[1] - 1
    counts, sizes = np.zeros(K, np.float32), np.zeros(K, np.int64)
    one, to_unit = np.float32(1), np.float32(1 / 16777216.0)
    s0, s1 = stream(seed, number, part)
    z = np.empty(1024, source.dtype)  # topics of the row, then its proposals: the urn
    for row in range(begin, end):
        start, n = offsets[row], offsets[row + 1] - offsets[row]
        if (1 + M) * n > z.shape[0]:
            z = np.empty(2 * (1 + M) * n, source.dtype)
        for i in range(n):
            k = source[positions[start + i], 0]
            z[i] = k
            counts[k] += one
        for i in range(n):
            k, at = z[i], positions[start + i]
            counts[k] -= one
            for m in range(1, M + 1):
                proposed = source[at, m]
                s0, s1, bits = advance(s0, s1)
                u = np.float32(bits >> uint64(40)) * to_unit
                mass = (counts[k] + prior[k]) * inverse[k]
                if u * mass < (counts[proposed] + prior[proposed]) * inverse[proposed]:
                    k = proposed
            counts[k] += one
            z[i] = k

        held = float(n)  # in the urn: the topics of the row, then also what was drawn
        for i in range(n):
            k, at = z[i], start + i
            counts[k] = 0
            sizes[k] += 1
            target[at, 0] = k
            for m in range(1, M + 1):
                s0, s1, bits = advance(s0, s1)
                x = (bits >> uint64(32)) * ((held + prior_sum) * (1.0 / 4294967296.0))
                if x < held:
                    topic = z[int(x)]
                else:  # the fraction left over chooses topic and side of the alias table
                    y = (x - held) / prior_sum * K
                    cell = min(int(y), K - 1)
                    topic = z.dtype.type(cell if y - cell < thresholds[cell] else aliases[cell])
                target[at, m] = topic
                z[int(held)] = topic
                held += 1.0
    return sizes

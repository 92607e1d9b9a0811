"""The tokens of a corpus, word by word instead of document by document."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from dgmbench.data.corpora import Corpus


class WordOrder(NamedTuple):
    """Tokens sorted by word, within a word by document.

    Attributes:
        offsets: (vocabulary + 1,) int64; word w has the positions ``offsets[w]`` to ``offsets[w + 1]``.
        documents: (tokens,) uint32, the document of each token, in word order.
        positions: (tokens,) int64, where each token of document order is in word order.
    """

    offsets: np.ndarray
    documents: np.ndarray
    positions: np.ndarray


def word_order(corpus: Corpus) -> WordOrder:
    """Sort the tokens of a corpus by word."""
    frequencies = np.bincount(corpus.words, minlength=corpus.n_words)
    offsets = np.concatenate([[0], np.cumsum(frequencies)]).astype(np.int64)
    documents, positions = _sort(corpus.words, corpus.offsets, offsets[:-1].copy())
    return WordOrder(offsets, documents, positions)


@njit(cache=True)
def _sort(words: np.ndarray, offsets: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    documents = np.empty(words.shape[0], np.uint32)
    positions = np.empty(words.shape[0], np.int64)
    for d in range(offsets.shape[0] - 1):
        for i in range(offsets[d], offsets[d + 1]):
            at = free[words[i]]
            free[words[i]] += 1
            documents[at] = d
            positions[i] = at
    return documents, positions


def random_topics(corpus: Corpus, n_topics: int, seed: int) -> np.ndarray:
    """(tokens,) a uniform topic for every token, in the smallest integers that hold every topic."""
    kind = np.uint16 if n_topics <= 2**16 else np.uint32
    return np.random.default_rng(seed).integers(0, n_topics, corpus.n_tokens, dtype=kind)

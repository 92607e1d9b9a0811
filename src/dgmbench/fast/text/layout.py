"""The tokens of a corpus, word by word instead of document by document."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.data.corpus_folder import CorpusFolder

BLOCK = 2**24
"""Tokens whose first topics are drawn from one random stream."""


class WordOrder(NamedTuple):
    """Tokens sorted by word, within a word by document.

    Attributes:
        offsets: (vocabulary + 1,) int64; word w has the positions ``offsets[w]`` to ``offsets[w + 1]``.
        words, documents: (tokens,) int32 and uint32, the word and the document of each token, in word order.
        positions: (tokens,) int64, where each token of document order is in word order.
    """

    offsets: np.ndarray
    words: np.ndarray
    documents: np.ndarray
    positions: np.ndarray


class Tokens(NamedTuple):
    """(tokens,) the document, the word and the topic of each token, in the order in which they are visited.

    Topics change in place.
    """

    documents: np.ndarray
    words: np.ndarray
    topics: np.ndarray


class WordTokens(NamedTuple):
    """Tokens in word order with their topics, for a compiled sweep.

    Attributes:
        offsets, documents: as of `WordOrder`.
        topics: (tokens,) changed in place.
        sizes: (K,) int64 counted tokens of each topic, changed in place.
    """

    offsets: np.ndarray
    documents: np.ndarray
    topics: np.ndarray
    sizes: np.ndarray


class Counts(NamedTuple):
    """The rows of a sparse matrix of word counts: document d has ``words[offsets[d] : offsets[d + 1]]``."""

    offsets: np.ndarray
    words: np.ndarray
    counts: np.ndarray


def word_order(corpus: Corpus) -> WordOrder:
    """Sort the tokens of a corpus by word."""
    order = np.argsort(corpus.words, kind="stable")
    documents = np.repeat(np.arange(len(corpus), dtype=np.uint32), corpus.lengths)[order]
    positions = np.empty_like(order)
    positions[order] = np.arange(len(order))
    return WordOrder(word_offsets(corpus), corpus.words[order], documents, positions)


def word_offsets(corpus: Corpus | CorpusFolder) -> np.ndarray:
    """(vocabulary + 1,) int64, where the tokens of each word begin in word order."""
    return np.concatenate([[0], np.cumsum(corpus.word_totals)]).astype(np.int64)


def topic_counts(offsets: np.ndarray, topics: np.ndarray, n_topics: int) -> sparse.csr_matrix:
    """(rows, n_topics) tokens of each topic in each row, from (rows + 1,) where rows begin and (tokens,) topics."""
    ones, shape = np.ones(len(topics), np.int32), (len(offsets) - 1, n_topics)
    counts = sparse.csr_matrix((ones, topics.astype(np.int32), offsets.copy()), shape=shape)
    counts.sum_duplicates()  # in place
    return counts


def random_topics(corpus: Corpus, n_topics: int, seed: int) -> np.ndarray:
    """(tokens,) a uniform topic for every token, in the smallest integers that hold every topic."""
    return random_topics_of(0, corpus.n_tokens, n_topics, seed)


def random_topics_of(begin: int, end: int, n_topics: int, seed: int) -> np.ndarray:
    """Of `random_topics` those of the tokens from ``begin`` to before ``end``, without making all before them.

    Every `BLOCK` of tokens has a random stream of its own.
    """
    kind = np.uint16 if n_topics <= 2**16 else np.uint32
    topics = np.empty(end - begin, kind)
    for start in range(begin - begin % BLOCK, end, BLOCK):
        rng = np.random.default_rng([seed, start // BLOCK] if start else seed)
        first, last = max(begin, start), min(end, start + BLOCK)
        topics[first - begin : last - begin] = rng.integers(0, n_topics, last - start, dtype=kind)[first - start :]
    return topics

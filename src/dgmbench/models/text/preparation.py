"""The same documents for every method: words without an embedding go, then documents left empty, counted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError

log = logging.getLogger("dgmbench")


class WordVectors(Protocol):
    """What the methods need of word embeddings: `dgmbench.data.load_embeddings` returns such an object."""

    @property
    def name(self) -> str: ...

    @property
    def vectors(self) -> np.ndarray:
        """(words, dim) float32."""
        ...

    def find(self, words: Sequence[str]) -> np.ndarray:
        """(len(words),) row of each word in ``vectors``, -1 where it has none."""


class Splits(Protocol):
    """A training and a test corpus over one vocabulary."""

    @property
    def train(self) -> Corpus: ...

    @property
    def test(self) -> Corpus: ...


class Prepared(NamedTuple):
    """A corpus reduced to what has an embedding.

    Attributes:
        train, test: the documents, over one vocabulary whose every word has an embedding; none is empty.
        vectors: (vocabulary, dim) float32, the embedding of each word.
        dropped_train, dropped_test: how many documents were left empty and dropped.
    """

    train: Corpus
    test: Corpus
    vectors: np.ndarray
    dropped_train: int
    dropped_test: int


def prepare(splits: Splits, embeddings: WordVectors) -> Prepared:
    """Drop the words without an embedding, then the documents left without a word, and count those.

    Raises:
        UserError: no word of the corpus has an embedding, or no training document is left.
    """
    if splits.train.vocabulary != splits.test.vocabulary:
        raise UserError("train and test documents have different vocabularies: number their words together")
    rows = embeddings.find(splits.train.vocabulary)
    keep = rows >= 0
    if not keep.any():
        raise UserError(
            f"none of the {len(keep)} words of the corpus has an embedding in {embeddings.name}: "
            "check the language and the lower case of the text, or take other embeddings"
        )
    train, test = splits.train.select_words(keep), splits.test.select_words(keep)
    dropped_train = int(np.count_nonzero(train.lengths == 0))
    dropped_test = int(np.count_nonzero(test.lengths == 0))
    if dropped_train == len(train):
        raise UserError(
            f"no training document has a word with an embedding in {embeddings.name}: nothing to learn from"
        )
    if dropped_train or dropped_test:
        log.info("dropped %d training and %d test documents that were left empty", dropped_train, dropped_test)
    vectors = np.ascontiguousarray(embeddings.vectors[rows[keep]], dtype=np.float32)
    return Prepared(
        train.select_documents(train.lengths > 0),
        test.select_documents(test.lengths > 0),
        vectors,
        dropped_train,
        dropped_test,
    )


def word_vectors(corpus: Corpus, embeddings: WordVectors) -> np.ndarray:
    """(vocabulary, dim) float32: the embedding of every word of the corpus.

    Raises:
        UserError: a word has no embedding.
    """
    rows = embeddings.find(corpus.vocabulary)
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        raise UserError(
            f"{len(missing)} words of the corpus, {corpus.vocabulary[missing[0]]!r} the first, have no embedding "
            f"in {embeddings.name}: drop them with prepare() before fitting"
        )
    return np.ascontiguousarray(embeddings.vectors[rows], dtype=np.float32)


def require_documents(corpus: Corpus, *, at_least: int = 1) -> None:
    """Check that there is something to learn from or to describe.

    Raises:
        UserError: there is no document, one is empty, or there are fewer than ``at_least`` tokens.
    """
    if len(corpus) == 0:
        raise UserError("the corpus has no documents: check its files and what was filtered from it")
    empty = np.flatnonzero(corpus.lengths == 0)
    if len(empty):
        raise UserError(f"{len(empty)} documents, number {empty[0]} the first, have no words: drop them before fitting")
    if corpus.n_tokens < at_least:
        raise UserError(f"{at_least} topics but only {corpus.n_tokens} tokens: ask for fewer topics")


def require_vocabulary(corpus: Corpus, vocabulary: tuple[str, ...]) -> None:
    """Check that a corpus numbers its words as the training corpus did.

    Raises:
        UserError: it does not.
    """
    if corpus.vocabulary is not vocabulary and corpus.vocabulary != vocabulary:
        raise UserError(
            f"these documents have a vocabulary of {corpus.n_words} words that is not the {len(vocabulary)} words "
            "the method was fitted on: number both with one vocabulary"
        )

"""The same documents for every method: words without an embedding go, then documents left empty, counted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.data.corpus_folder import CorpusFolder
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


class Prepared(NamedTuple):
    """A corpus reduced to what has an embedding.

    Attributes:
        train, test: the documents, over one vocabulary whose every word has an embedding; none is empty.
        vectors: (vocabulary, dim) float32, the embedding of each word.
        dropped_train, dropped_test: how many documents were left empty and dropped.
        known_words, known_tokens: the share of the corpus's vocabulary, and of its tokens, that has an embedding.
    """

    train: Corpus
    test: Corpus
    vectors: np.ndarray
    dropped_train: int
    dropped_test: int
    known_words: float = 1.0
    known_tokens: float = 1.0


def prepare(train: Corpus, test: Corpus, embeddings: WordVectors) -> Prepared:
    """Drop the words without an embedding, then the documents left without a word, and count those.

    Raises:
        UserError: no word of the corpus has an embedding, or no training document is left.
    """
    if train.vocabulary != test.vocabulary:
        raise UserError("train and test documents have different vocabularies: number their words together")
    rows = embeddings.find(train.vocabulary)
    keep = rows >= 0
    if not keep.any():
        raise UserError(
            f"none of the {len(keep)} words of the corpus has an embedding in {embeddings.name}: "
            "check the language and the lower case of the text, or take other embeddings"
        )
    tokens = train.n_tokens + test.n_tokens
    parts = train.select_words(keep), test.select_words(keep)
    known_tokens = sum(part.n_tokens for part in parts) / max(tokens, 1)
    train, test = (part.select_documents(part.lengths > 0) for part in parts)
    dropped_train, dropped_test = (len(part) - len(left) for part, left in zip(parts, (train, test), strict=True))
    if not len(train):
        raise UserError(
            f"no training document has a word with an embedding in {embeddings.name}: nothing to learn from"
        )
    if dropped_train or dropped_test:
        log.info("dropped %d training and %d test documents that were left empty", dropped_train, dropped_test)
    vectors = np.ascontiguousarray(embeddings.vectors[rows[keep]], dtype=np.float32)
    return Prepared(train, test, vectors, dropped_train, dropped_test, float(keep.mean()), known_tokens)


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


def require_options(
    model: object,
    *,
    at_least: Mapping[str, float] = MappingProxyType({}),
    above: Mapping[str, float] = MappingProxyType({}),
    one_of: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> None:
    """Check options of a model, by their names.

    Raises:
        UserError: one is too small, no number, or unknown.
    """
    given = vars(model)
    rules = [(name, given[name] >= least, f"at least {least}") for name, least in at_least.items()]
    rules += [(name, given[name] > limit, f"above {limit}") for name, limit in above.items()]
    rules += [(name, given[name] in known, f"one of {', '.join(known)}") for name, known in one_of.items()]
    for name, holds, said in rules:
        if not holds:
            raise UserError(f"{type(model).__name__}: {name} is {given[name]!r}; it must be {said}")


def require_documents(corpus: Corpus | CorpusFolder, *, at_least: int = 1, in_memory: bool = True) -> None:
    """Check that there is something to learn from or to describe.

    Raises:
        UserError: there is no document, one is empty, there are fewer than ``at_least`` tokens, or they are in a folder
            where they have to be in memory.
    """
    if in_memory and isinstance(corpus, CorpusFolder):
        raise UserError(
            f"the documents are in {corpus.folder}, and have to be in memory here: give some of them by read(begin, "
            "end); LDA with engine ray is fitted to all of them"
        )
    if len(corpus) == 0:
        raise UserError("the corpus has no documents: check its files and what was filtered from it")
    empty = np.flatnonzero(corpus.lengths == 0)
    if len(empty):
        raise UserError(f"{len(empty)} documents, number {empty[0]} the first, have no words: drop them before fitting")
    if corpus.n_tokens < at_least:
        raise UserError(f"{at_least} topics but only {corpus.n_tokens} tokens: ask for fewer topics")


def require_vocabulary(corpus: Corpus | CorpusFolder, vocabulary: tuple[str, ...]) -> None:
    """Check that there are documents, none empty, whose words are numbered as those of the training corpus were.

    Raises:
        UserError: it is not so.
    """
    require_documents(corpus)
    if corpus.vocabulary is not vocabulary and corpus.vocabulary != vocabulary:
        raise UserError(
            f"these documents have a vocabulary of {corpus.n_words} words that is not the {len(vocabulary)} words "
            "the method was fitted on: number both with one vocabulary"
        )

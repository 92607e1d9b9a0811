"""Labelled text as word numbers: one flat array for all tokens, one of offsets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dgmbench.errors import UserError, counted

if TYPE_CHECKING:
    from scipy import sparse


class Sized:
    """How large a corpus is, by where its documents begin.

    Attributes:
        vocabulary, offsets: as of `Corpus`.
    """

    vocabulary: tuple[str, ...]
    offsets: np.ndarray

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.offsets) - 1

    @property
    def n_words(self) -> int:
        """The size of the vocabulary."""
        return len(self.vocabulary)

    @property
    def lengths(self) -> np.ndarray:
        """(documents,) tokens of each document."""
        return np.diff(self.offsets)


@dataclass(frozen=True, eq=False)
class Corpus(Sized):
    """Documents over a fixed vocabulary, in token order.

    Attributes:
        vocabulary: the words; a word's number is its position.
        words: (tokens,) int32, the word number of every token, document after document.
        offsets: (documents + 1,) int64; document d is ``words[offsets[d]:offsets[d + 1]]``.
        labels: (documents,) int32 positions in ``classes``, or None for unlabelled text.
        classes: the class names.
    """

    vocabulary: tuple[str, ...]
    words: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()

    @classmethod
    def from_tokens(
        cls,
        documents: Iterable[Sequence[str]],
        labels: Sequence[str] | None = None,
        *,
        vocabulary: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
    ) -> Corpus:
        """Number the words of tokenised documents.

        Without ``vocabulary`` every word counts, in sorted order; with it, other words are dropped.
        Likewise ``classes`` fixes the order of the labels (sorted otherwise).

        Raises:
            UserError: a document is no list of words; the labels are no text, do not match the documents, or name a
                class not in ``classes``.
        """
        documents = [_words(document, i) for i, document in enumerate(documents)]
        if labels is not None and len(labels) != len(documents):
            raise UserError(f"{len(documents)} documents but {len(labels)} labels: give one label a document")
        for i, label in enumerate(() if labels is None else labels):
            if not isinstance(label, str):
                raise UserError(f"the label of document {i} is {label!r}, no text; give each document a text as label")
        if vocabulary is None:
            vocabulary = sorted({word for document in documents for word in document})
        number = {word: i for i, word in enumerate(vocabulary)}
        kept = [[number[word] for word in document if word in number] for document in documents]
        lengths = np.fromiter((len(document) for document in kept), np.int64, len(kept))
        words = np.fromiter((w for document in kept for w in document), np.int32, int(lengths.sum()))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        if labels is None:
            return cls(tuple(vocabulary), words, offsets)
        if classes is None:
            classes = sorted(set(labels))
        position = {name: i for i, name in enumerate(classes)}
        unknown = sorted(set(labels) - set(position))
        if unknown:
            raise UserError(f"label {unknown[0]!r} is not among the classes {', '.join(classes)}")
        numbers = np.array([position[name] for name in labels], np.int32)
        return cls(tuple(vocabulary), words, offsets, numbers, tuple(classes))

    @property
    def n_tokens(self) -> int:
        """The number of tokens of all documents together."""
        return len(self.words)

    @cached_property
    def counts(self) -> sparse.csr_matrix:
        """(documents, vocabulary) int32: how often each word occurs in each document."""
        from scipy import sparse

        ones = np.ones(self.n_tokens, np.int32)
        # summing duplicates sorts in place: without the copy it would reorder the documents' own tokens
        matrix = sparse.csr_matrix((ones, self.words.copy(), self.offsets), shape=(len(self), self.n_words))
        matrix.sum_duplicates()
        return matrix

    @property
    def word_totals(self) -> np.ndarray:
        """(vocabulary,) int64, tokens of each word."""
        return np.bincount(self.words, minlength=self.n_words)

    @property
    def digest(self) -> str:
        """SHA-256 of the word numbers and offsets: names the documents and their order."""
        digest = hashlib.sha256(self.words.tobytes())
        digest.update(self.offsets.tobytes())
        return digest.hexdigest()

    def __repr__(self) -> str:
        classes = f", {counted(len(self.classes), 'class', 'classes')}" if self.labels is not None else ""
        return f"Corpus({len(self):,} documents, {self.n_tokens:,} tokens, {self.n_words:,} words{classes})"

    def document(self, index: int) -> np.ndarray:
        """(tokens of the document,) its word numbers, in order."""
        return self.words[self.offsets[index] : self.offsets[index + 1]]

    def select_documents(self, index: np.ndarray) -> Corpus:
        """The documents at these positions (or under this mask), in that order; the vocabulary stays."""
        index = np.flatnonzero(index) if index.dtype == bool else np.asarray(index)
        parts = [self.document(int(i)) for i in index]
        words = np.concatenate(parts) if parts else np.empty(0, np.int32)
        offsets = np.concatenate([[0], np.cumsum(self.lengths[index])]).astype(np.int64)
        labels = None if self.labels is None else self.labels[index]
        return Corpus(self.vocabulary, words, offsets, labels, self.classes)

    def select_words(self, keep: np.ndarray) -> Corpus:
        """The same documents over the words under the mask ``keep`` (vocabulary,) alone, renumbered."""
        renumbered = np.full(self.n_words, -1, np.int32)
        renumbered[keep] = np.arange(np.count_nonzero(keep), dtype=np.int32)
        words = renumbered[self.words]
        kept = words >= 0
        cumulative = np.concatenate([[0], np.cumsum(kept)])
        vocabulary = tuple(np.asarray(self.vocabulary, dtype=object)[keep])
        return Corpus(vocabulary, words[kept], cumulative[self.offsets].astype(np.int64), self.labels, self.classes)


def _words(document: Sequence[str], position: int) -> list[str]:
    """A document as a list of words."""
    if isinstance(document, str | bytes):
        raise UserError(f"document {position} is a text, not a list of words: split it into words first")
    words = list(document)
    if not all(issubclass(kind, str) for kind in set(map(type, words))):
        wrong = next(word for word in words if not isinstance(word, str))
        raise UserError(f"document {position} holds {type(wrong).__name__} where words are due: give a list of texts")
    return words

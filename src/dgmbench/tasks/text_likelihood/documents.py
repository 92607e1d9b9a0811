"""Which documents and words a run sees: the same for every row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.data.load.corpus import load_corpus
from dgmbench.data.parts import evenly_spaced, held_out
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.text_likelihood.settings import text_settings

SPLIT_SEED = 0
"""Of the halves of documents: every row and every seed is measured on the same tokens."""
HELD_OUT = 5
"""With ``split: valid`` one training document of so many is measured."""


class Documents(NamedTuple):
    """Training documents and those to measure, over the vocabulary of the first; none is empty.

    Attributes:
        dropped_train, dropped_test: documents without a word of the vocabulary.
        unknown_train, unknown_test: tokens outside the vocabulary, which are dropped.
    """

    train: Corpus
    test: Corpus
    dropped_train: int
    dropped_test: int
    unknown_train: int
    unknown_test: int


def prepared_documents(spec: RunSpec) -> Documents:
    """The documents of a run; the vocabulary has the words of enough training documents.

    Raises:
        UserError: no word or no document is left.
    """
    settings = text_settings(spec)
    train, test = load_corpus(spec.dataset)
    if settings.split == "valid":
        apart = held_out(len(train), train.labels, HELD_OUT)
        train, test = train.select_documents(~apart), train.select_documents(apart)
    train, test = part(train, settings.train_limit), part(test, settings.test_limit)
    keep = np.asarray((train.counts > 0).sum(axis=0)).ravel() >= settings.least_documents
    if not keep.any():
        raise UserError(
            f"{spec.dataset}: no word is in {settings.least_documents} of the {len(train)} training documents; set "
            "least_documents lower"
        )
    known = [corpus.select_words(keep) for corpus in (train, test)]
    left = [corpus.select_documents(corpus.lengths > 0) for corpus in known]
    if not len(left[1]):
        raise UserError(f"{spec.dataset}: no {settings.split} document has a known word; nothing to measure")
    dropped = [len(corpus) - len(some) for corpus, some in zip(known, left, strict=True)]
    unknown = [corpus.n_tokens - some.n_tokens for corpus, some in zip((train, test), known, strict=True)]
    return Documents(left[0], left[1], *dropped, *unknown)


def part(corpus: Corpus, limit: int) -> Corpus:
    """So many documents, evenly spaced over the classes; all of them where the limit is 0."""
    return corpus.select_documents(evenly_spaced(len(corpus), corpus.labels, limit))


def listed(corpus: Corpus) -> list[np.ndarray]:
    """The word numbers of each document."""
    return [corpus.document(i) for i in range(len(corpus))]


def described(data: Documents) -> dict[str, Any]:
    """What a run's record says of its documents."""
    return {
        "train_documents": len(data.train),
        "test_documents": len(data.test),
        "vocabulary": data.train.n_words,
        "train_tokens": data.train.n_tokens,
        "test_tokens": data.test.n_tokens,
        "dropped_train": data.dropped_train,
        "dropped_test": data.dropped_test,
        "unknown_train_tokens": data.unknown_train,
        "unknown_test_tokens": data.unknown_test,
    }

"""Which documents and words a run sees: the same for every row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.data.load.corpus import load_corpus
from dgmbench.data.load.embeddings import load_embeddings
from dgmbench.data.parts import evenly_spaced, held_out
from dgmbench.data.slices import read_dates, time_slices
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.text_likelihood.settings import TextLikelihoodSettings, text_settings

SPLIT_SEED = 0
"""Of the halves of documents: every row and every seed is measured on the same tokens."""
HELD_OUT = 5
"""With ``split: valid`` one training document of so many is measured."""


class Documents(NamedTuple):
    """Training documents and those to measure, over the vocabulary of the first; none is empty.

    Attributes:
        dropped_train, dropped_test: documents without a word of the vocabulary.
        unknown_train, unknown_test: tokens outside the vocabulary, which are dropped.
        slices: (training documents,) int64, the slice of time of each, from 0 on; None where there are no slices.
        days: of the first document of each slice that is fitted to.
    """

    train: Corpus
    test: Corpus
    dropped_train: int
    dropped_test: int
    unknown_train: int
    unknown_test: int
    slices: np.ndarray | None = None
    days: tuple[str, ...] = ()


def prepared_documents(spec: RunSpec) -> Documents:
    """The documents of a run; the vocabulary has the words of enough training documents, of those that have vectors.

    Raises:
        UserError: no word or no document is left, a slice has none, or slices were asked for that cannot be cut.
    """
    settings = text_settings(spec)
    train, test, slices, days = _in_slices(spec) if settings.slices else (*_own_split(spec), None, ())
    fitted = evenly_spaced(len(train), train.labels, settings.train_limit)
    train, test = train.select_documents(fitted), part(test, settings.test_limit)
    keep = np.asarray((train.counts > 0).sum(axis=0)).ravel() >= settings.least_documents
    if not keep.any():
        raise UserError(
            f"{spec.dataset}: no word is in {settings.least_documents} of the {len(train)} training documents; set "
            "least_documents lower"
        )
    if settings.embeddings:
        keep &= load_embeddings(settings.embeddings).find(train.vocabulary) >= 0
        if not keep.any():
            raise UserError(
                f"{spec.dataset}: no word of the vocabulary has a vector in {settings.embeddings}: check the language "
                "and the lower case of the text, or take other embeddings"
            )
    known = [corpus.select_words(keep) for corpus in (train, test)]
    left = [corpus.select_documents(corpus.lengths > 0) for corpus in known]
    if not len(left[1]):
        raise UserError(f"{spec.dataset}: no {settings.split} document has a known word; nothing to measure")
    if slices is not None:
        slices = slices[fitted][known[0].lengths > 0]
        _require_slices(spec, slices)
    dropped = [len(corpus) - len(some) for corpus, some in zip(known, left, strict=True)]
    unknown = [corpus.n_tokens - some.n_tokens for corpus, some in zip((train, test), known, strict=True)]
    return Documents(left[0], left[1], dropped[0], dropped[1], unknown[0], unknown[1], slices, days)


def _own_split(spec: RunSpec) -> tuple[Corpus, Corpus]:
    """The documents to fit to and those to measure, as the corpus has them."""
    train, test = load_corpus(spec.dataset)
    if text_settings(spec).split == "test":
        return train, test
    apart = held_out(len(train), train.labels, HELD_OUT)
    return train.select_documents(~apart), train.select_documents(apart)


def _in_slices(spec: RunSpec) -> tuple[Corpus, Corpus, np.ndarray, tuple[str, ...]]:
    """The documents of all slices before the measured one, those of that, the slices of the first, their first days."""
    settings, splits = text_settings(spec), load_corpus(spec.dataset)
    dates = (splits.train_dates, splits.test_dates)
    known = None if dates[0] is None or dates[1] is None else [*dates[0], *dates[1]]
    slices = time_slices(known, settings.slices, spec.dataset)
    moments = read_dates(known or [], spec.dataset)
    measured = _measured_slice(settings)
    if measured < 1:
        raise UserError(
            f"{spec.dataset}: slices is {settings.slices}; with split: {settings.split} there must be at least "
            f"{settings.slices - measured + 1}, one of them to fit to"
        )
    both = _joined(splits.train, splits.test)
    before = slices < measured
    days = tuple(str(moments[slices == t].min().astype("datetime64[D]")) for t in range(measured))
    return both.select_documents(before), both.select_documents(slices == measured), slices[before], days


def _measured_slice(settings: TextLikelihoodSettings) -> int:
    """Its number, from 0 on, so that there are as many slices before it."""
    return settings.slices - (1 if settings.split == "test" else 2)


def _joined(first: Corpus, second: Corpus) -> Corpus:
    """The documents of two corpora over one vocabulary, one after the other."""
    labels = None if first.labels is None or second.labels is None else np.concatenate([first.labels, second.labels])
    words = np.concatenate([first.words, second.words])
    offsets = np.concatenate([first.offsets, second.offsets[1:] + first.offsets[-1]])
    return Corpus(first.vocabulary, words, offsets, labels, first.classes)


def _require_slices(spec: RunSpec, slices: np.ndarray) -> None:
    there = np.bincount(slices, minlength=_measured_slice(text_settings(spec)))
    if not there.all():
        raise UserError(
            f"{spec.dataset}: slice {there.argmin() + 1} has no document left to fit to; ask for fewer slices, or "
            "set train_limit higher or least_documents lower"
        )


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
        **({} if data.slices is None else {"slices": int(data.slices.max()) + 1}),
    }

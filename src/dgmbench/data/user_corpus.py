"""What a user-defined corpus must hold to be benchmarked; the first thing that is wrong is said in one line."""

from __future__ import annotations

from collections import Counter

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.data.labels import alike, flaw, shown
from dgmbench.data.text import CorpusSplits
from dgmbench.errors import UserError, counted


def check_corpus(name: str, splits: CorpusSplits, *, labelled: bool = True) -> None:
    """Check both parts of a corpus and that they fit together.

    Args:
        labelled: whether its documents must have labels.

    Raises:
        UserError: they do not.
    """
    train, test = splits.train, splits.test
    if tuple(train.vocabulary) != tuple(test.vocabulary) or tuple(train.classes) != tuple(test.classes):
        raise UserError(f"{name}: train and test have different vocabularies or classes; number both alike")
    for kind, names in (("word", train.vocabulary), ("class", train.classes)):
        _check_names(f"{name}: the {kind}", names)
    if pair := alike(train.classes):
        first, second = map(shown, pair)
        raise UserError(
            f"{name}: the classes {first} and {second} differ in case, spaces or form alone; write them alike"
        )
    for part, corpus, dates in (("train", train, splits.train_dates), ("test", test, splits.test_dates)):
        _check_part(f"{name}: {part}", corpus, labelled)
        if dates is not None and len(dates) != len(corpus):
            documents, given = counted(len(corpus), "document"), counted(len(dates), "date")
            raise UserError(f"{name}: {documents} but {given}; give one a document, or None")


def _check_names(what: str, names: tuple[str, ...]) -> None:
    """Words, or classes: texts of one line, each once."""
    for each in names:
        if not isinstance(each, str):
            raise UserError(f"{what} {shown(each)} is {type(each).__name__}; give text")
        if found := flaw(each):
            raise UserError(f"{what} {shown(each)} has {found}; take it out")
    if len(set(names)) < len(names):
        (twice, _), *_ = Counter(names).most_common(1)
        raise UserError(f"{what} {shown(twice)} stands twice in its list; name each once")


def _check_part(where: str, corpus: Corpus, labelled: bool) -> None:
    if corpus.labels is None and labelled:
        raise UserError(f"{where} has documents without labels; give Corpus.from_tokens a label for each document")
    for name, limit, of in (
        ("words", corpus.n_words, "the vocabulary"),
        ("offsets", corpus.n_tokens + 1, "the tokens"),
        ("labels", len(corpus.classes), "the classes"),
    ):
        if (values := getattr(corpus, name)) is None:
            continue
        if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "iu":
            raise UserError(f"{where}: {name} is no array of whole numbers with one axis; use Corpus.from_tokens")
        if len(values) and not 0 <= values.min() <= values.max() < limit:
            raise UserError(f"{where}: {name} holds numbers outside {of}; use Corpus.from_tokens")
    offsets = corpus.offsets
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != corpus.n_tokens or (np.diff(offsets) < 0).any():
        raise UserError(f"{where}: offsets do not go from 0 up to the {corpus.n_tokens} tokens; use Corpus.from_tokens")
    if not len(corpus):
        raise UserError(f"{where} has no documents; both parts need some")
    if corpus.labels is not None and len(corpus.labels) != len(corpus):
        documents, labels = counted(len(corpus), "document"), counted(len(corpus.labels), "label")
        raise UserError(f"{where} has {documents} but {labels}; give one a document")

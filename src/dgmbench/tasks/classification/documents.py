"""Which documents a run sees: the same for every method."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import numpy as np

from dgmbench.data.catalogue import title_of
from dgmbench.data.corpora import Corpus
from dgmbench.data.labels import listed
from dgmbench.data.load.corpus import load_corpus
from dgmbench.data.load.embeddings import load_embeddings
from dgmbench.data.parts import evenly_spaced as places_of_part
from dgmbench.errors import UserError
from dgmbench.models.text.preparation import Prepared, prepare
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.classification.settings import document_settings

log = logging.getLogger("dgmbench")

VALIDATION_SEED = 2016
VALIDATION_PARTS = 5


def prepared_corpus(spec: RunSpec) -> Prepared:
    """Training documents, and those to classify, as every method sees them.

    With ``split: valid`` the documents to classify are a fifth of the training documents, and the rest is trained on.
    A class that loses all its documents of a part on the way is named in the log, with the reason.

    Raises:
        UserError: no word has an embedding, or what is left has no training documents of two classes, or none to
            classify.
    """
    settings, title = document_settings(spec), title_of(spec.dataset)
    splits = load_corpus(spec.dataset)
    train, test = splits.train, splits.test
    if settings.split == "valid":
        assert train.labels is not None
        held_out = validation_parts(train.labels) == settings.valid_part
        train, test = train.select_documents(~held_out), train.select_documents(held_out)
        _say_what_is_lost(f"{title}: no validation document", train, test, f"valid_part is {settings.valid_part}")
    limited = evenly_spaced(train, settings.train_limit), evenly_spaced(test, settings.test_limit)
    prepared = prepare(*limited, load_embeddings(settings.embeddings))
    named = ("training", "validation" if settings.split == "valid" else "test")
    limits = (f"train_limit is {settings.train_limit}", f"test_limit is {settings.test_limit}")
    for part, whole, limit, within, left in zip(named, (train, test), limits, limited, prepared[:2], strict=True):
        _say_what_is_lost(f"{title}: no {part} document is left", whole, within, limit)
        _say_what_is_lost(f"{title}: no {part} document is left", within, left, "none has a word with an embedding")
    assert prepared.train.labels is not None
    if len(np.unique(prepared.train.labels)) < 2:
        raise UserError(f"{spec.dataset}: the training documents are all of one class; a classifier needs two or more")
    if not len(prepared.test):
        raise UserError(
            f"{spec.dataset}: no {settings.split} document has a word with an embedding: nothing to classify"
        )
    return prepared


def _say_what_is_lost(what: str, before: Corpus, after: Corpus, why: str) -> None:
    """Name the classes that have documents before and none after."""
    assert before.labels is not None and after.labels is not None
    lost = np.setdiff1d(before.labels, after.labels)
    if len(lost):
        _warn_once(f"{what} of a class ({listed([before.classes[c] for c in lost])}): {why}")


@cache
def _warn_once(line: str) -> None:
    """Warn, once in a process: the documents of a run are prepared several times."""
    log.warning(line)


def described(data: Prepared) -> dict[str, Any]:
    """What a run's record says of its documents."""
    train, test = data.train, data.test
    assert train.labels is not None and test.labels is not None
    of_train, of_test = (set(labels.tolist()) for labels in (train.labels, test.labels))
    return {
        "train_documents": len(train),
        "test_documents": len(test),
        "copies_of_training_documents": copies_of_training_documents(data),
        "dropped_train": data.dropped_train,
        "dropped_test": data.dropped_test,
        "vocabulary": train.n_words,
        "vocabulary_of_test_alone": len(np.setdiff1d(test.words, train.words)),
        # of the words of the corpus and of their occurrences; the others are dropped
        "share_of_words_with_vector": round(data.known_words, 6),
        "share_of_tokens_with_vector": round(data.known_tokens, 6),
        "train_tokens": train.n_tokens,
        "classes": list(train.classes),
        "classes_of_test_alone": [train.classes[c] for c in sorted(of_test - of_train)],
        "classes_of_train_alone": [train.classes[c] for c in sorted(of_train - of_test)],
    }


def copies_of_training_documents(data: Prepared) -> int:
    """How many of the documents to classify have the words of a training document, in its order."""
    train, test = data.train, data.test
    known = {train.document(i).tobytes() for i in range(len(train))}
    return sum(test.document(i).tobytes() in known for i in range(len(test)))


def validation_parts(labels: np.ndarray) -> np.ndarray:
    """(documents,) 0 to 4: fifths of the training documents, each with its share of every class.

    They depend on the labels alone, so that every method and seed has the same. The only document of a class is in
    none of them (-1): no method could learn it otherwise.
    """
    rng = np.random.default_rng(VALIDATION_SEED)
    parts = np.full(len(labels), -1)
    dealt = 0  # counts on from class to class, so that small classes do not all fall to the first fifth
    for c in np.unique(labels):
        documents = rng.permutation(np.flatnonzero(labels == c))
        if len(documents) > 1:
            parts[documents] = (dealt + np.arange(len(documents))) % VALIDATION_PARTS
            dealt += len(documents)
    return parts


def joined(train: Corpus, test: Corpus) -> Corpus:
    """Both corpora's documents, without labels: what a transductive method is fitted on."""
    offsets = np.concatenate([train.offsets, train.n_tokens + test.offsets[1:]])
    return Corpus(train.vocabulary, np.concatenate([train.words, test.words]), offsets)


def evenly_spaced(corpus: Corpus, limit: int) -> Corpus:
    """So many documents, see `data.parts`; all of them where the limit is 0."""
    if not limit or limit >= len(corpus):
        return corpus
    return corpus.select_documents(places_of_part(len(corpus), corpus.labels, limit))

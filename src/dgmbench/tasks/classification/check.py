"""Does a user-defined document method fit the benchmark? Each finding says what is missing."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.data.load.embeddings import load_embeddings
from dgmbench.errors import UserError, raised
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.classification.building import build_method
from dgmbench.tasks.classification.documents import prepared_corpus
from dgmbench.tasks.classification.settings import document_settings

SMALL = 5000
"""Training tokens up to which a method is tried on the corpus itself."""


def findings(spec: RunSpec, row: Row) -> Iterator[str]:
    """What keeps a method from being benchmarked on a corpus.

    The corpus is loaded and prepared as for a run. The method is fitted on it where it is small, and else on a small
    one with planted words.

    Raises:
        UserError: the corpus cannot be learned from, or the class cannot be imported or refuses its options.
    """
    train, test, *_ = prepared_corpus(spec)
    if train.n_tokens > SMALL:
        words = load_embeddings(document_settings(spec).embeddings).words
        train, test = planted(words[1000:1040] if len(words) >= 1040 else words[:40])
    method = build_method(spec, row)
    try:
        method.fit(train, train.labels)
        features = method.transform(test)
    except UserError:
        raise
    except Exception as error:  # whatever the method's own code raises is the finding
        yield f"fit and transform raised {raised(error)}"
        return
    shape = getattr(features, "shape", None)
    if shape is None or len(shape) != 2 or shape[0] != len(test):
        yield f"transform gave {shape or type(features).__name__} for {len(test)} documents, not (documents, features)"
        return
    values: Any = features.data if sparse.issparse(features) else np.asarray(features)
    if values.dtype.kind not in "fiub":
        yield f"transform gave values of type {values.dtype}, not numbers"
        return
    if not np.isfinite(values).all():
        yield "transform gave NaN or infinity"
        return
    before = _state(method)
    again = method.transform(test)
    if before is not None and before != _state(method):
        yield "transform changes the fitted method: test documents must not teach it anything"
    if abs(features - again).max() > 0:
        yield "transform gives other features the second time: seed what is random in it"


def trial(spec: RunSpec) -> RunSpec:
    """The run on a few hundred documents."""
    settings = document_settings(spec)
    limits = {"train_limit": min(settings.train_limit or 400, 400), "test_limit": min(settings.test_limit or 200, 200)}
    return replace(spec, settings=settings.model_copy(update=limits))


def planted(words: Any) -> tuple[Corpus, Corpus]:
    """80 training and 40 test documents of two classes, each of which has half of the words for itself."""
    vocabulary = [str(word) for word in words]
    half = len(vocabulary) // 2
    halves = {"first": vocabulary[:half], "second": vocabulary[half:]}
    rng = np.random.default_rng(0)
    names = ["first", "second"] * 60
    texts = [[str(word) for word in rng.choice(halves[name], 30)] for name in names]
    train = Corpus.from_tokens(texts[:80], names[:80], vocabulary=vocabulary)
    return train, Corpus.from_tokens(texts[80:], names[80:], vocabulary=vocabulary, classes=train.classes)


def _state(method: Any) -> bytes | None:
    """What was learned, byte by byte; None for a method that cannot be pickled."""
    learned = {name: value for name, value in vars(method).items() if name.endswith("_")}
    try:
        return pickle.dumps(learned)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None

"""Which documents a run sees: apart from the stages, so that a change here is a change of every run."""

from __future__ import annotations

import numpy as np

from dgmbench.data import load_corpus, load_embeddings
from dgmbench.data.corpora import Corpus
from dgmbench.models.topics.preparation import Prepared, prepare
from dgmbench.spec import ClassificationSettings, RunSpec


def document_settings(spec: RunSpec) -> ClassificationSettings:
    """The settings of a classification run."""
    assert isinstance(spec.settings, ClassificationSettings)
    return spec.settings


def prepared_corpus(spec: RunSpec) -> Prepared:
    """Training and test documents as every method sees them."""
    settings = document_settings(spec)
    splits = load_corpus(spec.dataset)
    train, test = evenly_spaced(splits.train, settings.train_limit), evenly_spaced(splits.test, settings.test_limit)
    return prepare(type(splits)(train, test), load_embeddings(settings.embeddings))


def evenly_spaced(corpus: Corpus, limit: int) -> Corpus:
    """Evenly spaced documents, so that every class of a sorted file is among them."""
    if not limit or limit >= len(corpus):
        return corpus
    return corpus.select_documents(np.linspace(0, len(corpus) - 1, limit).round().astype(np.int64))

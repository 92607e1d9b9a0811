"""What document methods share with scikit-learn's estimators: arguments by name, clones, a place in a pipeline."""

from __future__ import annotations

import copy
import inspect
import reprlib
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from dgmbench.data.corpora import Corpus
from dgmbench.run.checkpoint import NOT_KEPT

_FEW = 10  # documents of a class


class DocumentMethod(TransformerMixin, BaseEstimator):
    """A method with ``fit(corpus, labels)`` and ``transform(corpus)``, whose arguments are its attributes.

    So scikit-learn's ``clone`` makes an unfitted copy, its pipelines hold it before a classifier, and it prints as a
    call with the arguments that differ from their defaults.
    """

    def set_params(self, **params: Any) -> Any:
        """Change arguments by their names, checked as the constructor does; it has to be fitted again."""
        super().set_params(**params)
        if check := getattr(self, "__post_init__", None):
            check()
        return self

    def __repr__(self) -> str:
        """A call with the arguments that differ from their defaults; embeddings by their name."""
        defaults = {name: of.default for name, of in inspect.signature(type(self)).parameters.items()}
        own = self.get_params(deep=False)
        shown = {name: _short(own[name]) for name in defaults if repr(own[name]) != repr(defaults[name])}
        return f"{type(self).__name__}({', '.join(f'{name}={text}' for name, text in shown.items())})"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}"
    name = getattr(value, "name", None)
    return f"<{name}>" if isinstance(name, str) else reprlib.repr(value)


class TopicMethod(DocumentMethod):
    """A document method with topics: ``topics_`` (n_topics, vocabulary) and ``vocabulary_`` after the fit."""

    def top_words(self, n: int = 10) -> list[list[str]]:
        """The n most probable words of each topic, the first the most probable."""
        model: Any = self
        order = np.argsort(-model.topics_, axis=1, kind="stable")[:, :n]
        return [[model.vocabulary_[word] for word in row] for row in order]


def fit_a_few(method: DocumentMethod, corpus: Corpus, **short: int) -> None:
    """Fit another method with these arguments to documents of two classes: what a fit compiles is there then.

    Args:
        short: arguments that make its fit a short one.
    """
    if not len(corpus):
        return  # its fit says what is wrong
    places = np.arange(len(corpus))
    if corpus.labels is not None:
        places = np.concatenate(
            [np.flatnonzero(corpus.labels == label)[:_FEW] for label in np.unique(corpus.labels)[:2]]
        )
    other: Any = copy.copy(method)  # a derived class may take other arguments
    for name, value in {**short, "checkpoint": NOT_KEPT}.items():
        setattr(other, name, value)
    other.fit(corpus.select_documents(np.sort(places[: 2 * _FEW])))

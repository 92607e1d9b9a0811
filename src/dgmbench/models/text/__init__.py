"""Document methods: each turns documents into features.

A method is any class with ``fit(corpus, labels)``, which learns from training documents and may ignore ``labels``, and
``transform(corpus)``, (documents, features) of training or held-out documents, which leaves the method as it is. Its
constructor takes ``seed``, ``threads``, ``embeddings`` and ``checkpoint`` if it has use for them. A fit of minutes has
use for the last, a `dgmbench.run.checkpoint.Checkpoint`: ``load()`` gives the arrays that a killed process saved last,
or none, and ``save(name=array, ...)`` after every sweep or epoch keeps those from which ``fit`` goes on to the same
bits, the state of a generator among them. Without one a method keeps nothing. It may also have

- ``topics_`` (n_topics, vocabulary) word probabilities and ``alpha_`` (n_topics,) Dirichlet parameters after the fit,
  with which a topic model is judged by its topics; ``topic_vectors_`` (n_topics, dim) if the topics are points in the
  space of the word embeddings.
- ``feature_set``, what its features are, in words.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "BagOfWords": "bow",
    "Doc2Vec": "doc2vec",
    "GaussianLDA": "gaussian_lda",
    "LDA": "lda",
    "LFTM": "lftm",
    "MeanWordVectors": "mean_wv",
    "SLDA": "slda",
    "TWE": "twe",
    "TopicVec": "topicvec",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import a method's module when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)

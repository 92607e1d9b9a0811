"""Document methods: each turns a corpus into features, by ``fit(corpus, labels)`` and ``transform(corpus)``."""

from importlib import import_module
from typing import Any

_HOME = {
    "BagOfWords": "bow",
    "Concatenation": "concatenation",
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

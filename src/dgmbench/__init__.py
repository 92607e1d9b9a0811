"""Benchmarks for deep generative models and topic models, on real data.

The suite is also a library; everything that is meant to be used from outside has a name here::

    from dgmbench import load_images, log_likelihood, LDA
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dgmbench.version import __version__

if TYPE_CHECKING:
    from dgmbench.commands.frame import results
    from dgmbench.data.corpora import Corpus
    from dgmbench.data.images import ImageSplits
    from dgmbench.data.load.corpus import load_corpus
    from dgmbench.data.load.embeddings import load_embeddings
    from dgmbench.data.load.images import load_images
    from dgmbench.errors import UserError
    from dgmbench.metrics.classification import classify
    from dgmbench.metrics.likelihood import log_likelihood
    from dgmbench.metrics.topics import document_completion, left_to_right, npmi_coherence, topic_diversity
    from dgmbench.models.images.bounds import iwae_bound
    from dgmbench.models.text.lda import LDA
    from dgmbench.models.text.topicvec import TopicVec

_HOME = {
    "Corpus": "data.corpora",
    "ImageSplits": "data.images",
    "LDA": "models.text.lda",
    "TopicVec": "models.text.topicvec",
    "UserError": "errors",
    "classify": "metrics.classification",
    "document_completion": "metrics.topics",
    "iwae_bound": "models.images.bounds",
    "left_to_right": "metrics.topics",
    "load_corpus": "data.load.corpus",
    "load_embeddings": "data.load.embeddings",
    "load_images": "data.load.images",
    "log_likelihood": "metrics.likelihood",
    "npmi_coherence": "metrics.topics",
    "results": "commands.frame",
    "topic_diversity": "metrics.topics",
}
__all__ = [
    "LDA",
    "Corpus",
    "ImageSplits",
    "TopicVec",
    "UserError",
    "__version__",
    "classify",
    "document_completion",
    "iwae_bound",
    "left_to_right",
    "load_corpus",
    "load_embeddings",
    "load_images",
    "log_likelihood",
    "npmi_coherence",
    "results",
    "topic_diversity",
]


def __getattr__(name: str) -> Any:
    # numpy, torch and the rest are imported by the first use of a name, not with the package
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Where data comes from and how it is cleaned.

``load_images``, ``load_corpus`` and ``load_embeddings`` give a dataset by name and download it when the cache
has none. ``checksums`` says exactly which bytes those were.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgmbench.data.catalogue import known_datasets
    from dgmbench.data.embeddings import Embeddings
    from dgmbench.data.images import ImageSplits
    from dgmbench.data.load.checksums import checksums
    from dgmbench.data.load.corpus import load_corpus
    from dgmbench.data.load.embeddings import load_embeddings
    from dgmbench.data.load.images import load_images
    from dgmbench.data.text import CorpusSplits

_HOME = {
    "CorpusSplits": "text",
    "Embeddings": "embeddings",
    "ImageSplits": "images",
    "checksums": "load.checksums",
    "known_datasets": "catalogue",
    "load_corpus": "load.corpus",
    "load_embeddings": "load.embeddings",
    "load_images": "load.images",
}
__all__ = [
    "CorpusSplits",
    "Embeddings",
    "ImageSplits",
    "checksums",
    "known_datasets",
    "load_corpus",
    "load_embeddings",
    "load_images",
]


def __getattr__(name: str) -> Any:
    # numpy and scipy are imported by the first use of a name, not by the command line's start
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)

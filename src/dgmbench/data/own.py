"""Datasets of one's own: a function that returns the same objects as the built-in names do.

It is named in a config by ``module:function``, or by an entry point in the group ``dgmbench.datasets``; a corpus
also by its files (see ``dgmbench.data.files``).
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.data.files import PREFIX, read_corpus
from dgmbench.data.images import ImageSplits
from dgmbench.data.store import array_sha256
from dgmbench.data.text import CorpusSplits, pack_text
from dgmbench.errors import UserError
from dgmbench.names import load_object

ENTRY_POINT_GROUP = "dgmbench.datasets"


def entry_points() -> dict[str, str]:
    """Datasets of other installed packages: ``module:function`` by name."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}


def is_own(name: str) -> bool:
    """Whether the name stands for a dataset of one's own."""
    return ":" in name or name in entry_points()


def own_images(name: str) -> ImageSplits:
    """Images from a function of one's own, checked.

    Raises:
        UserError: it returns something else, or parts that do not fit together.
    """
    found = _call(name)
    if not isinstance(found, ImageSplits):
        raise UserError(f"{name} returned {type(found).__name__}; return a dgmbench.data.ImageSplits")
    for part in ("train", "valid", "test"):
        _check_images(f"{name}: {part}", getattr(found, part), getattr(found, f"{part}_labels"), found)
    return found


def _check_images(where: str, images: Any, labels: Any, splits: ImageSplits) -> None:
    pixels = splits.shape[0] * splits.shape[1]
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape != (len(images), pixels):
        raise UserError(f"{where} is not an (images, {pixels}) array of uint8, as shape {splits.shape} asks")
    if len(labels) != len(images):
        raise UserError(f"{where} has {len(images)} images but {len(labels)} labels")
    if splits.binary and images.size and images.max() > 1:
        raise UserError(f"{where} has pixels above 1; give binary=False for grey images")


def own_corpus(name: str) -> CorpusSplits:
    """A corpus from a function of one's own, checked.

    Raises:
        UserError: it returns something else, or parts that do not fit together.
    """
    found = _call(name)
    if not isinstance(found, tuple) or len(found) != 2 or not all(isinstance(part, Corpus) for part in found):
        raise UserError(f"{name} returned {type(found).__name__}; return a dgmbench.data.CorpusSplits")
    splits = CorpusSplits(*found)
    if splits.train.vocabulary != splits.test.vocabulary or splits.train.classes != splits.test.classes:
        raise UserError(f"{name}: train and test have different vocabularies or classes; number both alike")
    if splits.train.labels is None or splits.test.labels is None:
        raise UserError(f"{name}: documents without labels; give Corpus.from_tokens a label for each document")
    return splits


def own_checksums(name: str) -> dict[str, str]:
    """The checksums of a dataset of one's own: of the arrays that its function returns now."""
    found = _call(name)
    arrays: dict[str, np.ndarray] = {}
    if isinstance(found, ImageSplits):
        for part in ("train", "valid", "test"):
            arrays |= {part: getattr(found, part), f"{part}_labels": np.asarray(getattr(found, f"{part}_labels"))}
    else:
        for part, corpus in zip(("train", "test"), own_corpus(name), strict=True):
            arrays |= {f"{part}_words": corpus.words, f"{part}_offsets": corpus.offsets}
            arrays |= {f"{part}_labels": np.asarray(corpus.labels), "vocabulary": pack_text(corpus.vocabulary)}
    return {"source": name, **{f"array:{key}": array_sha256(array) for key, array in arrays.items()}}


def _call(name: str) -> Any:
    if name.startswith(PREFIX):
        return read_corpus(name)
    return load_object(entry_points().get(name, name))()

"""User-defined datasets: a function that returns the same objects as the built-in names do.

It is named in a configuration by ``module:function``, or by an entry point in the group ``dgmbench.datasets``; a
corpus also by its files (see `dgmbench.data.user_files`).
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.data.images import ImageSplits
from dgmbench.data.text import CorpusSplits
from dgmbench.data.user_corpus import check_corpus
from dgmbench.data.user_files import PREFIX, read_corpus
from dgmbench.errors import UserError
from dgmbench.names import load_object

ENTRY_POINT_GROUP = "dgmbench.datasets"


def entry_points() -> dict[str, str]:
    """Datasets of other installed packages: ``module:function`` by name."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}


def user_splits(name: str, *kinds: type[ImageSplits] | type[CorpusSplits]) -> Any:
    """What a user-defined function returns, or a corpus of the user's files, checked; two corpora are a `CorpusSplits`.

    Raises:
        UserError: it is of none of these kinds, or its parts do not fit together.
    """
    found: Any = read_corpus(name) if name.startswith(PREFIX) else load_object(entry_points().get(name, name))()
    if isinstance(found, tuple) and len(found) == 2 and all(isinstance(part, Corpus) for part in found):
        found = CorpusSplits(*found)
    if not isinstance(found, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise UserError(f"{name} returned {type(found).__name__}; return a dgmbench.data.{wanted}")
    if isinstance(found, CorpusSplits):
        check_corpus(name, found)
    else:
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

"""Loading datasets by name; what the cache lacks is downloaded."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from dgmbench.data.catalogue import find_dataset, is_user_defined
from dgmbench.data.download.store import array_sha256, arrays, cache_folder, stored
from dgmbench.data.embeddings import Embeddings
from dgmbench.data.images import ImageSplits
from dgmbench.data.text import CorpusSplits
from dgmbench.data.user_data import user_corpus, user_images, user_splits


def load_images(name: str) -> ImageSplits:
    """Images by name, or user-defined ones (``module:function``, entry point), in their published split.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name):
        return user_images(name)
    dataset = find_dataset(name, "images")
    splits: ImageSplits = dataset.make(arrays(dataset))
    return splits


def load_corpus(name: str) -> CorpusSplits:
    """A corpus by name, or a user-defined one.

    A user-defined corpus is named by ``module:function``, by an entry point, or by its files,
    ``file:reviews.csv?label=stars`` (see `dgmbench.data.user_files`).

    Words are lower-case and without stop words; the rest is as in the file, documents in the file's order or in the
    order of time. Documents that stop words alone made up stay, with no words. Classes are sorted by name.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name):
        return user_corpus(name)
    dataset = find_dataset(name, "corpus")
    splits: CorpusSplits = dataset.make(arrays(dataset))
    return splits


def load_embeddings(name: str) -> Embeddings:
    """Word embeddings by name.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    dataset = find_dataset(name, "embeddings")
    embeddings: Embeddings = dataset.make(arrays(dataset))
    return embeddings


def checksums(name: str) -> dict[str, str]:
    """Which data a name stands for here: ``source``, ``archive:<file>`` and ``array:<name>`` SHA-256 checksums.

    The arrays are those that loading gives, after the split; of embeddings, which are large, those in the cache.
    Fetches the dataset when the cache has none.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name):
        return {"source": name, **_of_arrays(user_splits(name))}
    return dict(_of_built_in(name, cache_folder()))


@lru_cache(maxsize=64)
def _of_built_in(name: str, cache: Path) -> dict[str, str]:
    """See `checksums`; computed once for a cache folder."""
    dataset = find_dataset(name)
    manifest, found = stored(dataset)
    if dataset.kind == "embeddings":
        of_arrays = {f"array:{array}": entry["sha256"] for array, entry in manifest["arrays"].items()}
    else:
        of_arrays = _of_arrays(dataset.make(found))
    archives = {f"archive:{file}": archive["sha256"] for file, archive in manifest["archives"].items()}
    return {"source": manifest["source"], **archives, **of_arrays}


def _of_arrays(splits: ImageSplits | CorpusSplits) -> dict[str, str]:
    return {f"array:{name}": array_sha256(array) for name, array in splits.arrays().items()}

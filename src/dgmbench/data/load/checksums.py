"""Which data a name stands for, to the bit."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from dgmbench.data.catalogue import find_dataset, identity, is_user_defined
from dgmbench.data.download.store import array_sha256, cache_folder, stored
from dgmbench.data.images import ImageSplits
from dgmbench.data.text import CorpusSplits
from dgmbench.data.user_data import user_splits
from dgmbench.data.user_vectors import is_vector_file


def checksums(name: str) -> dict[str, str]:
    """Which data a name stands for here: ``source``, ``archive:<file>`` and ``array:<name>`` SHA-256 checksums.

    The arrays are those that loading gives, after the split; of embeddings, which are large, those in the cache.
    Fetches the dataset when the cache has none.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name) and not is_vector_file(name):
        return {"source": name, **_of_arrays(user_splits(name, ImageSplits, CorpusSplits))}
    return dict(_of_stored(name, cache_folder(), identity(name)))


@lru_cache(maxsize=64)
def _of_stored(name: str, cache: Path, content: str) -> dict[str, str]:
    """See `checksums`; computed once for a cache folder, and for what a user's file holds."""
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

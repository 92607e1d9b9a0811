"""Which data a name stands for, to the bit."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from dgmbench.data.catalogue import find_dataset, is_user_defined
from dgmbench.data.download.store import array_sha256, cache_folder, stored
from dgmbench.data.images import ImageSplits
from dgmbench.data.text import CorpusSplits
from dgmbench.data.user_data import user_splits


def checksums(name: str) -> dict[str, str]:
    """Which data a name stands for here: ``source``, ``archive:<file>`` and ``array:<name>`` SHA-256 checksums.

    The arrays are those that loading gives, after the split; of embeddings, which are large, those in the cache.
    Fetches the dataset when the cache has none.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name):
        return {"source": name, **_of_arrays(user_splits(name, ImageSplits, CorpusSplits))}
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

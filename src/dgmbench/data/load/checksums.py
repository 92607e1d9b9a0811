"""Which data a name stands for, to the bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from dgmbench.data.catalogue import find_dataset, identity, is_function, is_user_defined, is_vectors
from dgmbench.data.download.store import array_sha256, cache_folder, stored
from dgmbench.data.images import ImageSplits
from dgmbench.data.points import PointSplits
from dgmbench.data.text import CorpusSplits
from dgmbench.data.user_data import user_splits
from dgmbench.errors import UserError


def checksums(name: str) -> dict[str, str]:
    """Which data a name stands for here: ``source``, ``archive:<file>`` and ``array:<name>`` SHA-256 checksums.

    The arrays are those that loading gives, after the split; of embeddings, which are large, those in the cache.
    Fetches the dataset when the cache has none.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name) and not is_vectors(name):
        return {"source": name, **_of_arrays(user_splits(name, ImageSplits, CorpusSplits, PointSplits))}
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


def _of_arrays(splits: ImageSplits | CorpusSplits | PointSplits) -> dict[str, str]:
    return {f"array:{name}": array_sha256(array) for name, array in splits.arrays().items()}


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """The arrays whose checksums differ, in words; empty when all are the same."""
    arrays = sorted(name for name in {*one, *other} if name.startswith("array:"))
    names = [name.removeprefix("array:") for name in arrays if one.get(name) != other.get(name)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def require_steady(name: str, before: Mapping[str, str]) -> None:
    """Call a user's function once more: training and evaluation each call it, and must get the same arrays.

    Args:
        before: what `checksums` gave for it.

    Raises:
        UserError: it gives other arrays.
    """
    if is_function(name) and (found := differences(before, checksums(name))):
        raise UserError(
            f"{name} gives other arrays each time it is called ({found}): give its random numbers a fixed seed, and "
            "sort what it takes from sets or folders"
        )


@lru_cache(maxsize=64)
def loaded_apart(name: str) -> str:
    """A hash of what a user's function gives, called in a process of its own; empty for any other name.

    A workflow is planned with it: nothing but a call can tell what a function reads. If it fails, why stands in place
    of the hash, so that the job that loads it is done again and says so.
    """
    if not is_function(name):
        return ""
    command = [sys.executable, "-c", _PRINT_CHECKSUMS, name]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    return (done.stderr if done.returncode else done.stdout).strip().rpartition("\n")[2]


# what the user's function prints is not for the standard output
_PRINT_CHECKSUMS = f"""
import hashlib, json, sys
from {__name__} import checksums
output, sys.stdout = sys.stdout, sys.stderr
found = json.dumps(checksums(sys.argv[1]), sort_keys=True)
print(hashlib.sha256(found.encode()).hexdigest(), file=output)
"""

"""The cache of parsed datasets: arrays as .npy files, and a manifest that says what they are and where from."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from filelock import FileLock

from dgmbench.data.dataset import Arrays, Dataset, Origin, SourceError
from dgmbench.data.download.archives import BROKEN
from dgmbench.data.download.transfer import describe, sha256_of
from dgmbench.errors import UserError
from dgmbench.files import atomic_write, write_text

log = logging.getLogger("dgmbench")

FORMAT = 1
"""Raised when what a dataset's arrays mean changes, so that caches are rebuilt."""

CHECKED_WHOLE = 64_000_000
"""Larger files, in bytes, are memory-mapped, and checked on request; the others are at every load."""


def cache_folder() -> Path:
    """The folder that checkouts share: ``DGMBENCH_CACHE``, else the user's cache folder."""
    chosen = os.environ.get("DGMBENCH_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("dgmbench")


def array_sha256(array: np.ndarray) -> str:
    """The SHA-256 of an array's type, shape and values (in C order, little-endian)."""
    array = np.ascontiguousarray(array)
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def stored(dataset: Dataset, *, check: bool = False) -> tuple[dict[str, Any], Arrays]:
    """The dataset's manifest and arrays: from the cache when they lie there whole, else fetched and parsed.

    The manifest's ``downloaded`` tells whether this call built it. Large arrays are memory-mapped and read-only; with
    ``check`` they, too, are compared with their checksums.

    Raises:
        UserError: every source failed, the disk is full, or the cache cannot be written.
    """
    folder, built = cache_folder() / "datasets" / dataset.name, False
    found = _read(dataset, folder, check)
    if found is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock"):
                # another process may have built it while this one waited
                found = _read(dataset, folder, check)
                if built := found is None:
                    _build(dataset, folder)
                    found = _read(dataset, folder, check=True)
        except (OSError, UserError) as error:
            reason = error.__cause__ if isinstance(error, UserError) else error
            if not isinstance(reason, OSError):
                raise
            raise UserError(_explain(reason, dataset)) from reason
    if found is None:
        raise UserError(f"{dataset.name}: {folder} changed while it was read; check the disk, then try again")
    return {**found[0], "downloaded": built}, found[1]


def _explain(error: OSError, dataset: Dataset) -> str:
    place = f"the cache {cache_folder()}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{dataset.name}: no space left in {place}; free some, or set DGMBENCH_CACHE to a folder on another disk"
    reason = error.strerror or str(error)
    return f"{dataset.name}: cannot write to {place} ({reason}); set DGMBENCH_CACHE to a folder you can write to"


def is_cached(dataset: Dataset) -> bool:
    """Whether the parsed arrays lie in the cache, without reading them."""
    folder = cache_folder() / "datasets" / dataset.name
    if (manifest := _read_manifest(dataset, folder)) is None:
        return False
    sizes = {folder / f"{name}.npy": entry["file_bytes"] for name, entry in manifest["arrays"].items()}
    return all(path.is_file() and path.stat().st_size == size for path, size in sizes.items())


def _read_manifest(dataset: Dataset, folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        current = manifest["format"] == FORMAT
        found = {name: entry["sha256"] for name, entry in manifest["arrays"].items()}
        whole = all(entry.keys() >= {"dtype", "shape", "file_bytes"} for entry in manifest["arrays"].values())
        if not whole or not manifest.keys() >= {"source", "archives"}:
            raise ValueError("entries are missing")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        log.warning("%s: the cached manifest cannot be read (%s); building it again", dataset.name, error)
        return None
    if not current or any(found.get(name) != sha256 for name, sha256 in dataset.sha256.items()):
        log.warning("%s: the cache holds another version; building it again", dataset.name)
        return None
    return manifest


def _read(dataset: Dataset, folder: Path, check: bool) -> tuple[dict[str, Any], Arrays] | None:
    manifest = _read_manifest(dataset, folder)
    if manifest is None:
        return None
    loaded: Arrays = {}
    for name, entry in manifest["arrays"].items():
        try:
            large, path = entry["file_bytes"] > CHECKED_WHOLE, folder / f"{name}.npy"
            if path.stat().st_size != entry["file_bytes"]:
                raise ValueError("wrong size")
            array = np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
            if array.dtype.str != entry["dtype"] or list(array.shape) != entry["shape"]:
                raise ValueError("wrong type or shape")
            if (check or not large) and array_sha256(array) != entry["sha256"]:
                raise ValueError("wrong checksum")
        except BROKEN as error:
            log.warning("%s: %s.npy in the cache is damaged (%s); building it again", dataset.name, name, error)
            return None
        loaded[name] = array
    return manifest, loaded


def _build(dataset: Dataset, folder: Path) -> None:
    """Fetch, parse, check, store; the manifest comes last, so that it stands for whole arrays."""
    failures: list[str] = []
    for origin in dataset.origins:
        label = origin.source.label
        try:
            log.info("%s: fetching from %s", dataset.name, label)
            files = origin.source.obtain(cache_folder() / "archives")
            parsed = _parse(dataset, origin, files)
        except SourceError as error:
            log.warning("%s: %s failed: %s", dataset.name, label, error)
            failures.append(f"{label}: {error}")
            continue
        (folder / "manifest.json").unlink(missing_ok=True)
        manifest = {
            "format": FORMAT,
            "name": dataset.name,
            "source": label,
            "failed_before": failures,
            "built": datetime.now(UTC).isoformat(timespec="seconds"),
            "archives": {n: {"sha256": sha256_of(p), "bytes": p.stat().st_size} for n, p in files.items()},
            "arrays": {name: _write(folder, name, array) for name, array in parsed.items()},
        }
        write_text(folder / "manifest.json", json.dumps(manifest, indent=1) + "\n")
        return
    note = f"; {dataset.note}" if dataset.note else ""
    raise UserError(
        f"{dataset.name}: no source gave it ({'; '.join(failures)}); check the network and the registry settings "
        f"of pip and npm, or copy a filled cache folder and name it in DGMBENCH_CACHE{note}"
    )


def _parse(dataset: Dataset, origin: Origin, files: Mapping[str, Path]) -> Arrays:
    try:
        parsed = origin.parse(files)
        for name, expected in dataset.sha256.items():
            found = array_sha256(parsed[name])
            if found != expected:
                raise ValueError(f"array {name} has SHA-256 {found}, expected {expected}")
    except BROKEN as error:
        # a file without a published checksum may be a damaged copy; a pinned one would only be fetched again
        for path in files.values():
            if path.is_relative_to(cache_folder()):  # not a user's own
                path.unlink(missing_ok=True)
        reason = str(error).splitlines()[0] if isinstance(error, ValueError) and str(error) else describe(error)
        raise SourceError(f"cannot be read: {reason}") from error
    return parsed


def _write(folder: Path, name: str, array: np.ndarray) -> dict[str, Any]:
    array = np.ascontiguousarray(array)
    with atomic_write(folder / f"{name}.npy", "wb") as stream:
        np.save(stream, array, allow_pickle=False)
    return {
        "sha256": array_sha256(array),
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "file_bytes": (folder / f"{name}.npy").stat().st_size,
    }

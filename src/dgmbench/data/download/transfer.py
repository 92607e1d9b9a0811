"""Bringing one file from somewhere into the archive folder, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from filelock import FileLock

from dgmbench.data.dataset import SourceError
from dgmbench.files import atomic_write

if TYPE_CHECKING:
    from httpx2 import Client

log = logging.getLogger("dgmbench")
ATTEMPTS = 3
CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def keep(folder: Path, filename: str, sha256: str | None, get: Callable[[IO[bytes]], None]) -> Path:
    """The file in ``folder``, brought by ``get`` unless a sound copy lies there.

    Two processes that ask at once get one download. A copy with the wrong checksum is removed.

    Args:
        folder: where archives are kept.
        filename: the file's own name.
        sha256: its checksum, or None where no checksum is published.
        get: writes to the open file that it is given, or raises SourceError.

    Raises:
        SourceError: what came is not what was pinned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (f"{sha256[:12]}-{filename}" if sha256 else filename)
    with FileLock(f"{target}.lock"):
        if target.exists():
            if sha256 is None or sha256_of(target) == sha256:
                return target
            log.warning("%s in the cache is damaged; fetching it again", filename)
            target.unlink()
        # the lock is ours: other temporary files of it are what a killed process left
        for left in [path for path in folder.iterdir() if path.name.startswith(f".{target.name}.")]:
            left.unlink()
        with atomic_write(target, "w+b") as incoming:
            get(incoming)
            size = incoming.seek(0, os.SEEK_END)
            incoming.seek(0)
            found = hashlib.file_digest(incoming, "sha256").hexdigest()  # type: ignore[arg-type]
            if sha256 is not None and found != sha256:
                raise SourceError(f"{filename} ({size:,} bytes) has SHA-256 {found}, expected {sha256}")
    return target


def download(client: Client, url: str, target: IO[bytes], limit: int) -> None:
    """Write what ``url`` answers to ``target``, an empty file, with a progress bar on a terminal.

    A broken connection is tried again from the start, twice.

    Raises:
        SourceError: no answer, an error status, or more than ``limit`` bytes.
    """
    import httpx2

    for attempt in range(1, ATTEMPTS + 1):
        try:
            # the bytes as they lie on the server: a .gz must arrive as the file it is
            headers = {"Accept-Encoding": "identity"}
            with client.stream("GET", url, headers=headers, follow_redirects=True) as response:
                response.raise_for_status()
                total = int(response.headers.get("content-length") or 0)
                _write(response.iter_raw(CHUNK), target, total, limit)
            return
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = describe(error)
            if attempt == ATTEMPTS or not isinstance(error, httpx2.ReadError | httpx2.RemoteProtocolError):
                raise SourceError(reason) from error
            log.warning("%s; trying again", reason)


def describe(error: Exception) -> str:
    """An error of the connection or of the server in a few words."""
    if (response := getattr(error, "response", None)) is not None:
        return f"HTTP {response.status_code}"
    return f"{type(error).__name__}: {error}".removesuffix(": ").splitlines()[0]


def _write(chunks: Iterator[bytes], target: IO[bytes], total: int, limit: int) -> None:
    target.seek(0)
    target.truncate()  # what a broken connection left
    written = 0
    with _progress(total) as advance:
        for chunk in chunks:
            written += len(chunk)
            if written > limit:
                raise SourceError(f"more than the {limit:,} bytes expected")
            target.write(chunk)
            advance(len(chunk))
    if total and written != total:
        raise SourceError(f"cut off after {written:,} of {total:,} bytes")


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("downloading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total or None)
        yield lambda size: bar.update(task, advance=size)

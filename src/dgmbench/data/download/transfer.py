"""Bringing one file from somewhere into the archive folder, whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import httpx2
from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from dgmbench.data.dataset import SourceError
from dgmbench.files import atomic_write

log = logging.getLogger("dgmbench")
ATTEMPTS = 3
CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def keep(folder: Path, filename: str, sha256: str | None, get: Callable[[IO[bytes]], None]) -> Path:
    """The file in ``folder``; unless a sound copy lies there, ``get`` writes it to the open file that it is given.

    Two processes that ask at once get one download. A copy with the wrong checksum, where one is published, is removed.

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


def download(url: str, target: IO[bytes], limit: int, client: httpx2.Client | None = None) -> None:
    """Write what ``url`` answers to ``target``, an empty file, with a progress bar on a terminal.

    A broken connection is tried again from the start, twice.

    Raises:
        SourceError: no answer, an error status, or more than ``limit`` bytes.
    """
    client = client or httpx2.Client(timeout=30)
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
    columns = (TextColumn("downloading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=total or None)
        for chunk in chunks:
            written += len(chunk)
            if written > limit:
                raise SourceError(f"more than the {limit:,} bytes expected")
            target.write(chunk)
            bar.update(task, completed=written)
    if total and written != total:
        raise SourceError(f"cut off after {written:,} of {total:,} bytes")

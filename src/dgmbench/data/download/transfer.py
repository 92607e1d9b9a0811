"""Bringing one file from somewhere into the archive folder, whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar, cast

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from dgmbench.data.dataset import SourceError
from dgmbench.files import atomic_write

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger("dgmbench")
ATTEMPTS = 3
PATIENCE = 60.0
"""Seconds until a server's answer begins, and in which a download has to go on by as many times `SLOWEST`."""
SLOWEST = 5_000
"""Bytes a second."""
LONGEST = 4 * 3600.0
"""Seconds that a download may take, whatever its speed."""
Answer = TypeVar("Answer")


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


def answer_within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What ``ask`` returns or raises, waited for no longer than so many seconds.

    An HTTP client limits the time of a single read, so that one byte at a time could hold it for ever. It is left
    alone then, in a thread that ends with the process.

    Raises:
        SourceError: the time is over.
    """
    given: queue.SimpleQueue[tuple[Answer | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            given.put((ask(), None))
        except BaseException as error:
            given.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        answer, error = given.get(timeout=seconds)
    except queue.Empty:
        raise SourceError(f"no answer in {seconds:.0f} s") from None
    if error is not None:
        raise error
    return cast(Answer, answer)


def download(url: str, target: IO[bytes], limit: int, client: httpx2.Client | None = None) -> None:
    """Write what ``url`` answers to ``target``, an empty file, with a progress bar on a terminal.

    A broken connection is tried again from the start, twice.

    Raises:
        SourceError: no answer, an error status, more than ``limit`` bytes, or too slow (`SLOWEST`, `LONGEST`).
    """
    import httpx2

    client = client or httpx2.Client(timeout=30)
    end = time.monotonic() + LONGEST
    for attempt in range(1, ATTEMPTS + 1):
        try:
            # the bytes as they lie on the server: a .gz must arrive as the file it is
            request = client.build_request("GET", url, headers={"Accept-Encoding": "identity"})
            asking = partial(client.send, request, stream=True, follow_redirects=True)
            with closing(answer_within(PATIENCE, asking)) as response:
                response.raise_for_status()
                total = int(response.headers.get("content-length") or 0)
                _write(_in_time(response.iter_raw(), end), target, total, limit)
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


def _in_time(chunks: Iterator[bytes], end: float) -> Iterator[bytes]:
    """The chunks as long as enough of them come; how many is logged now and then."""
    began = last = time.monotonic()
    received = before = 0
    for chunk in chunks:
        yield chunk
        received += len(chunk)
        now = time.monotonic()
        if now > end:
            raise SourceError(f"not whole after {now - began:,.0f} s, {received:,} bytes")
        if now - last >= PATIENCE:
            if received - before < SLOWEST * (now - last):
                raise SourceError(f"only {received - before:,} bytes in the last {now - last:.0f} s")
            log.info("%s bytes after %.0f s", f"{received:,}", now - began)
            last, before = now, received


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

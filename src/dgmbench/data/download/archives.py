"""Reading files out of untrusted archives: named members only, never past a size."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

BROKEN = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,  # a part of another kind, of JSON for example
    RuntimeError,  # an encrypted or oddly compressed zip member
    OverflowError,
    MemoryError,
    EOFError,
    OSError,  # a damaged gzip or bz2 stream, or a disk that cannot be read
    struct.error,
    SyntaxError,  # the header of a .npy file
    tokenize.TokenError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)
"""What reading a damaged or foreign archive raises."""

LARGEST_RATIO, LARGEST_SMALL = 50, 100_000_000
"""A tar archive may unpack to so many times its size, and to so many bytes in any case: enough for honest ones."""

_AR, _AR_HEADER = b"!<arch>\n", 60


@contextmanager
def open_member(archive: Path, member: str, limit: int) -> Iterator[IO[bytes]]:
    """Open one regular file inside a zip (or wheel), tar or Debian archive for reading.

    Nothing is written to disk, so a member's path leads nowhere; links are refused, names that stand twice in the
    archive, and what is larger, unpacked, than the limit in bytes.

    Raises:
        ValueError: the archive has no such file, or it is a link, or too large.
    """
    with _opened(archive) as opened, opened(member, limit) as stream:
        yield stream


def read_members(archive: Path, members: Sequence[str], limit: int) -> list[bytes]:
    """The bytes of files inside an archive, each of at most ``limit`` bytes; see ``open_member``."""
    found = []
    with _opened(archive) as opened:
        for member in members:
            with opened(member, limit) as stream:
                found.append(stream.read())
    return found


def read_every_member(archive: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    """The files in a tar archive, in its order: name, as it stands there, and at most ``limit`` bytes of each.

    Nothing is written to disk, so a name leads nowhere.

    Raises:
        ValueError: something in it is neither a folder nor a regular file, too large, or there twice.
    """
    seen = set()
    with _opened_tar(archive) as tar:
        for info in _members(tar):
            if info.isdir():
                continue
            if info.name in seen:
                _check_once(info.name, 2)
            seen.add(info.name)
            with _opened_member(tar, info, limit) as stream:
                yield info.name, stream.read()


@contextmanager
def _opened(archive: Path) -> Iterator[Callable[[str, int], IO[bytes]]]:
    """What opens a member of at most so many bytes."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            yield partial(_zip_member, zipped)
        return
    with _opened_tar(archive) as tar:
        yield partial(_tar_member, tar)


@contextmanager
def _opened_tar(archive: Path) -> Iterator[tarfile.TarFile]:
    most = max(LARGEST_SMALL, archive.stat().st_size * LARGEST_RATIO)
    with archive.open("rb") as file, _unpacked(_tar_of(file)) as stream:
        bounded: Any = _Bounded(stream, most)
        with tarfile.open(fileobj=bounded, mode="r:") as tar:
            yield tar


class _Bounded:
    """A stream that ends with an error past a position: a tar archive is unpacked up to its last member."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most = stream, most
        self.tell = stream.tell

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; all that is left, without it."""
        left = self._most - self._stream.tell()
        content = self._stream.read(left + 1 if size < 0 else min(size, left + 1))
        if len(content) > left:
            raise ValueError(f"the archive unpacks to more than {self._most:,} bytes")
        return content

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position from the start."""
        if whence == io.SEEK_SET and position > self._most:
            raise ValueError(f"the archive unpacks to more than {self._most:,} bytes")
        return self._stream.seek(position, whence)


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """A compressed file's content, or the file itself."""
    start = file.read(6)
    file.seek(-len(start), io.SEEK_CUR)
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]
    if start.startswith(b"BZh"):
        return bz2.BZ2File(file)
    return lzma.LZMAFile(file) if start == b"\xfd7zXZ\0" else file


def _tar_of(file: IO[bytes]) -> IO[bytes]:
    """The tar archive that a Debian package holds beside others, or the file itself where it is no package."""
    if file.read(len(_AR)) != _AR:
        file.seek(0)
        return file
    while len(header := file.read(_AR_HEADER)) == _AR_HEADER:
        if not (digits := header[48:58].strip()).isdigit():
            raise ValueError("a damaged Debian package")
        size = int(digits)
        if header.startswith(b"data.tar"):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("the Debian package holds no data")


def _zip_member(zipped: zipfile.ZipFile, member: str, limit: int) -> IO[bytes]:
    _check_once(member, zipped.namelist().count(member))
    _check_size(member, zipped.getinfo(member).file_size, limit)
    return zipped.open(member)


def _tar_member(tar: tarfile.TarFile, member: str, limit: int) -> IO[bytes]:
    found = [info for info in _members(tar) if info.name == member]
    _check_once(member, len(found))
    return _opened_member(tar, found[0], limit)


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for info in tar:
        if info.size < 0:  # where tarfile would look next is before
            raise ValueError(f"{info.name} in the archive has a negative size")
        yield info


def _opened_member(tar: tarfile.TarFile, info: tarfile.TarInfo, limit: int) -> IO[bytes]:
    stream = tar.extractfile(info) if info.isreg() else None
    if stream is None:
        raise ValueError(f"{info.name} in the archive is not a regular file")
    _check_size(info.name, info.size, limit)
    return stream


def _check_once(member: str, found: int) -> None:
    if found != 1:
        raise ValueError(f"the archive holds {f'{found} files' if found else 'no'} {member}")


def _check_size(member: str, size: int, limit: int) -> None:
    if size > limit:
        raise ValueError(f"{member} in the archive unpacks to {size:,} bytes, more than the {limit:,} expected")


def unpack_gzip(packed: bytes, limit: int) -> bytes:
    """What gzip packed, at most ``limit`` bytes.

    Raises:
        ValueError: it unpacks to more.
    """
    with gzip.open(io.BytesIO(packed)) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"it unpacks to more than {limit:,} bytes")
    return content

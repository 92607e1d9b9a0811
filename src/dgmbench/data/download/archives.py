"""Reading files out of untrusted archives: named members only, never past a size, never code."""

from __future__ import annotations

import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

BROKEN = (
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,  # an encrypted or oddly compressed zip member
    EOFError,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    tarfile.TarError,
    pickle.UnpicklingError,
)
"""What reading a damaged or foreign archive raises."""


_AR, _AR_HEADER = b"!<arch>\n", 60


@contextmanager
def open_member(archive: Path, member: str, limit: int) -> Iterator[IO[bytes]]:
    """Open one regular file inside a zip (or wheel), tar or Debian archive for reading.

    Nothing is written to disk, so a member's path leads nowhere; links are refused, and what is larger, unpacked, than
    the limit in bytes.

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


@contextmanager
def _opened(archive: Path) -> Iterator[Callable[[str, int], IO[bytes]]]:
    """What opens a member of at most so many bytes."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            yield partial(_zip_member, zipped)
        return
    with archive.open("rb") as file, tarfile.open(fileobj=_tar_of(file)) as tar:
        yield partial(_tar_member, tar)


def _tar_of(file: IO[bytes]) -> IO[bytes]:
    """The tar archive that a Debian package holds beside others, or the file itself where it is no package."""
    if file.read(len(_AR)) != _AR:
        file.seek(0)
        return file
    while len(header := file.read(_AR_HEADER)) == _AR_HEADER:
        size = int(header[48:58])
        if header.startswith(b"data.tar"):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("the Debian package holds no data")


def _zip_member(zipped: zipfile.ZipFile, member: str, limit: int) -> IO[bytes]:
    if member not in zipped.namelist():
        raise ValueError(f"the archive holds no {member}")
    _check_size(member, zipped.getinfo(member).file_size, limit)
    return zipped.open(member)


def _tar_member(tar: tarfile.TarFile, member: str, limit: int) -> IO[bytes]:
    try:
        info = tar.getmember(member)
    except KeyError:
        raise ValueError(f"the archive holds no {member}") from None
    stream = tar.extractfile(info) if info.isreg() else None
    if stream is None:
        raise ValueError(f"{member} in the archive is not a regular file")
    _check_size(member, info.size, limit)
    return stream


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


# numpy's private constructors, by a public way: what an array and a scalar reduce to
_CONSTRUCTORS = {"_reconstruct": np.empty(0).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]}
_ALLOWED: dict[str, dict[str, Any]] = {
    "numpy": {"ndarray": np.ndarray, "dtype": np.dtype},
    "numpy.core.multiarray": _CONSTRUCTORS,
    "numpy._core.multiarray": _CONSTRUCTORS,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Rebuilds containers, numbers, strings and numpy arrays; every other class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if name not in _ALLOWED.get(module, {}):
            raise pickle.UnpicklingError(f"refused to load {module}.{name}: only numpy arrays are allowed")
        return _ALLOWED[module][name]


def unpickle_arrays(content: bytes) -> Any:
    """Containers and numpy arrays from a pickle, Python 2's included (its strings are read as Latin-1).

    Raises:
        pickle.UnpicklingError: the pickle asks for anything else.
    """
    return _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()

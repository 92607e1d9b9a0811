"""Reading files out of archives from strangers: named members only, never past a size, never code."""

from __future__ import annotations

import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def open_member(archive: Path, member: str, limit: int) -> Iterator[IO[bytes]]:
    """Open one regular file inside a zip (or wheel) or tar archive for reading.

    Nothing is written to disk, so a member's path leads nowhere; links are refused.

    Args:
        archive: the archive.
        member: the exact name of the file inside it.
        limit: the most bytes the file may have unpacked.

    Raises:
        ValueError: the archive has no such file, or it is a link, or too large.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            if member not in zipped.namelist():
                raise ValueError(f"{archive.name} holds no {member}")
            _check_size(archive, member, zipped.getinfo(member).file_size, limit)
            with zipped.open(member) as stream:
                yield stream
        return
    with tarfile.open(archive) as tar:
        try:
            info = tar.getmember(member)
        except KeyError:
            raise ValueError(f"{archive.name} holds no {member}") from None
        stream_or_none = tar.extractfile(info) if info.isreg() else None
        if stream_or_none is None:
            raise ValueError(f"{member} in {archive.name} is not a regular file")
        _check_size(archive, member, info.size, limit)
        with stream_or_none as stream:
            yield stream


def _check_size(archive: Path, member: str, size: int, limit: int) -> None:
    if size > limit:
        raise ValueError(f"{member} in {archive.name} unpacks to {size:,} bytes, more than the {limit:,} expected")


def read_member(archive: Path, member: str, limit: int) -> bytes:
    """The bytes of one file inside an archive; see ``open_member``."""
    with open_member(archive, member, limit) as stream:
        return stream.read()


def read_gzip(path: Path, limit: int) -> bytes:
    """The bytes of a gzip file, at most ``limit`` of them.

    Raises:
        ValueError: it unpacks to more.
    """
    with gzip.open(path) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path.name} unpacks to more than {limit:,} bytes")
    return content


class _ArrayUnpickler(pickle.Unpickler):
    """Rebuilds containers, numbers, strings and numpy arrays; every other class or function is refused."""

    # the public road to numpy's private constructors: what an array and a scalar reduce to
    _reconstruct = np.empty(0).__reduce__()[0]
    _scalar = np.float64(0).__reduce__()[0]

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            if name == "_reconstruct":
                return self._reconstruct
            if name == "scalar":
                return self._scalar
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        raise pickle.UnpicklingError(f"refused to load {module}.{name}: only numpy arrays are allowed")


def unpickle_arrays(content: bytes) -> Any:
    """Containers and numpy arrays from a pickle, Python 2's included (its strings are read as Latin-1).

    Raises:
        pickle.UnpicklingError: the pickle asks for anything else.
    """
    return _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()

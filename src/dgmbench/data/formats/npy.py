"""numpy's .npy and .npz files from anywhere: never unpickled, and measured before memory is taken."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import psutil
from numpy.lib import format as npy

from dgmbench.data.download.archives import BROKEN
from dgmbench.errors import UserError

_HEADER = 1 << 14
"""Bytes within which the header of an array ends."""
_KINDS = "buifU"
# A member of an archive that is so large and packed so tightly holds no images.
_LARGE, _TIGHT = 1 << 30, 500
_DAMAGED = (*BROKEN, OSError, SyntaxError, tokenize.TokenError, MemoryError, ArithmeticError)


def read_npy(path: Path) -> np.ndarray:
    """The array of a .npy file, of bool, numbers or text.

    Raises:
        UserError: the file is damaged, holds objects, or is larger than the free memory.
    """
    with _explained(path), path.open("rb") as file:
        return _read(file, path.stat().st_size, str(path))


def npz_names(path: Path) -> list[str]:
    """The names of the arrays in a .npz file, in its order.

    Raises:
        UserError: it is no such file.
    """
    with _explained(path), zipfile.ZipFile(path) as zipped:
        return [name.removesuffix(".npy") for name in zipped.namelist() if name.endswith(".npy")]


def read_npz(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays of a .npz file by their names; see `read_npy`."""
    with _explained(path), zipfile.ZipFile(path) as zipped:
        found = {}
        for name in names:
            info = zipped.getinfo(f"{name}.npy")
            if info.file_size > _LARGE and info.file_size > _TIGHT * info.compress_size:
                size = f"{info.compress_size / 1e6:,.0f} MB that unpack to {info.file_size / 1e9:,.1f} GB"
                raise UserError(f"{path}: {name} is {size}: no images are packed so tightly")
            with zipped.open(info) as stream:
                found[name] = _read(stream, info.file_size, f"{path}: {name}")
                stream.read(1)  # at the end, the checksum is compared
        return found


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What reading a damaged file raises, within the body, as one line."""
    try:
        yield
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.strerror:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        what = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{path} is no whole {path.suffix.lower()} file ({what}); write it again") from error


def _read(stream: IO[bytes], size: int, where: str) -> np.ndarray:
    """The array of a stream of so many bytes, which its header has to agree with."""
    beginning = stream.read(_HEADER)
    header = io.BytesIO(beginning)
    version = npy.read_magic(header)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"version {version} of the format is unknown")
    # versions 2 and 3 differ in the header's encoding alone, which matters to names of fields
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, in_columns, dtype = read_header(header)
    if dtype.kind not in _KINDS or dtype.itemsize == 0:
        of = "Python objects, which are never unpickled" if dtype.hasobject else f"{dtype}"
        raise UserError(f"{where} is an array of {of}; give bool, whole or floating-point numbers")
    if any(side < 0 for side in shape):
        raise ValueError(f"the shape is {shape}")
    need, held = math.prod(shape) * dtype.itemsize, size - header.tell()
    if need != held:
        raise UserError(f"{where} is damaged: it says shape {shape} of {dtype}, {need:,} bytes, and holds {held:,}")
    free = psutil.virtual_memory().available
    if 2 * need > free:
        raise UserError(f"{where} takes {need / 1e9:,.1f} GB and {free / 1e9:,.1f} GB of memory are free; give less")
    content = bytearray(need)
    rest = beginning[header.tell() :]
    content[: len(rest)] = rest
    view, start = memoryview(content), len(rest)
    while start < need:
        read = stream.readinto(view[start:])  # type: ignore[attr-defined]
        if not read:
            raise EOFError(f"it ends after {start:,} of {need:,} bytes")
        start += read
    return np.frombuffer(content, dtype).reshape(shape, order="F" if in_columns else "C")

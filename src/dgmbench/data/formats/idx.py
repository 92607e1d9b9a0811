"""The IDX format, and the four files of MNIST and of the image sets made in its likeness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from dgmbench.data.dataset import Arrays, Origin
from dgmbench.data.download.archives import read_members, unpack_gzip
from dgmbench.data.download.sources import Web, WebFile
from dgmbench.data.images import ImageSplits

UBYTE = 0x08
FILES = {
    "train": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
LARGEST = 50_000_000
"""Bytes of a file, unpacked."""


def parse_idx(content: bytes) -> np.ndarray:
    """The uint8 array of an IDX file: two zero bytes, the type, the number of axes, their sizes, the values.

    Raises:
        ValueError: another type, or another length than the header says.
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, UBYTE]):
        raise ValueError("not an IDX file of bytes")
    start = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:start], ">u4").astype(int)
    if len(content) - start != shape.prod():
        raise ValueError(f"an IDX file of shape {tuple(shape)} holds {len(content) - start:,} bytes")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def parse_members(files: Mapping[str, Path], folder: str, suffix: str = "") -> Arrays:
    """The arrays of the four files in a folder of an archive; with the suffix .gz they are gzipped."""
    (archive,) = files.values()
    contents = read_members(archive, [f"{folder}/{file}{suffix}" for file in FILES.values()], LARGEST)
    return _arrays(unpack_gzip(content, LARGEST) if suffix else content for content in contents)


def parse_gzipped(files: Mapping[str, Path]) -> Arrays:
    """The arrays of the four files, each gzipped."""
    return _arrays(unpack_gzip(files[f"{file}.gz"].read_bytes(), LARGEST) for file in FILES.values())


def web_origin(label: str, address: str, limit: int, sha256: tuple[str, ...]) -> Origin:
    """The four files at an address, each gzipped; their checksums in the order of `FILES`."""
    files = zip(FILES.values(), sha256, strict=True)
    return Origin(Web(label, tuple(WebFile(f"{address}/{name}.gz", pin, limit) for name, pin in files)), parse_gzipped)


def _arrays(contents: Iterable[bytes]) -> Arrays:
    """By the names in `FILES`; an image becomes a row."""
    parsed = dict(zip(FILES, map(parse_idx, contents), strict=True))
    return {name: array.reshape(len(array), -1) if array.ndim > 1 else array for name, array in parsed.items()}


def grey_splits(name: str, arrays: Mapping[str, np.ndarray], classes: tuple[str, ...]) -> ImageSplits:
    """Grey images of 28 x 28 pixels, without a validation part."""
    return ImageSplits(
        name=name,
        shape=(28, 28),
        binary=False,
        train=arrays["train"],
        valid=arrays["train"][:0],
        test=arrays["test"],
        train_labels=arrays["train_labels"],
        valid_labels=arrays["train_labels"][:0],
        test_labels=arrays["test_labels"],
        classes=classes,
    )

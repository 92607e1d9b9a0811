"""Word embeddings: a vector for each of many words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np


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

    def __repr__(self) -> str:
        return f"Embeddings({self.name!r}, {len(self.words):,} words, {self.dim} dimensions)"

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

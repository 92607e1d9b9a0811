"""What a dataset is: where its files come from, what they become, and the checksums that must come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

Arrays = dict[str, np.ndarray]
Kind = Literal["images", "corpus", "embeddings", "points"]


class SourceError(Exception):
    """A source did not give the data; the message says why, in a few words."""


class Source(Protocol):
    """Gives the files of a dataset, or says why it cannot."""

    @property
    def label(self) -> str:
        """What logs, manifests and run records call it."""

    def obtain(self, folder: Path) -> dict[str, Path]:
        """The files by name, kept in ``folder``; raises SourceError."""

    def probe(self) -> None:
        """Ask whether the files are there, without fetching them; raises SourceError."""


@dataclass(frozen=True)
class Origin:
    """A source, and how its files become arrays; the parser raises ValueError for files that are not as expected."""

    source: Source
    parse: Callable[[Mapping[str, Path]], Arrays]


@dataclass(frozen=True)
class Dataset:
    """A dataset; each stands in a module of `dgmbench.data.datasets`.

    Attributes:
        name: as in the configuration and the tables.
        kind: what it loads as.
        about: one line: what it holds.
        citation: whose it is.
        origins: tried in order; all give the same arrays.
        make: what loading it gives, from its arrays: an `ImageSplits`, `CorpusSplits`, `Embeddings` or `PointSplits`.
        sha256: the checksum of each array, whatever origin it came from; empty where none could be taken yet.
        note: what a user should know when every source failed.
    """

    name: str
    kind: Kind
    about: str
    citation: str
    origins: tuple[Origin, ...]
    make: Callable[[Mapping[str, np.ndarray]], Any]
    sha256: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

"""How many examples the datasets have, for estimates that load nothing; no run depends on it."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

_TYPICAL = 10_000

DRAWN, DRAWN_AS = "zipf-topics", {"documents": 10_000, "test": 1_000, "length": 100}
"""What the name of a corpus of any size begins with, and what it need not say: see `dgmbench.data.drawn_corpora`."""


@cache
def sizes() -> Mapping[str, Mapping[str, int]]:
    """By dataset and part, from ``datasets/sizes.csv``."""
    text = (resources.files("dgmbench.data.datasets") / "sizes.csv").read_text(encoding="utf-8")
    lines = csv.DictReader(text.splitlines())
    return {line["dataset"]: {part: int(line[part]) for part in ("train", "test")} for line in lines}


def size_of(name: str, part: Literal["train", "test"], limit: int = 0) -> int:
    """How many examples a part of a dataset has, or what it is limited to; some thousands where that is not known.

    Args:
        limit: no more than so many are used; 0 is all.
    """
    if name.partition("?")[0] == DRAWN:
        size = round(_said(name, "documents" if part == "train" else "test"))
    else:
        size = sizes().get(name, {}).get(part, _TYPICAL)
    return min(limit or size, size)


def tokens_of(name: str, limit: int = 0) -> float:
    """About how many training tokens a corpus has whose name says its size; 0 for every other.

    Args:
        limit: no more than so many documents are used; 0 is all.
    """
    if name.partition("?")[0] != DRAWN:
        return 0.0
    return size_of(name, "train", limit) * _said(name, "length")


def data_mb(name: str, limit: int = 0) -> float:
    """MB for such a corpus: 9 bytes a token for all documents, and up to 50 for what a sampler keeps of some."""
    if name.partition("?")[0] != DRAWN:
        return 0.0
    whole = tokens_of(name) + size_of(name, "test") * _said(name, "length")
    return 9e-6 * whole + 50e-6 * tokens_of(name, limit)


def _said(name: str, option: str) -> float:
    found = re.search(rf"[?&]{option}=([0-9]+(?:[.][0-9]+)?)", name)
    return float(found.group(1)) if found else float(DRAWN_AS[option])

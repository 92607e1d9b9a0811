"""How many examples and classes the datasets have, for what must be known before they are loaded."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

from dgmbench.data.drawn_defaults import DRAWN, DRAWN_AS

_TYPICAL = 10_000


@cache
def sizes() -> Mapping[str, Mapping[str, int]]:
    """By dataset and part, from ``datasets/sizes.csv``; without a part that is not set apart from another."""
    return {
        line["dataset"]: {part: int(line[part]) for part in ("train", "valid", "test") if line[part]}
        for line in _lines()
    }


def classes_of(name: str) -> int | None:
    """How many classes the images of a dataset have; None where that is known when they are read."""
    return next((int(line["classes"]) for line in _lines() if line["dataset"] == name and line["classes"]), None)


@cache
def _lines() -> tuple[dict[str, str], ...]:
    text = (resources.files("dgmbench.data.datasets") / "sizes.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def lacks_validation_part(name: str) -> bool:
    """Whether these are images of which none are set apart for validation; False for data that is known when read."""
    return sizes().get(name, {}).get("valid") == 0


def size_of(name: str, part: Literal["train", "test"], limit: int = 0) -> int:
    """How many examples a part of a dataset has, or what it is limited to; some thousands where that is not known.

    Args:
        limit: no more than so many are used; 0 is all.
    """
    if _is_drawn(name):
        size = round(_said(name, "documents" if part == "train" else "test"))
    else:
        size = sizes().get(name, {}).get(part, _TYPICAL)
    return min(limit or size, size)


def data_mb(name: str, limit: int = 0) -> float:
    """MB for a corpus whose name says its size, 0 for every other.

    9 bytes a token for all documents, training and test, and up to 50 for what a sampler keeps of those it uses.

    Args:
        limit: no more than so many training documents are used; 0 is all.
    """
    if not _is_drawn(name):
        return 0.0
    train, test, used = size_of(name, "train"), size_of(name, "test"), size_of(name, "train", limit)
    return 1e-6 * _said(name, "length") * (9 * (train + test) + 50 * used)


def _is_drawn(name: str) -> bool:
    return name.partition("?")[0] == DRAWN


def _said(name: str, option: str) -> float:
    found = re.search(rf"[?&]{option}=([0-9]+(?:[.][0-9]+)?)", name)
    return float(found.group(1)) if found else float(DRAWN_AS[option])

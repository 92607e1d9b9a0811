"""How many examples the datasets have, for estimates that load nothing; no run depends on it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

_TYPICAL = 10_000


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
    size = sizes().get(name, {}).get(part, _TYPICAL)
    return min(limit or size, size)

"""How many examples the datasets have, for estimates that load nothing; no run depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

SIZES: Mapping[str, Mapping[str, int]] = {
    "mnist": {"train": 60_000, "test": 10_000},
    "fashion-mnist": {"train": 60_000, "test": 10_000},
    "ocr-letters": {"train": 32_152, "test": 10_000},
    "20news": {"train": 11_293, "test": 7_528},
    "20news-stripped": {"train": 11_314, "test": 7_532},
    "20news-religion": {"train": 857, "test": 570},
    "reuters": {"train": 5_754, "test": 2_254},
    "reuters-dated": {"train": 6_640, "test": 2_813},
}
_TYPICAL = 10_000


def size_of(name: str, part: Literal["train", "test"], limit: int = 0) -> int:
    """How many examples a part of a dataset has, or what it is limited to; some thousands where that is not known.

    Args:
        limit: no more than so many are used; 0 is all.
    """
    size = SIZES.get(name, {}).get(part, _TYPICAL)
    return min(limit or size, size)

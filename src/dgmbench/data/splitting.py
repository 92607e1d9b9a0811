"""Which documents of a corpus without a test part are for testing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EVERY = 5
"""One document of so many is for testing."""


def drawn_for_testing(labels: Sequence[str], seed: int = 0) -> list[bool]:
    """Whether each document is for testing: a fifth of every class, drawn by the seed.

    A class of two documents or more has at least one for testing, a class of one has it for training. The drawing is
    in the order of SHA-256 hashes of seed, class and position within the class: no library's generator decides it, and
    documents of other classes do not change it.
    """
    positions: dict[str, list[int]] = {}
    for position, label in enumerate(labels):
        positions.setdefault(label, []).append(position)
    chosen = [False] * len(labels)
    for label, of_class in positions.items():
        drawn = sorted(range(len(of_class)), key=lambda i: hashlib.sha256(f"{seed} {i} {label}".encode()).digest())
        number = max(1, round(len(of_class) / EVERY)) if len(of_class) > 1 else 0
        for i in drawn[:number]:
            chosen[of_class[i]] = True
    return chosen

"""The published numbers about memory slots, from the CSV files beside this module."""

from __future__ import annotations

import csv
from importlib import resources

import numpy as np


def published_preferences() -> np.ndarray:
    """(3, 10) preferences of the digits for the three slots that were printed; their order carries no meaning."""
    return np.array([[float(row[f"c{digit}"]) for digit in range(10)] for row in _rows("memory_slots.csv")])


def published_summary() -> dict[str, float]:
    """What was printed of all 70 slots, by measure: entropies in nats, the most correlated pairs of digits."""
    return {row["measure"]: float(row["value"]) for row in _rows("memory_summary.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files(__package__) / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))

"""The published numbers that ours are put beside, as they stand in the package's reference files."""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

from dgmbench.run.spec import Task

# How the columns of a reference file are called in the tables.
_KEYS: dict[Task, tuple[str, str]] = {"density": ("dataset", "model"), "classification": ("corpus", "method")}
_NUMBERS: dict[Task, dict[str, str]] = {
    "density": {"test_log_likelihood_nats": "log_likelihood"},
    "classification": {"precision": "precision", "recall": "recall", "f1": "f1"},
}


class Published(NamedTuple):
    """One published cell: its numbers by metric, and where they were printed."""

    numbers: dict[str, float]
    source: str


@lru_cache(maxsize=2)
def published(task: Task) -> dict[tuple[str, str], Published]:
    """(dataset, model) to what the paper printed, in the order of the paper's table.

    Log-likelihoods are in nats per image; precision, recall and F1 are macro averages in percent.
    """
    file = resources.files("dgmbench.tables") / "reference" / f"{task}.csv"
    first, second = _KEYS[task]
    return {
        (row[first], row[second]): Published(
            {name: float(row[column]) for column, name in _NUMBERS[task].items()}, row["source"]
        )
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    }

"""The check of document methods: every row passes, and usual mistakes are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dgmbench.names import accepted_options, load_object
from dgmbench.run.config import build_run
from dgmbench.run.rows import find_row
from dgmbench.tasks.classification.check import findings
from dgmbench.tasks.classification.rows import ROWS
from dgmbench.tasks.classification.task import CLASSIFICATION

pytestmark = pytest.mark.network


def check(method: str, **options: Any) -> list[str]:
    spec = build_run(CLASSIFICATION, "reuters", method, 0, [({"options": options}, "test")], "test")
    return list(findings(spec, find_row(CLASSIFICATION, spec.model, spec.factory)))


@pytest.mark.parametrize("name", ROWS)
def test_every_document_method_fits(name: str) -> None:
    # few topics and sweeps where there are any: the check is about the interface
    few = {"n_topics": 5, "n_sweeps": 20, "initial_sweeps": 20, "n_iterations": 2, "epochs": 5}
    accepted = accepted_options(load_object(ROWS[name].factory))
    assert check(name, **{k: v for k, v in few.items() if k in accepted}) == []


class Leaking:
    """Learns from the documents it describes."""

    def __init__(self) -> None:
        self.seen_ = 0

    def fit(self, corpus: Any, labels: Any = None) -> Leaking:
        return self

    def transform(self, corpus: Any) -> np.ndarray:
        self.seen_ += 1
        return np.full((len(corpus), 2), float(self.seen_))


class Infinite(Leaking):
    """Gives what no classifier can read."""

    def transform(self, corpus: Any) -> np.ndarray:
        return np.full((len(corpus), 2), np.inf)


def test_a_method_that_learns_from_test_documents_is_caught() -> None:
    found = check(f"{__name__}:Leaking")
    assert any("must not teach" in finding for finding in found)
    assert any("second time" in finding for finding in found)


def test_features_that_are_not_finite_are_named() -> None:
    assert "transform gave NaN or infinity" in check(f"{__name__}:Infinite")

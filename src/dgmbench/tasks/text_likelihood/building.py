"""From a run's specification to its unfitted model."""

from __future__ import annotations

from typing import Any

from dgmbench.run.rows import build
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row


def build_model(spec: RunSpec, row: Row, threads: int = 1) -> Any:
    """The unfitted model of a run; it is given seed and threads if its class takes them.

    ``fit(corpus, labels)`` learns. A model that has ``passes(corpus, labels)``, an iterator of the number of passes
    made so far, learns by that instead, and is measured on the way.

    Raises:
        UserError: the class refuses its options or lacks ``fit``.
    """
    return build(spec, row, {"seed": spec.seed, "threads": threads}, {"fit": "(corpus, labels)"})

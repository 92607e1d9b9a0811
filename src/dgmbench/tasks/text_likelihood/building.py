"""From a run's specification to its unfitted model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from dgmbench.data.load.embeddings import load_embeddings
from dgmbench.errors import UserError
from dgmbench.names import accepted_options, load_object
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint
from dgmbench.run.rows import build
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.text_likelihood.settings import text_settings


def build_model(
    spec: RunSpec, row: Row, threads: int = 1, device: str = "cpu", checkpoint: Checkpoint = NOT_KEPT
) -> Any:
    """The unfitted model of a run; its class is given what it takes of seed, threads, device, checkpoint, embeddings.

    ``fit(corpus, labels)`` learns. A model that has ``passes(corpus, labels)``, an iterator of the number of passes
    made so far, learns by that instead, and is measured on the way. Both may take ``slices``, see `of_time`.

    Raises:
        UserError: the class refuses its options or lacks ``fit``, or takes word vectors and the run has none.
    """
    offered: dict[str, Any] = {"seed": spec.seed, "threads": threads, "device": device, "checkpoint": checkpoint}
    if "embeddings" in accepted_options(load_object(row.factory)):
        if not (name := text_settings(spec).embeddings):
            raise UserError(f"{spec.model}: it takes word vectors; set embeddings, for example to glove-100d")
        offered["embeddings"] = load_embeddings(name)
    return build(spec, row, offered, {"fit": "(corpus, labels)"})


def of_time(method: Callable[..., Any], slices: np.ndarray | None, name: str) -> dict[str, np.ndarray | None]:
    """The argument ``slices``, (documents,) slices of time or None, for a ``fit`` or ``passes`` that takes it.

    Raises:
        UserError: it must be given, and the documents are in no slices.
    """
    taken = inspect.signature(method).parameters.get("slices")
    if taken is None:
        return {}
    if slices is None and taken.default is inspect.Parameter.empty:
        raise UserError(
            f"{name}: {method.__name__} must be given slices of time; set slices, with a corpus whose documents have "
            "dates"
        )
    return {"slices": slices}

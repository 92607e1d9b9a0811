"""From a run's specification to its unfitted method."""

from __future__ import annotations

from typing import Any

from dgmbench.data.load.embeddings import load_embeddings
from dgmbench.names import accepted_options, load_object
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint
from dgmbench.run.rows import build
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.classification.settings import document_settings


def build_method(spec: RunSpec, row: Row, threads: int = 1, checkpoint: Checkpoint = NOT_KEPT) -> Any:
    """The unfitted method of a run; it is given seed, threads, checkpoint and embeddings if its class takes them.

    Raises:
        UserError: the class refuses its options or lacks ``fit`` or ``transform``.
    """
    offered: dict[str, Any] = {"seed": spec.seed, "threads": threads, "checkpoint": checkpoint}
    if embeddings := embeddings_used(spec, row):
        offered["embeddings"] = load_embeddings(embeddings)
    return build(spec, row, offered, {"fit": "(corpus, labels)", "transform": "(corpus)"})


def embeddings_used(spec: RunSpec, row: Row) -> str | None:
    """The name of the word vectors that a method takes; None for one that takes none."""
    takes_them = "embeddings" in accepted_options(load_object(row.factory))
    return document_settings(spec).embeddings if takes_them else None

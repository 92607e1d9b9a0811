"""Training of a model in the way that it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dgmbench.training.alternating import alternate
from dgmbench.training.batches import Batches
from dgmbench.training.fitted import Fitted
from dgmbench.training.settings import TrainingSettings


def learn(
    model: Any,
    batches: Batches,
    settings: TrainingSettings,
    *,
    seed: int,
    checkpoint: Path,
    fingerprint: str,
    name: str,
    gpus: int = 0,
    threads: int = 1,
) -> Fitted:
    """Let ``model.step`` take its steps (`alternate`), or minimise ``model.loss`` (`dgmbench.training.fit.fit`)."""
    if hasattr(model, "step"):
        by: Any = alternate
    else:
        from dgmbench.training.fit import fit as by  # Lightning takes seconds to import, and games do not need it
    fitted: Fitted = by(
        model,
        batches,
        settings,
        seed=seed,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
        name=name,
        gpus=gpus,
        threads=threads,
    )
    return fitted

"""Checkpoints that a killed process cannot damage, and that only the same training resumes.

Lightning's own checkpoint by time, `ModelCheckpoint(train_time_interval=...)`, saves in the middle of an epoch, from
where batches could not be repeated exactly; here it is the first end of an epoch after that time.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from dgmbench.files import writing
from dgmbench.training.trained import write_state

log = logging.getLogger("dgmbench")

# A checkpoint costs milliseconds and an epoch seconds to minutes: short epochs need not each have one.
CHECKPOINT_SECONDS = 15.0


class SafeFiles(TorchCheckpointIO):
    """Writes atomically, keeps the checkpoint before, and loads nothing but tensors and plain values."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Under its name when it is whole; what had the name is ``.previous`` then."""
        path = Path(path)
        if path.exists():
            with writing(path):
                path.replace(path.with_suffix(".previous"))
        write_state(path, checkpoint)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        """Without running any code from the file."""
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)


class AtEpochEnds(Checkpoint):
    """Saves at the end of the first epoch, of the last, and of the first one after `CHECKPOINT_SECONDS`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved_at = -CHECKPOINT_SECONDS

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Not after a divergence: the last good state stays."""
        seconds = trainer.strategy.broadcast(pl_module.seconds)  # all processes save, or none
        is_last = trainer.current_epoch + 1 == trainer.max_epochs
        if not pl_module.diverged and (is_last or seconds - self._saved_at >= CHECKPOINT_SECONDS):
            trainer.save_checkpoint(self._path)
            self._saved_at = seconds


def newest(path: Path, fingerprint: str) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint that loads and belongs to this training, with what it holds; or None."""
    for candidate in (path, path.with_suffix(".previous")):
        if not candidate.exists():
            continue
        try:
            state = SafeFiles().load_checkpoint(candidate)
            belongs = state["dgmbench"]["fingerprint"] == fingerprint
            if not state.keys() >= {"state_dict", "optimizer_states", "loops"} or "history" not in state["dgmbench"]:
                raise ValueError("parts of it are missing")
        except Exception as error:  # a damaged file can raise any error of the archive reader
            log.warning("checkpoint %s does not load (%s); trying the one before", candidate.name, error)
            continue
        if not belongs:
            log.info("checkpoint %s belongs to another specification, data or code: starting afresh", candidate.name)
            return None
        return candidate, state
    return None

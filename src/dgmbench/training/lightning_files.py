"""When Lightning saves a training, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from dgmbench.training import checkpoint as checkpoints


class SafeFiles(TorchCheckpointIO):
    """Writes atomically, keeps the checkpoint before, and loads nothing but tensors and plain values."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """See `dgmbench.training.checkpoint.save`."""
        checkpoints.save(Path(path), checkpoint)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        """See `dgmbench.training.checkpoint.load`."""
        return checkpoints.load(path, map_location or "cpu")


class AtEpochEnds(Checkpoint):
    """Saves at the end of the first epoch, of the last, and of the first one after some seconds.

    Lightning's own checkpoint by time, `ModelCheckpoint(train_time_interval=...)`, saves in the middle of an epoch,
    from where batches could not be repeated exactly.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved_at = -checkpoints.CHECKPOINT_SECONDS

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Not after a divergence: the last good state stays."""
        seconds = trainer.strategy.broadcast(pl_module.seconds)  # all processes save, or none
        is_last = trainer.current_epoch + 1 == trainer.max_epochs
        if not pl_module.diverged and (is_last or seconds - self._saved_at >= checkpoints.CHECKPOINT_SECONDS):
            trainer.save_checkpoint(self._path)
            self._saved_at = seconds

"""Lightning's way to log, for those who watch a training: the means of each epoch, and nothing of single steps."""

from __future__ import annotations

import math
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from dgmbench.run.progress import Step, watchers


class EpochLogger(Logger):
    """Tells those who watch now (`dgmbench.run.progress.watched`) of each epoch.

    It goes to other processes with the trainer, and so do the watchers, which are therefore kept here.

    Args:
        epochs: how many there are.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs, self._watchers = epochs, watchers()

    @property
    def name(self) -> str:
        return "epochs"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Means of an epoch by name, and ``epoch``, counted from 0."""
        values = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
        number = round(values.pop("epoch", -1))
        for watcher in self._watchers:
            watcher(Step("epoch", number + 1, self._epochs, values))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """None: the specification of a run has them."""

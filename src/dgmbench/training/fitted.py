"""What a training by gradients says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Times(NamedTuple):
    """By the clock, and of processors."""

    seconds: float
    cpu_seconds: float


NO_TIME = Times(0.0, 0.0)
RESUMED_AFTER = "resumed_after_seconds", "resumed_after_cpu_seconds"  # in a record


def times_of(checkpoint: Mapping[str, Any]) -> Times:
    """What the epochs up to a checkpoint took."""
    facts = checkpoint["dgmbench"]
    return Times((facts["history"].get("seconds") or [0.0])[-1], facts.get("cpu_seconds", 0.0))


@dataclass(frozen=True)
class Fitted:
    """What a training says; its weights are in the model.

    Attributes:
        history: columns of equal length, a value for each epoch: ``epoch``, what is noted of it, ``seconds`` so far.
        diverged_at: the epoch (from 0) whose loss was not finite, of several processes the first one after the last
            checkpoint; the weights then are the last good ones.
        resumed_from: epochs that an earlier call had done.
        computing: on what and how it was computed, for the record.
        earlier: what those epochs took.
    """

    history: dict[str, list[float]]
    diverged_at: int | None
    resumed_from: int
    computing: dict[str, Any]
    earlier: Times = NO_TIME

    @property
    def record(self) -> dict[str, Any]:
        """What every training by gradients notes of itself."""
        return {
            "epochs": len(self.history.get("epoch", ())),
            "diverged_at": self.diverged_at,
            "resumed_from_epoch": self.resumed_from,
            **{name: round(value, 3) for name, value in zip(RESUMED_AFTER, self.earlier, strict=True)},
            "train_seconds": self.history["seconds"][-1] if self.history else 0.0,
            **self.computing,
        }

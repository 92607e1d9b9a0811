"""What a run is: one dataclass, and the hash that names it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dgmbench.names import slug
from dgmbench.run.settings import Settings, Stage

LARGEST_SEED = 2**32 - 1  # numpy's


@dataclass(frozen=True)
class RunSpec:
    """One training run and its evaluation.

    Attributes:
        task: a task's name.
        dataset: a dataset's name.
        model: a row's name, as shown in the tables.
        settings: how it is trained and evaluated; of the class that its task has for them.
        seed: seeds everything random in the run.
        factory: ``module:Class`` of a user-defined model; empty for a row of the task.
        options: keyword arguments of the model itself.
        source: the run whose trained model this one takes, where its row takes one (`dgmbench.run.task.Row.takes`).
    """

    task: str
    dataset: str
    model: str
    settings: Settings
    seed: int = 0
    factory: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    source: RunSpec | None = None

    def canonical(self, stage: Stage = "evaluation") -> dict[str, Any]:
        """What tells this run from others: everything that differs from a default.

        With ``stage="training"`` the settings of the evaluation are left out: runs that differ only in those
        share one trained model.
        """
        settings = {
            name: value
            for name, value in self.settings.departures().items()
            if stage == "evaluation" or self.settings.stage_of(name) == "training"
        }
        whole = {**self.to_dict(), "settings": settings}
        return {key: value for key, value in whole.items() if value or key == "seed"}

    def _identity(self, stage: Stage) -> str:
        digest = canonical_hash(self.canonical(stage))
        return f"{slug(self.dataset)}.{slug(self.model)}.s{self.seed}.{digest}"

    @cached_property
    def run_id(self) -> str:
        """Names the run: readable parts and the hash of the canonical form."""
        return self._identity("evaluation")

    @cached_property
    def training_id(self) -> str:
        """Names the trained model, which runs with other evaluation settings share."""
        return self._identity("training")

    def to_dict(self) -> dict[str, Any]:
        """The whole specification, defaults included, as plain values."""
        found: dict[str, Any] = {
            "task": self.task,
            "dataset": self.dataset,
            "model": self.model,
            "seed": self.seed,
            "factory": self.factory,
            "settings": self.settings.model_dump(mode="json"),
            "options": dict(self.options),
        }
        # of its evaluation nothing depends
        return found | ({"source": self.source.canonical("training")} if self.source else {})

    def to_arguments(self, stage: Stage = "evaluation") -> str:
        """The command-line arguments that build this specification again.

        With ``stage="training"`` without the evaluation's settings: the arguments then change only when the
        trained model does.
        """
        words = [self.task, self.dataset, self.model, "--seed", str(self.seed)]
        if self.factory:
            words += ["--factory", self.factory]
        for key, value in sorted(self.canonical(stage).get("settings", {}).items()):
            words += ["--set", f"{key}={json.dumps(value) if not isinstance(value, str) else value}"]
        for key, value in sorted(self.options.items()):
            words += ["--option", f"{key}={json.dumps(value)}"]
        if self.source:
            words += ["--source", self.source.to_arguments("training")]
        return shlex.join(words)


def canonical_hash(value: Any) -> str:
    """A short SHA-256 over JSON with sorted keys: the order of keys does not count."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]

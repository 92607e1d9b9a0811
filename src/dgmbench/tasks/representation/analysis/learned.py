"""The trained learners of a plan, and the test images that they are shown."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from torch import nn

from dgmbench.data.load.images import load_images
from dgmbench.metrics.linear_probe import Examples
from dgmbench.run.plan import Plan
from dgmbench.run.spec import RunSpec
from dgmbench.run.trainings import finished_trainings
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.representation.building import load_learner
from dgmbench.tasks.representation.images import labelled_images
from dgmbench.tasks.representation.settings import representation_settings


@dataclass(frozen=True)
class Learned:
    """A trained learner, in evaluation mode."""

    spec: RunSpec
    model: nn.Module

    @property
    def columns(self) -> dict[str, Any]:
        """What names it in a table."""
        return {"dataset": self.spec.dataset, "model": self.spec.model, "seed": self.spec.seed}


def trained_learners(plan: Plan, workspace: Workspace, device: str) -> list[Learned]:
    """Every trained learner of the plan, once; the others are named in the log.

    Raises:
        UserError: one that is damaged, does not fit its run or was trained on other data.
    """
    found = []
    for spec, _ in finished_trainings(plan, "representation", workspace):
        n_pixels, path = load_images(spec.dataset).train.shape[1], workspace.trained(spec) / "model.pt"
        found.append(Learned(spec, load_learner(spec, plan.row_of(spec), path, n_pixels).to(device)))
    return found


def shown_images(spec: RunSpec, number: int) -> Examples:
    """So many images of those that the run is evaluated on, spread over the classes; 0 is all."""
    settings = representation_settings(spec).model_copy(update={"test_limit": number})
    return labelled_images(dataclasses.replace(spec, settings=settings), "test")

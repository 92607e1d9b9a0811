"""The trained learners of a plan, and the test images that they are shown."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from typing import Any

from torch import nn

from dgmbench.data.load.images import load_images
from dgmbench.metrics.linear_probe import Examples
from dgmbench.run.plan import Plan
from dgmbench.run.spec import RunSpec
from dgmbench.run.stages import data_checksums, require_usable, training_record
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.representation.building import load_learner
from dgmbench.tasks.representation.images import labelled_images
from dgmbench.tasks.representation.settings import representation_settings

log = logging.getLogger("dgmbench")


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
    found, left_out, task = [], [], plan.tasks["representation"]
    for spec in {spec.training_id: spec for spec in plan.of("representation")}.values():
        folder = workspace.trained(spec)
        if not (folder / "training.json").is_file():
            left_out.append(spec)
            continue
        training = training_record(spec, workspace)
        require_usable(task, spec, workspace, training, data_checksums(task, spec))
        n_pixels = load_images(spec.dataset).train.shape[1]
        model = load_learner(spec, plan.row_of(spec), folder / "model.pt", n_pixels)
        found.append(Learned(spec, model.to(device)))
    for spec in left_out if found else ():  # where nothing is trained, the caller says that alone
        log.warning("%s on %s, seed %d: not trained, left out", spec.model, spec.dataset, spec.seed)
    return found


def shown_images(spec: RunSpec, number: int) -> Examples:
    """So many images of those that the run is evaluated on, spread over the classes; 0 is all."""
    settings = representation_settings(spec).model_copy(update={"test_limit": number})
    return labelled_images(dataclasses.replace(spec, settings=settings), "test")

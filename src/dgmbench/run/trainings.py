"""The trainings of a plan that are finished, for what is done with all of their models."""

from __future__ import annotations

import logging
from typing import Any

from dgmbench.run.plan import Plan
from dgmbench.run.spec import RunSpec
from dgmbench.run.stages import data_checksums, require_usable, training_record
from dgmbench.run.workspace import Workspace

log = logging.getLogger("dgmbench")


def finished_trainings(plan: Plan, name: str, workspace: Workspace) -> list[tuple[RunSpec, dict[str, Any]]]:
    """Every finished training of a task's runs, once, with its record; those that are not are named in the log.

    Raises:
        UserError: a trained model that is damaged, or was trained on other data.
    """
    task, found, left_out = plan.tasks[name], list[tuple[RunSpec, dict[str, Any]]](), list[RunSpec]()
    for spec in {spec.training_id: spec for spec in plan.of(name)}.values():
        if not (workspace.trained(spec) / "training.json").is_file():
            left_out.append(spec)
            continue
        training = training_record(spec, workspace)
        require_usable(task, spec, workspace, training, data_checksums(task, spec))
        found.append((spec, training))
    for spec in left_out if found else ():  # where nothing is trained, the caller says that alone
        log.warning("%s on %s, seed %d: not trained, left out", spec.model, spec.dataset, spec.seed)
    return found

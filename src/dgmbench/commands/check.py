"""Whether a row and a dataset go through a run: what the task asks of them, and then a small run of both stages."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from dgmbench.commands.estimates import STAGES
from dgmbench.errors import UserError, raised
from dgmbench.names import load_object
from dgmbench.run import stages
from dgmbench.run.needs import needed
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Task
from dgmbench.run.workspace import Workspace

log = logging.getLogger("dgmbench")


def findings(task: Task, spec: RunSpec) -> list[str]:
    """What keeps a run from its end, a line each.

    Raises:
        UserError: the class cannot be imported or refuses its options, or the data cannot be used.
    """
    found = []
    try:
        for line in load_object(task.check)(spec, find_row(task, spec.model, spec.factory)):
            found.append(line)  # one by one: the next may raise
    except UserError:
        raise
    except Exception as error:  # of the model's own code, where no finding of the task says it
        found.append(f"it raised {raised(error)}")
    stages.require_steady_data(task, spec)
    if found or not task.trial:
        return found
    small: RunSpec = load_object(task.trial)(spec)
    if small.source:
        (other,) = needed(task, small, "training")
        small = replace(small, source=load_object(other.task.trial)(small.source))
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _tried(task, small, Workspace(Path(folder)))
    finally:
        log.setLevel(level)


def _tried(task: Task, small: RunSpec, workspace: Workspace) -> list[str]:
    before = [each for stage in STAGES for each in needed(task, small, stage)]
    steps = [*((stages.train, each.task, each.spec) for each in before), (stages.train, task, small)]
    for stage, of_task, run in [*steps, (stages.evaluate, task, small)]:
        try:
            record = stage(of_task, run, workspace)
        except UserError as error:
            return [f"{stage.__name__}, on a part of the data: {error}"]
        except Exception as error:  # whatever the model's own code raises is the finding
            return [f"{stage.__name__}, on a part of the data, raised {raised(error)}"]
        if record["status"] == "diverged":
            return [f"{stage.__name__}, on a part of the data: a value is not finite"]
    return [f"{stages.evaluate.__name__}, on a part of the data: {doubt}" for doubt in record.get("doubts", ())]

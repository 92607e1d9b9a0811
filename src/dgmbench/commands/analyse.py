"""The deeper look at what was trained for a task."""

from __future__ import annotations

from dgmbench.errors import UserError
from dgmbench.names import load_object
from dgmbench.run.plan import Plan
from dgmbench.run.task import Task
from dgmbench.run.workspace import Workspace


def analyse(plan: Plan, task: Task, workspace: Workspace, gpus: int = 0, threads: int = 1) -> None:
    """Run the analysis of a task over the runs of a plan.

    Raises:
        UserError: the task has no analysis, or the plan no run of it.
    """
    if task.analysis is None:
        raise UserError(f"{task.name} has no analysis; see 'dgmbench list'")
    if task.name not in plan.tasks:
        raise UserError(f"preset {plan.preset!r} has no runs of {task.name}: there is nothing to analyse")
    load_object(task.analysis.run)(plan, workspace, gpus=gpus, threads=threads)

"""The tasks: one line each here, one folder each below. Those of other packages come by entry point."""

from __future__ import annotations

import importlib.metadata
from functools import lru_cache

from dgmbench.errors import UserError
from dgmbench.names import did_you_mean, load_object
from dgmbench.run.task import Task

TASKS = (
    "dgmbench.tasks.density.task:DENSITY",
    "dgmbench.tasks.classification.task:CLASSIFICATION",
    "dgmbench.tasks.representation.task:REPRESENTATION",
    "dgmbench.tasks.text_likelihood.task:TEXT_LIKELIHOOD",
    "dgmbench.tasks.generation.task:GENERATION",
    "dgmbench.tasks.few_labels.task:FEW_LABELS",
)
ENTRY_POINT_GROUP = "dgmbench.tasks"


@lru_cache(maxsize=1)
def all_tasks() -> dict[str, Task]:
    """Every task by name: those of this package, in order, then those of others.

    Raises:
        UserError: an entry point of the group ``dgmbench.tasks`` does not give a task, or two have one name.
    """
    others = {point.value: point for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}
    found: dict[str, Task] = {}
    for address in (*TASKS, *others):
        try:
            task = load_object(address)
        except UserError as error:
            package = others[address].dist if address in others else None
            whose = f"{package.name}: " if package else ""
            raise UserError(f"{whose}the task {address} cannot be used: {error}") from error
        if not isinstance(task, Task):
            raise UserError(f"{address} is a {type(task).__name__}, not a dgmbench.run.task.Task")
        if task.name in found:
            raise UserError(f"{address}: there is a task named {task.name!r} already; give it another name")
        found[task.name] = task
    return found


def find_task(name: str) -> Task:
    """The task with this name.

    Raises:
        UserError: there is none.
    """
    tasks = all_tasks()
    if name not in tasks:
        raise UserError(f"unknown task {name!r}{did_you_mean(name, tasks)}")
    return tasks[name]

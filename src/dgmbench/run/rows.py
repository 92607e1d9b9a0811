"""From the name of a model to its row: one of the task's, a class of the user's, or one of another package."""

from __future__ import annotations

import importlib.metadata

from dgmbench.errors import UserError
from dgmbench.names import did_you_mean
from dgmbench.run.task import Row, Task

ENTRY_POINT_GROUP = "dgmbench.models"


def find_row(task: Task, name: str, factory: str = "") -> Row:
    """The row behind a name: one of the task's, ``module:Class``, or an entry point of another package.

    Raises:
        UserError: nobody knows the name.
    """
    if factory or ":" in name:
        return task.row_type(factory or name, "user-defined")
    if name in task.rows:
        return task.rows[name]
    others = {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}
    if name in others:
        return task.row_type(others[name].value, f"from {others[name].module}")
    raise UserError(f"unknown {task.row_word} {name!r}{did_you_mean(name, {**task.rows, **others})}")

"""From the name of a model to its row, and from the row to the model."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from dgmbench.errors import UserError
from dgmbench.names import accepted_options, check_options, did_you_mean, load_object
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Task

ENTRY_POINT_GROUP = "dgmbench.models"


def find_row(task: Task, name: str, factory: str = "") -> Row:
    """The row behind a name: one of the task's, ``module:Class``, or an entry point of another package.

    Raises:
        UserError: the name is unknown.
    """
    if factory or ":" in name:
        return task.row_type(factory or name, "user-defined")
    if name in task.rows:
        return task.rows[name]
    others = {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}
    if name in others:
        return task.row_type(others[name].value, f"from {others[name].module}")
    known = did_you_mean(name, {**task.rows, **others})
    raise UserError(f"unknown {task.row_word} {name!r}{known} (one of your own has factory: module:Class)")


def build(spec: RunSpec, row: Row, offered: Mapping[str, Any], needs: Mapping[str, str]) -> Any:
    """The untrained model of a run: its class with the run's options and, of what is offered, what it takes.

    Args:
        offered: keyword arguments for a class that has such.
        needs: the methods that it must have, with their arguments: ``{"fit": "(corpus, labels)"}``.

    Raises:
        UserError: the class refuses its options or lacks a method.
    """
    factory = load_object(row.factory)
    check_options(factory, spec.options, spec.model)
    accepted = accepted_options(factory)
    try:
        model = factory(**{name: value for name, value in offered.items() if name in accepted} | dict(spec.options))
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError) as error:
        what = " ".join(str(error).split())
        raise UserError(f"{spec.model}: {row.factory} refuses its options: {what}") from error
    for method, arguments in needs.items():
        if not callable(getattr(model, method, None)):
            raise UserError(f"{spec.model}: {row.factory} has no method {method}{arguments}")
    return model

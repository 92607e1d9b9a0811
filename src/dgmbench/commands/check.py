"""Does a user-defined model fit a task? Each finding says what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dgmbench.names import load_object
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Task


def findings(task: Task, spec: RunSpec) -> list[str]:
    """What keeps a model from being benchmarked; empty when nothing does. Takes seconds.

    Raises:
        UserError: the class cannot be imported or refuses its options.
    """
    function: Callable[[RunSpec, Row], Iterator[str]] = load_object(task.check)
    return list(function(spec, find_row(task, spec.model, spec.factory)))

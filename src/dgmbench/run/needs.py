"""Runs that read what the training of another run left: which these are, and how they are found in a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dgmbench.errors import UserError
from dgmbench.names import load_object
from dgmbench.run.rows import find_row
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Task


@dataclass(frozen=True)
class Needed:
    """A run that must be trained before a stage of another one starts, and its task."""

    task: Task
    spec: RunSpec


def needed(task: Task, spec: RunSpec, stage: Stage) -> tuple[Needed, ...]:
    """The runs whose trained models a stage of a run reads, besides its own.

    A training reads its source, see `Row.takes`; an evaluation what ``task.judged_by`` names.
    """
    if stage == "evaluation":
        return tuple(Needed(task, each) for each in task.judged_by(spec))
    row = find_row(task, spec.model, spec.factory)
    return (Needed(task_behind(row), spec.source),) if spec.source and row.takes else ()


def task_behind(row: Row) -> Task:
    """The task whose trained model a row takes."""
    assert row.takes is not None
    found = load_object(row.takes.task)
    if not isinstance(found, Task) or not found.load:
        raise UserError(f"{row.takes.task} is no task whose trained models can be taken: it has no load")
    return found


def with_source(task: Task, spec: RunSpec, runs: Iterable[RunSpec]) -> RunSpec:
    """A run with the run of these that it takes the trained model of: of the same dataset and seed.

    Raises:
        UserError: there is none among them.
    """
    row = find_row(task, spec.model, spec.factory)
    if row.takes is None:
        return spec
    other = task_behind(row)
    wanted = (other.name, spec.dataset, row.takes.row, spec.seed)
    for run in runs:
        if (run.task, run.dataset, run.model, run.seed) == wanted and not run.factory:
            return replace(spec, source=run)
    raise UserError(
        f"config.{task.name}.{task.rows_word}.{spec.model}: it takes the trained model of {row.takes.row} on "
        f"{spec.dataset}, seed {spec.seed}, which the configuration does not train: ask for it under "
        f"{other.name}.{other.rows_word}, or set {spec.model}: false"
    )


def sources_of(run: RunSpec) -> Iterator[RunSpec]:
    """The run whose trained model a run takes, the one behind that, and so on."""
    while run.source:
        yield (run := run.source)


def sources_first(runs: Iterable[RunSpec]) -> list[RunSpec]:
    """Runs in their order, those that take a trained model after those that they take it of."""

    return sorted(runs, key=lambda run: len([*sources_of(run)]))

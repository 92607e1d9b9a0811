"""The cells of a table: the runs behind each, as their records on disk tell."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from dgmbench.data.catalogue import title_of
from dgmbench.errors import UserError
from dgmbench.report.published import Published, published
from dgmbench.run.plan import Plan
from dgmbench.run.records import read_arrays, read_json
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Task
from dgmbench.run.workspace import Workspace, hides

log = logging.getLogger("dgmbench")

Status = Literal["ok", "diverged", "missing", "failed"]
_SEVERITY: tuple[Status, ...] = ("ok", "diverged", "missing", "failed")


Problem = Callable[[Mapping[str, Any], Mapping[str, np.ndarray]], str]
"""What a table finds wrong with a run's record and its values by example, in words; empty when all is well."""


@dataclass(frozen=True)
class Run:
    """What became of one planned run.

    Attributes:
        record: its ``run.json``; empty when there is none.
        arrays: its ``per_example.npz``, by name.
        reason: why it failed, in one line.
    """

    spec: RunSpec
    status: Status
    record: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    reason: str = ""

    def get(self, *keys: str) -> Any:
        """A value somewhere inside the record, None where it says nothing: ``get("training", "epochs")``."""
        value: Any = self.record
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value


@dataclass(frozen=True)
class Cell:
    """One dataset and one model.

    Attributes:
        dataset: its title: its name, or the short one that a user gave it.
        row: the model's row; None for one that is published only.
        runs: one per seed.
        paper: what was published.
        part: what part of the data its runs are limited to; empty when it is all of it, as in the paper.
    """

    dataset: str
    model: str
    row: Row | None
    runs: tuple[Run, ...]
    paper: Published | None
    part: str = ""

    @property
    def status(self) -> Status:
        """The worst status of its seeds; ``missing`` when the plan has no run for it."""
        return max((run.status for run in self.runs), key=_SEVERITY.index, default="missing")

    @property
    def remark(self) -> str:
        """How many of the seeds have the worst status, when it is not all of them."""
        bad = sum(run.status == self.status for run in self.runs)
        return f"{self.status}: {bad} of {len(self.runs)} seeds" if self.status != "ok" and bad < len(self.runs) else ""

    @property
    def seeds(self) -> str:
        """The seeds in words: ``0``, ``0 to 4`` or ``0, 3, 7``."""
        numbers = sorted(run.spec.seed for run in self.runs)
        if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{numbers[0]} to {numbers[-1]}"
        return ", ".join(map(str, numbers))

    def measured(self, metric: str) -> list[Run]:
        """The runs that have a value for this metric: a finite number."""
        return [run for run in self.runs if _is_number(run.get("metrics", metric))]

    def published(self, metric: str) -> float | None:
        """The published number, None where there is none."""
        return self.paper.numbers.get(metric) if self.paper else None


@dataclass(frozen=True)
class Cells:
    """Every cell of a task's table: the planned ones in the plan's order, then those that are published only.

    Its properties are computed once, as tables ask for them in each cell.
    """

    task: Task
    preset: str
    cells: tuple[Cell, ...]

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    @cached_property
    def datasets(self) -> list[str]:
        """Those that the plan has runs of: a column of missing cells alone says nothing."""
        return list(dict.fromkeys(cell.dataset for cell in self.cells if cell.runs))

    @cached_property
    def models(self) -> list[str]:
        """Those that the plan has runs of, likewise; in the order of the table."""
        there = {cell.model for cell in self.cells if cell.runs}
        return [model for model in dict.fromkeys(cell.model for cell in self.cells) if model in there]

    @cached_property
    def shown(self) -> list[Cell]:
        """The cells of the planned datasets and models."""
        datasets, models = set(self.datasets), set(self.models)
        return [cell for cell in self.cells if cell.dataset in datasets and cell.model in models]

    @cached_property
    def left_out(self) -> list[str]:
        """The published datasets and models that the plan has no run of."""
        datasets = [cell.dataset for cell in self.cells if cell.dataset not in self.datasets]
        models = [cell.model for cell in self.cells if cell.model not in self.models]
        return list(dict.fromkeys(datasets + models))

    @cached_property
    def any_published(self) -> bool:
        """Whether a cell that is shown has a published number beside it."""
        return any(cell.paper and cell.paper.numbers for cell in self.shown)

    @cached_property
    def examples(self) -> str:
        """What was measured, in words; see `examples_of`."""
        return examples_of((run for cell in self.cells for run in cell.runs), self.task)

    def of(self, dataset: str) -> list[Cell]:
        return [cell for cell in self.cells if cell.dataset == dataset]


def examples_of(runs: Iterable[Run], task: Task) -> str:
    """What runs are of: the task's word, unless their records have another in ``metrics.examples``."""
    found = dict.fromkeys(run.get("metrics", "examples") or task.examples for run in runs if run.record)
    return " and ".join(found) or task.examples


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def collect(plan: Plan, workspace: Workspace, task: Task, problem: Problem) -> Cells:
    """What is on disk of a task's runs, and what was published."""
    return arranged(plan, task, [read_run(each, workspace, problem, task.reads(each)) for each in plan.of(task.name)])


def arranged(plan: Plan, task: Task, found: Iterable[Run]) -> Cells:
    """The runs of a task by their cells, beside what was published."""
    papers = published(task)
    runs: dict[tuple[str, str], list[Run]] = {}
    for run in found:
        runs.setdefault((run.spec.dataset, run.spec.model), []).append(run)
    for key, paper in papers.items():
        if paper.expected:
            runs.setdefault(key, [])
    datasets, models = (list(dict.fromkeys(key[i] for key in runs)) for i in (0, 1))
    cells = []
    for key in sorted(runs, key=lambda key: (datasets.index(key[0]), models.index(key[1]))):
        of_cell = tuple(runs[key])
        row = plan.row_of(of_cell[0].spec) if of_cell else task.rows.get(key[1])
        cells.append(Cell(title_of(key[0]), key[1], row, of_cell, papers.get(key), _part(of_cell, task)))
    return Cells(task, plan.preset, tuple(cells))


def _part(runs: tuple[Run, ...], task: Task) -> str:
    """In words, from the settings ``train_limit``, ``test_limit`` and ``split`` of a task that has them."""
    settings, examples = dict(runs[0].spec.settings) if runs else {}, examples_of(runs, task)
    parts = [
        f"{done} on {settings[name]:,} {examples}"
        for name, done in (("train_limit", "trained"), ("test_limit", "tested"))
        if settings.get(name)
    ]
    return ", ".join(parts + ([f"measured on validation {examples}"] if settings.get("split") == "valid" else []))


def read_run(spec: RunSpec, workspace: Workspace, problem: Problem, reads: Sequence[str] = ()) -> Run:
    """What is on disk about one run. A record that cannot be read is a failed run with its reason, not an error.

    Args:
        reads: the datasets of the run: one that could not be loaded since makes it a failed run, too.
    """
    folder = workspace.run(spec)
    try:
        failure = workspace.failure(spec)
        no_data = next(filter(None, map(workspace.data_failure, reads)), None)
        # what was measured before a later attempt failed is of other code or data than are asked for now
        stale = failure is not None and hides(failure, spec, "training", "evaluation")
        if (folder / "run.json").is_file() and not stale:
            record = read_json(folder / "run.json")
            if record.get("run_id", spec.run_id) != spec.run_id:
                raise UserError(f"{folder / 'run.json'} is of another run; remove the folder and run again")
            arrays = read_arrays(folder / "per_example.npz")
            if found := problem(record, arrays):
                raise UserError(f"{folder / 'run.json'}: {found}; remove the folder and run again")
            if no_data is None or record["evaluation"]["finished"] > no_data["at"]:
                return Run(spec, record["status"], record, arrays)
    except UserError as error:
        log.warning("%s", error)
        return Run(spec, "failed", reason=str(error))
    failure = no_data or failure
    if failure is None:
        return Run(spec, "missing")
    return Run(spec, "failed", reason=f"{failure.get('stage', 'run')}: {' '.join(str(failure.get('error')).split())}")

"""What a configuration asks for, run by run."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dgmbench.errors import UserError
from dgmbench.run.needs import sources_of
from dgmbench.run.rows import find_row
from dgmbench.run.settings import Settings, Stage
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Task


@dataclass(frozen=True)
class Plan:
    """What a configuration asks for.

    Attributes:
        preset: names the results folder ``results/<preset>``.
        tasks: the tasks that have tables in it, by name.
        runs: every run of every cell.
        behind: the tasks without a table whose trained models these runs take, by name.
        tracking: whether MLflow is shown the results.
        threads: CPU threads for one job.
        analyses: the settings of each task's analysis, by the task's name.
        analysed: whether the analyses are part of the benchmark; they can be asked for in any case.
    """

    preset: str
    tasks: Mapping[str, Task]
    runs: tuple[RunSpec, ...]
    tracking: bool = True
    threads: int = 1
    analyses: Mapping[str, Settings] = field(default_factory=dict)
    analysed: bool = False
    behind: Mapping[str, Task] = field(default_factory=dict)

    def of(self, task: str) -> list[RunSpec]:
        """The runs of one task."""
        return [run for run in self.runs if run.task == task]

    def task_of(self, run: RunSpec) -> Task:
        """The task of a run."""
        return self.tasks.get(run.task) or self.behind[run.task]

    def row_of(self, run: RunSpec) -> Row:
        """The row of a run."""
        return find_row(self.task_of(run), run.model, run.factory)

    def memory_mb(self, run: RunSpec) -> int:
        """What a job of a run needs, in MB."""
        task = self.task_of(run)
        return task.memory_mb + round(task.data_mb(run))

    @property
    def parts(self) -> list[RunSpec]:
        """The runs that others of the plan need trained, each once; none of them is in a table."""
        taken = (source for run in self.runs for source in sources_of(run) if source.task in self.behind)
        judges = (each for run in self.runs for each in self.task_of(run).judged_by(run))
        return list({each.training_id: each for each in (*taken, *judges)}.values())

    @property
    def for_analyses(self) -> Mapping[Stage, Sequence[RunSpec]]:
        """The runs that the analyses need, each once, by the stage that must be done; none where none is analysed."""
        found: dict[Stage, dict[str, RunSpec]] = {"training": {}, "evaluation": {}}
        for task in self.tasks if self.analysed else ():
            for stage, runs in self.runs_before(task).items():
                found[stage] |= {run.training_id if stage == "training" else run.run_id: run for run in runs}
        return {stage: list(runs.values()) for stage, runs in found.items()}

    @property
    def whole(self) -> list[RunSpec]:
        """Every run of the benchmark: those of the tables, and those that they or an analysis need."""
        runs = [*self.parts, *self.runs, *itertools.chain(*self.for_analyses.values())]
        return list({(run.training_id, run.run_id): run for run in runs}.values())

    def runs_before(self, task: str) -> Mapping[Stage, Sequence[RunSpec]]:
        """The runs that a task's analysis needs, by the stage that must be done."""
        analysis = self.tasks[task].analysis
        return analysis.runs(self.of(task), self.analyses[task]) if analysis else {}

    def find(self, run_id: str) -> RunSpec:
        """The run with this id, or with this training id.

        Raises:
            UserError: the plan has no such run.
        """
        for run in self.runs:
            if run_id in (run.run_id, run.training_id):
                return run
        raise UserError(f"no run {run_id} in preset {self.preset!r}: the configuration has changed since")

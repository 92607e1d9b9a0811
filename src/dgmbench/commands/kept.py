"""What a results folder holds, told by its own files: the configuration that it came from is not needed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dgmbench.commands.plan import RESULTS
from dgmbench.commands.recorded import spec_of
from dgmbench.data.catalogue import title_of
from dgmbench.errors import UserError
from dgmbench.names import did_you_mean, load_object
from dgmbench.report.cells import Cells, Run, arranged, read_run
from dgmbench.report.table import Table
from dgmbench.report.values import read_values
from dgmbench.run.plan import Plan
from dgmbench.run.records import read_json
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Task
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks

log = logging.getLogger("dgmbench")

Values = Mapping[tuple[str, str, int], Mapping[str, np.ndarray]]
"""See `dgmbench.report.values.read_values`."""


@dataclass(frozen=True)
class Kept:
    """The runs of a results folder.

    Attributes:
        label: what the user calls it.
        plan: its runs, as ``plan.json`` names them; without that file those that have a record.
        planned: whether there is a ``plan.json``.
        values: by task, the values by example that were kept beside the table, for runs that have none of their own.
    """

    workspace: Workspace
    label: str
    plan: Plan
    planned: bool
    values: Mapping[str, Values] = field(default_factory=dict)

    def run(self, spec: RunSpec) -> Run:
        """What became of a run; one whose values by example cannot be read, or are of another run, is failed."""
        table = table_of(self.plan.tasks[spec.task])
        if rounded := self.rounded(spec):
            record = read_json(self.workspace.run(spec) / "run.json")
            return Run(spec, record["status"], record, dict(rounded))
        return read_run(spec, self.workspace, table.problem, self.plan.tasks[spec.task].reads(spec))

    def done(self) -> list[Run]:
        """The runs that have a record.

        Raises:
            UserError: none has.
        """
        with without_warnings(), understood(self.label):
            found = [run for run in map(self.run, self.plan.runs) if run.record]
        if not found:
            raise UserError(f"{self.label} has no run that is done; 'dgmbench status' says how far they are")
        return found

    def rounded(self, spec: RunSpec) -> Mapping[str, np.ndarray]:
        """The rounded values of a run that has no others; empty where it has, or has no record."""
        folder = self.workspace.run(spec)
        if (folder / "per_example.npz").exists() or not (folder / "run.json").is_file():
            return {}
        return self.values.get(spec.task, {}).get((title_of(spec.dataset), spec.model, spec.seed), {})

    def files_of(self, spec: RunSpec) -> list[Path]:
        """What is there of a run: record, values by example, curve, and the note of a failed attempt."""
        run, trained, state = (
            place(spec) for place in (self.workspace.run, self.workspace.trained, self.workspace.state)
        )
        paths = (run / "run.json", run / "per_example.npz", trained / "curve.csv", state / "failure.json")
        return [path for path in paths if path.is_file()]

    def cells(self, task: str) -> Cells:
        """The runs of a task by their cells."""
        return arranged(self.plan, self.plan.tasks[task], [self.run(spec) for spec in self.plan.of(task)])


def place_of(name: str, results: Path = RESULTS) -> Path:
    """The folder or file that is meant by a path, or by the name of a preset.

    Raises:
        UserError: there is neither.
    """
    for path in (Path(name), results / name):
        if path.exists():
            return path
    presets = presets_in(results)
    known = did_you_mean(name, presets) if presets else ""
    raise UserError(f"no folder or archive {name}, nor a preset of this name in {results}{known}")


def presets_in(results: Path) -> list[str]:
    """The folders of results in a folder, by name."""
    holding = ("plan.json", "runs")
    return sorted(path.name for path in results.glob("*/") if any((path / part).exists() for part in holding))


def require_apart(names: Sequence[str], places: Sequence[tuple[Path, str]]) -> None:
    """Raise a UserError where two names mean the same results: a folder or file, and of that the runs of a commit."""
    named: dict[tuple[Path, str], str] = {}
    for name, (path, commit) in zip(names, places, strict=True):
        place = (path.resolve(), commit)
        if place in named:
            other = named[place]
            what = f"{name} is given twice" if other == name else f"{other} and {name} are the same results"
            raise UserError(f"{what}; name other results in its place")
        named[place] = name


def table_of(task: Task) -> Table:
    """What makes a task's table."""
    table: Table = load_object(task.table)
    return table


def read_kept(folder: Path, label: str = "") -> Kept:
    """The runs of a results folder; nothing is loaded but records and values by example.

    Raises:
        UserError: there is no such folder, no run in it, or a file that names runs cannot be read.
    """
    label = label or str(folder)
    if not folder.is_dir():
        raise UserError(f"no folder {label}; give a folder of results, for instance results/default")
    path = folder / "plan.json"
    with understood(label):
        if path.is_file():
            content = read_json(path)
            runs = [spec_of(each["spec"], f"{label}/plan.json") for each in content["runs"]]
            preset = str(content["preset"])
        else:
            records = sorted(folder.glob("runs/*/run.json"))
            runs = [spec_of(read_json(record)["spec"], f"{label}/{record.relative_to(folder)}") for record in records]
            _require_one_of_each(runs, label)
            preset = folder.name
        if not runs:
            only = "tables, but " if (folder / "tables").is_dir() else ""
            within = ", ".join(presets_in(folder))
            advice = f"give one of the results in it: {within}" if within else "give a folder of results"
            raise UserError(f"{label} holds {only}no run: neither plan.json nor runs/*/run.json; {advice}")
        named = {run.task for run in runs}
        tasks = {name: task for name, task in all_tasks().items() if name in named}
        tables = {name: folder / "tables" / f"{name}.npz" for name in tasks}
        values = {name: read_values(table) for name, table in tables.items() if table.is_file()}
        return Kept(Workspace(folder), label, Plan(preset, tasks, tuple(runs)), path.is_file(), values)


@contextmanager
def understood(label: str) -> Iterator[None]:
    """Says in one line that records of the body are not of the form in which they are written."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(
            f"{label} was not written by dgmbench, or changed since: a record is broken ({what})"
        ) from error


@contextmanager
def without_warnings() -> Iterator[None]:
    """What the body finds is said once, by its caller."""
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _require_one_of_each(runs: list[RunSpec], label: str) -> None:
    """Raise a UserError for two settings of one row: without a plan it is not known which is meant."""
    counts = Counter((run.task, run.dataset, run.model, run.seed) for run in runs)
    for (_, dataset, model, seed), number in counts.items():
        if number > 1:
            raise UserError(
                f"{label} has no plan.json and {number} runs of {model} on {title_of(dataset)}, seed {seed}, of "
                "different settings: dgmbench tabulate, with their configuration, says which belong to the table"
            )

"""The cells of a table: the runs behind each, as their records on disk tell."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dgmbench.run import records
from dgmbench.run.config import Plan
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec, Task
from dgmbench.run.workspace import Workspace
from dgmbench.report.published import Published, published

log = logging.getLogger("dgmbench")

Status = Literal["ok", "diverged", "missing", "failed"]
_SEVERITY: tuple[Status, ...] = ("ok", "diverged", "missing", "failed")
# What a record must say for the tables, besides its status.
_NEEDED: dict[Task, tuple[tuple[str, str], ...]] = {
    "density": (
        *(("metrics", name) for name in ("log_likelihood", "images", "k")),
        *(("training", name) for name in ("epochs", "parameters", "train_seconds")),
        *(("protocol", name) for name in ("binarisation", "batch_norm", "split")),
    ),
    "classification": (
        *(("metrics", name) for name in ("precision", "recall", "f1", "accuracy", "converged")),
        *(("metrics", name) for name in ("features", "n_features", "transductive", "embeddings")),
        *(("corpus", name) for name in ("train_documents", "test_documents", "dropped_train", "dropped_test")),
        ("training", "fit_seconds"),
        ("evaluation", "measure_seconds"),
    ),
}


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
    """One dataset and one model: a run per seed, and what was published."""

    dataset: str
    model: str
    runs: tuple[Run, ...]
    paper: Published | None

    @property
    def status(self) -> Status:
        """The worst status of its seeds; ``missing`` when the plan has no run for it."""
        return max((run.status for run in self.runs), key=_SEVERITY.index, default="missing")

    @property
    def remark(self) -> str:
        """How many of the seeds have the worst status, when it is not all of them."""
        bad = sum(run.status == self.status for run in self.runs)
        return f"{self.status}: {bad} of {len(self.runs)} seeds" if self.status != "ok" and bad < len(self.runs) else ""

    def measured(self, metric: str) -> list[Run]:
        """The runs that have a value for this metric."""
        return [run for run in self.runs if run.get("metrics", metric) is not None]

    def subset(self) -> str:
        """What part of the data its runs are limited to; empty when it is all of it, as in the paper."""
        if not self.runs:
            return ""
        settings, unit = self.runs[0].spec.settings, "images" if self.runs[0].spec.task == "density" else "documents"
        parts = []
        if settings.train_limit:
            parts.append(f"trained on {settings.train_limit:,} {unit}")
        if settings.test_limit:
            parts.append(f"tested on {settings.test_limit:,} {unit}")
        if getattr(settings, "split", "test") != "test":
            parts.append(f"measured on validation {unit}")
        return ", ".join(parts)


def collect(plan: Plan, workspace: Workspace, task: Task) -> list[Cell]:
    """Every published cell and every planned one, in the paper's order, what is not in the paper last."""
    runs: dict[tuple[str, str], list[Run]] = {key: [] for key in published(task)}
    for spec in plan.of(task):
        runs.setdefault((spec.dataset, spec.model), []).append(read_run(spec, workspace))
    datasets, models = _order(d for d, _ in runs), _order(m for _, m in runs)
    keys = sorted(runs, key=lambda key: (datasets[key[0]], models[key[1]]))
    return [Cell(*key, tuple(runs[key]), published(task).get(key)) for key in keys]


def of_planned_datasets(cells: list[Cell]) -> list[Cell]:
    """Without the datasets that the configuration leaves out altogether: a column of missing cells says nothing.

    All of them when the configuration asks for none.
    """
    planned = {cell.dataset for cell in cells if cell.runs}
    return [cell for cell in cells if cell.dataset in planned] if planned else cells


def _order(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def read_run(spec: RunSpec, workspace: Workspace) -> Run:
    """What is on disk about one run. A record that cannot be read is a failed run with its reason, not an error."""
    folder = workspace.run(spec)
    try:
        if (folder / "run.json").is_file():
            record = records.read_json(folder / "run.json")
            arrays = _read_arrays(folder / "per_example.npz")
            return Run(spec, _checked(spec, record, arrays, folder), record, arrays)
        failure = workspace.failure(spec)
    except UserError as error:
        log.warning("%s", error)
        return Run(spec, "failed", reason=str(error))
    if failure is None:
        return Run(spec, "missing")
    return Run(spec, "failed", reason=f"{failure.get('stage', 'run')}: {' '.join(str(failure.get('error')).split())}")


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise UserError(f"no {path} beside its run.json; remove the folder and run again") from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{path} is broken ({error}); remove the folder and run again") from error


def _checked(spec: RunSpec, record: dict[str, Any], arrays: dict[str, np.ndarray], folder: Path) -> Status:
    """The record's status, after checking that it is whole and that its mean and its examples are of one evaluation."""
    path = folder / "run.json"
    if record.get("status") not in ("ok", "diverged", "failed"):
        raise UserError(f"{path}: its status is {record.get('status')!r}; remove the folder and run again")
    for part, name in _NEEDED[spec.task]:
        if not isinstance(record.get(part), dict) or name not in record[part]:
            raise UserError(f"{path} says nothing about {part}.{name}; remove the folder and run again")
    values, mean = arrays.get("log_likelihood"), record["metrics"].get("log_likelihood")
    if mean is not None and (values is None or not np.isclose(values.mean(), mean, rtol=1e-6, atol=1e-6)):
        raise UserError(
            f"{folder}: run.json and per_example.npz are not of one evaluation; remove the folder and run again"
        )
    status: Status = record["status"]
    return status

"""How long runs will take and how much memory they need: from the records of runs like them on this machine."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgmbench.errors import UserError
from dgmbench.run.plan import Plan
from dgmbench.run.provenance import host
from dgmbench.run.records import read_json
from dgmbench.run.settings import Stage, checked
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Task

STAGES: tuple[Stage, ...] = ("training", "evaluation")


@dataclass(frozen=True)
class Estimate:
    """Of one stage of a run.

    Attributes:
        seconds: of one job.
        memory_mb: at its peak.
    """

    seconds: float
    memory_mb: float


@dataclass(frozen=True)
class _Known:
    """What a stage of an earlier run took, and how much work it was, up to a factor."""

    cost: float
    seconds: float
    memory_mb: float


def estimates(plan: Plan, runs: Iterable[RunSpec], results: Path) -> dict[tuple[str, Stage], Estimate]:
    """Of each stage of runs, by run id, where there are records of the same row on the same dataset.

    Time is taken from the runs that are most alike in cost, in proportion to it. Records of other machines do not
    count.

    Args:
        results: the folder of all presets.
    """
    records = _Records(results)
    found = {}
    for run in runs:
        task = plan.task_of(run)
        for stage, known in records.of(task, run).items():
            cost = _cost(task, run, stage)
            distance = {each: abs(math.log(cost / each.cost)) for each in known}
            nearest = [each for each in known if distance[each] <= min(distance.values()) + 0.01]
            found[run.run_id, stage] = Estimate(
                statistics.median(each.seconds * cost / each.cost for each in nearest),
                max(each.memory_mb for each in nearest),
            )
    return found


def _cost(task: Task, run: RunSpec, stage: Stage) -> float:
    return max(1e-9, task.cost(run) if stage == "training" else task.evaluation_cost(run))


class _Records:
    """What is known of the runs of a row on a dataset, read once for all its seeds."""

    def __init__(self, results: Path) -> None:
        self.paths: dict[str, list[Path]] = {}
        for path in results.glob("*/runs/*/run.json"):
            self.paths.setdefault(_beginning(path.parent.name), []).append(path)
        self.here = _machine(host())
        self.known: dict[tuple[str, str, str, str], Mapping[Stage, Sequence[_Known]]] = {}

    def of(self, task: Task, run: RunSpec) -> Mapping[Stage, Sequence[_Known]]:
        key = (run.task, run.dataset, run.model, run.factory)
        if key not in self.known:
            found: dict[Stage, list[_Known]] = {}
            for path in self.paths.get(_beginning(run.run_id), ()):
                for stage, known in self._read(path, task, key):
                    found.setdefault(stage, []).append(known)
            self.known[key] = found
        return self.known[key]

    def _read(self, path: Path, task: Task, key: tuple[str, ...]) -> Iterable[tuple[Stage, _Known]]:
        try:
            record = read_json(path)
            spec = record["spec"]
            if (spec["task"], spec["dataset"], spec["model"], spec["factory"]) != key:
                return
            settings = checked(task.settings, spec["settings"], "")
            run = RunSpec(*key[:3], settings, spec["seed"], key[3], spec["options"])
            for stage in STAGES:
                noted = record[stage]
                if _machine(noted["host"]) == self.here:
                    yield (
                        stage,
                        _Known(_cost(task, run, stage), float(noted["seconds"]), float(noted["peak_memory_mb"])),
                    )
        except (UserError, KeyError, TypeError, ValueError):
            return  # of another version, or broken: it says nothing


def _beginning(run_id: str) -> str:
    """What the ids of a row's runs on a dataset have in common: all before the seed."""
    return run_id.rpartition(".s")[0]


def _machine(noted: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(noted.get(key) for key in ("system", "machine", "processor"))

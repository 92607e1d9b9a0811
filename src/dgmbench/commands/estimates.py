"""How long runs will take and how much memory they need: from runs like them on this machine.

These are the records of this results folder, and what the cache folder keeps of jobs of any (`dgmbench.run.timings`).
Where neither has runs of about the size, the records of published runs tell roughly, which other machines made.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgmbench.commands.at_work import RULES, kind_of_job, kind_of_stage
from dgmbench.commands.jobs import Job
from dgmbench.commands.recorded import spec_of
from dgmbench.errors import UserError
from dgmbench.run import timings
from dgmbench.run.plan import Plan
from dgmbench.run.provenance import host
from dgmbench.run.records import read_json
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Task

STAGES: tuple[Stage, ...] = ("training", "evaluation")
_LAST = 5  # jobs of a kind that count: the machine may have been busy with other things before
_FAR = math.log(10)  # ten times as much work
_PUBLISHED = "reference/*/runs/*/run.json"
_SAYS_NOTHING = (UserError, KeyError, TypeError, ValueError)  # of another version, or broken


@dataclass(frozen=True)
class Estimate:
    """Of one stage of a run.

    Attributes:
        seconds: of one job.
        memory_mb: at its peak.
        after: seconds from the end of a step to that of the job, by what the step counts.
        rough: whether the most similar runs that are known had less than a tenth of the work, or ten times as much.
        elsewhere: whether these were runs of another machine.
    """

    seconds: float
    memory_mb: float = 0.0
    after: Mapping[str, float] = field(default_factory=dict)
    rough: bool = False
    elsewhere: bool = False


@dataclass(frozen=True)
class _Known:
    """What a stage of an earlier run took, and how much work it was, up to a factor.

    Attributes:
        seconds: of what grows with the work.
        starting: what the job took besides; None where that was not noted.
    """

    cost: float
    seconds: float
    memory_mb: float
    starting: float | None = None
    after: Mapping[str, float] = field(default_factory=dict)

    def seconds_for(self, cost: float) -> float:
        return (self.starting or 0.0) + self.seconds * cost / self.cost


def estimates(plan: Plan, runs: Iterable[RunSpec], results: Path) -> dict[tuple[str, Stage], Estimate]:
    """Of each stage of runs, by run id, where there are records of the same row on the same dataset.

    Time is taken from the runs that are most alike in cost, in proportion to it; of those, from the last whose whole
    job was noted. Published records of other machines count where they are nearer in cost and those of this machine
    far, or none.

    Args:
        results: the folder of all presets.
    """
    here, elsewhere = _Records(results), _Records(results, published=True)
    found = {}
    for run in runs:
        task = plan.task_of(run)
        of_here = here.of(task, run)
        for stage in STAGES:
            cost = _cost(task, run, stage)
            known, published = of_here.get(stage, ()), False
            if (distance := _distance(known, cost)) > _FAR:
                others = elsewhere.of(task, run).get(stage, ())
                if _distance(others, cost) < distance:
                    known, published = others, True
            if known:
                found[run.run_id, stage] = _estimated(known, cost, published)
    return found


def _distance(known: Iterable[_Known], cost: float) -> float:
    """How far the nearest one is, as a logarithm; infinite where there is none."""
    return min((abs(math.log(cost / each.cost)) for each in known), default=math.inf)


def _estimated(known: Sequence[_Known], cost: float, published: bool) -> Estimate:
    distance = _distance(known, cost)
    nearest = [each for each in known if _distance([each], cost) <= distance + 0.01]
    whole = [each for each in nearest if each.starting is not None]
    last = (whole or nearest)[-_LAST:]
    seconds = statistics.median(each.seconds_for(cost) for each in last)
    memory = max(each.memory_mb for each in nearest)
    return Estimate(seconds, memory, last[-1].after, distance > _FAR, published)


def of_jobs(plan: Plan, jobs: Sequence[Job], results: Path) -> dict[Job, Estimate]:
    """Of each job, where something is known of such jobs.

    Args:
        results: see `estimates`.
    """
    runs = plan.whole
    of_run = estimates(plan, runs, results)
    ids = {("train", run.training_id): (run.run_id, STAGES[0]) for run in runs}
    ids |= {("evaluate", run.run_id): (run.run_id, STAGES[1]) for run in runs}
    found = {job: of_run[ids[job.rule, job.of]] for job in jobs if ids.get((job.rule, job.of)) in of_run}
    return found | of_other_jobs(plan, jobs)


def of_other_jobs(plan: Plan, jobs: Iterable[Job]) -> dict[Job, Estimate]:
    """Of each job that is no stage of a run, where something is known of such jobs."""
    found = {}
    for job in jobs:
        if job.rule not in RULES.values():
            of = f"{plan.preset}.{job.of}" if job.rule == "analyse" else job.of
            if estimate := _of_other(kind_of_job(job.rule, of)):
                found[job] = estimate
    return found


def _of_other(kind: str) -> Estimate | None:
    """Of a job that is no stage of a run, from the last ones of its kind."""
    here, taken = _machine(host()), []
    for line in timings.noted(kind):
        with suppress(*_SAYS_NOTHING):
            if _machine(line["host"]) == here:
                taken.append(float(line["seconds"]))
    return Estimate(statistics.median(taken[-_LAST:])) if taken else None


def _cost(task: Task, run: RunSpec, stage: Stage) -> float:
    return max(1e-9, task.cost(run) if stage == "training" else task.evaluation_cost(run))


class _Records:
    """What is known of the runs of a row on a dataset, read once for all its seeds.

    Args:
        results: the folder of all presets.
        published: the published runs, of whatever machine, in the place of what this machine did.
    """

    def __init__(self, results: Path, published: bool = False) -> None:
        self.paths: dict[str, list[Path]] = {}
        for path in sorted(results.glob(_PUBLISHED if published else "*/runs/*/run.json")):
            self.paths.setdefault(_beginning(path.parent.name), []).append(path)
        self.published, self.here = published, _machine(host())
        self.known: dict[tuple[str, str, str, str], Mapping[Stage, Sequence[_Known]]] = {}

    def of(self, task: Task, run: RunSpec) -> Mapping[Stage, Sequence[_Known]]:
        key = (run.task, run.dataset, run.model, run.factory)
        if key not in self.known:
            found: dict[Stage, list[_Known]] = {}
            for path in self.paths.get(_beginning(run.run_id), ()):
                with suppress(*_SAYS_NOTHING):
                    record = read_json(path)
                    if earlier := _run_of(record["spec"], key):
                        for stage in STAGES:
                            self._add(found, task, earlier, stage, record[stage])
            for stage in STAGES:
                for line in () if self.published else timings.noted(kind_of_stage(run, stage)):
                    with suppress(*_SAYS_NOTHING):
                        if earlier := _run_of(line["spec"], key):
                            self._add(found, task, earlier, stage, line | {"seconds": line["growing"]})
            self.known[key] = found
        return self.known[key]

    def _add(
        self, found: dict[Stage, list[_Known]], task: Task, run: RunSpec, stage: Stage, noted: Mapping[str, Any]
    ) -> None:
        if not self.published and _machine(noted["host"]) != self.here:
            return
        # other programs lengthened published runs by the clock
        seconds, memory = float(noted["cpu_seconds" if self.published else "seconds"]), float(noted["peak_memory_mb"])
        known = _Known(_cost(task, run, stage), seconds, memory, noted.get("starting"), noted.get("after", {}))
        found.setdefault(stage, []).append(known)


def _run_of(spec: Mapping[str, Any], key: tuple[str, ...]) -> RunSpec | None:
    """The run that was recorded, with its source: what takes a trained model has less work; None if of another row."""
    found = spec_of(spec, "")
    return found if (found.task, found.dataset, found.model, found.factory) == key else None


def _beginning(run_id: str) -> str:
    """What the ids of a row's runs on a dataset have in common: all before the seed."""
    return run_id.rpartition(".s")[0]


def _machine(noted: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(noted.get(key) for key in ("system", "machine", "processor"))

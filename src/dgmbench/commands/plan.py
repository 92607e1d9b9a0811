"""What a configuration asks for, what of it is done, and what the rest will take."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from dgmbench.commands.estimates import STAGES, Estimate, estimates, of_other_jobs
from dgmbench.commands.jobs import Job, jobs_of, to_start
from dgmbench.commands.selection import Selection, configuration_of
from dgmbench.errors import counted
from dgmbench.run.config import plan_of, without_effect
from dgmbench.run.config_files import read_files
from dgmbench.run.plan import Plan
from dgmbench.run.presets import notice
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec
from dgmbench.tasks import all_tasks

RESULTS = Path("results")
"""Where the workflow writes, in the current folder."""


def read(config: Sequence[Path]) -> Plan:
    """The plan of configuration files laid over each other.

    Raises:
        UserError: a mistake in one of them, with the file and the line.
    """
    return plan_of(read_files(config), all_tasks())


def show(selection: Selection, instead: Sequence[Path] = ()) -> None:
    """Print a line per run, and per training that runs wait for: what Snakemake would do, how long, with what settings.

    Args:
        instead: files in place of the default configuration.

    Raises:
        UserError: see `read`.
    """
    configuration, remarks = configuration_of(selection, instead)
    plan = plan_of(configuration, all_tasks())
    for line in filter(None, [notice(configuration), *without_effect(configuration, plan, all_tasks()), *remarks]):
        print(f"dgmbench: {line}", file=sys.stderr)
    jobs = jobs_of(plan, configuration.content)
    starting = to_start(jobs)
    why = {(job.rule, job.of): reason for job, reason in starting.items()}
    work = {run.run_id: _stages(run, why) for run in plan.whole}
    known = estimates(plan, [run for run in plan.whole if work[run.run_id]], RESULTS)
    lines = [*(run for run in plan.parts if work[run.run_id]), *plan.runs]
    width = max(len(run.run_id) for run in lines)
    for run in lines:
        stages = work[run.run_id]
        state = "done" if not stages else "train" if "training" in stages else "evaluate"
        reasons = why.get(("train", run.training_id)) or why.get(("evaluate", run.run_id)) or ""
        if reasons not in ("", "missing"):
            state += f" ({reasons})"
        print(f"{run.run_id:{width}}  {state:8}  {_taken(run, stages, known):16}  {_departures(run)}".rstrip())
    print("\n".join(_summary(plan, [job for job in jobs if job in starting], work, known)), file=sys.stderr)


def _stages(run: RunSpec, why: Mapping[tuple[str, str], str]) -> list[Stage]:
    asked = (("train", run.training_id), ("evaluate", run.run_id))
    return [stage for stage, job in zip(STAGES, asked, strict=True) if job in why]


def _departures(run: RunSpec) -> str:
    differing = run.canonical().get("settings", {}) | dict(run.options)
    return " ".join(f"{key}={json.dumps(value)}" for key, value in differing.items())


def _taken(run: RunSpec, stages: Sequence[Stage], known: Mapping[tuple[str, Stage], Estimate]) -> str:
    found = [known[run.run_id, stage] for stage in stages if (run.run_id, stage) in known]
    if not stages:
        return "-"
    if len(found) < len(stages):
        return "unknown"
    return f"{duration(sum(each.seconds for each in found))}, {max(each.memory_mb for each in found):.0f} MB"


def _summary(
    plan: Plan,
    starting: Sequence[Job],
    work: Mapping[str, Sequence[Stage]],
    known: Mapping[tuple[str, Stage], Estimate],
) -> list[str]:
    left = [run for run in plan.whole if work[run.run_id]]
    to_do = [run for run in plan.runs if work[run.run_id]]
    lines = [f"{counted(len(plan.runs), 'run')} in preset {plan.preset}, {len(plan.runs) - len(to_do)} of them done"]
    if not starting:
        return [*lines, "snakemake would do nothing"]
    counts = Counter([*(job.rule for job in starting), "all"])
    lines.append(
        f"snakemake would start {counts.total()} jobs: {', '.join(f'{n} {rule}' for rule, n in counts.items())}"
    )
    # runs that differ in the evaluation alone share a training
    jobs = {
        (stage, run.training_id if stage == "training" else run.run_id): (run.run_id, stage)
        for run in left
        for stage in work[run.run_id]
    }
    found = [known[job] for job in jobs.values() if job in known]
    if not jobs:
        return lines
    if not found:
        return [*lines, "no estimate of time and memory: there are no records of such runs"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    at_once = max(1, cores // plan.threads)
    others = sum(
        each.seconds for each in of_other_jobs(plan, starting).values()
    )  # most of them one after another, last
    total, longest = sum(each.seconds for each in found), max(each.seconds for each in found)
    memory = sorted((each.memory_mb for each in found), reverse=True)
    together = sum(memory[:at_once])
    rough = 2 * sum(each.rough or each.elsewhere for each in found) > len(found)
    like = "such runs on this machine"
    if rough and any(each.elsewhere for each in found):
        like = "published runs of other machines, and rough"
    elif rough:
        like = "runs of another size on this machine, and rough"
    seconds = max(total / at_once, longest) + others
    lines.append(
        f"about {duration(seconds)} with {counted(min(at_once, len(jobs)), 'job')} at a time, a job up to "
        f"{memory[0]:.0f} MB and together up to {together:.0f} MB: from records of {like}"
    )
    if len(found) < len(jobs):
        lines.append(f"without {len(jobs) - len(found)} of {len(jobs)} jobs, of whose kind there are no records")
    return lines


def duration(seconds: float) -> str:
    """A time in words: the two largest of its units."""
    minutes = round(seconds / 60)
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    if minutes < 100:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{minutes // 60} h {minutes % 60} min" if hours < 48 else f"{hours / 24:.1f} days"

"""The jobs of a configuration, and which of them Snakemake would start: told from what it recorded, in less time.

It holds to the rules in ``workflow/rules`` and to the rerun triggers of ``workflow/profiles/default``: a job is started
where an output is missing that is asked for, where an input is newer than the output and not the same, where parameters
or the set of inputs are others than recorded, and where a job before it is started.
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgmbench.names import file_name
from dgmbench.report.published import published
from dgmbench.run.fingerprint import code_hash, data_hash, package_hash, source_hash
from dgmbench.run.needs import needed, sources_first
from dgmbench.run.plan import Plan
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec, canonical_hash
from dgmbench.run.task import Analysis, Task

_LARGEST_COMPARED = 1_000_000  # bytes up to which Snakemake compares the content of an input that is newer
_RECORDS = Path(".snakemake")


@dataclass(frozen=True)
class Job:
    """One job of the workflow, with files as Snakemake names them.

    Attributes:
        rule: that it is of.
        of: the run id, training id, dataset or task that it is for.
        outputs, inputs: files and folders.
        params: what Snakemake would record of its parameters; None where it does not watch them.
        benchmark: a file that counts as an output where it exists.
    """

    rule: str
    of: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    params: frozenset[str] | None = None
    benchmark: str = ""


def code_of_table(task: Task) -> list[str]:
    """Hashes of the code that makes a task's table."""
    return [package_hash("report", "metrics", "commands/tabulate.py"), source_hash(task.table.partition(":")[0])]


def code_of_page(plan: Plan) -> list[str]:
    """Hashes of the code that makes the report of a preset."""
    tasks = plan.tasks.values()
    shown = [task.analysis.shown for task in tasks if task.analysis and task.analysis.shown]
    modules = {name.partition(":")[0] for name in [*shown, *(task.table for task in tasks)]}
    return [package_hash("report", "metrics", "commands/report.py"), source_hash(*sorted(modules))]


def code_of_analysis(analysis: Analysis) -> list[str]:
    """Hashes of the code of a task's analysis."""
    return [package_hash("report"), source_hash(analysis.run.partition(":")[0])]


def description_of_rows(task: Task) -> str:
    """A hash of what a table says of its rows besides their runs: their descriptions, and the published numbers."""
    return canonical_hash(repr((sorted(task.rows.items()), sorted(published(task).items()))))


def jobs_of(plan: Plan, content: Mapping[str, Any]) -> list[Job]:
    """All jobs behind ``snakemake``, those that need others after them.

    Args:
        content: the configuration that the plan was read from.
    """
    root = f"results/{plan.preset}"
    config = f"{root}/config.json"
    trained = sources_first({run.training_id: run for run in plan.whole}.values())
    names = {name: None for run in trained for name in plan.task_of(run).reads(run)}
    codes = _Codes(plan)
    jobs = [
        Job(
            "fetch",
            name,
            (_marker(root, name),),
            params=_recorded(name, data_hash((name,))) if _record(_marker(root, name)) else None,
            benchmark=f"{root}/benchmarks/fetch/{file_name(name)}.jsonl",
        )
        for name in names
    ]
    jobs.append(Job("write_config", plan.preset, (config,), params=_recorded(json.dumps(content, indent=1))))
    for run in trained:
        output = f"{root}/trained/{run.training_id}"
        markers = (_marker(root, name) for name in plan.task_of(run).reads(run))
        inputs = (*markers, *_before(plan, run, "training"))
        benchmark = f"{root}/benchmarks/train/{run.training_id}.jsonl"
        jobs.append(Job("train", run.training_id, (output,), inputs, codes.params(run, "training", output), benchmark))
    evaluated = {run.run_id: run for run in (*plan.runs, *plan.for_analyses["evaluation"])}
    for run in evaluated.values():
        output = f"{root}/runs/{run.run_id}"
        inputs = (f"{root}/trained/{run.training_id}", *_before(plan, run, "evaluation"))
        benchmark = f"{root}/benchmarks/evaluate/{run.run_id}.jsonl"
        jobs.append(Job("evaluate", run.run_id, (output,), inputs, codes.params(run, "evaluation", output), benchmark))
    tables: list[str] = []
    for name, task in plan.tasks.items():
        outputs = tuple(f"{root}/tables/{name}.{suffix}" for suffix in ("csv", "md", "html", "tex", "npz", "complete"))
        inputs = (config, *(f"{root}/runs/{run.run_id}" for run in plan.of(name)))
        params = _recorded(code_of_table(task), description_of_rows(task)) if _record(outputs[0]) else None
        jobs.append(Job("tables", name, outputs, inputs, params, f"{root}/benchmarks/tables/{name}.jsonl"))
        tables += outputs
    page, figures = f"{root}/report.html", [f"{root}/report/tables/{name}" for name in plan.tasks]
    rows = [description_of_rows(task) for task in plan.tasks.values()]
    params = _recorded(code_of_page(plan), rows) if _record(page) else None
    benchmark = f"{root}/benchmarks/page.jsonl"
    jobs.append(Job("page", plan.preset, (page, *figures), (config, *tables), params, benchmark))
    if plan.tracking:
        marker, benchmark = f"{root}/tables/tracked", f"{root}/benchmarks/mlflow.jsonl"
        jobs.append(Job("mlflow", plan.preset, (marker,), (config, *tables), frozenset(), benchmark))
    for name, task in plan.tasks.items() if plan.analysed else ():
        if task.analysis:
            jobs.append(_analysis(plan, name, task.analysis, root))
    return jobs


def _analysis(plan: Plan, name: str, analysis: Analysis, root: str) -> Job:
    data = {each for run in plan.of(name) for each in plan.tasks[name].reads(run)}
    before = plan.runs_before(name)
    trained = (f"{root}/trained/{run.training_id}" for run in before.get("training", ()))
    evaluated = (f"{root}/runs/{run.run_id}" for run in before.get("evaluation", ()))
    inputs = (f"{root}/config.json", *(_marker(root, each) for each in data), *{*trained, *evaluated})
    outputs = (f"{root}/analysis/{name}", f"{root}/report/analysis/{name}")
    params = _recorded(code_of_analysis(analysis)) if _record(outputs[0]) else None
    return Job("analyse", name, outputs, inputs, params, f"{root}/benchmarks/analyse/{name}.jsonl")


def _before(plan: Plan, run: RunSpec, stage: Stage) -> list[str]:
    needs = needed(plan.task_of(run), run, stage)
    return [f"results/{plan.preset}/trained/{each.spec.training_id}" for each in needs]


def _marker(root: str, name: str) -> str:
    return f"{root}/data/{file_name(name)}.json"


def _recorded(*params: Any) -> frozenset[str]:
    return frozenset(map(repr, params))


class _Codes:
    """Hashes of the code of runs, which those that differ in seeds and settings share."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.known = plan, dict[Any, str]()

    def params(self, run: RunSpec, stage: Stage, output: str) -> frozenset[str] | None:
        if not _record(output):
            return None  # nothing to compare with, and reading the code takes the longest of all here
        task = self.plan.task_of(run)
        key = (stage, run.task, run.model, run.factory, task.reads(run))
        code = self.known.get(key) or self.known.setdefault(key, code_hash(task, run, stage))
        return _recorded(run.to_arguments(stage), code)


def to_start(jobs: list[Job]) -> dict[Job, str]:
    """The jobs that Snakemake would start, and why; asked for are tables, report, MLflow's view and analyses."""
    makes = {output: job for job in jobs for output in job.outputs}
    after: dict[Job, list[Job]] = {job: [] for job in jobs}
    for job in jobs:
        for producer in dict.fromkeys(makes[path] for path in job.inputs if path in makes):
            after[producer].append(job)
    asked = {job: job.rule in ("tables", "page", "mlflow", "analyse") for job in jobs}
    oldest: dict[Job, float | None] = {}
    for job in reversed(jobs):  # a missing output counts as old as that of the job after it
        times = [_oldest_output(job), *(oldest.get(later) for later in after[job])]
        oldest[job] = next((time for time in times if time is not None), None)
    found = {job: why for job in jobs if (why := _own_reason(job, asked[job], oldest[job]))}
    queue = deque(found)
    while queue:
        job = queue.popleft()
        for producer in dict.fromkeys(makes[path] for path in job.inputs if path in makes):
            if producer not in found and not all(
                os.path.exists(path) for path in producer.outputs if path in job.inputs
            ):
                found[producer] = "missing"
                queue.append(producer)
        for later in after[job]:
            if later not in found:
                found[later] = f"after {job.rule}"
                queue.append(later)
    return found


def _own_reason(job: Job, asked: bool, oldest: float | None) -> str:
    """Why a job is started whatever the others do; empty where it is not."""
    records = [_record(output) for output in job.outputs]
    if any(_path_of_record("incomplete", output).exists() for output in job.outputs):
        return "cut off, or at work"
    if asked and not all(map(os.path.exists, job.outputs)):
        return "missing"
    for path in job.inputs if oldest is not None else ():
        time = _time(path)
        if time is not None and time > (oldest or 0) and not _same_content(path, records):
            return "its input is newer"
    for record in filter(None, records):
        if job.params is not None and frozenset(record.get("params") or ()) != job.params:
            return "code or settings have changed"
        if record.get("input") is not None and record["input"] != sorted(job.inputs):
            return "it is made from other files"
    return ""


def _oldest_output(job: Job) -> float | None:
    times = [time for output in job.outputs if (time := _time(output)) is not None]
    if job.benchmark and (time := _time(job.benchmark)) is not None:
        times.append(time)
    return min(times, default=None)


def _time(path: str) -> float | None:
    for file in (f"{path}/.snakemake_timestamp", path):
        try:
            return os.stat(file).st_mtime
        except OSError:
            continue
    return None


def _same_content(path: str, records: list[dict[str, Any]]) -> bool:
    known = {checksums[path] for record in records if path in (checksums := record.get("input_checksums") or {})}
    if len(known) != 1 or not os.path.isfile(path) or os.path.getsize(path) > _LARGEST_COMPARED:
        return False
    return f"sha256:{hashlib.sha256(Path(path).read_bytes()).hexdigest()}" in known


def _record(output: str) -> dict[str, Any]:
    """What Snakemake noted of a file that it made; empty where it did not."""
    try:
        found = json.loads(_path_of_record("metadata", output).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _path_of_record(kind: str, output: str) -> Path:
    code = urlsafe_b64encode(output.encode()).decode()
    *folders, last = [code[start : start + 254] for start in range(0, len(code), 254)]
    return _RECORDS.joinpath(kind, *(f"@{folder}" for folder in folders), last)

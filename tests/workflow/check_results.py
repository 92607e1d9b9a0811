"""Checks a preset's results against its plan: python tests/workflow/check_results.py results/smoke

Prints one line per finding and exits with 1 if there is any.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dgmbench.run.config import Plan, read_config, read_plan
from dgmbench.run.spec import TASKS, RunSpec, Task

CELL: dict[Task, tuple[str, str]] = {"density": ("dataset", "model"), "classification": ("corpus", "method")}
VALUE: dict[Task, str] = {"density": "ll_mean", "classification": "f1"}
RUN_KEYS = {"spec", "spec_hash", "seed", "data", "training", "evaluation", "metrics", "status"}
RECORD_KEYS = {"code", "libraries", "host", "started", "finished", "cpu_seconds", "peak_memory_mb"}


def findings(folder: Path) -> Iterator[str]:
    """What does not hold, one line each."""
    plan = read_plan(read_config([folder / "config.json"]))
    for task in TASKS:
        yield from check_table(folder / "tables" / f"{task}.csv", task, plan)
    for run in plan.runs:
        yield from check_run(folder / "runs" / run.run_id, run)


def check_table(path: Path, task: Task, plan: Plan) -> Iterator[str]:
    """Every planned cell is there, ``ok``, and a number that can be one."""
    for suffix in ("csv", "md", "html", "tex"):
        if not path.with_suffix(f".{suffix}").is_file():
            yield f"no {path.with_suffix(f'.{suffix}')}"
    with path.open(encoding="utf-8", newline="") as file:
        cells = {tuple(row[key] for key in CELL[task]): row for row in csv.DictReader(file)}
    for run in plan.of(task):
        row = cells.get((run.dataset, run.model))
        if row is None or row["status"] != "ok":
            yield f"{path}: {run.dataset}, {run.model} is {row['status'] if row else 'not there'}"
        elif not possible(task, float(row[VALUE[task]])):
            yield f"{path}: {run.dataset}, {run.model} has {VALUE[task]} {row[VALUE[task]]}"


def possible(task: Task, value: float) -> bool:
    """Whether a mean can be a log-likelihood of images (nats), or an F1 (percent)."""
    return -5000 < value < 0 if task == "density" else 0 < value <= 100


def check_run(folder: Path, run: RunSpec) -> Iterator[str]:
    """The record is of this run and complete, and its metric is the mean of its values."""
    record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    lacking = (
        RUN_KEYS - record.keys() | RECORD_KEYS - record["training"].keys() | RECORD_KEYS - record["evaluation"].keys()
    )
    if lacking:
        yield f"{folder}/run.json: no {', '.join(sorted(lacking))}"
    if json.loads(json.dumps(run.to_dict())) != record["spec"]:
        yield f"{folder}/run.json is of another run: {record['spec']}"
    with np.load(folder / "per_example.npz") as values:
        if run.task == "density":
            mean = values["log_likelihood"].mean()
            if not math.isclose(mean, record["metrics"]["log_likelihood"], rel_tol=1e-9):
                yield f"{folder}: the mean over the images is {mean}, not {record['metrics']['log_likelihood']}"
        elif values["predictions"].shape != values["labels"].shape:
            yield f"{folder}: {len(values['predictions'])} predictions for {len(values['labels'])} documents"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(findings(Path(sys.argv[1])))
    print("\n".join(found) or f"{sys.argv[1]}: every planned cell is ok and every record complete")
    sys.exit(bool(found))

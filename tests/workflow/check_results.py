"""Checks a preset's results against its plan: python tests/workflow/check_results.py results/smoke

Prints one line per finding and exits with 1 if there is any.
"""

from __future__ import annotations

import csv
import html
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dgmbench.run.config import read_config, read_plan
from dgmbench.run.plan import Plan
from dgmbench.run.spec import RunSpec
from dgmbench.tasks import all_tasks

# the column of a task's table that must be a number, and from where to where
VALUE = {
    "density": ("ll_mean", -5000.0, 0.0),
    "classification": ("f1", 0.0, 100.0),
    "text-likelihood": ("log_likelihood", -20.0, 0.0),
}
# the metric of a task that is the mean of its values by example
MEAN = {
    "density": "log_likelihood",
    "representation": "error",
    "text-likelihood": "log_likelihood",
    "generation": "parzen",
    "few-labels": "error_20",
}
RUN_KEYS = {"spec", "spec_hash", "seed", "data", "training", "evaluation", "metrics", "status"}
RECORD_KEYS = {"code", "libraries", "host", "started", "finished", "cpu_seconds", "peak_memory_mb"}


def findings(folder: Path) -> Iterator[str]:
    """What does not hold, one line each."""
    plan = read_plan(read_config([folder / "config.json"]), all_tasks())
    yield from check_report(folder, plan)
    for task in plan.tasks:
        yield from check_table(folder / "tables" / f"{task}.csv", task, plan)
    for run in plan.runs:
        yield from check_run(folder / "runs" / run.run_id, run)


def check_report(folder: Path, plan: Plan) -> Iterator[str]:
    """The report has every row of every table and every picture, and the page of all presets names the preset."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    for run in plan.runs:
        if f">{html.escape(run.model)}</th>" not in page:
            yield f"{folder}/report.html has no row {run.model}"
    pictures = len(list((folder / "figures").glob("*.png")))
    if page.count("<img src=") != pictures:
        yield f"{folder}/report.html has {page.count('<img src=')} pictures, and there are {pictures} figures"
    if len(page) > 5_000_000:
        yield f"{folder}/report.html has {len(page)} bytes"
    if f'href="{folder.name}/report.html"' not in (folder.parent / "index.html").read_text(encoding="utf-8"):
        yield f"{folder.parent}/index.html does not name {folder.name}"


def check_table(path: Path, task: str, plan: Plan) -> Iterator[str]:
    """Every planned cell is there, ``ok``, and a number that can be one."""
    for suffix in ("csv", "md", "html", "tex", "npz"):
        if not path.with_suffix(f".{suffix}").is_file():
            yield f"no {path.with_suffix(f'.{suffix}')}"
    with path.open(encoding="utf-8", newline="") as file:
        words = (plan.tasks[task].dataset_word, plan.tasks[task].row_word)
        cells = {tuple(row[key] for key in words): row for row in csv.DictReader(file)}
    for run in plan.of(task):
        row = cells.get((run.dataset, run.model))
        if row is None or row["status"] != "ok":
            yield f"{path}: {run.dataset}, {run.model} is {row['status'] if row else 'not there'}"
        elif task in VALUE:
            column, low, high = VALUE[task]
            if not low <= float(row[column]) <= high or float(row[column]) == 0:
                yield f"{path}: {run.dataset}, {run.model} has {column} {row[column]}"


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
        metric = MEAN.get(run.task)
        if metric:
            mean = values[metric].mean()
            if not math.isclose(mean, record["metrics"][metric], rel_tol=1e-9):
                yield f"{folder}: the mean over the examples is {mean}, not {record['metrics'][metric]}"
        elif values["predictions"].shape != values["labels"].shape:
            yield f"{folder}: {len(values['predictions'])} predictions for {len(values['labels'])} documents"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(findings(Path(sys.argv[1])))
    print("\n".join(found) or f"{sys.argv[1]}: every planned cell is ok and every record complete")
    sys.exit(bool(found))

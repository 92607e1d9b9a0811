"""What a results folder holds, shown in MLflow: a run for the pipeline, below it one for each training run."""

from __future__ import annotations

import hashlib
import logging
import math
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path

from dgmbench.errors import UserError
from dgmbench.files import read_json
from dgmbench.names import canonical_hash

log = logging.getLogger("dgmbench")

# Tells our runs from those of users: a hash of all that a run shows, empty while it is written.
_CONTENT = "dgmbench.content"
_PARENT = "mlflow.parentRunId"
_BATCH = 800  # MLflow takes 1000 entries at once, params and tags among them
# Of what lies among tables and figures; a workflow leaves markers there too.
_SHOWN = frozenset({".csv", ".md", ".html", ".tex", ".png", ".pdf"})


@dataclass(frozen=True)
class Shown:
    """One run as MLflow shows it.

    Attributes:
        content: a hash of all of it: a run with another one is logged again.
        planned: whether the configuration asked for it; it stands below the pipeline then.
        curve: metrics by epoch.
        files: folder among the artifacts and file.
        started, finished: milliseconds since 1970.
    """

    name: str
    status: str
    content: str
    planned: bool
    params: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    files: list[tuple[str, Path]] = field(default_factory=list)
    started: int = 0
    finished: int = 0


def show(client: MlflowClient, folder: Path, artifacts: Path) -> int:
    """Make the experiment ``dgmbench/<preset>`` show what a preset's folder holds; how many training runs that is.

    Runs of ours that show something else are deleted, what is not there is logged, runs of users are left alone.

    Args:
        artifacts: where MLflow keeps the files that it shows.
    """
    experiment = _experiment(client, f"dgmbench/{folder.name}", artifacts)
    plan = read_json(folder / "plan.json")["runs"] if (folder / "plan.json").is_file() else []
    runs = _read_runs(folder, plan)
    pipeline = _pipeline(folder, plan, runs)
    wanted, kept = {shown.content for shown in (pipeline, *runs)}, dict[str, str]()
    for run in _logged(client, experiment):
        content = run.data.tags[_CONTENT]
        if content in wanted and content not in kept:
            kept[content] = run.info.run_id
        else:
            client.delete_run(run.info.run_id)
            shutil.rmtree(Path(local_file_uri_to_path(run.info.artifact_uri)).parent, ignore_errors=True)
    parent = kept.get(pipeline.content) or _log(client, experiment, pipeline)
    for shown in runs:
        identity = kept.get(shown.content) or _log(client, experiment, shown)
        if shown.planned:
            client.set_tag(identity, _PARENT, parent)
    return len(runs)


def _experiment(client: MlflowClient, name: str, artifacts: Path) -> str:
    """The experiment's id. When the results were moved since, a new one takes its place: MLflow keeps whole paths."""
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage != "active":
        client.restore_experiment(found.experiment_id)
    if found is not None and local_file_uri_to_path(found.artifact_location) != str(artifacts):
        client.rename_experiment(found.experiment_id, f"{name} (moved from {found.artifact_location})")
        client.delete_experiment(found.experiment_id)
        found = None
    return found.experiment_id if found else client.create_experiment(name, artifact_location=str(artifacts))


def _logged(client: MlflowClient, experiment: str) -> list[Run]:
    """The runs that were logged here before, whole or not."""
    found, token = [], None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        found += [run for run in page if _CONTENT in run.data.tags]
        token = page.token
        if not token:
            return found


def _log(client: MlflowClient, experiment: str, shown: Shown) -> str:
    """Log a run; its id."""
    identity: str = client.create_run(experiment, shown.started, {_CONTENT: ""}, shown.name).info.run_id
    metrics = [
        Metric(name, value, shown.started + round(1000 * line.get("seconds", 0)), round(line["epoch"]))
        for line in shown.curve
        for name, value in _numbers(line).items()
        if name not in ("epoch", "seconds")
    ]
    # a final value is the latest, whatever the curves are called
    last = max((metric.step for metric in metrics), default=0)
    metrics += [Metric(name, value, shown.finished, last) for name, value in shown.metrics.items()]
    params = [Param(key, str(value)) for key, value in shown.params.items()]
    tags = [RunTag(key, value) for key, value in {"status": shown.status, **shown.tags}.items()]
    client.log_batch(identity, metrics[:_BATCH], params, tags)
    for first in range(_BATCH, len(metrics), _BATCH):
        client.log_batch(identity, metrics[first : first + _BATCH])
    for place, file in shown.files:
        client.log_artifact(identity, str(file), place)
    client.set_terminated(identity, "FAILED" if shown.status in ("failed", "missing") else "FINISHED", shown.finished)
    client.set_tag(identity, _CONTENT, shown.content)  # last: a run without it was cut off
    return identity


def _pipeline(folder: Path, plan: list[dict[str, Any]], runs: list[Shown]) -> Shown:
    """What a configuration asked for, and what came out: its tables and figures."""
    files = [path for place in ("tables", "figures") for path in sorted(folder.glob(f"{place}/*"))]
    files = [path for path in files if path.suffix in _SHOWN]
    planned = [run for run in runs if run.planned]
    content = [sorted(run["run_id"] for run in plan), sorted(run.content for run in planned), _hash(files)]
    count = {status: sum(run.status == status for run in planned) for status in ("ok", "diverged", "failed")}
    count["missing"] = max(0, len(plan) - len(planned))
    return Shown(
        "pipeline",
        "failed" if count["failed"] else "missing" if count["missing"] else "ok",
        canonical_hash(content),
        planned=False,
        tags={f"runs.{status}": str(number) for status, number in count.items()},
        files=[(path.parent.name, path) for path in files],
        started=min((run.started for run in planned), default=0),
        finished=max((run.finished for run in planned), default=0),
    )


def _read_runs(folder: Path, plan: list[dict[str, Any]]) -> list[Shown]:
    """Every finished run of a folder, and every planned one that failed. Broken records are left out, said."""
    planned, runs = {run["run_id"] for run in plan}, {}
    for path in sorted(folder.glob("runs/*/run.json")):
        try:
            runs[path.parent.name] = _finished_run(path, folder, not plan or path.parent.name in planned)
        except UserError as error:
            log.warning("%s", error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("%s is broken (%r); remove its folder and run again", path, error)
    for run in plan:
        note = folder / "state" / run["training_id"] / "failure.json"
        if run["run_id"] not in runs and note.is_file():
            runs[run["run_id"]] = _failed_run(run, note)
    return list(runs.values())


def _finished_run(path: Path, folder: Path, planned: bool) -> Shown:
    record = read_json(path)
    training, evaluation, metrics = record["training"], record["evaluation"], record["metrics"]
    curve = folder / "trained" / record["training_id"] / "curve.csv"
    files = [path, curve] if curve.is_file() else [path]
    numbers = {name: value for name, value in _numbers(training).items() if name != "format"}
    numbers["peak_memory_mb"] = max(training["peak_memory_mb"], evaluation["peak_memory_mb"])
    numbers["measure_seconds"] = evaluation["measure_seconds"]
    tags = {name: value for name, value in metrics.items() if name not in _numbers(metrics)}
    tags |= {"fingerprint": record["fingerprint"], "data.source": record["data"]["source"]}
    tags |= {f"code.{name}": evaluation["code"][name] for name in ("version", "commit")}
    return Shown(
        _name(record["spec"]),
        record["status"],
        canonical_hash([record["run_id"], planned, _hash(files)]),
        planned,
        _params(record["spec"]),
        {name: str(value) for name, value in tags.items()},
        numbers | _numbers(metrics),
        _read_curve(curve) if curve.is_file() else [],
        [("", file) for file in files],
        _milliseconds(training["started"]),
        _milliseconds(evaluation["finished"]),
    )


def _read_curve(path: Path) -> list[dict[str, float]]:
    import pandas as pd

    return [{str(name): value for name, value in line.items()} for line in pd.read_csv(path).to_dict("records")]


def _failed_run(planned: dict[str, Any], note: Path) -> Shown:
    failure, spec = read_json(note), planned["spec"]
    when = _milliseconds(failure["at"])
    tags = {"error": str(failure["error"])[:5000], "failed.stage": str(failure["stage"])}
    content = canonical_hash([planned["run_id"], _hash([note])])
    return Shown(_name(spec), "failed", content, True, _params(spec), tags, started=when, finished=when)


def _name(spec: dict[str, Any]) -> str:
    return f"{spec['dataset']} {spec['model']} seed {spec['seed']}"


def _params(spec: dict[str, Any]) -> dict[str, Any]:
    """The specification, flat."""
    plain = {key: spec[key] for key in ("task", "dataset", "model", "seed", "factory") if spec[key] != ""}
    return {**plain, **spec["settings"], **{f"options.{key}": value for key, value in spec["options"].items()}}


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    """The finite numbers among some values."""
    numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
    return {n: float(v) for n, v in numbers.items() if not isinstance(v, bool) and math.isfinite(v)}


def _milliseconds(time: str) -> int:
    return round(1000 * datetime.fromisoformat(time).timestamp())


def _hash(files: Iterable[Path]) -> str:
    return canonical_hash([[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files])

"""What a results folder holds, shown in MLflow: a run for the pipeline, below it one for each training run."""

from __future__ import annotations

import hashlib
import logging
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path

from dgmbench.errors import UserError
from dgmbench.run.records import read_json
from dgmbench.run.spec import canonical_hash

log = logging.getLogger("dgmbench")

# Tells our runs from those of users: a hash of all that a run shows, empty while it is written.
_CONTENT = "dgmbench.content"
_PARENT = "mlflow.parentRunId"
_BATCH = 800  # MLflow takes 1000 metrics at once
_PLACES = ("tables", "figures")
_SUFFIXES = (".csv", ".md", ".html", ".tex", ".png", ".pdf")  # a workflow leaves markers there too


@dataclass(frozen=True)
class Shown:
    """One run as MLflow shows it.

    Attributes:
        content: a hash of all of it: a run with another one is logged again.
        planned: whether the configuration asked for it; it stands below the pipeline then.
        files: its artifacts; metrics by epoch among them, as ``curve.csv``.
        started, finished: milliseconds since 1970.
    """

    name: str
    status: str
    content: str
    planned: bool
    params: dict[str, Any]
    tags: dict[str, Any]
    metrics: dict[str, float]
    files: list[Path]
    started: int
    finished: int


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
    metrics = [metric for file in shown.files if file.name == "curve.csv" for metric in _curve(file, shown.started)]
    # a final value is the latest, whatever the curves are called
    last = max((metric.step for metric in metrics), default=0)
    metrics += [Metric(name, value, shown.finished, last) for name, value in shown.metrics.items()]
    params = [Param(key, str(value)) for key, value in shown.params.items()]
    tags = [RunTag(key, str(value)) for key, value in {"status": shown.status, **shown.tags}.items()]
    client.log_batch(identity, params=params, tags=tags)
    for first in range(0, len(metrics), _BATCH):
        client.log_batch(identity, metrics[first : first + _BATCH])
    for file in shown.files:
        client.log_artifact(identity, str(file), file.parent.name if file.parent.name in _PLACES else None)
    client.set_terminated(identity, "FAILED" if shown.status in ("failed", "missing") else "FINISHED", shown.finished)
    client.set_tag(identity, _CONTENT, shown.content)  # last: a run without it was cut off
    return identity


def _curve(path: Path, started: int) -> Iterator[Metric]:
    import pandas as pd

    for line in pd.read_csv(path).to_dict("records"):
        epoch, seconds = round(line.pop("epoch")), line.pop("seconds", 0)
        for name, value in _numbers(line).items():
            yield Metric(name, value, started + round(1000 * seconds), epoch)


def _pipeline(folder: Path, plan: list[dict[str, Any]], runs: list[Shown]) -> Shown:
    """What a configuration asked for, and what came out: its tables and figures."""
    files = [path for place in _PLACES for path in sorted(folder.glob(f"{place}/*")) if path.suffix in _SUFFIXES]
    planned = [run for run in runs if run.planned]
    content = [sorted(run["run_id"] for run in plan), sorted(run.content for run in planned), _hash(files)]
    count = {status: sum(run.status == status for run in planned) for status in ("ok", "diverged", "failed")}
    count["missing"] = max(0, len(plan) - len(planned))
    status = next((status for status in ("failed", "missing") if count[status]), "ok")
    tags = {f"runs.{name}": number for name, number in count.items()}
    started, finished = min((run.started for run in planned), default=0), max((r.finished for r in planned), default=0)
    return Shown("pipeline", status, canonical_hash(content), False, {}, tags, {}, files, started, finished)


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
    content, spec = canonical_hash([record["run_id"], planned, _hash(files)]), record["spec"]
    times = _milliseconds(training["started"]), _milliseconds(evaluation["finished"])
    metrics = numbers | _numbers(metrics)
    return Shown(_name(spec), record["status"], content, planned, _params(spec), tags, metrics, files, *times)


def _failed_run(planned: dict[str, Any], note: Path) -> Shown:
    failure, spec = read_json(note), planned["spec"]
    when, content = _milliseconds(failure["at"]), canonical_hash([planned["run_id"], _hash([note])])
    tags = {"error": str(failure["error"])[:5000], "failed.stage": failure["stage"]}
    return Shown(_name(spec), "failed", content, True, _params(spec), tags, {}, [], when, when)


def _name(spec: dict[str, Any]) -> str:
    return f"{spec['dataset']} {spec['model']} seed {spec['seed']}"


def _params(spec: dict[str, Any]) -> dict[str, Any]:
    """The specification, flat."""
    plain = {key: spec[key] for key in ("task", "dataset", "model", "seed", "factory") if spec[key] != ""}
    return {**plain, **spec["settings"], **{f"options.{key}": value for key, value in spec["options"].items()}}


def _numbers(values: Mapping[Any, Any]) -> dict[str, float]:
    """The finite numbers among some values."""
    numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
    return {n: float(v) for n, v in numbers.items() if not isinstance(v, bool) and math.isfinite(v)}


def _milliseconds(time: str) -> int:
    return round(1000 * datetime.fromisoformat(time).timestamp())


def _hash(files: Iterable[Path]) -> str:
    return canonical_hash([[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in files])

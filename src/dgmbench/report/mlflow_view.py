"""What a results folder holds, shown in MLflow: a run for the pipeline, below it one for each training run."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path

from dgmbench.data.catalogue import title_of
from dgmbench.errors import UserError
from dgmbench.report.curves import read_curve
from dgmbench.run.records import read_json

log = logging.getLogger("dgmbench")

_OURS = "dgmbench.content"  # the tag that tells our runs, those of earlier versions too, from those of users
_PARENT = "mlflow.parentRunId"
_BATCH = 800  # MLflow takes 1000 metrics at once
_PLACES = ("tables", "figures")
_SUFFIXES = (".csv", ".md", ".html", ".tex", ".png", ".pdf")  # a workflow leaves markers there too


@dataclass(frozen=True)
class Shown:
    """One run as MLflow shows it.

    Attributes:
        started, finished: milliseconds since 1970.
        planned: whether the configuration asked for it; it stands below the pipeline then.
        files: its artifacts; metrics by epoch among them, as ``curve.csv``.
    """

    name: str
    params: dict[str, Any]
    status: str
    started: int
    finished: int
    planned: bool
    tags: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


def show(client: MlflowClient, folder: Path, artifacts: Path) -> int:
    """Make the experiment ``dgmbench/<preset>`` show what a preset's folder holds; how many training runs that is.

    Our runs are dropped and logged again, runs of users are left alone. MLflow keeps the files in ``artifacts``.
    """
    experiment = _experiment(client, f"dgmbench/{folder.name}", artifacts)
    _drop(client, experiment)
    plan = read_json(folder / "plan.json")["runs"] if (folder / "plan.json").is_file() else []
    runs = _read_runs(folder, plan)
    parent = _log(client, experiment, _pipeline(folder, plan, runs))
    for shown in runs:
        _log(client, experiment, shown, parent if shown.planned else "")
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
    return found.experiment_id if found else client.create_experiment(name, artifact_location=artifacts.as_uri())


def _drop(client: MlflowClient, experiment: str) -> None:
    """Remove the runs that were logged here before, whole or not, as ``mlflow gc`` does: nothing of them is left."""
    while runs := client.search_runs([experiment], f"tags.`{_OURS}` LIKE '%'", max_results=1000):
        for run in runs:
            client.delete_run(run.info.run_id)
            client._tracking_client.store._hard_delete_run(run.info.run_id)
            shutil.rmtree(Path(local_file_uri_to_path(run.info.artifact_uri)).parent, ignore_errors=True)


def _log(client: MlflowClient, experiment: str, shown: Shown, parent: str = "") -> str:
    """Log a run; its id."""
    ours = {_OURS: "", **({_PARENT: parent} if parent else {})}
    identity: str = client.create_run(experiment, shown.started, ours, shown.name).info.run_id
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
    return identity


def _curve(path: Path, started: int) -> Iterator[Metric]:
    for line in read_curve(path).to_dict("records"):
        epoch, seconds = round(line.pop("epoch")), line.pop("seconds", 0)
        for name, value in _numbers(line).items():
            yield Metric(name, value, started + round(1000 * seconds), epoch)


def _pipeline(folder: Path, plan: list[dict[str, Any]], runs: list[Shown]) -> Shown:
    """What a configuration asked for, and what came out: its tables and figures."""
    files = [path for place in _PLACES for path in sorted(folder.glob(f"{place}/*")) if path.suffix in _SUFFIXES]
    planned = [run for run in runs if run.planned]
    count = {status: sum(run.status == status for run in planned) for status in ("ok", "diverged", "failed")}
    count["missing"] = max(0, len(plan) - len(planned))
    status = next((status for status in ("failed", "missing") if count[status]), "ok")
    tags = {f"runs.{name}": number for name, number in count.items()}
    started, finished = min((run.started for run in planned), default=0), max((r.finished for r in planned), default=0)
    return Shown("pipeline", {}, status, started, finished, False, tags, files=files)


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
    numbers |= _numbers(metrics)
    times = _milliseconds(training["started"]), _milliseconds(evaluation["finished"])
    return Shown(*_told_by(record["spec"]), record["status"], *times, planned, tags, numbers, files)


def _failed_run(planned: dict[str, Any], note: Path) -> Shown:
    failure = read_json(note)
    when = _milliseconds(failure["at"])
    tags = {"error": str(failure["error"])[:5000], "failed.stage": failure["stage"]}
    return Shown(*_told_by(planned["spec"]), "failed", when, when, True, tags)


def _told_by(spec: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of a run and its parameters: the specification, flat."""
    plain = {key: spec[key] for key in ("task", "dataset", "model", "seed", "factory") if spec[key] != ""}
    options = {f"options.{key}": value for key, value in spec["options"].items()}
    return f"{title_of(spec['dataset'])} {spec['model']} seed {spec['seed']}", {**plain, **spec["settings"], **options}


def _numbers(values: Mapping[Any, Any]) -> dict[str, float]:
    """The finite numbers among some values."""
    numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
    return {n: float(v) for n, v in numbers.items() if not isinstance(v, bool) and math.isfinite(v)}


def _milliseconds(time: str) -> int:
    return round(1000 * datetime.fromisoformat(time).timestamp())

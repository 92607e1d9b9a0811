"""Runs of one preset in MLflow: a run for the pipeline, below it one for each training run."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path

from dgmbench.report.shown import Pipeline, ShownRun
from dgmbench.run.spec import canonical_hash

# Our runs are told from a user's own by this tag: a run id, or the digest of a plan.
_RUN, _PLAN = "dgmbench.run", "dgmbench.plan"
# Set last: a run without it was cut off while it was written.
_CONTENT = "dgmbench.content"
_PARENT = "mlflow.parentRunId"
_BATCH = 800  # MLflow takes 1000 entries at once, params and tags among them


def show(client: MlflowClient, preset: str, pipeline: Pipeline, runs: list[ShownRun], artifacts: Path) -> None:
    """Make the experiment ``dgmbench/<preset>`` show a pipeline and its runs, and nothing of ours besides.

    Args:
        artifacts: where files shown in MLflow are copied to.
    """
    experiment = _experiment(client, preset, artifacts)
    there = _ours(client, experiment)
    whole = _content(pipeline, runs)
    wanted = {_PLAN: {pipeline.digest: whole}, _RUN: {run.run_id: run.content for run in runs}}
    kept: dict[tuple[str, str], Run] = {}
    for run in there:
        key = next((tag, run.data.tags[tag]) for tag in (_PLAN, _RUN) if tag in run.data.tags)
        if key not in kept and wanted[key[0]].get(key[1]) == run.data.tags.get(_CONTENT):
            kept[key] = run
        else:
            _remove(client, run)
    parent = kept.get((_PLAN, pipeline.digest))
    parent_id = parent.info.run_id if parent else _show_pipeline(client, experiment, pipeline, runs, whole)
    for shown in runs:
        below = parent_id if shown.run_id in pipeline.run_ids else None
        run_ = kept.get((_RUN, shown.run_id))
        if run_ is None:
            _show_run(client, experiment, shown, below)
        elif run_.data.tags.get(_PARENT) != below:
            if below is None:
                client.delete_tag(run_.info.run_id, _PARENT)
            else:
                client.set_tag(run_.info.run_id, _PARENT, below)


def _experiment(client: MlflowClient, preset: str, artifacts: Path) -> str:
    """The experiment's id. When the results were moved since, a new one takes its place: MLflow keeps whole paths."""
    name = f"dgmbench/{preset}"
    found = client.get_experiment_by_name(name)
    if found is not None and local_file_uri_to_path(found.artifact_location) != str(artifacts):
        if found.lifecycle_stage != "active":
            client.restore_experiment(found.experiment_id)
        client.rename_experiment(found.experiment_id, f"{name} (moved from {found.artifact_location})")
        client.delete_experiment(found.experiment_id)
        found = None
    if found is None:
        return client.create_experiment(name, artifact_location=str(artifacts))
    if found.lifecycle_stage != "active":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def _ours(client: MlflowClient, experiment: str) -> list[Run]:
    found, token = [], None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        found += [run for run in page if _RUN in run.data.tags or _PLAN in run.data.tags]
        token = page.token
        if not token:
            return found


def _remove(client: MlflowClient, run: Run) -> None:
    client.delete_run(run.info.run_id)
    shutil.rmtree(Path(local_file_uri_to_path(run.info.artifact_uri)).parent, ignore_errors=True)


def _content(pipeline: Pipeline, runs: list[ShownRun]) -> str:
    """What a pipeline's run depends on: its files, and the runs that it counts."""
    return canonical_hash([pipeline.content, sorted(run.content for run in runs if run.run_id in pipeline.run_ids)])


def _show_pipeline(
    client: MlflowClient, experiment: str, pipeline: Pipeline, runs: list[ShownRun], content: str
) -> str:
    """Give the pipeline's run its tables and figures; its id."""
    mine = [run for run in runs if run.run_id in pipeline.run_ids]
    count = {status: sum(run.status == status for run in mine) for status in ("ok", "diverged", "failed")}
    count["missing"] = len(pipeline.run_ids) - len(mine)
    times = [time for run in mine for time in (run.started, run.finished)] or [0.0]
    tags = {_PLAN: pipeline.digest, **{f"runs.{status}": str(number) for status, number in count.items()}}
    created = client.create_run(experiment, _milliseconds(min(times)), tags, f"pipeline {pipeline.digest}")
    identity = created.info.run_id
    for file in pipeline.files:
        client.log_artifact(identity, str(file), file.parent.name)
    bad = count["failed"] or count["missing"]
    client.set_terminated(identity, "FAILED" if bad else "FINISHED", _milliseconds(max(times)))
    client.set_tag(identity, _CONTENT, content)
    return identity


def _show_run(client: MlflowClient, experiment: str, shown: ShownRun, parent: str | None) -> None:
    start, end = _milliseconds(shown.started), _milliseconds(shown.finished)
    tags = {_RUN: shown.run_id, "status": shown.status} | ({_PARENT: parent} if parent else {})
    identity = client.create_run(experiment, start, tags, shown.name).info.run_id
    metrics = [
        Metric(name, value, start + _milliseconds(epoch.seconds), epoch.number)
        for epoch in shown.curve
        for name, value in epoch.values.items()
    ]
    metrics += [Metric(name, value, end, 0) for name, value in shown.metrics.items()]
    params = [Param(key, value) for key, value in shown.params.items()]
    words = [RunTag(key, value) for key, value in shown.tags.items()]
    client.log_batch(identity, metrics[:_BATCH], params, words)
    for first in range(_BATCH, len(metrics), _BATCH):
        client.log_batch(identity, metrics[first : first + _BATCH])
    for file in shown.files:
        client.log_artifact(identity, str(file))
    client.set_terminated(identity, "FAILED" if shown.status == "failed" else "FINISHED", end)
    client.set_tag(identity, _CONTENT, shown.content)


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)

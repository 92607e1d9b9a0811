"""MLflow shows what a results folder holds: a run for the pipeline, below it one for each training run.

A run that was begun while its training was under way (`begin`) is the one that `show` completes.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path

from dgmbench.errors import UserError
from dgmbench.report.mlflow_page import VIEW, view_of
from dgmbench.report.mlflow_shown import PLACES, Point, Shown, name_of, pipeline, read_runs, told_by
from dgmbench.report.mlflow_words import Described, about_experiment
from dgmbench.run.records import read_json
from dgmbench.run.spec import canonical_hash
from dgmbench.run.workspace import Workspace

# Tags of our runs. The first tells them from those of users: a hash of all that is shown, empty for an unfinished one.
_CONTENT, _KEY = "dgmbench.content", "dgmbench.run"
_TRAINING, _FINGERPRINT = "dgmbench.training", "dgmbench.fingerprint"
_PARENT, _ABOUT, _KIND = "mlflow.parentRunId", "mlflow.note.content", "mlflow.experimentKind"
_OF_A_FAILURE = ("error", "failed.stage")
# opens an experiment with its runs, curves and comparison, and not with traces of language models
_MODEL_TRAINING = "custom_model_development"
_BATCH, _PARAMS = 800, 90  # MLflow takes 1000 metrics and 100 parameters at once
_TAG, _PARAM = 7500, 5500  # and texts of so many characters
_SETTLE_SECONDS = 10.0


def show(
    client: MlflowClient, folder: Path, artifacts: Path | None, tasks: list[Described], until: float = math.inf
) -> int:
    """Make the experiment ``dgmbench/<preset>`` show what a preset's folder holds; how many training runs that is.

    A run that shows it already is left as it is; one that shows something else is replaced; one that was begun during
    its training is completed. Runs of users are left alone.

    Args:
        artifacts: where MLflow keeps the files; None where the server decides.
        tasks: those that may have runs there.
        until: it goes on, in seconds of `time.monotonic`.

    Raises:
        UserError: that was too short; the next call goes on from there.
    """
    experiment = open_experiment(client, folder.name, artifacts, tasks)
    plan = read_json(folder / "plan.json")["runs"] if (folder / "plan.json").is_file() else []
    runs = read_runs(folder, plan, tasks)
    there = {run.info.run_id: run for run in _ours(client, experiment)}
    planned_tasks = {run["spec"]["task"] for run in plan}
    of_plan = [known for known in tasks if known.task.name in planned_tasks]
    client.set_experiment_tag(experiment, VIEW, view_of(of_plan or tasks))
    whole = pipeline(folder, plan, runs, of_plan)
    _wait_for_followers(client, folder, there)
    parent = _show_one(client, experiment, whole, there)
    for number, shown in enumerate(runs):
        if time.monotonic() > until:
            raise UserError(
                f"MLflow is slow: it has taken {number} of {len(runs)} runs; run 'dgmbench sync-mlflow' for the others "
                "(the tables do not need it)"
            )
        _show_one(client, experiment, shown, there, parent if shown.planned else "")
    trained = {shown.training for shown in runs}
    planned = {run["training_id"] for run in plan}
    for run in there.values():  # those that no file asks for
        training = run.data.tags.get(_TRAINING, "")
        if _is_begun(run) and training not in trained and (folder / "state" / training).is_dir():
            _settle(client, folder, run)
            _set_parent(client, run, parent if training in planned else "")
        else:
            _remove(client, run)
    return len(runs)


def open_experiment(client: MlflowClient, preset: str, artifacts: Path | None, tasks: list[Described]) -> str:
    """The id of the experiment ``dgmbench/<preset>``, which is made when there is none.

    When the results were moved since, a new one takes its place: MLflow keeps whole paths.
    """
    name = f"dgmbench/{preset}"
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage != "active":
        client.restore_experiment(found.experiment_id)
    if found is not None and artifacts and local_file_uri_to_path(found.artifact_location) != str(artifacts):
        client.rename_experiment(found.experiment_id, f"{name} (moved from {found.artifact_location})")
        client.delete_experiment(found.experiment_id)
        found = None
    if found is None:
        identity: str = client.create_experiment(name, artifact_location=artifacts.as_uri() if artifacts else None)
        found = client.get_experiment(identity)
    # what a user has chosen or written stays
    if found.tags.get(_KIND, "inferred").endswith(("inferred", "inferred_type")):
        client.set_experiment_tag(found.experiment_id, _KIND, _MODEL_TRAINING)
    if not found.tags.get(_ABOUT):
        client.set_experiment_tag(found.experiment_id, _ABOUT, about_experiment(preset, tasks)[:19_000])
    if not found.tags.get(VIEW):
        client.set_experiment_tag(found.experiment_id, VIEW, view_of(tasks))
    return str(found.experiment_id)


def begin(client: MlflowClient, experiment: str, facts: Mapping[str, Any]) -> str:
    """The run of a training that is under way: that of an interrupted one goes on, else there is a new one.

    Args:
        facts: of a `dgmbench.run.journal`.
    """
    training, spec = facts["training_id"], facts["spec"]
    mine = f"tags.`{_TRAINING}` = '{training}' AND tags.`{_FINGERPRINT}` = '{facts['fingerprint']}'"
    if found := client.search_runs([experiment], mine, max_results=1):
        identity: str = found[0].info.run_id
        for name in {*_OF_A_FAILURE} & found[0].data.tags.keys():
            client.delete_tag(identity, name)
        client.set_tag(identity, _CONTENT, "")
        client.update_run(identity, status="RUNNING")
        return identity
    tags = {_CONTENT: "", _TRAINING: training, _FINGERPRINT: facts["fingerprint"], "mlflow.source.name": "dgmbench"}
    parents = client.search_runs([experiment], f"tags.`{_KEY}` = 'pipeline'", max_results=1)
    if parents:
        tags[_PARENT] = parents[0].info.run_id
    run = client.create_run(experiment, facts["started"], tags, name_of(spec))
    data = facts["data"]
    checksums = {name: value for name, value in data.items() if name.startswith("array:")}
    _log_params(client, run.info.run_id, told_by(spec))
    _log_dataset(client, run.info.run_id, (spec["dataset"], canonical_hash(checksums), str(data.get("source"))))
    return str(run.info.run_id)


def add_points(client: MlflowClient, identity: str, points: Sequence[Point]) -> None:
    """Add points of curves to a run."""
    metrics = [Metric(name, value, when, step) for name, value, when, step in points]
    for first in range(0, len(metrics), _BATCH):
        client.log_batch(identity, metrics[first : first + _BATCH])


def steps_of(client: MlflowClient, identity: str, name: str) -> dict[int, float]:
    """The values of a curve that a run has, by epoch."""
    return {point.step: point.value for point in client.get_metric_history(identity, name)}


def finish(client: MlflowClient, identity: str, status: str, error: str, when: int) -> None:
    """End the run of a training: ``FINISHED``, ``FAILED`` or ``KILLED``."""
    if error:
        client.set_tag(identity, "error", error[:_TAG])
    client.set_terminated(identity, status, when)


def _ours(client: MlflowClient, experiment: str) -> list[Run]:
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{_CONTENT}` LIKE '%'", max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _is_begun(run: Run) -> bool:
    """Whether it was begun by a training, and not completed since."""
    return run.data.tags.get(_CONTENT) == "" and _TRAINING in run.data.tags


def _show_one(client: MlflowClient, experiment: str, shown: Shown, there: dict[str, Run], parent: str = "") -> str:
    """Its id; the run is taken out of those that are there."""
    same = (r for r in there.values() if (r.data.tags.get(_KEY), r.data.tags[_CONTENT]) == (shown.key, shown.content))
    if (run := next(same, None)) is not None:
        del there[run.info.run_id]
        _set_parent(client, run, parent)
        return str(run.info.run_id)
    begun = (r for r in there.values() if _is_begun(r) and r.data.tags[_TRAINING] == shown.training)
    for run in begun:
        if shown.fingerprint in ("", run.data.tags[_FINGERPRINT]) and _agrees(client, run, shown):
            del there[run.info.run_id]
            _set_parent(client, run, parent)
            return _complete(client, run.info.run_id, shown)
    tags = {_CONTENT: "", "mlflow.source.name": "dgmbench", **({_PARENT: parent} if parent else {})}
    identity = client.create_run(experiment, shown.started, tags, shown.name).info.run_id
    return _complete(client, identity, shown)


def _agrees(client: MlflowClient, run: Run, shown: Shown) -> bool:
    """Whether what was logged during a training is a part of what its files say."""
    if any(str(shown.params.get(name, value))[:_PARAM] != value for name, value in run.data.params.items()):
        return False
    if not shown.curve:
        return True
    values = {(name, step): value for name, value, _, step in shown.curve}
    logged = {name: steps_of(client, run.info.run_id, name) for name in run.data.metrics}
    return all(
        abs(values.get((name, step), float("inf")) - value) <= 1e-6 * (1 + abs(value))
        for name, points in logged.items()
        for step, value in points.items()
    )


def _complete(client: MlflowClient, identity: str, shown: Shown) -> str:
    """Log all that a run does not have yet; the hash of its content last, so that one cut off is done again."""
    tags = {"status": shown.status, **shown.tags, _KEY: shown.key, _ABOUT: shown.about}
    if shown.training:
        tags |= {_TRAINING: shown.training, _FINGERPRINT: shown.fingerprint}
    _log_params(client, identity, shown.params)
    for name in dict.fromkeys(name for name, *_ in shown.curve):
        there = steps_of(client, identity, name)
        add_points(client, identity, [point for point in shown.curve if point[0] == name and point[3] not in there])
    # a final value is the latest, whatever the curves are called
    last = max((step for *_, step in shown.curve), default=0)
    add_points(client, identity, [(name, value, shown.finished, last) for name, value in shown.metrics.items()])
    client.log_batch(identity, tags=[RunTag(name, str(value)[:_TAG]) for name, value in tags.items()])
    if shown.data:
        _log_dataset(client, identity, shown.data)
    for file in shown.files:
        client.log_artifact(identity, str(file), file.parent.name if file.parent.name in PLACES else None)
    status = "FAILED" if shown.status in ("failed", "missing") else "FINISHED"
    client.set_terminated(identity, status, shown.trained or shown.finished)
    client.set_tag(identity, _CONTENT, shown.content)
    return identity


def _log_params(client: MlflowClient, identity: str, params: Mapping[str, Any]) -> None:
    entities = [Param(name, str(value)[:_PARAM]) for name, value in params.items()]
    for first in range(0, len(entities), _PARAMS):
        client.log_batch(identity, params=entities[first : first + _PARAMS])


def _log_dataset(client: MlflowClient, identity: str, data: tuple[str, str, str]) -> None:
    """Name, checksum and source of what a run read; again it changes nothing."""
    name, digest, source = data
    dataset = Dataset(name[:500], digest[:36], "code", json.dumps({"tags": {"source": source[:5000]}}))
    client.log_inputs(identity, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _set_parent(client: MlflowClient, run: Run, parent: str) -> None:
    before = run.data.tags.get(_PARENT, "")
    if parent and before != parent:
        client.set_tag(run.info.run_id, _PARENT, parent)
    elif before and not parent:
        client.delete_tag(run.info.run_id, _PARENT)


def _wait_for_followers(client: MlflowClient, folder: Path, there: dict[str, Run]) -> None:
    """What follows a training (`dgmbench.commands.follow`) ends its run soon after it; both must not write at once."""
    until = time.monotonic() + _SETTLE_SECONDS
    for identity, run in there.items():
        while _is_running(run) and not _is_under_way(folder, run) and time.monotonic() < until:
            time.sleep(0.5)
            run = client.get_run(identity)
        there[identity] = run


def _is_running(run: Run) -> bool:
    return run.info.status == "RUNNING" and _TRAINING in run.data.tags


def _is_under_way(folder: Path, run: Run) -> bool:
    return Workspace(folder).is_claimed(run.data.tags[_TRAINING])


def _settle(client: MlflowClient, folder: Path, run: Run) -> None:
    """A run whose training no process works on any more was killed."""
    if _is_running(run) and not _is_under_way(folder, run):
        client.set_terminated(run.info.run_id, "KILLED")


def _remove(client: MlflowClient, run: Run) -> None:
    """Remove a run as ``mlflow gc`` does, so that nothing of it is left; a server keeps it as deleted."""
    client.delete_run(run.info.run_id)
    remove = getattr(client._tracking_client.store, "_hard_delete_run", None)
    if remove is not None:
        remove(run.info.run_id)
        with contextlib.suppress(MlflowException):  # its files may be elsewhere
            shutil.rmtree(Path(local_file_uri_to_path(run.info.artifact_uri)).parent, ignore_errors=True)

"""The two stages of every run, training and evaluation, and the records that they leave."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from dgmbench.data.catalogue import CATALOGUE, is_function
from dgmbench.data.load.checksums import checksums, differences, require_steady
from dgmbench.errors import UserError
from dgmbench.names import load_object
from dgmbench.run import provenance
from dgmbench.run.fingerprint import code_hash, fingerprint
from dgmbench.run.needs import needed
from dgmbench.run.products import are_whole, describe, left_in
from dgmbench.run.records import FORMAT, read_json, write_arrays, write_json
from dgmbench.run.rows import find_row
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec, canonical_hash
from dgmbench.run.task import Evaluation, Job, Task, Trained, Training
from dgmbench.run.workspace import Workspace, now

log = logging.getLogger("dgmbench")

Around = Callable[[Mapping[str, Any]], AbstractContextManager[None]]
"""Of what is trained: ``training_id``, ``fingerprint``, ``spec`` and ``data``, the checksums."""


def train(
    task: Task, spec: RunSpec, workspace: Workspace, gpus: int = 0, threads: int = 1, around: Around | None = None
) -> dict[str, Any]:
    """Train a run's model, or resume an interrupted training; what is finished is not done again.

    Args:
        around: entered while it trains.

    Returns:
        The training record, also written to ``training.json`` beside the products.

    Raises:
        UserError: a user's function does not give the same data twice, a run that this one takes the trained model
            of is not trained, or the results cannot be written.
    """
    folder = workspace.trained(spec)
    with _noting_lost_data(task, spec, workspace, "training"):
        loaded = _loaded(task, spec)
    data = _all_checksums(loaded)
    before = _before(task, spec, "training", workspace)
    depends_on = _depends_on(fingerprint(task, spec, "training", data), [each.record for each in before])
    record = finished(folder / "training.json", depends_on)
    if record is not None and are_whole(folder, record):
        workspace.forget_failure(spec, "training")
        log.info("%s is trained already", spec.training_id)
        return record
    with workspace.claim(spec, "training"):
        for name, known in loaded:
            require_steady(name, known)
        started, watch = now(), provenance.Stopwatch()
        function: Callable[[Job], Training] = load_object(task.train)
        with around(_facts(spec, depends_on, data)) if around else nullcontext():
            result = function(_job(task, spec, workspace, depends_on, before, gpus, threads))
        record = stage_record(task, spec, "training", depends_on, started, watch) | {
            "training_id": spec.training_id,
            "status": result.status,
            "threads": threads,
            "data": data,
            **result.record,
            "products": describe(left_in(folder)),
        }
        for times in ("seconds", "cpu_seconds"):  # those of a resumed training are of all its parts
            record[times] = round(record[times] + record.get(f"resumed_after_{times}", 0.0), 3)
        write_json(folder / "training.json", record)
    return record


def evaluate(task: Task, spec: RunSpec, workspace: Workspace, gpus: int = 0, threads: int = 1) -> dict[str, Any]:
    """Measure a trained model, and leave ``run.json``, which tables are made from, and ``per_example.npz``.

    Raises:
        UserError: the model was not trained, or on other data; what the training left is gone or damaged; or the
            results cannot be written.
    """
    folder = workspace.run(spec)
    with _noting_lost_data(task, spec, workspace, "evaluation"):
        data = data_checksums(task, spec)
    training = training_record(spec, workspace)
    before = _before(task, spec, "evaluation", workspace)
    records = [training, *(each.record for each in before)]
    depends_on = _depends_on(fingerprint(task, spec, "evaluation", data), records)
    record = finished(folder / "run.json", depends_on)
    if record is not None and are_whole(folder, record):
        workspace.forget_failure(spec, "evaluation")
        log.info("%s is evaluated already", spec.run_id)
        return record
    with workspace.claim(spec, "evaluation"):
        require_usable(task, spec, workspace, training, data)
        started, watch = now(), provenance.Stopwatch()
        function: Callable[[Job, Mapping[str, Any]], Evaluation] = load_object(task.evaluate)
        result = function(_job(task, spec, workspace, depends_on, before, gpus, threads), training)
        stage = stage_record(task, spec, "evaluation", depends_on, started, watch)
        write_arrays(folder / "per_example.npz", **result.per_example)
        record = {
            "format": FORMAT,
            "run_id": spec.run_id,
            "training_id": spec.training_id,
            "fingerprint": depends_on,
            "spec": spec.to_dict(),
            "spec_hash": canonical_hash(spec.canonical()),
            "seed": spec.seed,
            "status": result.status or training["status"],
            "metrics": dict(result.metrics),
            "data": {"name": spec.dataset, "checksums": data, "source": data.get("source")},
            "training": training,
            "evaluation": stage | {"measure_seconds": result.seconds},
            **result.details,
            "products": describe([folder / "per_example.npz"]),
        }
        write_json(folder / "run.json", record)
    return record


def training_record(spec: RunSpec, workspace: Workspace) -> dict[str, Any]:
    """What a run's training noted.

    Raises:
        UserError: it is not trained, or the record is broken or of another training.
    """
    path = workspace.trained(spec) / "training.json"
    if not path.exists():
        command = f"dgmbench train {spec.to_arguments('training')} --results {workspace.root}"
        raise UserError(f"{spec.training_id} is not trained: no file {path}; train it first: {command}")
    record = read_json(path)
    if record.get("training_id") != spec.training_id or not record.keys() >= {"fingerprint", "finished", "status"}:
        raise UserError(f"{path} is of another training or not whole; remove {path.parent} and train again")
    return record


def require_usable(
    task: Task, spec: RunSpec, workspace: Workspace, training: Mapping[str, Any], data: Mapping[str, str]
) -> None:
    """What was trained is whole, and was trained on the data that are here now; other code is a warning.

    Args:
        training: see `training_record`.
        data: see `data_checksums`.

    Raises:
        UserError: it is damaged, or was trained on other data: images that are measured might be among those.
    """
    folder = workspace.trained(spec)
    if found := differences(training.get("data", data), data):
        raise UserError(
            f"{spec.training_id} was trained on other data than are here now (different: {found}): train it again, "
            "or bring back the data that it was trained on"
        )
    if training["fingerprint"] != _training_fingerprint(task, spec, workspace, data):
        log.warning("%s was trained with other code or data than are here now; train it again", spec.training_id)
    if not are_whole(folder, training):
        raise UserError(f"{folder} is damaged: remove it and train {spec.training_id} again")


def _before(task: Task, spec: RunSpec, stage: Stage, workspace: Workspace) -> list[Trained]:
    """What a stage reads of other runs, each whole and of the data that are here now.

    Raises:
        UserError: one of them is not trained, is damaged, or was trained on other data.
    """
    found = []
    for each in needed(task, spec, stage):
        record = training_record(each.spec, workspace)
        require_usable(each.task, each.spec, workspace, record, data_checksums(each.task, each.spec))
        row = find_row(each.task, each.spec.model, each.spec.factory)
        found.append(Trained(each.task, each.spec, row, workspace.trained(each.spec), record))
    return found


def _depends_on(own: str, trained: Sequence[Mapping[str, Any]]) -> str:
    """The fingerprint of a stage that reads what these records are of."""
    return canonical_hash([own, *(r[key] for r in trained for key in ("fingerprint", "finished"))]) if trained else own


def _training_fingerprint(task: Task, spec: RunSpec, workspace: Workspace, data: Mapping[str, str]) -> str:
    """That of a training as it would be done now; empty where a run that it reads is not there any more."""
    try:
        records = [training_record(each.spec, workspace) for each in needed(task, spec, "training")]
    except UserError:
        return ""
    return _depends_on(fingerprint(task, spec, "training", data), records)


def _noting_lost_data(task: Task, spec: RunSpec, workspace: Workspace, stage: Stage) -> AbstractContextManager[None]:
    """Notes that a user's data cannot be loaded: earlier results are of other data. Built-in data never change."""
    of_user = any(name not in CATALOGUE for name in task.reads(spec))
    return workspace.noting(spec, stage) if of_user else nullcontext()


def _facts(spec: RunSpec, depends_on: str, data: Mapping[str, str]) -> dict[str, Any]:
    """What is trained, as those are told who follow it; the settings of its evaluation are not known yet."""
    whole = spec.to_dict()
    settings = {name: value for name, value in whole["settings"].items() if spec.settings.stage_of(name) == "training"}
    named = {"training_id": spec.training_id, "fingerprint": depends_on}
    return named | {"spec": whole | {"settings": settings}, "data": dict(data)}


def _job(
    task: Task,
    spec: RunSpec,
    workspace: Workspace,
    depends_on: str,
    before: Sequence[Trained],
    gpus: int,
    threads: int,
) -> Job:
    row = find_row(task, spec.model, spec.factory)
    return Job(spec, row, workspace.trained(spec), workspace.state(spec), depends_on, gpus, threads, before)


def data_checksums(task: Task, spec: RunSpec) -> dict[str, str]:
    """Checksums of the arrays that a run reads; those of further datasets are named by them."""
    return _all_checksums(_loaded(task, spec))


def require_steady_data(task: Task, spec: RunSpec) -> None:
    """Raise a UserError if a user's function gives other data at every call, which a training refuses."""
    for name in filter(is_function, task.reads(spec)):
        require_steady(name, checksums(name))


def _loaded(task: Task, spec: RunSpec) -> list[tuple[str, dict[str, str]]]:
    """Each dataset that a run reads, its own first, and its checksums."""
    return [(name, checksums(name)) for name in task.reads(spec)]


def _all_checksums(loaded: Sequence[tuple[str, Mapping[str, str]]]) -> dict[str, str]:
    (_, own), *further = loaded
    found = dict(own)
    for name, of_further in further:
        for key, value in of_further.items():
            kind, colon, array = key.partition(":")
            found[f"{kind}:{name}:{array}" if colon else f"{kind}:{name}"] = value
    return found


def finished(path: Path, depends_on: str) -> dict[str, Any] | None:
    """The record of a stage that was done from the same specification, data and code; None where it was not."""
    if not path.is_file():
        return None
    try:
        record = read_json(path)
    except UserError as error:
        log.warning("%s; doing it again", error)
        return None
    return record if record.get("fingerprint") == depends_on else None


def stage_record(
    task: Task, spec: RunSpec, stage: Stage, depends_on: str, started: str, watch: provenance.Stopwatch
) -> dict[str, Any]:
    """What every stage notes about itself."""
    return {
        "format": FORMAT,
        "fingerprint": depends_on,
        "stage": stage,
        "started": started,
        "finished": now(),
        "seconds": watch.seconds,
        "cpu_seconds": provenance.cpu_seconds(),
        "peak_memory_mb": provenance.peak_memory_mb(),
        "code": provenance.code() | {"source_hash": code_hash(task, spec, stage)},
        "libraries": provenance.libraries(task.libraries),
        "host": provenance.host(),
    }

"""The two stages of every run, training and evaluation, and the records that they leave."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dgmbench.data.load.checksums import checksums
from dgmbench.errors import UserError
from dgmbench.names import load_object
from dgmbench.run import provenance
from dgmbench.run.fingerprint import code_hash, fingerprint
from dgmbench.run.records import FORMAT, read_json, write_arrays, write_json
from dgmbench.run.rows import find_row
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec, canonical_hash
from dgmbench.run.task import Evaluation, Job, Task, Training
from dgmbench.run.workspace import Workspace, now

log = logging.getLogger("dgmbench")


def train(task: Task, spec: RunSpec, workspace: Workspace, gpus: int = 0, threads: int = 1) -> dict[str, Any]:
    """Train a run's model, or resume an interrupted training; what is finished is not done again.

    Returns:
        The training record, also written to ``training.json`` beside the products.
    """
    folder, data = workspace.trained(spec), data_checksums(task, spec)
    depends_on = fingerprint(task, spec, "training", data)
    record = finished(folder / "training.json", depends_on)
    if record is not None and _products_are_whole(folder, record):
        log.info("%s is trained already", spec.training_id)
        return record
    with workspace.claim(spec, "training"):
        started, watch = now(), provenance.Stopwatch()
        function: Callable[[Job], Training] = load_object(task.train)
        result = function(_job(task, spec, workspace, depends_on, gpus, threads))
        record = stage_record(task, spec, "training", depends_on, started, watch) | {
            "training_id": spec.training_id,
            "status": result.status,
            "threads": threads,
            **result.record,
            "products": _products(folder),
        }
        write_json(folder / "training.json", record)
    return record


def evaluate(task: Task, spec: RunSpec, workspace: Workspace, gpus: int = 0, threads: int = 1) -> dict[str, Any]:
    """Measure a trained model, and leave ``run.json``, which tables are made from, and ``per_example.npz``.

    Raises:
        UserError: the model was not trained, or what the training left is gone or damaged.
    """
    folder, trained, data = workspace.run(spec), workspace.trained(spec), data_checksums(task, spec)
    training = read_json(trained / "training.json")
    own = fingerprint(task, spec, "evaluation", data)
    depends_on = canonical_hash([own, training["fingerprint"], training["finished"]])
    record = finished(folder / "run.json", depends_on)
    if record is not None:
        log.info("%s is evaluated already", spec.run_id)
        return record
    if training["fingerprint"] != fingerprint(task, spec, "training", data):
        log.warning("%s was trained with other code or data than are here now; train it again", spec.training_id)
    if not _products_are_whole(trained, training):
        raise UserError(f"{trained} is damaged: remove it and train {spec.training_id} again")
    with workspace.claim(spec, "evaluation"):
        started, watch = now(), provenance.Stopwatch()
        function: Callable[[Job, Mapping[str, Any]], Evaluation] = load_object(task.evaluate)
        result = function(_job(task, spec, workspace, depends_on, gpus, threads), training)
        stage = stage_record(task, spec, "evaluation", depends_on, started, watch)
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
        }
        write_arrays(folder / "per_example.npz", **result.per_example)
        write_json(folder / "run.json", record)
    return record


def _job(task: Task, spec: RunSpec, workspace: Workspace, depends_on: str, gpus: int, threads: int) -> Job:
    row = find_row(task, spec.model, spec.factory)
    return Job(spec, row, workspace.trained(spec), workspace.state(spec), depends_on, gpus, threads)


def data_checksums(task: Task, spec: RunSpec) -> dict[str, str]:
    """Checksums of the arrays that a run reads; those of further datasets are named by them."""
    own, *further = task.reads(spec)
    found = dict(checksums(own))
    for name in further:
        for key, value in checksums(name).items():
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


def _products(folder: Path) -> dict[str, dict[str, Any]]:
    """What a training left: size and SHA-256 of each file."""
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_file() and path.name != "training.json" and not path.name.startswith("."):
            with path.open("rb") as file:
                found[path.name] = {
                    "bytes": path.stat().st_size,
                    "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
                }
    return found


def _products_are_whole(folder: Path, record: Mapping[str, Any]) -> bool:
    """Whether every product is there as it was left; one that is not is logged."""
    there = _products(folder)
    for name, expected in record.get("products", {}).items():
        if there.get(name) != expected:
            log.warning("%s is %s", folder / name, "damaged" if name in there else "gone")
            return False
    return True


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

"""A task that costs nothing: its module, its settings, its runs."""

from __future__ import annotations

import dataclasses

from dgmbench.run import fingerprint
from dgmbench.run.settings import Settings, evaluation_field
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Task

MODULE = """
import json

import numpy as np

from dgmbench.data import ImageSplits
from dgmbench.run.records import write_json
from dgmbench.run.task import Evaluation, Training

CALLS = []
STATUS = "ok"


class Mean:
    pass


def data():
    pixels = np.arange(40, dtype=np.uint8).reshape(10, 4) % 2
    labels = np.zeros(10, np.uint8)
    parts = dict(train=pixels, valid=pixels[:0], test=pixels[:5])
    named = dict(train_labels=labels, valid_labels=labels[:0], test_labels=labels[:5])
    return ImageSplits(name="toy", shape=(2, 2), binary=True, **parts, **named)


def train(job):
    CALLS.append("train")
    if job.spec.options.get("fail"):
        raise ArithmeticError("it broke")
    write_json(job.folder / "mean.json", {"mean": 0.5})
    return Training({"note": job.spec.seed}, STATUS)


def evaluate(job, training):
    CALLS.append("evaluate")
    mean = json.loads((job.folder / "mean.json").read_text())["mean"]
    details = {"protocol": {"k": job.spec.settings.k}}
    return Evaluation({"mean": mean}, 0.1, {"values": np.full(3, mean)}, details=details)
"""


class ToySettings(Settings):
    width: int = 1
    k: int = evaluation_field(1)


def toy_task(**changes: object) -> Task:
    task = Task(
        name="toy",
        title="Toy",
        about="a task of the tests",
        package="toy_module",
        kind="images",
        settings=ToySettings,
        rows={"mean": Row("toy_module:Mean", "the mean")},
        train="toy_module:train",
        evaluate="toy_module:evaluate",
        check="toy_module:check",
        table="toy_module:TABLE",
    )
    return dataclasses.replace(task, **changes)  # type: ignore[arg-type]


def spec_of(**changes: object) -> RunSpec:
    return dataclasses.replace(RunSpec("toy", "toy_module:data", "mean", ToySettings()), **changes)  # type: ignore[arg-type]


def forget() -> None:
    """What was read of the sources."""
    fingerprint.source_hash.cache_clear()
    fingerprint.module_path.cache_clear()

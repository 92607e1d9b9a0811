"""Count the errors of what a training predicted."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from dgmbench.data.load.images import load_images
from dgmbench.data.parts import evenly_spaced
from dgmbench.run.records import read_arrays
from dgmbench.run.task import Evaluation, Job
from dgmbench.tasks.few_labels.images import part_of
from dgmbench.tasks.few_labels.settings import few_labels_settings, label_name

log = logging.getLogger("dgmbench")


def evaluate(job: Job, training: Mapping[str, Any]) -> Evaluation:
    """The error in percent with each number of labels, ``error_20``, image by image; None where nothing was predicted.

    Raises:
        UserError: the predictions are gone.
    """
    spec, settings = job.spec, few_labels_settings(job.spec)
    found = read_arrays(job.folder / "predicted.npz")
    started = time.perf_counter()
    data = load_images(spec.dataset)
    part = part_of(spec, data, settings.split)
    chosen = evenly_spaced(len(part.labels), part.labels, settings.test_limit)
    arrays: dict[str, np.ndarray] = {}
    metrics: dict[str, Any] = {}
    for name in map(label_name, settings.labels):
        predicted = found[f"{settings.split}_{name}"]
        metrics[f"error_{name}"] = None
        if len(predicted):
            arrays[f"error_{name}"] = 100.0 * (predicted != part.labels)[chosen]
            metrics[f"error_{name}"] = float(arrays[f"error_{name}"].mean())
    metrics |= {"images": len(chosen), "unlabelled": len(part_of(spec, data, "train").labels)}
    log.info("%s: %s", spec.run_id, "  ".join(f"{k} {v:.2f}" for k, v in metrics.items() if isinstance(v, float)))
    details = {"protocol": {"split": settings.split, "label_set": spec.seed}}
    return Evaluation(metrics, round(time.perf_counter() - started, 3), arrays, None, details)

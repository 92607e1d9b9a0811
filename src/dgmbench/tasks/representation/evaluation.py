"""Judge the features of a trained learner, and what its decoder restores."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from dgmbench.data.label_sets import balanced
from dgmbench.data.load.images import load_images
from dgmbench.metrics.linear_probe import Examples, Probe, linear_probe
from dgmbench.run.progress import each_of
from dgmbench.run.task import Evaluation, Job, Outcome
from dgmbench.tasks.representation.building import load_learner
from dgmbench.tasks.representation.features import code, cross_entropy, hidden, restored, squared_error
from dgmbench.tasks.representation.images import labelled_images
from dgmbench.tasks.representation.settings import representation_settings

log = logging.getLogger("dgmbench")

FEW_LABELS = (100, 1000)
"""Numbers of labels besides all of them."""
LABEL_SETS = 5
"""Drawings of so few labels, the same for every row and seed; errors are means over them."""


def evaluate(job: Job, training: Mapping[str, Any]) -> Evaluation:
    """Errors in percent of a linear classifier, by number of labels, and reconstruction errors; all image by image.

    ``error`` is of the code, ``hidden_error`` of the second hidden layer where there is one; ``error_100`` is with 100
    labels. ``squared_error`` and ``cross_entropy`` (nats) are per image, where there is a decoder.

    Raises:
        UserError: the checkpoint holds another architecture, or the dataset cannot be classified.
    """
    spec = job.spec
    torch.set_num_threads(job.threads)
    parts = {part: labelled_images(spec, part) for part in ("train", "valid", "test")}
    test = parts["test"].features
    model: Any = load_learner(spec, job.row, job.folder / "model.pt", test.shape[1]).to("cuda" if job.gpus else "cpu")
    started = time.perf_counter()
    metrics: dict[str, Any] = dict.fromkeys(("error", "hidden_error", "squared_error", "cross_entropy"))
    arrays: dict[str, np.ndarray] = {}
    probes: dict[str, Any] = {}
    status: Outcome | None = None
    if (decoded := restored(model, test)) is not None:
        if np.isfinite(decoded.pixels).all():
            arrays["squared_error"] = squared_error(test, decoded.pixels)
            if decoded.probabilities:
                arrays["cross_entropy"] = cross_entropy(test, decoded.pixels)
        else:
            status = "diverged"
    for name, of in (("error", code), ("hidden_error", hidden)):
        given = {part: of(model, examples.features) for part, examples in parts.items()}
        features = {part: values for part, values in given.items() if values is not None}
        if len(features) < len(parts):
            continue
        if not all(np.isfinite(values).all() for values in features.values()):
            status = "diverged"
            continue
        train, valid, held_out = (Examples(features[part], parts[part].labels) for part in parts)
        errors, probes[name] = probed(name, train, valid, held_out, job.threads)
        arrays |= errors
    metrics |= {name: float(values.mean()) for name, values in arrays.items()}
    metrics |= {"images": len(test), "labels": len(parts["train"].labels)}
    seconds = round(time.perf_counter() - started, 3)
    log.info("%s: %s", spec.run_id, "  ".join(f"{k} {v:.2f}" for k, v in metrics.items() if isinstance(v, float)))
    data = load_images(spec.dataset)
    protocol = {
        "binarisation": "binary data" if data.binary else "training stochastic, new each epoch; classifier once",
        "split": representation_settings(spec).split,
        "validation": "its own part" if len(data.valid) else "held out of the training images",
        "validation_images": len(parts["valid"].labels),
    }
    return Evaluation(metrics, seconds, arrays, status, {"protocol": protocol, "probes": probes})


def probed(
    name: str, train: Examples, valid: Examples, test: Examples, threads: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """By metric the error of each test image in percent, with all labels and with few, and what was chosen."""
    fits: list[tuple[str, Any]] = [(name, slice(None))]
    for number in FEW_LABELS:
        if number < len(train.labels):
            fits += [(f"{name}_{number}", chosen) for chosen in label_sets(train.labels, number)]
    found: dict[str, list[Probe]] = {}
    for metric, chosen in each_of(f"linear classifier, {name.replace('_', ' ')}: fit", fits):
        given = Examples(train.features[chosen], train.labels[chosen])
        found.setdefault(metric, []).append(linear_probe(given, valid, test, threads))
    (whole,) = found[name]
    facts = {"width": train.features.shape[1], "penalty": whole.penalty, "converged": whole.converged}
    facts["valid_error"] = 100 * whole.valid_error
    return {metric: 100.0 * np.mean([each.wrong for each in probes], axis=0) for metric, probes in found.items()}, facts


def label_sets(labels: np.ndarray, number: int) -> list[np.ndarray]:
    """`LABEL_SETS` drawings of (number,) places, each with the classes as equal in number as can be."""
    return [balanced(labels, number, np.random.default_rng([drawing, number])) for drawing in range(LABEL_SETS)]

"""Train a classifier with each number of labels, and let it classify what is held out."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from dgmbench.data.load.images import load_images
from dgmbench.metrics.linear_probe import Examples, linear_probe
from dgmbench.run.records import write_arrays
from dgmbench.run.task import Job, Training
from dgmbench.tasks.few_labels.building import build_classifier, images_of_classes, through
from dgmbench.tasks.few_labels.images import (
    Part,
    binary_pixels,
    examples_of,
    label_set,
    part_of,
    with_labelled,
)
from dgmbench.tasks.few_labels.settings import few_labels_settings, label_name
from dgmbench.training.batches import Batches, as_they_are
from dgmbench.training.fitted import RESUMED_AFTER, Fitted
from dgmbench.training.learning import way_of
from dgmbench.training.trained import write_curve

log = logging.getLogger("dgmbench")

HELD_OUT = ("valid", "test")


def train(job: Job) -> Training:
    """Learn with each number of labels, or go on with an interrupted training.

    Leaves ``predicted.npz``: the places of the labelled images, ``labelled_20``, and the classes that are predicted,
    ``valid_20`` and ``test_20``, none where scores are not finite; ``samples.npz``: images of each class by number of
    labels, (classes, 10, pixels) uint8, of models that give such; and of gradient training ``curve.csv``.

    Raises:
        UserError: more labels than images, a class without a label, settings or data that do not go together, too
            little memory, or scores or images of another form.
    """
    spec, settings = job.spec, few_labels_settings(job.spec)
    torch.set_num_threads(job.threads)
    data = load_images(spec.dataset)
    parts = {name: part_of(spec, data, name) for name in ("train", *HELD_OUT)}
    classes = data.n_classes
    chosen = {number: label_set(spec, parts["train"].labels, classes, number) for number in settings.labels}
    predicted, samples, fits = dict[str, np.ndarray](), dict[str, np.ndarray](), dict[str, Fitted]()
    record: dict[str, Any] = {"label_sets": {label_name(number): len(places) for number, places in chosen.items()}}
    finite = True
    for number, places in chosen.items():
        name = label_name(number)
        model = build_classifier(spec, job.row, data, job.before)
        if hasattr(model, "loss") or hasattr(model, "step"):
            fits[name] = _by_gradient(job, model, parts["train"], places, name)
        if isinstance(model, nn.Module):
            model.cpu().eval()
            record["parameters"] = sum(p.numel() for p in model.parameters())
        predicted[f"labelled_{name}"] = places
        found = _classified(job, model, parts, classes, places)
        finite = finite and len(found) == len(HELD_OUT)
        for part in HELD_OUT:
            predicted[f"{part}_{name}"] = found.get(part, np.empty(0, np.int64))
        images = images_of_classes(model, spec, data)
        if images is not None and np.isfinite(images).all():
            samples[name] = np.rint(255 * images).astype(np.uint8)
        elif images is not None:
            log.warning("%s: images of classes are not finite with %s labels", spec.training_id, name)
            finite = False
    write_arrays(job.folder / "predicted.npz", **predicted)
    if samples:
        write_arrays(job.folder / "samples.npz", **samples)
    if fits:
        record |= _record(fits) | {"devices_asked": settings.devices}
        write_curve(job.folder, _curve(fits))
    diverged = not finite or any(fitted.diverged_at is not None for fitted in fits.values())
    return Training({"epochs": 0, "resumed_from_epoch": 0} | record, "diverged" if diverged else "ok")


def _by_gradient(job: Job, model: Any, train: Part, places: np.ndarray, name: str) -> Fitted:
    """Let ``model.step`` do its steps, or minimise ``model.loss``, with the labels of these places."""
    spec, settings = job.spec, few_labels_settings(job.spec)
    examples, labelled = examples_of(train, places)
    prepare = (
        partial(with_labelled, torch.from_numpy(labelled), settings.labelled_batch) if len(labelled) else as_they_are
    )
    batches = Batches(examples, settings.batch_size, spec.seed, prepare)
    training = f"{spec.training_id}, {name} labels"
    fitted = way_of(model, training)(
        model,
        batches,
        settings,
        seed=spec.seed,
        checkpoint=job.state / name / "last.ckpt",
        fingerprint=job.fingerprint,
        name=training,
        gpus=min(job.gpus, settings.devices),
        threads=job.threads,
    )
    torch.set_num_threads(job.threads)
    return fitted


def _classified(
    job: Job, model: Any, parts: dict[str, Part], classes: int, places: np.ndarray
) -> dict[str, np.ndarray]:
    """By held-out part the predicted class of each image; a part whose scores are not finite is left out."""
    spec = job.spec
    if hasattr(model, "predict"):
        scores = {part: through(model, "predict", parts[part].values, classes, spec.model) for part in HELD_OUT}
        found = {part: values.argmax(axis=1) for part, values in scores.items() if np.isfinite(values).all()}
    else:
        found = _by_linear_classifier(job, model, parts, places)
    if len(found) < len(HELD_OUT):
        log.warning("%s: scores are not finite: nothing is measured with %d labels", spec.training_id, len(places))
    return found


def _by_linear_classifier(job: Job, model: Any, parts: dict[str, Part], places: np.ndarray) -> dict[str, np.ndarray]:
    """The classes by logistic regression on ``encode``, fitted to the labelled images."""
    images = {part: each.values for part, each in parts.items()}
    if getattr(model, "reads_binary", False):
        images = {part: binary_pixels(values, part) for part, values in images.items()}
    images["train"] = images["train"][places]
    labels = {part: each.labels for part, each in parts.items()} | {"train": parts["train"].labels[places]}
    features = {part: through(model, "encode", values, 0, job.spec.model) for part, values in images.items()}
    if not all(np.isfinite(values).all() for values in features.values()):
        return {}
    train, valid, held_out = (
        Examples(*(np.concatenate([of[part] for part in names]) for of in (features, labels)))
        for names in (("train",), ("valid",), HELD_OUT)
    )
    # an example or two of a class do not tell which features vary by chance: their own sizes do
    predicted = linear_probe(train, valid, held_out, job.threads, standardised=False).predicted
    return dict(zip(HELD_OUT, np.split(predicted, [len(valid.labels)]), strict=True))


def _record(fits: dict[str, Fitted]) -> dict[str, Any]:
    """What is noted of the trainings together; epochs are those of the longest."""
    each = [fitted.record for fitted in fits.values()]
    stopped = [fitted.diverged_at for fitted in fits.values() if fitted.diverged_at is not None]
    return each[0] | {
        "epochs": max(record["epochs"] for record in each),
        "diverged_at": min(stopped) if stopped else None,
        "resumed_from_epoch": max(record["resumed_from_epoch"] for record in each),
        **{name: sum(record[name] for record in each) for name in ("train_seconds", *RESUMED_AFTER)},
    }


def _curve(fits: dict[str, Fitted]) -> dict[str, list[float]]:
    """A line for each epoch, a column for each value and number of labels, as ``classifier_20``."""
    longest = max((fitted.history for fitted in fits.values()), key=lambda history: len(history.get("epoch", ())))
    curve = {"epoch": list(longest.get("epoch", ()))}
    for name, fitted in fits.items():
        for key, values in fitted.history.items():
            if key != "epoch":
                curve[f"{key}_{name}"] = [*values, *[float("nan")] * (len(curve["epoch"]) - len(values))]
    return curve

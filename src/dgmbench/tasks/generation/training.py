"""Train a generator and let it generate; or train the classifier that images are compared by."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError
from dgmbench.models.images.classifier import ImageClassifier
from dgmbench.run.records import write_arrays
from dgmbench.run.task import Job, Training
from dgmbench.tasks.generation.building import between, build_generator, generated
from dgmbench.tasks.generation.images import Part, as_bytes, part_of, values
from dgmbench.tasks.generation.settings import generation_settings
from dgmbench.training.batches import Batches, as_they_are
from dgmbench.training.learning import way_of
from dgmbench.training.trained import write_curve, write_weights

log = logging.getLogger("dgmbench")


def train(job: Job) -> Training:
    """Learn, or go on with an interrupted training, and leave ``samples.npz``, and ``curve.csv`` of gradient training.

    ``samples.npz`` has what all metrics see: ``samples`` (n, pixels) uint8, none where they are not finite; and
    ``between``, images on lines between latent samples, of models that have such and where all of them are finite.

    Raises:
        UserError: settings or data that do not go together, too little memory, or images of another form.
    """
    if not job.row.in_table:
        return _train_classifier(job)
    spec, settings, white = job.spec, generation_settings(job.spec), load_images(job.spec.dataset).white
    torch.set_num_threads(job.threads)
    model = build_generator(spec, job.row, job.before)
    part = part_of(spec, "train")
    images = part.images
    record: dict[str, Any] = {"epochs": 0, "resumed_from_epoch": 0}
    if hasattr(model, "loss") or hasattr(model, "step"):
        if getattr(model, "reads_labels", False):
            batches = Batches(_labelled(part, white), settings.batch_size, spec.seed, as_they_are)
        else:
            batches = Batches(images, settings.batch_size, spec.seed, partial(_scaled, white))
        record = _by_gradient(job, model, batches)
    elif hasattr(model, "fit"):
        try:
            model.fit(torch.from_numpy(values(images, white)).float())
        except ValueError as error:
            raise UserError(f"{spec.model} on {spec.dataset}: {error}") from error
    if isinstance(model, nn.Module):
        model.cpu().eval()
        record["parameters"] = sum(p.numel() for p in model.parameters())
    samples = generated(model, settings.samples, spec.seed, images.shape[1], spec.model)
    finite = bool(torch.isfinite(samples).all())
    if not finite:
        log.warning("%s: the samples are not finite: nothing is measured", spec.training_id)
        samples = samples[:0]
    probabilities = getattr(model, "gives_probabilities", False)
    arrays = {"samples": as_bytes(samples, white, probabilities, spec.seed)}
    if finite and (lines := between(model, spec.seed)) is not None:
        if bool(torch.isfinite(lines).all()):
            arrays["between"] = np.rint(255 * lines.numpy()).astype(np.uint8)
        else:
            log.warning("%s: the images between samples are not finite: they are left out", spec.training_id)
    write_arrays(job.folder / "samples.npz", **arrays)
    return Training(record, "ok" if finite and record.get("diverged_at") is None else "diverged")


def _train_classifier(job: Job) -> Training:
    """Leave ``model.pt`` and ``curve.csv``, and note the error on the test images."""
    spec, data = job.spec, load_images(job.spec.dataset)
    examples = {name: _labelled(part_of(spec, name), data.white) for name in ("train", "test")}
    torch.manual_seed(spec.seed)
    model = ImageClassifier(data.shape, data.n_classes)
    batches = Batches(examples["train"], generation_settings(spec).batch_size, spec.seed, as_they_are)
    record = _by_gradient(job, model, batches)
    with torch.no_grad():
        model.eval()
        blocks = torch.from_numpy(examples["test"]).split(1000)
        wrong = sum(float(model.loss(block)["error"]) * len(block) for block in blocks)
    record |= {"parameters": sum(p.numel() for p in model.parameters())}
    record["test_error"] = wrong / len(examples["test"])
    log.info("%s: test error %.2f %%", spec.training_id, record["test_error"])
    return Training(record, "ok" if record["diverged_at"] is None else "diverged")


def _by_gradient(job: Job, model: nn.Module, batches: Batches) -> dict[str, Any]:
    """Let ``model.step`` do its steps or minimise ``model.loss``, leave ``model.pt`` and ``curve.csv``; the record."""
    spec, settings = job.spec, generation_settings(job.spec)
    fitted = way_of(model, spec.training_id)(
        model,
        batches,
        settings,
        seed=spec.seed,
        checkpoint=job.state / "last.ckpt",
        fingerprint=job.fingerprint,
        name=spec.training_id,
        gpus=min(job.gpus, settings.devices),
        threads=job.threads,
    )
    torch.set_num_threads(job.threads)
    write_weights(job.folder, model)
    write_curve(job.folder, fitted.history)
    return {**fitted.record, "devices_asked": settings.devices}


def _labelled(part: Part, white: int) -> np.ndarray:
    """(n, pixels + 1) float32, the class in the last column."""
    return np.concatenate([values(part.images, white), part.labels[:, None]], axis=1).astype(np.float32)


def _scaled(white: int, pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Pixels from 0 to 1, float32."""
    return pixels.float() / white

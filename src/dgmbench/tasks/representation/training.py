"""Train a learner of features."""

from __future__ import annotations

import logging
from typing import Any

import torch

from dgmbench.errors import UserError
from dgmbench.run.task import Job, Training
from dgmbench.tasks.representation.building import build_learner
from dgmbench.tasks.representation.images import labelled_images, training_images
from dgmbench.tasks.representation.settings import representation_settings
from dgmbench.training.batch_norm import measure_batch_norm
from dgmbench.training.batches import Batches, as_they_are, binarised
from dgmbench.training.trained import write_curve, write_weights

log = logging.getLogger("dgmbench")


def train(job: Job) -> Training:
    """Learn, or go on with an interrupted training, and leave ``model.pt``, and ``curve.csv`` of gradient training.

    Raises:
        UserError: settings or data that do not go together, or too little memory.
    """
    spec = job.spec
    model: Any = build_learner(spec, job.row, training_images(spec)[0].shape[1])
    record: dict[str, Any] = {"epochs": 0, "resumed_from_epoch": 0}
    if hasattr(model, "loss"):
        record = _by_gradient(job, model)
    elif hasattr(model, "fit"):
        torch.set_num_threads(job.threads)
        images = torch.from_numpy(labelled_images(spec, "train").features)
        try:
            model.fit(images)
        except ValueError as error:
            raise UserError(f"{spec.model} on {spec.dataset}: {error}") from error
    record["parameters"] = sum(p.numel() for p in model.parameters())
    write_weights(job.folder, model)
    return Training(record, "ok" if record.get("diverged_at") is None else "diverged")


def _by_gradient(job: Job, model: Any) -> dict[str, Any]:
    """Minimise ``model.loss``, leave ``curve.csv``, and say what is to be recorded."""
    spec, settings = job.spec, representation_settings(job.spec)
    pixels, binary = training_images(spec)
    batches = Batches(pixels, settings.batch_size, spec.seed, as_they_are if binary else binarised)
    gpus = min(job.gpus, settings.devices)
    from dgmbench.training.fit import fit  # Lightning takes seconds to import, and many rows do not need it

    fitted = fit(
        model,
        batches,
        settings,
        seed=spec.seed,
        checkpoint=job.state / "last.ckpt",
        fingerprint=job.fingerprint,
        name=spec.training_id,
        gpus=gpus,
        threads=job.threads,
        advice="lower importance_samples or batch_size",
    )
    torch.set_num_threads(job.threads)
    model.to("cuda" if gpus else "cpu")
    measure_batch_norm(model, model.loss, batches, settings.epochs, spec.seed)
    write_curve(job.folder, fitted.history)
    return {**fitted.record, "devices_asked": settings.devices}

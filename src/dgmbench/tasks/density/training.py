"""Train a density model."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgmbench.data.catalogue import is_user_defined
from dgmbench.models.images.bounds import iwae_bound
from dgmbench.run.task import Job, Training
from dgmbench.tasks.density.building import build_model, fits_itself
from dgmbench.tasks.density.images import (
    copies_of_training_images,
    training_images,
    whole_training_set,
)
from dgmbench.tasks.density.settings import density_settings
from dgmbench.training.batch_norm import measure_batch_norm
from dgmbench.training.batches import Batches, as_they_are, binarised
from dgmbench.training.fitted import RESUMED_AFTER
from dgmbench.training.trained import write_curve, write_weights

log = logging.getLogger("dgmbench")


def train(job: Job) -> Training:
    """Train, or go on with an interrupted training, and leave the model and its curve: ``model.pt``, ``curve.csv``.

    Raises:
        UserError: settings that do not go together, or too little memory.
    """
    spec, settings = job.spec, density_settings(job.spec)
    gpus = min(job.gpus, settings.devices)
    if gpus < settings.devices > 1:
        where = f"{gpus} GPU(s)" if gpus else "the CPU"
        log.warning("%s: devices is %d, but it trains on %s", spec.training_id, settings.devices, where)
    pixels, binary = training_images(spec)
    if is_user_defined(spec.dataset):  # of the others it is known, and recorded by the evaluation
        copies, of = copies_of_training_images(spec)
        if copies:
            log.warning("%s: %d of %d %s images are training images, too", spec.dataset, copies, of, settings.split)
    model = build_model(spec, job.row, pixels.shape[1])
    if fits_itself(model):
        return _fit_whole(job, model, "cuda" if gpus else "cpu")
    batches = Batches(pixels, settings.batch_size, spec.seed, as_they_are if binary else binarised)
    from dgmbench.training.fit import fit  # Lightning takes seconds to import, and many rows do not need it

    fitted = fit(
        model,
        batches,
        settings,
        seed=spec.seed,
        checkpoint=job.state / "last.ckpt",
        fingerprint=job.fingerprint,
        name=spec.training_id,
        loss=None if hasattr(model, "loss") else partial(bound_loss, model, settings.importance_samples),
        gpus=gpus,
        threads=job.threads,
        advice="lower importance_samples or batch_size",
    )
    device = "cuda" if gpus else "cpu"
    torch.set_num_threads(job.threads)
    measure_batch_norm(model.to(device), partial(_one_sample, model), batches, settings.epochs, spec.seed)
    history = fitted.history
    write_weights(job.folder, model)
    write_curve(job.folder, history)
    record = {
        **fitted.record,
        "parameters": sum(p.numel() for p in model.parameters()),
        "final_bound": history["bound"][-1] if "bound" in history else None,
        "devices_asked": settings.devices,
    }
    return Training(record, "ok" if fitted.diverged_at is None else "diverged")


def _fit_whole(job: Job, model: Any, device: str) -> Training:
    """Let a model fit itself to the whole training set: expectation-maximisation and the like; see `train`."""
    torch.set_num_threads(job.threads)
    started = time.perf_counter()
    examples, held_out = (
        None if part is None else torch.from_numpy(part).to(device) for part in whole_training_set(job.spec)
    )
    fitted = model.fit(examples, held_out, seed=job.spec.seed, state=job.state, fingerprint=job.fingerprint)
    earlier = getattr(fitted, "earlier", (0.0, 0.0))
    seconds = earlier[0] + time.perf_counter() - started
    bounds = list(fitted.bounds)
    write_weights(job.folder, model)
    write_curve(job.folder, {"epoch": range(1, len(bounds) + 1), "bound": bounds})
    finite = bool(np.isfinite(bounds).all())
    record = {
        "epochs": len(bounds),
        "diverged_at": None if finite else int(np.argmin(np.isfinite(bounds))),
        "parameters": fitted.free_parameters,
        "train_seconds": seconds,
        **dict(zip(RESUMED_AFTER, earlier, strict=True)),
        "final_bound": bounds[-1] if finite else None,
        "components": fitted.components,
        "chosen_by": {str(k): value for k, value in fitted.by_components.items()},
    }
    return Training(record, "ok" if finite else "diverged")


def bound_loss(model: Any, k: int, x: Tensor) -> dict[str, Tensor]:
    """What a model that brings no loss is trained by: the importance-weighted bound of its log-weights."""
    bound = iwae_bound(model.log_weights(x, k)).mean()
    return {"loss": -bound, "bound": bound.detach()}


def _one_sample(model: Any, x: Tensor) -> Tensor:
    """(batch, ...) → (1, batch) log-weights: a pass through every layer."""
    return model.log_weights(x, 1)

"""Train a learner of features."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from dgmbench.errors import UserError
from dgmbench.files import atomic_write
from dgmbench.run.task import Job, Training
from dgmbench.tasks.representation.building import build_learner
from dgmbench.tasks.representation.images import labelled_images, training_images
from dgmbench.tasks.representation.settings import representation_settings
from dgmbench.training.batches import Batches, epoch_seed
from dgmbench.training.checkpoint import write_state
from dgmbench.training.fit import fit

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
    weights = {name: value.detach().clone().cpu() for name, value in model.state_dict().items()}
    write_state(job.folder / "model.pt", weights)
    return Training(record, "ok" if record.get("diverged_at") is None else "diverged")


def _by_gradient(job: Job, model: nn.Module) -> dict[str, Any]:
    """Minimise ``model.loss``, leave ``curve.csv``, and say what is to be recorded."""
    spec, settings = job.spec, representation_settings(job.spec)
    if settings.compile and settings.estimator == "dreg":
        raise UserError(f"{spec.training_id}: the estimator dreg cannot be compiled; set compile: false")
    pixels, binary = training_images(spec)
    batches = Batches(pixels, settings.batch_size, spec.seed, as_they_are if binary else binarised)
    gpus = min(job.gpus, settings.devices)
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
    measure_batch_norm(model.to("cuda" if gpus else "cpu"), batches, settings.epochs, spec.seed)
    history = fitted.history
    with atomic_write(job.folder / "curve.csv") as file:
        pd.DataFrame(history).to_csv(file, index=False, na_rep="nan", lineterminator="\n")
    return {
        "epochs": len(history.get("epoch", ())),
        "diverged_at": fitted.diverged_at,
        "resumed_from_epoch": fitted.resumed_from,
        "train_seconds": history["seconds"][-1] if history else 0.0,
        "devices_asked": settings.devices,
        **fitted.computing,
    }


def as_they_are(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Binary training images as float32."""
    return pixels.float()


def binarised(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Grey training images, each pixel 1 with probability value / 255: another draw in every epoch."""
    threshold = torch.rand(pixels.shape, generator=generator, device=pixels.device).mul_(255)
    return (threshold < pixels).float()


def measure_batch_norm(model: nn.Module, batches: Batches, epoch: int, seed: int) -> None:
    """Batch-norm statistics for evaluation: those of the trained weights, over one pass through the training images.

    `update_bn` divides a variance by one row less than there are; a training step normalises by the one that divides by
    all rows, and so does what is evaluated. Nothing is done to a model without batch norm.
    """
    batches.epoch, batches.part = epoch, (0, 1)
    batches.examples = batches.examples.to(next(model.parameters()).device)
    torch.manual_seed(epoch_seed(seed + 2_000_003, epoch))
    norms: list[Any] = [m for m in model.modules() if getattr(m, "running_var", None) is not None]
    rows: dict[nn.Module, int] = {}

    def count(norm: Any, given: tuple[Tensor, ...], out: Tensor) -> None:
        rows[norm] = given[0].numel() // norm.num_features

    handles = [norm.register_forward_hook(count) for norm in norms]
    update_bn(batches, _LossOnly(model))
    for norm, handle in zip(norms, handles, strict=True):
        handle.remove()
        if norm in rows:
            norm.running_var *= 1 - 1 / rows[norm]


class _LossOnly(nn.Module):
    """A model's training pass as `update_bn` calls it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    @torch.no_grad()
    def forward(self, x: Tensor) -> None:
        """(batch, pixels) through every layer that the loss needs."""
        self.model.loss(x)

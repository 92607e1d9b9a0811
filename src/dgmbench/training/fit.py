"""Fit a density model with Lightning, in one process or in one for each device."""

from __future__ import annotations

import logging
import math
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from threadpoolctl import threadpool_limits

from dgmbench.errors import UserError
from dgmbench.training import distributed
from dgmbench.training import loop as training
from dgmbench.training.optimiser import write_weights
from dgmbench.run.spec import DensitySettings, RunSpec
from dgmbench.tasks.density.building import build_model
from dgmbench.training.capacity import explain_lack_of_memory, float32_products, require_memory
from dgmbench.tasks.density.images import density_settings, training_images
from dgmbench.fast.allocator import keep_freed_memory, release_freed_memory
from dgmbench.training.processes import run_processes

log = logging.getLogger("dgmbench")

# A checkpoint costs milliseconds and an epoch seconds to minutes: short epochs need not each have one.
CHECKPOINT_SECONDS = 15.0

# Steps between two releases of memory. Before glibc 2.38, aligned arrays of one size do not fit into the holes that
# arrays of that size leave, and a long training of large batches grew to 4.9 GB.
RELEASE_STEPS = 50


@dataclass(frozen=True)
class Fitted:
    """What a training leaves.

    Attributes:
        weights: the model's state, on the CPU.
        history: the bound of each epoch.
        diverged_at: the epoch (from 0) whose bound was not finite; the weights then are the last good ones.
        resumed_from: epochs that an earlier call had done.
        parameters: number of trainable weights.
        computing: on what and how it was computed, for the record.
    """

    weights: dict[str, torch.Tensor]
    history: training.History
    diverged_at: int | None
    resumed_from: int
    parameters: int
    computing: dict[str, Any]


class FlatGradients(DDPStrategy):
    """Lightning's strategy for data-parallel processes, with the model left unwrapped.

    DistributedDataParallel would average gradients with equal weights, parameter by parameter into buckets of its own
    that take the place of the gradients. Here all gradients are views of one vector already, and processes have shares
    of different size: the training step sums that vector over the processes, once. Lightning places the model, knows
    the processes' numbers, and runs the loop; `run_processes` starts them, so that a training can also be called from
    Python, and a lost process ends all.
    """

    def configure_ddp(self) -> None:
        """Nothing is wrapped."""

    def _configure_launcher(self) -> None:
        self._launcher = None


def fit(
    spec: RunSpec, checkpoint: Path, fingerprint: str, on_gpu: bool = False, processes: int = 1, threads: int = 1
) -> Fitted:
    """Fit a run's model, or go on from its checkpoint.

    Args:
        on_gpu: each process has the GPU of its number, else the CPU.
        processes: how many share each batch; they follow a single one up to rounding.
        threads: CPU threads of all processes together.

    Raises:
        UserError: settings that do not go together, or too little memory.
    """
    settings = density_settings(spec)
    if settings.compile and settings.estimator == "dreg":
        raise UserError(f"{spec.training_id}: the estimator dreg cannot be compiled; set compile: false")
    if processes > 1:
        images = len(training_images(spec)[0])
        smallest = images // math.ceil(images / settings.batch_size)
        if smallest < processes:
            raise UserError(f"{spec.training_id}: a batch of {smallest} images is too small for {processes} devices")
        each = max(1, threads // processes)
        return run_processes(_fit, processes, spec, checkpoint, fingerprint, on_gpu, processes, each, on_gpu=on_gpu)
    return _fit(spec, checkpoint, fingerprint, on_gpu, processes, threads)


def _fit(spec: RunSpec, checkpoint: Path, fingerprint: str, on_gpu: bool, processes: int, threads: int) -> Fitted:
    quiet_lightning()
    keep_freed_memory()
    torch.set_num_threads(threads)
    settings = density_settings(spec)
    pixels, binary = training_images(spec)
    device = torch.device("cuda", distributed.rank()) if on_gpu else torch.device("cpu")
    advice = "lower importance_samples or batch_size"
    with (
        explain_lack_of_memory(spec.training_id, advice),
        float32_products(on_gpu and settings.precision == "tf32"),
        threadpool_limits(threads, "blas"),  # numpy's, whose products the written-out step takes
    ):
        model = build_model(spec, pixels.shape[1]).to(device)
        rows = math.ceil(min(len(pixels), settings.batch_size) / processes)
        require_memory(model, pixels.shape[1], rows, settings.importance_samples, device, processes)
        images = training.Images(pixels, binary, settings.batch_size, spec.seed, device)
        module = training.DensityTraining(model, images, settings, spec.seed)
        compiled = _compile(module, settings, on_gpu)
        if not on_gpu and settings.precision != "32":
            log.info("precision %s is for a GPU: the CPU computes in float32", settings.precision)
        state = training.load_state(checkpoint, fingerprint)
        if state is not None:
            module.resume(state)
            log.info("%s: resumed after epoch %d of %d", spec.training_id, state["epochs"], settings.epochs)
        resumed_from = module.first_epoch
        module.on_epoch_done = _Progress(settings, checkpoint, fingerprint, module.history)
        if module.first_epoch < settings.epochs:
            _trainer(settings, module, checkpoint.parent, on_gpu, processes).fit(module)
        parameters = sum(p.numel() for p in model.parameters())
        if distributed.rank() == 0:  # the others have the same
            _finish(spec, module, device, training.load_state(checkpoint, fingerprint))
    return Fitted(
        weights={name: value.detach().clone().cpu() for name, value in model.state_dict().items()},
        history=module.history,
        diverged_at=module.diverged_at,
        resumed_from=resumed_from,
        parameters=parameters,
        computing={
            "device": str(device),
            "processes": processes,
            "precision": settings.precision if on_gpu else "32",
            "compiled": compiled,
            "threads": threads * processes,
        },
    )


def _compile(module: training.DensityTraining, settings: DensitySettings, on_gpu: bool) -> bool:
    if settings.compile and not on_gpu:
        log.info("compile is for a GPU: nothing is compiled for the CPU")
    if not (settings.compile and on_gpu):
        return False
    module.compile_terms()
    return True


class _Progress:
    """After an epoch: a checkpoint when the last is some time ago, and a line in the log; in process 0 alone."""

    def __init__(
        self, settings: DensitySettings, checkpoint: Path, fingerprint: str, history: training.History
    ) -> None:
        self._settings, self._checkpoint, self._fingerprint = settings, checkpoint, fingerprint
        # the first epoch is saved in any case: a divergence soon after has something to go back to
        self._last_saved = history.seconds[-1] if history.seconds else -math.inf

    def __call__(self, module: training.DensityTraining) -> None:
        if distributed.rank() > 0:
            return
        done, total, h = module.epoch + 1, self._settings.epochs, module.history
        if done == total or h.seconds[-1] - self._last_saved > CHECKPOINT_SECONDS:
            training.save_state(self._checkpoint, module.state() | {"fingerprint": self._fingerprint})
            self._last_saved = h.seconds[-1]
        if done % max(1, total // 10) == 0 or done == total:
            log.info("epoch %d/%d  bound %.3f nats  %.0f s", done, total, h.bound[-1], h.seconds[-1])


def _trainer(
    settings: DensitySettings, module: training.DensityTraining, folder: Path, on_gpu: bool, processes: int
) -> L.Trainer:
    return L.Trainer(
        max_epochs=settings.epochs - module.first_epoch,
        accelerator="gpu" if on_gpu else "cpu",
        devices=processes,
        strategy=FlatGradients() if processes > 1 else "auto",
        # whatever cluster this runs on, the processes are ours
        plugins=[LightningEnvironment()],
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty() and processes == 1,
        default_root_dir=folder,
        precision="bf16-mixed" if on_gpu and settings.precision == "bf16" else "32-true",
        num_sanity_val_steps=0,
        callbacks=[L.pytorch.callbacks.LambdaCallback(on_train_batch_end=_release_now_and_then)],
    )


def _finish(spec: RunSpec, module: training.DensityTraining, device: torch.device, last: dict[str, Any] | None) -> None:
    """Put the weights that are evaluated into the model, with their batch-norm statistics."""
    model = module.model.to(device)
    if module.diverged_at is not None:
        log.warning("%s diverged in epoch %d", spec.training_id, module.diverged_at + 1)
        if last is None:
            log.warning("no epoch before was good: the untrained model is kept; lower learning_rate")
        good = build_model(spec, module.images.pixels.shape[1]).state_dict() if last is None else last["model"]
        model.load_state_dict(good)
    if last is not None and last["average"] is not None:
        write_weights(last["average"].to(device), model)
    training.recompute_batch_norm(model, module.images, module.settings.epochs, spec.seed)


def _release_now_and_then(trainer: Any, module: Any, outputs: Any, batch: Any, batch_index: int) -> None:
    if (batch_index + 1) % RELEASE_STEPS == 0:
        release_freed_memory()


def quiet_lightning() -> None:
    """Silence Lightning's notes about hardware and data loaders, which say nothing about this training."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    os.environ.setdefault("PYTORCH_LIGHTNING_NO_TIPS", "1")

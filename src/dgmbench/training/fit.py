"""Fit a model that has a loss, with Lightning, on the CPU or on one or more GPUs."""

from __future__ import annotations

import copy
import logging
import math
import os
import sys
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from dgmbench.errors import UserError
from dgmbench.fast.products import denormals_flushed, float32_products, precision_in_use, precision_to_set
from dgmbench.run.progress import watchers
from dgmbench.training.batches import Batches
from dgmbench.training.capacity import explain_lack_of_memory, require_memory
from dgmbench.training.checkpoint import newest
from dgmbench.training.epoch_logger import EpochLogger
from dgmbench.training.fitted import NO_TIME, Fitted, times_of
from dgmbench.training.lightning_files import AtEpochEnds, SafeFiles
from dgmbench.training.losses import Loss
from dgmbench.training.module import TOGETHER, GradientTraining
from dgmbench.training.settings import TrainingSettings

log = logging.getLogger("dgmbench")


def fit(
    model: nn.Module,
    batches: Batches,
    settings: TrainingSettings,
    *,
    seed: int,
    checkpoint: Path,
    fingerprint: str,
    name: str,
    loss: Loss | None = None,
    gpus: int = 0,
    processes: int = 1,
    threads: int = 1,
    advice: str = "lower batch_size",
) -> Fitted:
    """Minimise the loss of a model, or resume from its checkpoint.

    Several processes each have a copy of the model and a part of every batch; gradients are averaged over them (DDP),
    and on GPUs batch norm takes its statistics from all parts. On CPUs PyTorch has no such batch norm: each process has
    its own statistics.

    Args:
        loss: where it is not ``model.loss``.
        checkpoint: where the state is kept, at ends of epochs.
        fingerprint: a checkpoint saved under another one is not resumed.
        name: of the training, for messages.
        gpus: how many; 0 is the CPU.
        processes: on the CPU, as many share each batch as GPUs would, to try that out.
        threads: CPU threads of all processes together.
        advice: what to lower when memory is short.

    Raises:
        UserError: settings that do not go together, too little memory, or a loss that gives no scalars by name.
    """
    quiet_lightning()
    count = gpus or processes
    if len(batches.examples) < 2 or batches.smallest < 2 * count - (count == 1):
        raise UserError(f"{name}: a batch of {batches.smallest} examples is too small for {count} device(s)")
    objective: Loss = loss or model.loss  # type: ignore[assignment]
    compiled = settings.compile and gpus > 0
    if settings.compile and not gpus:
        log.info("compile is for a GPU: on the CPU nothing is compiled")
    untrained = copy.deepcopy(model.train().state_dict())
    device = torch.device("cuda", 0) if gpus else torch.device("cpu")
    precision = precision_to_set(settings.precision, device)
    with (
        explain_lack_of_memory(name, advice),
        float32_products(precision),
        denormals_flushed(),
        threadpool_limits(threads, "blas"),  # numpy's, whose products the written-out step takes
    ):
        torch.set_num_threads(threads)
        found, captured = newest(checkpoint, fingerprint), False
        resumed_from, earlier = len(_history(found).get("epoch", ())), times_of(found[1]) if found else NO_TIME
        if resumed_from < settings.epochs:
            if resumed_from:
                log.info("%s: resumed after epoch %d of %d", name, resumed_from, settings.epochs)
            require_memory(model, objective, batches, math.ceil(batches.largest / count), device, count, advice)
            each = max(1, threads // count)
            # DDP prepares one backward pass for each turn, and weights are averaged once for each
            together = 1 if count > 1 or settings.weight_average else TOGETHER
            module = GradientTraining(
                *(model, objective, batches, settings, seed, fingerprint),
                precision=precision,
                threads=each,
                compiled=compiled,
                together=together,
                capture=gpus == 1 and not settings.weight_average,
                name=name,
            )
            trainer = _trainer(settings, len(batches), checkpoint, gpus, count)
            trainer.fit(module, ckpt_path=found[0] if found else None)
            captured = module.captured
            found = newest(checkpoint, fingerprint)
    # what other processes have noted is in the checkpoint alone
    history = module.history if resumed_from < settings.epochs and count == 1 else _history(found)
    done = len(history.get("epoch", ()))
    model.cpu().load_state_dict(_weights(found[1]) if found else untrained)
    if done < settings.epochs:
        log.warning("%s diverged in epoch %d%s", name, done + 1, "" if found else ": the untrained model is kept")
    computing = {
        "device": str(device),
        "processes": count,
        "precision": precision_in_use(precision, device),
        "compiled": compiled,
        "captured": captured,
        "threads": threads,
    }
    return Fitted(history, done if done < settings.epochs else None, resumed_from, computing, earlier)


def _history(found: tuple[Path, dict[str, Any]] | None) -> dict[str, list[float]]:
    return found[1]["dgmbench"]["history"] if found else {}


def _weights(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Of the model alone; with weight averaging, the averaged ones."""
    prefix = "model."
    return {name.removeprefix(prefix): v for name, v in state["state_dict"].items() if name.startswith(prefix)}


def _trainer(settings: TrainingSettings, steps: int, checkpoint: Path, gpus: int, count: int) -> L.Trainer:
    callbacks: list[L.Callback] = [AtEpochEnds(checkpoint)]
    if settings.weight_average:
        callbacks.append(_average(settings.weight_average * settings.epochs * steps))
    return L.Trainer(
        max_epochs=settings.epochs,
        accelerator="gpu" if gpus else "cpu",
        devices=count,
        # new processes, started from here: Lightning's other way calls the whole command again in each
        strategy=DDPStrategy(start_method="spawn") if count > 1 else "auto",
        sync_batchnorm=gpus > 1,
        # on a cluster, too, the processes are started here
        plugins=[LightningEnvironment(), SafeFiles()],
        use_distributed_sampler=False,
        # the curve is a part of the checkpoint, so that a resumed one misses and repeats no line
        logger=EpochLogger(settings.epochs) if watchers() else False,
        enable_checkpointing=True,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty() and count == 1,
        default_root_dir=checkpoint.parent,
        precision="bf16-mixed" if gpus and settings.precision == "bf16" else "32-true",
        num_sanity_val_steps=0,
        callbacks=callbacks,
    )


def _average(steps: float) -> WeightAveraging:
    """An exponential moving average of the weights, with a memory of so many steps; a plain mean while there are few.

    A learning rate that does not fall to zero leaves the weights moving around an optimum; their average lies nearer
    to it (Polyak, Juditsky 1992). Batch-norm statistics of the average have to be measured anew.
    """
    return WeightAveraging(use_buffers=False, multi_avg_fn=partial(_pull, -math.expm1(-1.0 / steps)))


def _pull(share: float, averaged: Any, current: Any, seen: Any) -> None:
    torch._foreach_lerp_(averaged, current, max(share, 1.0 / (int(seen) + 1)))


def quiet_lightning() -> None:
    """Silence Lightning's notes about hardware and data loaders, which say nothing about this training."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    os.environ.setdefault("PYTORCH_LIGHTNING_NO_TIPS", "1")

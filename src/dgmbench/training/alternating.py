"""Training of models that take their steps themselves: networks in turns, each with its own optimiser."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from dgmbench.errors import UserError
from dgmbench.fast.products import denormals_flushed, float32_products, precision_in_use, precision_to_set
from dgmbench.run.progress import note, passes
from dgmbench.training.batches import Batches, epoch_seed
from dgmbench.training.capacity import explain_lack_of_memory
from dgmbench.training.checkpoint import CHECKPOINT_SECONDS, newest, save
from dgmbench.training.fitted import NO_TIME, Fitted, times_of
from dgmbench.training.losses import fault_of_scalars
from dgmbench.training.settings import TrainingSettings

log = logging.getLogger("dgmbench")


class Alternating(Protocol):
    """What a model must have, besides being a torch module; ``begin`` may be left out."""

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """By name, of this learning rate."""

    def begin(self, epoch: int, optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
        """What is set anew at the start of an epoch, from 0."""

    def step(self, x: Tensor, optimisers: Mapping[str, torch.optim.Optimizer]) -> Mapping[str, Tensor | float]:
        """Take the steps of a batch; scalars that are noted."""


def alternate(
    model: Any,
    batches: Batches,
    settings: TrainingSettings,
    *,
    seed: int,
    checkpoint: Path,
    fingerprint: str,
    name: str,
    gpus: int = 0,
    threads: int = 1,
) -> Fitted:
    """Train an `Alternating` model, or go on from its checkpoint.

    All randomness of an epoch follows from the seed and its number, so that a training that is killed ends with the
    same weights. A value that is not finite ends it; the weights then are those after the epoch before.

    Args:
        checkpoint: where the state is kept, at ends of epochs.
        fingerprint: a checkpoint saved under another one is not resumed.
        name: of the training, for messages.

    Raises:
        UserError: memory ran out, settings that the model's own optimisers do not have, or a model that gives no
            optimisers by name, or no scalars.
    """
    if settings.weight_decay:
        raise UserError(f"{name}: it brings its own optimisers, without a weight_decay; set 0.0")
    device = torch.device("cuda", 0) if gpus else torch.device("cpu")
    model.to(device).train()
    batches.examples, batches.part = batches.examples.to(device), (0, 1)
    optimisers = _optimisers(model, settings.learning_rate, name)
    history, done, earlier = dict[str, list[float]](), 0, NO_TIME
    torch.set_num_threads(threads)
    if (found := newest(checkpoint, fingerprint)) is not None:
        state = found[1]
        model.load_state_dict(state["state_dict"])
        for part, optimiser in optimisers.items():
            optimiser.load_state_dict(state["optimizer_states"][part])
        history = state["dgmbench"]["history"]
        done, earlier = len(history["epoch"]), times_of(state)
        log.info("%s: resumed after epoch %d of %d", name, done, settings.epochs)
    resumed_from, started, cpu_started, saved_at = done, time.perf_counter(), time.process_time(), 0.0
    good, diverged_at = copy.deepcopy(model.state_dict()), None
    # nothing here computes layers in bfloat16, as Lightning does for `fit`; float32 factors are rounded to tf32 instead
    asked = "tf32" if gpus and settings.precision == "bf16" else settings.precision
    precision = precision_to_set(asked, device)
    with (
        explain_lack_of_memory(name, "lower batch_size"),
        float32_products(precision),
        denormals_flushed(),
        threadpool_limits(threads, "blas"),
    ):
        for epoch in passes(f"{name}: epoch", settings.epochs, done):
            values = _epoch(model, batches, optimisers, seed, epoch, name)
            if not all(math.isfinite(value) for value in values.values()):
                log.warning("%s diverged in epoch %d", name, epoch + 1)
                model.load_state_dict(good)
                diverged_at = epoch
                break
            seconds = time.perf_counter() - started
            for key, value in {"epoch": epoch + 1, **values, "seconds": earlier.seconds + seconds}.items():
                history.setdefault(key, []).append(value)
            note(**values)
            good = copy.deepcopy(model.state_dict())
            if epoch in (0, settings.epochs - 1) or seconds - saved_at >= CHECKPOINT_SECONDS:
                saved_at = seconds
                cpu_seconds = earlier.cpu_seconds + time.process_time() - cpu_started
                facts = {"fingerprint": fingerprint, "history": history, "cpu_seconds": cpu_seconds}
                states = {part: optimiser.state_dict() for part, optimiser in optimisers.items()}
                whole = {"state_dict": good, "optimizer_states": states, "loops": {}, "dgmbench": facts}
                save(checkpoint, whole)
    model.cpu().eval()
    precision = precision_in_use(precision, device)
    computing = {"device": str(device), "processes": 1, "precision": precision, "threads": threads}
    return Fitted(history, diverged_at, resumed_from, computing, earlier)


def _optimisers(model: Any, rate: float, name: str) -> Mapping[str, torch.optim.Optimizer]:
    """The model's own, or an error that says what it should give."""
    given = model.optimisers(rate)
    if not isinstance(given, Mapping):
        what = type(given).__name__
    else:
        others = [key for key, value in given.items() if not isinstance(value, torch.optim.Optimizer)]
        if not others:
            return given
        what = f"{type(given[others[0]]).__name__} for {others[0]!r}"
    raise UserError(f"{name}: optimisers(rate) gave {what}: return a dictionary of torch optimisers by name")


def _epoch(
    model: Any, batches: Batches, optimisers: Mapping[str, torch.optim.Optimizer], seed: int, epoch: int, name: str
) -> dict[str, float]:
    """Means over the batches of what the steps note."""
    torch.manual_seed(epoch_seed(seed + 1_000_003, epoch))
    batches.epoch = epoch
    if hasattr(model, "begin"):
        model.begin(epoch, optimisers)
    sums: dict[str, Tensor | float] = {}
    for x in batches:
        given = model.step(x, optimisers)
        if not sums and (fault := fault_of_scalars(given)):  # once an epoch
            raise UserError(f"{name}: step(x, optimisers) {fault}")
        for key, value in given.items():
            number = value.detach().double() if isinstance(value, Tensor) else float(value)
            sums[key] = sums.get(key, 0.0) + number  # where it is: a device is not waited for
    return {key: float(total) / len(batches) for key, total in sums.items()}

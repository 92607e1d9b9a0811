"""Training a density model with Lightning: data in memory, exact resume, the bound logged per epoch."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from dgmbench.training import distributed
from dgmbench.models.images.bounds import iwae_bound, normalised_weights
from dgmbench.fast.images.fused import FusedStep, fused_step
from dgmbench.models.images.layers import collect_statistics, finish_statistics
from dgmbench.training.optimiser import ClippedAdam, FlatParameters, WeightAverage, learning_rate
from dgmbench.models.images.vae import Terms
from dgmbench.run.spec import DensitySettings

log = logging.getLogger("dgmbench")


class Images:
    """Training images in memory, in batches of one epoch at a time; grey images are binarised anew each epoch.

    Everything random in an epoch follows from the seed and the epoch's number, so that a resumed run sees the same
    batches. Batches differ by at most one image in size, so that none is too small for a batch norm.
    """

    def __init__(self, pixels: np.ndarray, binary: bool, batch_size: int, seed: int, device: torch.device) -> None:
        """
        Args:
            pixels: (images, pixels) uint8; 0 and 1 if ``binary``, grey values 0 to 255 otherwise.

        Raises:
            ValueError: ``binary`` is said of pixels that are not 0 or 1.
        """
        if binary and pixels.size and pixels.max() > 1:
            raise ValueError("binary images have pixels of 0 and 1 alone; grey ones are binarised with binary=False")
        self.pixels = torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
        self.binary = binary
        self.seed = seed
        self.epoch = 0
        self.n_batches = math.ceil(len(pixels) / batch_size)
        self._generator = torch.Generator(device)

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[Tensor]:
        """The batches of ``epoch``, each (batch, pixels) float32 of 0 and 1."""
        self._generator.manual_seed(epoch_seed(self.seed, self.epoch))
        device = self.pixels.device
        order = torch.randperm(len(self.pixels), generator=self._generator, device=device)
        for index in torch.tensor_split(order, self.n_batches):
            chosen = self.pixels[index]
            if self.binary:
                yield chosen.float()
            else:
                threshold = torch.rand(chosen.shape, generator=self._generator, device=device).mul_(255)
                yield (threshold < chosen).float()


# Steps of so few rows take so little time that Lightning's loop shows beside them: it is given several at once.
SHORT_STEP = 2000


class Groups:
    """Batches, a few at a time: what a trainer's loop costs comes once for each group."""

    def __init__(self, images: Images, size: int) -> None:
        self.images = images
        self.size = size

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.size)

    def __iter__(self) -> Iterator[list[Tensor]]:
        batches = iter(self.images)
        while group := list(islice(batches, self.size)):
            yield group


def epoch_seed(seed: int, epoch: int) -> int:
    """A seed of its own for each epoch of each run."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)


@dataclass
class History:
    """One row per epoch: the mean bound over the epoch's batches, in nats, the learning rate, seconds so far."""

    epoch: list[int] = field(default_factory=list)
    bound: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def append(self, epoch: int, bound: float, rate: float, seconds: float) -> None:
        self.epoch.append(epoch)
        self.bound.append(bound)
        self.learning_rate.append(rate)
        self.seconds.append(seconds)


class DensityTraining(L.LightningModule):
    """Maximises the importance-weighted bound of a model.

    The cost is −mean_batch L_k + λ · local error. Gradients of L_k by ``settings.estimator``: ``iwae`` is plain
    differentiation; ``stl`` leaves out the score of q (unbiased only for k = 1); ``dreg`` also weighs what passes
    through the samples by w_i once more (Tucker et al. 2019, eq. 8).

    Where several processes train together (see `distributed`), each has this module and sees the same batches.
    """

    def __init__(self, model: nn.Module, images: Images, settings: DensitySettings, seed: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = model
        self._terms: Callable[[Tensor, int, bool], Terms] = partial(_terms, model)
        self.images = images
        self.settings = settings
        self.seed = seed
        self.history = History()
        self.first_epoch = 0
        self.diverged_at: int | None = None
        self.average: WeightAverage | None = None
        self._fused: FusedStep | None = None
        self._compiled = False
        self.on_epoch_done: Callable[[DensityTraining], None] = lambda _: None
        self._previous_seconds = 0.0

    def train_dataloader(self) -> Groups:
        rows = self.settings.importance_samples * self.settings.batch_size
        self._groups = Groups(self.images, 8 if rows <= SHORT_STEP else 1)
        return self._groups

    def configure_optimizers(self) -> torch.optim.Optimizer:
        self.flat = FlatParameters(self.model)
        self.adam = ClippedAdam(self.flat, self.settings)
        if self.settings.weight_average:
            steps = self.settings.weight_average * self.settings.epochs * len(self.images)
            self.average = WeightAverage(self.flat, steps)
        return self.adam

    @property
    def epoch(self) -> int:
        """The current epoch, counted over all resumed parts of the run."""
        return self.first_epoch + self.current_epoch

    def on_train_epoch_start(self) -> None:
        self.images.epoch = self.epoch
        self.flat.bind_gradients()  # the trainer resets them when it starts
        seed = epoch_seed(self.seed + 1_000_003, self.epoch)
        # a model that draws noise of its own must not draw the same for the rows of each process
        torch.manual_seed(seed + distributed.rank())
        self._noise = torch.Generator(self.images.pixels.device).manual_seed(seed)
        alone = distributed.processes() == 1 and not self._compiled
        self._fused = fused_step(self.model, self.images.pixels) if alone else None
        self._bounds: list[Tensor] = []
        self._started = time.perf_counter()

    def training_step(self, batches: list[Tensor], group: int) -> None:
        first = self.epoch * len(self.images) + group * self._groups.size
        for i, x in enumerate(batches):
            self._gradient_step(x, first + i)

    def _gradient_step(self, x: Tensor, step: int) -> None:
        rate = learning_rate(self.settings, step, len(self.images))
        share = 1.0
        if self._fused is not None:
            settings = self.settings
            bound = self._fused(x, settings.importance_samples, settings.estimator, settings.local_error)[1]
        else:
            self.flat.gradient.zero_()
            with distributed.own_rows(len(x), self._noise) as rows:
                share = (rows.stop - rows.start) / len(x)
                cost, bound = self.cost(x[rows])
                self.manual_backward(cost * share)
        distributed.sum_over_processes(self.flat.gradient)
        self.adam.clipped_step(rate)
        if self.average is not None:
            self.average.update(step)
        self._bounds.append(bound * share)
        self._rate = rate

    def cost(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is minimised, and the batch's mean bound (a value without a gradient)."""
        k, estimator = self.settings.importance_samples, self.settings.estimator
        terms = self._terms(x, k, estimator != "iwae")
        bound = iwae_bound(terms.log_w).mean()
        objective = bound
        if estimator == "dreg":
            weights = normalised_weights(terms.log_w)
            terms.z.register_hook(lambda gradient: gradient * weights.unsqueeze(-1))
            objective = (weights * terms.log_w).sum(0).mean()
        return self.settings.local_error * terms.local_error - objective, bound.detach()

    def compile_terms(self, backend: str = "inductor") -> None:
        """Compile what the model computes for the cost; its parameters and their names stay as they are.

        Batches of an epoch have at most two sizes, and each has its own code. The noise of compiled code comes from
        another generator: another sample of the same distribution. Not for ``dreg``, whose hook on the samples sees
        nothing of a gradient that stays within compiled code.
        """
        if distributed.processes() > 1:
            distributed.keep_uncompiled()
        self._compiled = True
        self._terms = torch.compile(self._terms, dynamic=False, backend=backend)

    def on_train_epoch_end(self) -> None:
        bound = float(distributed.sum_over_processes(torch.stack(self._bounds)).mean())
        seconds = time.perf_counter() - self._started
        if not math.isfinite(bound):
            self.diverged_at = self.epoch
            self.trainer.should_stop = True
            return
        before = self.history.seconds[-1] if self.history.seconds else 0.0
        self.history.append(self.epoch + 1, bound, self._rate, round(before + seconds, 3))
        self.on_epoch_done(self)

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, at the end of an epoch."""
        return {
            "model": self.model.state_dict(),
            "adam": self.adam.state_dict(),
            "average": None if self.average is None else self.average.values,
            "history": vars(self.history),
            "epochs": self.epoch + 1,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Continue after the epoch that `state` was taken at (call before fitting)."""
        self.model.load_state_dict(state["model"])
        self.history = History(**state["history"])
        self.first_epoch = state["epochs"]
        self._adam_state, self._average_state = state["adam"], state["average"]

    def on_fit_start(self) -> None:
        if self.first_epoch:
            self.adam.load_state_dict(self._adam_state)
            if self.average is not None:
                self.average.values.copy_(self._average_state)


def _terms(model: Any, x: Tensor, k: int, path_only: bool) -> Terms:
    if hasattr(model, "training_terms"):
        return model.training_terms(x, k, path_only)
    log_w = model.log_weights(x, k)
    return Terms(log_w, log_w, log_w.new_zeros(()))


@torch.no_grad()
def recompute_batch_norm(model: nn.Module, images: Images, epoch: int, seed: int, k: int = 1) -> None:
    """Batch-norm statistics for evaluation from one pass over the whole (binarised) training set."""
    images.epoch = epoch
    torch.manual_seed(epoch_seed(seed + 2_000_003, epoch))
    model.train()
    collect_statistics(model)
    for x in images:
        model.training_terms(x, k) if hasattr(model, "training_terms") else model.log_weights(x, k)  # type: ignore[operator]
    finish_statistics(model)
    model.eval()


def save_state(path: Path, state: dict[str, Any]) -> None:
    """A checkpoint, atomically, the previous one kept beside it."""
    from dgmbench.run.records import atomic_write

    if path.exists():
        path.replace(path.with_suffix(".previous"))
    with atomic_write(path, "wb") as file:
        torch.save(state, file)


def load_state(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """The newest checkpoint that loads and belongs to this very run, or None."""
    for candidate in (path, path.with_suffix(".previous")):
        if not candidate.exists():
            continue
        try:
            state = torch.load(candidate, weights_only=True, map_location="cpu")
        except Exception as error:  # a torn file raises whatever the archive reader meets first
            log.warning("checkpoint %s does not load (%s); trying the one before", candidate.name, error)
            continue
        if state.get("fingerprint") != fingerprint:
            log.info("checkpoint %s belongs to another specification, data or code: starting afresh", candidate.name)
            return None
        return state
    return None

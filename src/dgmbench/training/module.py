"""Gradient training of anything that has a loss, as a Lightning module."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from dgmbench.errors import UserError
from dgmbench.fast.products import denormals_flushed, float32_products
from dgmbench.training.batches import Batches, epoch_seed
from dgmbench.training.captured import CapturedStep, set_rate, settle
from dgmbench.training.losses import Loss, fault_of_minimised, noted
from dgmbench.training.optimiser import build_optimiser, rate_factor
from dgmbench.training.settings import TrainingSettings

log = logging.getLogger("dgmbench")

TOGETHER = 16
"""Batches for one turn of Lightning's loop, whose cost is a fifth of a small network's step."""


class GradientTraining(L.LightningModule):
    """Minimises the loss of a model over the `Batches` that the trainer is given.

    Optimisation is manual in Lightning's sense: a step of a small network takes 2 ms, and the automatic one adds 0.1.
    For the same reason means over an epoch are taken here, and not by ``self.log`` in each step.

    Attributes:
        history: a value for each finished epoch: ``epoch``, means of what the loss gives, ``learning_rate`` of the last
            step, ``seconds`` so far.
        diverged: whether the loss has stopped being finite.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        batches: Batches,
        settings: TrainingSettings,
        seed: int,
        fingerprint: str,
        precision: str = "32",
        threads: int = 1,
        compiled: bool = False,
        together: int = TOGETHER,
        capture: bool = False,
        name: str = "",
    ) -> None:
        """
        Args:
            loss: usually ``model.loss``.
            fingerprint: what a checkpoint must have been saved under to be resumed.
            precision: of products, for several processes; a single one has it already, see `float32_products`.
            threads: of each process.
            compiled: whether the loss is compiled on the device.
            together: batches for one turn of Lightning's loop.
            capture: whether a step becomes a CUDA graph.
            name: of the training, for messages.
        """
        super().__init__()
        self.automatic_optimization = False
        self.model, self.batches = model, batches
        self._loss = loss
        self._settings, self._seed, self._fingerprint = settings, seed, fingerprint
        self._precision, self._name = precision, name
        self._threads, self._compiled, self._together, self._capture = threads, compiled, together, capture
        self._captured: CapturedStep | None = None
        self.history: dict[str, list[float]] = {}
        self.cpu_seconds = 0.0  # of all finished epochs, as `seconds`
        self.diverged = False

    @property
    def captured(self) -> bool:
        """Whether steps were replayed as a CUDA graph."""
        return self._captured is not None and not self._captured.refused

    @property
    def seconds(self) -> float:
        """Of all finished epochs, those before a resumption included."""
        return self.history["seconds"][-1] if self.history else 0.0

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Lists of batches; with a generator of its own it draws nothing from PyTorch's."""
        return DataLoader(self.batches, self._together, collate_fn=list, generator=torch.Generator())

    def configure_optimizers(self) -> Any:
        """The optimiser; its learning rate is set before each step."""
        return build_optimiser(self.model, self._settings)

    def on_fit_start(self) -> None:
        """In each process: its threads, its part of the batches, on its device."""
        torch.set_num_threads(self._threads)
        self._factor = rate_factor(self._settings, len(self.batches))
        self._as_in_the_parent = contextlib.ExitStack()
        if self.trainer.world_size > 1:  # a process of its own begins with PyTorch's products
            self._as_in_the_parent.enter_context(float32_products(self._precision))
            self._as_in_the_parent.enter_context(denormals_flushed())
        self.batches.part = self.global_rank, self.trainer.world_size
        self.batches.examples = self.batches.examples.to(self.device)
        if self._compiled:
            self._loss = torch.compile(self._loss, dynamic=False)

    def on_train_start(self) -> None:
        """The optimiser's state is loaded now."""
        optimiser: Any = self.optimizers(use_pl_optimizer=False)
        settle(optimiser, self.device, self._capture)
        if self._capture:
            self._captured = CapturedStep(self._whole_step, optimiser)

    def on_train_epoch_start(self) -> None:
        """All randomness of an epoch follows from the seed and the epoch's number."""
        self.batches.epoch = self.current_epoch
        # processes must not draw the same noise
        torch.manual_seed(epoch_seed(self._seed + 1_000_003, self.current_epoch) + self.global_rank)
        alone = self.trainer.world_size == 1 and not self._compiled
        fast_step: Callable[[], Loss | None] = getattr(self.model, "fast_step", lambda: None)
        self._fast = fast_step() if alone else None
        self._noted: list[Mapping[str, Tensor]] = []
        self._started, self._cpu_started = time.perf_counter(), time.process_time()

    def training_step(self, turn: Sequence[Tensor], index: int) -> None:
        """A gradient step with each batch of a turn."""
        for x in turn:
            torch.clear_autocast_cache()  # it holds the weights in 16 bits as they were before the last step
            self._step(x)

    def _step(self, x: Tensor) -> None:
        optimiser = self.optimizers()
        assert isinstance(optimiser, L.pytorch.core.optimizer.LightningOptimizer)
        done = self.current_epoch * len(self.batches) + len(self._noted)
        self._rate = self._settings.learning_rate * self._factor(done)
        set_rate(optimiser.optimizer, self._rate)
        if self._captured is not None:
            self._noted.append(self._captured(x))
            return
        if self._fast is not None:
            values = self._fast(x)
        else:
            optimiser.zero_grad()
            values = self._values(x)
            self.manual_backward(values["loss"])
        optimiser.step()
        device = x.device
        self._noted.append({name: noted(value, device) for name, value in values.items()})

    def _values(self, x: Tensor) -> Mapping[str, Tensor]:
        """What the loss gives, or an error that says what it should."""
        values = self._loss(x)
        # once an epoch: a step of a small network takes 2 ms
        if not self._noted and (fault := fault_of_minimised(values)):
            raise UserError(f"{self._name}: loss(x) {fault}")
        return values

    def _whole_step(self, x: Tensor) -> Mapping[str, Tensor]:
        """As `_step`, without what Lightning does around it: this is captured."""
        optimiser: Any = self.optimizers(use_pl_optimizer=False)
        optimiser.zero_grad(set_to_none=True)
        values = self._values(x)
        values["loss"].backward()
        optimiser.step()
        return values

    def on_train_epoch_end(self) -> None:
        """Note the epoch, or stop a training whose loss is not finite."""
        means = {name: self._mean([values[name] for values in self._noted]) for name in self._noted[0]}
        seconds = self.seconds + time.perf_counter() - self._started  # the means have waited for the device
        if not math.isfinite(means["loss"]):
            self.diverged = True
            self.trainer.should_stop = True
            return
        # each process has its own clock; Lightning has none for its processes together
        spent = torch.tensor(time.process_time() - self._cpu_started, device=self.device)
        self.cpu_seconds += float(self.trainer.strategy.reduce(spent, reduce_op="sum"))
        done, total = self.current_epoch + 1, self._settings.epochs
        line = {"epoch": done, **means, "learning_rate": self._rate, "seconds": round(seconds, 3)}
        for name, value in line.items():
            self.history.setdefault(name, []).append(value)
        self.log_dict(means, prog_bar=True)  # for callbacks and loggers
        if done % max(1, total // 10) == 0 or done == total:
            values = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
            log.info("epoch %d/%d  %s  %.0f s", done, total, values, seconds)

    def _mean(self, values: list[Tensor]) -> float:
        """Over the steps and the processes."""
        mean = self.trainer.strategy.reduce(torch.stack(values).mean(), reduce_op="mean")
        return float(mean)

    def on_fit_end(self) -> None:
        """What was set for a process is unset in it."""
        self._as_in_the_parent.close()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning keeps weights, optimiser, schedule and epoch."""
        facts = {"fingerprint": self._fingerprint, "history": self.history, "cpu_seconds": self.cpu_seconds}
        checkpoint["dgmbench"] = facts

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the history."""
        self.history = checkpoint["dgmbench"]["history"]
        self.cpu_seconds = checkpoint["dgmbench"].get("cpu_seconds", 0.0)

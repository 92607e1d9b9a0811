"""The optimiser, the protocol's two clips of the gradient, and the schedules of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from dgmbench.errors import UserError
from dgmbench.fast.adam import ClippedAdam
from dgmbench.fast.conditions import MOST_THREADS, is_float32_on_cpu
from dgmbench.training.muon import Muon
from dgmbench.training.settings import TrainingSettings, decay_problem


def build_optimiser(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Adam with betas 0.9 and 0.999, or Muon; a step clips the gradient first: to a norm, then each element to a range.

    With Muon, a module can name parameters of two dimensions that are no matrices in ``elementwise``.

    Raises:
        UserError: a weight decay that the optimiser does not have.
    """
    if problem := decay_problem(settings):
        raise UserError(f"weight_decay: {problem}")
    parameters = [p for p in model.parameters() if p.requires_grad]
    rate, eps = settings.learning_rate, settings.adam_eps
    if settings.optimizer == "muon":
        matrices = set(_matrices(model))
        parts = [p for p in parameters if p in matrices], [p for p in parameters if p not in matrices]
        return _clipping(Muon(*parts, rate, eps=eps, weight_decay=settings.weight_decay), parameters, settings)
    if is_float32_on_cpu(model) and torch.get_num_threads() <= MOST_THREADS:
        return ClippedAdam(parameters, rate, eps, settings.clip_norm, settings.clip_value)
    return _clipping(torch.optim.Adam(parameters, lr=rate, eps=eps, fused=True), parameters, settings)


def _matrices(model: nn.Module) -> Iterator[nn.Parameter]:
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.ndim > 1 and name not in getattr(module, "elementwise", ()):
                yield parameter


def _clipping(
    optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter], settings: TrainingSettings
) -> torch.optim.Optimizer:
    def clip(*_: Any) -> None:
        clip_grad_norm_(parameters, settings.clip_norm)
        clip_grad_value_(parameters, settings.clip_value)

    optimiser.register_step_pre_hook(clip)
    return optimiser


def rate_factor(settings: TrainingSettings, steps_per_epoch: int) -> Callable[[int], float]:
    """What the peak learning rate is multiplied by in a gradient step, from 0."""

    def published(step: int) -> float:
        return settings.decay ** max(0, step // steps_per_epoch - settings.decay_from)

    def one_cycle(step: int) -> float:
        total = settings.epochs * steps_per_epoch
        rise = settings.warm_up * total
        if step < rise:
            return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * step / rise))
        share = (step - rise) / max(1.0, total - rise)
        return max(1e-4, 0.5 * (1 + math.cos(math.pi * share)))

    return {"published": published, "one-cycle": one_cycle, "constant": lambda step: 1.0}[settings.schedule]

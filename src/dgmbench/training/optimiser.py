"""Adam over one flat parameter, with the protocol's two clips and its learning-rate schedules."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.utils import vector_to_parameters

from dgmbench.fast.images.dense import is_compiled
from dgmbench.fast.images.kernels import adam
from dgmbench.run.spec import DensitySettings


class FlatParameters:
    """All parameters of a module as views of one vector, and their gradients as views of another.

    Clipping and Adam then are a few operations on one array instead of several per parameter, which is what a step
    of a small network otherwise spends its time on. Moving the module to another device breaks the views: flatten last.
    """

    def __init__(self, module: nn.Module) -> None:
        self._parameters = [p for p in module.parameters() if p.requires_grad]
        self.flat = nn.Parameter(torch.cat([p.detach().reshape(-1) for p in self._parameters]))
        self.flat.grad = torch.zeros_like(self.flat)
        for p, part in zip(self._parameters, self._parts(self.flat.data), strict=True):
            p.data = part.view_as(p)
        self.bind_gradients()

    def bind_gradients(self) -> None:
        """Make every gradient a view again; whoever resets gradients to None cuts them off."""
        for p, part in zip(self._parameters, self._parts(self.gradient), strict=True):
            p.grad = part.view_as(p)

    def _parts(self, flat: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return flat.split([p.numel() for p in self._parameters])

    @property
    def gradient(self) -> torch.Tensor:
        """(parameters,) the gradient of everything."""
        assert self.flat.grad is not None
        return self.flat.grad

    def clip(self, norm: float, value: float) -> None:
        """Scale the gradient to at most ``norm``, then clamp each element to ±``value``."""
        gradient = self.gradient
        factor = norm / (torch.linalg.vector_norm(gradient) + 1e-6)
        gradient.mul_(factor.clamp_(max=1.0)).clamp_(-value, value)


class WeightAverage:
    """An exponential moving average of the weights, whose memory is a share of the whole training.

    A learning rate that does not fall to zero leaves the weights wandering around an optimum; their average lies nearer
    to it (Polyak, Juditsky 1992). Batch-norm statistics of the average have to be measured anew.

    Args:
        flat: the weights that are averaged.
        steps: the memory, in gradient steps: weights of so many steps ago count e times less than the last ones.
    """

    def __init__(self, flat: FlatParameters, steps: float) -> None:
        self.values = flat.flat.detach().clone()
        self._flat = flat
        self._pull = -math.expm1(-1.0 / steps)

    def update(self, step: int) -> None:
        """Take in the weights after gradient step ``step`` (from 0); a plain mean as long as there are few."""
        self.values.lerp_(self._flat.flat.detach(), max(self._pull, 1.0 / (step + 1)))


def write_weights(values: torch.Tensor, module: nn.Module) -> None:
    """Replace a module's weights by (parameters,) values in the order of `FlatParameters`."""
    vector_to_parameters(values, [p for p in module.parameters() if p.requires_grad])


class ClippedAdam(torch.optim.Adam):
    """Adam with betas 0.9 and 0.999 on the flat parameter, its gradient clipped before.

    float32 on the CPU goes through a compiled loop, at a fraction of what a step of the library's costs for a small
    network; the state is the library's in either case.
    """

    def __init__(self, flat: FlatParameters, settings: DensitySettings) -> None:
        super().__init__([flat.flat], lr=settings.learning_rate, eps=settings.adam_eps, fused=True)
        self._flat = flat
        self._limits = settings.clip_norm, settings.clip_value

    def clipped_step(self, rate: float) -> None:
        """Clip the gradient and step with learning rate ``rate``."""
        group = self.param_groups[0]
        group["lr"] = rate
        flat = self._flat.flat
        if not is_compiled(flat):
            self._flat.clip(*self._limits)
            self.step()
            return
        state = self.state[flat]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(flat), torch.zeros_like(flat)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        done = int(state["step"])
        values, gradient = flat.detach().numpy(), self._flat.gradient.numpy()
        moments = state["exp_avg"].numpy(), state["exp_avg_sq"].numpy()
        size, root = rate / (1 - beta1**done), 1 / math.sqrt(1 - beta2**done)
        adam.clipped_step(values, gradient, *moments, *self._limits, size, (beta1, beta2), root, group["eps"])


def learning_rate(settings: DensitySettings, step: int, steps_per_epoch: int) -> float:
    """The learning rate of gradient step ``step`` (from 0)."""
    peak = settings.learning_rate
    if settings.schedule == "constant":
        return peak
    if settings.schedule == "published":
        return float(peak * settings.decay ** max(0, step // steps_per_epoch - settings.decay_from))
    total = settings.epochs * steps_per_epoch
    rise = settings.warm_up * total
    if step < rise:
        # a cosine from peak / 25 up to the peak
        return peak * (0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * step / rise)))
    share = (step - rise) / max(1.0, total - rise)
    return peak * max(1e-4, 0.5 * (1 + math.cos(math.pi * share)))

"""Adam with both clips of its gradient, in two passes over one vector of all parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import nn

from dgmbench.fast import FAST

Pair = tuple[float, float]
ONE = np.float32(1)
PART = 4096  # squares summed in float32 before their sum goes to float64


class ClippedAdam(torch.optim.Adam):
    """Adam for float32 on the CPU: its step clips the gradient, by norm and then by value, and takes Adam's step.

    Parameters, gradients and moments become views of one vector each, so that a step is one compiled loop. The state is
    the library's: a checkpoint of one goes on with the other.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], lr: float, eps: float, clip_norm: float, clip_value: float
    ) -> None:
        super().__init__(parameters, lr=lr, eps=eps)
        self._limits = clip_norm, clip_value
        vectors = torch.zeros(4, sum(p.numel() for p in parameters))  # parameters, gradient, two moments
        self._vectors = tuple(vectors.numpy())
        parts = zip(parameters, vectors.split([p.numel() for p in parameters], dim=1), strict=True)
        self._views = [(p, *(row.view_as(p) for row in part)) for p, part in parts]
        for parameter, value, *_ in self._views:
            parameter.data = value.copy_(parameter.detach())
        self._bind()

    def _bind(self) -> None:
        """Make gradients and state views of the vectors, with the values that they have."""
        self._take_in_gradients()
        for parameter, _, _, *moments in self._views:
            state: dict[str, Any] = self.state[parameter]
            for name, view in zip(("exp_avg", "exp_avg_sq"), moments, strict=True):
                state[name] = view.copy_(state.get(name, view))
            self._done = int(state.setdefault("step", torch.tensor(0.0)))

    def _take_in_gradients(self) -> None:
        """Whoever resets gradients to None, or puts others in their place, cuts them off from the vector."""
        for parameter, _, view, *_ in self._views:
            if parameter.grad is not view:
                view.zero_() if parameter.grad is None else view.copy_(parameter.grad)
                parameter.grad = view

    def state_dict(self) -> dict[str, Any]:
        """As the library's, with a count of steps for each parameter."""
        for parameter, *_ in self._views:
            self.state[parameter]["step"] = torch.tensor(float(self._done))
        return super().state_dict()

    def load_state_dict(self, state_dict: Any) -> None:
        """The library's state, moved into the vectors."""
        super().load_state_dict(state_dict)
        self._bind()

    def zero_grad(self, set_to_none: bool = False) -> None:
        """Gradients become 0, whatever ``set_to_none`` says: they stay views."""
        self._vectors[1][:] = 0

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Clip and step; with a closure, call it first."""
        with torch.enable_grad():
            result = None if closure is None else closure()
        self._take_in_gradients()
        group = self.param_groups[0]
        self._done += 1
        beta1, beta2 = group["betas"]
        size, root = group["lr"] / (1 - beta1**self._done), 1 / math.sqrt(1 - beta2**self._done)
        clipped_step(self._vectors, self._limits, size, (beta1, beta2), root, group["eps"])
        return result


@njit(cache=True, fastmath=FAST, error_model="numpy")
def clipped_step(
    vectors: tuple[np.ndarray, ...], limits: Pair, size: float, betas: Pair, root: float, eps: float
) -> None:
    """Scale the gradient to a length of at most ``limits[0]``, clamp its elements to ±``limits[1]``, take Adam's step.

    ``vectors`` are parameters, gradient and moments, each (parameters,) float32; all but the gradient are changed. With
    m and v the new moments: parameters −= size · m / (root · √v + eps); ``size`` and ``root`` correct their bias.
    """
    (parameters, gradient, first, second), (norm, value) = vectors, limits
    squares = 0.0
    for start in range(0, len(gradient), PART):
        part = np.float32(0)
        for i in range(start, min(start + PART, len(gradient))):
            part += gradient[i] * gradient[i]
        squares += float(part)
    length = np.sqrt(squares)
    factor = np.float32(1.0 if length <= norm else norm / length)  # NaN for a length that is not a number
    high, step, scale, small = np.float32(value), np.float32(size), np.float32(root), np.float32(eps)
    beta1, beta2 = np.float32(betas[0]), np.float32(betas[1])
    for i in range(len(gradient)):
        g = factor * gradient[i]
        g = high if g > high else g  # in this order NaN stays NaN
        g = -high if g < -high else g
        m = first[i] + (ONE - beta1) * (g - first[i])
        v = beta2 * second[i] + (ONE - beta2) * g * g
        first[i], second[i] = m, v
        parameters[i] -= step * m / (scale * np.sqrt(v) + small)

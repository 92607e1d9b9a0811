"""Adam with both clips of its gradient, in two passes over one vector of all parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from dgmbench.fast import FAST

ONE = np.float32(1)
PART = 4096  # squares summed in float32 before their sum goes to float64


class ClippedAdam(torch.optim.Adam):
    """Adam for float32 on the CPU: its step clips the gradient, by norm and then by value, and takes Adam's step.

    Parameters, gradients and moments become views of one vector each, so that a step is one compiled loop. The state is
    the library's: a checkpoint of one goes on with the other.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, eps: float, clip_norm: float, clip_value: float
    ) -> None:
        super().__init__(parameters, lr=lr, eps=eps)
        self._limits = clip_norm, clip_value
        self._parameters = list(self.param_groups[0]["params"])
        self._values, self._gradient, self._first, self._second = np.zeros(
            (4, sum(p.numel() for p in self._parameters)), np.float32
        )
        self._gradients = self._views(self._gradient)
        for parameter, value in zip(self._parameters, self._views(self._values), strict=True):
            parameter.data = value.copy_(parameter.detach())
        self._bind()

    def _views(self, flat: np.ndarray) -> list[Tensor]:
        parts = torch.from_numpy(flat).split([p.numel() for p in self._parameters])
        return [part.view_as(p) for part, p in zip(parts, self._parameters, strict=True)]

    def _bind(self) -> None:
        """Make gradients and state views of the vectors, with the values that they have."""
        self._take_in_gradients()
        self._done = 0
        moments = zip(self._parameters, self._views(self._first), self._views(self._second), strict=True)
        for parameter, *views in moments:
            state: dict[str, Any] = self.state[parameter]
            for name, view in zip(("exp_avg", "exp_avg_sq"), views, strict=True):
                if name in state:
                    view.copy_(state[name])
                state[name] = view
            self._done = int(state.get("step", 0))

    def _take_in_gradients(self) -> None:
        """Whoever resets gradients to None, or puts others in their place, cuts them off from the vector."""
        for parameter, view in zip(self._parameters, self._gradients, strict=True):
            if parameter.grad is not view:
                view.zero_() if parameter.grad is None else view.copy_(parameter.grad)
                parameter.grad = view

    def state_dict(self) -> dict[str, Any]:
        """As the library's, with a count of steps for each parameter."""
        for parameter in self._parameters:
            self.state[parameter]["step"] = torch.tensor(float(self._done))
        return super().state_dict()

    def load_state_dict(self, state_dict: Any) -> None:
        """The library's state, moved into the vectors."""
        super().load_state_dict(state_dict)
        self._bind()

    def zero_grad(self, set_to_none: bool = False) -> None:
        """Gradients become 0, whatever ``set_to_none`` says: they stay views."""
        self._gradient[:] = 0

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Clip and step; with a closure, call it first."""
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        self._take_in_gradients()
        group = self.param_groups[0]
        self._done += 1
        done, betas = self._done, group["betas"]
        size, root = group["lr"] / (1 - betas[0] ** done), 1 / math.sqrt(1 - betas[1] ** done)
        arrays = (self._values, self._gradient, self._first, self._second)
        clipped_step(*arrays, *self._limits, size, betas, root, group["eps"])
        return result


@njit(cache=True, fastmath=FAST, error_model="numpy")
def clipped_step(
    parameters: np.ndarray,
    gradient: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    norm: float,
    value: float,
    size: float,
    betas: tuple[float, float],
    root: float,
    eps: float,
) -> None:
    """Scale the gradient to a length of at most ``norm``, clamp its elements to ±``value``, and take Adam's step.

    All arrays are (parameters,) float32, and all but the gradient are changed. With m and v the updated moments:
    parameters −= size · m / (root · √v + eps), where ``size`` and ``root`` hold the corrections of the moments' bias.
    """
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
        first[i] = m
        second[i] = v
        parameters[i] -= step * m / (scale * np.sqrt(v) + small)

"""Muon: momentum steps whose matrices are orthogonalised (Jordan et al. 2024), and Adam for all that is no matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn

# Jordan's odd polynomial a·x + b·x³ + c·x⁵, whose repetition takes singular values from (0, 1] to about 1.
A, B, C = 3.4445, -4.7750, 2.0315


class Muon(torch.optim.Optimizer):
    """Muon for matrices, Adam for the other parameters, with one learning rate for both.

    With gradient G and momentum buffer M of a matrix (outputs, inputs), a convolution's filters as rows:

        M ← μ M + (1 − μ) G,   D = orthogonalised(μ M + (1 − μ) G),   W ← W − rate · 0.2 √max(outputs, inputs) · D.

    The factor gives D the root mean square that Adam's steps usually have (Liu et al. 2025), so that a rate means the
    same for both.

    Args:
        matrices: parameters of two or more dimensions.
        others: any parameters.
        momentum: μ.
        eps: Adam's.
        iterations: of the polynomial.
    """

    def __init__(
        self,
        matrices: Sequence[nn.Parameter],
        others: Sequence[nn.Parameter],
        lr: float,
        *,
        momentum: float = 0.95,
        eps: float = 1e-4,
        iterations: int = 5,
    ) -> None:
        groups = [{"params": list(matrices), "adam": False}, {"params": list(others), "adam": True}]
        shared = {"lr": lr, "momentum": momentum, "eps": eps, "betas": (0.9, 0.999), "iterations": iterations}
        super().__init__([group for group in groups if group["params"]], shared)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step; with a closure, call it first."""
        with torch.enable_grad():
            result = None if closure is None else closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            (self._adam if group["adam"] else self._orthogonal)(parameters, group)
        return result

    def _orthogonal(self, parameters: Iterable[nn.Parameter], group: dict[str, Any]) -> None:
        for p in parameters:
            state = self.state[p]
            if not state:
                state["momentum"] = torch.zeros_like(p)
            gradient = cast(Tensor, p.grad)
            moved = state["momentum"].lerp_(gradient, 1 - group["momentum"])
            step = orthogonalised(torch.lerp(gradient, moved, group["momentum"]).flatten(1), group["iterations"])
            size = 0.2 * math.sqrt(max(step.shape))
            p.sub_(step.view_as(p), alpha=group["lr"] * size)

    def _adam(self, parameters: Sequence[nn.Parameter], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p] = {name: torch.zeros_like(p) for name in ("exp_avg", "exp_avg_sq")}
        group["steps"] = steps = group.get("steps", 0) + 1
        beta1, beta2 = group["betas"]
        values: list[Tensor] = list(parameters)
        gradients = [p.grad for p in parameters if p.grad is not None]
        first, second = ([self.state[p][name] for p in parameters] for name in ("exp_avg", "exp_avg_sq"))
        torch._foreach_lerp_(first, gradients, 1 - beta1)
        torch._foreach_mul_(second, beta2)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - beta2)
        root = torch._foreach_sqrt(second)
        torch._foreach_div_(root, math.sqrt(1 - beta2**steps))
        torch._foreach_add_(root, group["eps"])
        torch._foreach_addcdiv_(values, first, root, -group["lr"] / (1 - beta1**steps))


def orthogonalised(matrix: Tensor, iterations: int = 5) -> Tensor:
    """U Vᵀ of a matrix U S Vᵀ, nearly: singular values become 0.7 to 1.2 by the Newton-Schulz iteration.

    It is computed in bfloat16 where the device multiplies that faster than float32, as the paper does.

    Args:
        matrix: (outputs, inputs).
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).to(product_type(matrix.device))  # Gram matrices of the smaller side
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return (x.T if tall else x).to(matrix.dtype)


@lru_cache(maxsize=8)
def product_type(device: torch.device) -> torch.dtype:
    """bfloat16 on GPUs and on processors with matrix units for it (AMX); elsewhere it is the slower one."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # from PyTorch 2.10 on
    return torch.bfloat16 if device.type == "cuda" or capabilities.get("amx_bf16") else torch.float32

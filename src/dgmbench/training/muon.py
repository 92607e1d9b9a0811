"""Muon: momentum steps whose matrices are orthogonalised (Jordan et al. 2024), and Adam for all that is no matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dgmbench.fast.products import multiplies_bfloat16_faster

# Jordan's odd polynomial a·x + b·x³ + c·x⁵, whose repetition takes singular values from (0, 1] to about 1.
A, B, C = 3.4445, -4.7750, 2.0315


class Muon(torch.optim.Optimizer):
    """Muon for matrices, Adam for the other parameters, with one learning rate for both.

    With gradient G and momentum buffer M of a matrix (outputs, inputs), a convolution's filters as rows:

        M ← μ M + (1 − μ) G,   D = orthogonalised(μ M + (1 − μ) G),
        W ← (1 − rate · decay) W − rate · 0.2 √max(outputs, inputs) · D.

    The factor gives D the root mean square that Adam's steps usually have (Liu et al. 2025), so that a rate means the
    same for both.

    Args:
        matrices: parameters of two or more dimensions.
        others: any parameters.
        momentum: μ.
        eps: Adam's.
        iterations: of the polynomial.
        weight_decay: of the matrices.
    """

    def __init__(
        self,
        matrices: Sequence[nn.Parameter],
        others: Sequence[nn.Parameter],
        lr: float,
        *,
        momentum: float = 0.9,
        eps: float = 1e-4,
        iterations: int = 4,
        weight_decay: float = 0.0,
    ) -> None:
        groups = [{"params": list(matrices), "adam": False}, {"params": list(others), "adam": True}]
        shared = {
            "lr": lr,
            "momentum": momentum,
            "eps": eps,
            "betas": (0.9, 0.999),
            "iterations": iterations,
            "weight_decay": weight_decay,
            "capturable": False,
        }
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

    def _orthogonal(self, parameters: Sequence[nn.Parameter], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        gradients = [p.grad for p in parameters if p.grad is not None]
        momenta = [self.state[p]["momentum"] for p in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
        alike: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = {}
        for p, step in zip(parameters, ahead, strict=True):
            pair = _lying(p), _lying(step)
            alike.setdefault(tuple(pair[1].shape), []).append(pair)
        for shape, pairs in alike.items():  # a small product costs half as much among others of its shape
            steps = orthogonalised(torch.stack([step for _, step in pairs]), group["iterations"])
            steps *= group["lr"] * (0.2 * math.sqrt(max(shape)))
            if group["weight_decay"]:
                torch._foreach_mul_([p for p, _ in pairs], 1 - group["lr"] * group["weight_decay"])
            torch._foreach_sub_([p for p, _ in pairs], list(steps))

    def _adam(self, parameters: Sequence[nn.Parameter], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p] = {name: torch.zeros_like(p) for name in ("exp_avg", "exp_avg_sq")}
                self.state[p]["step"] = torch.zeros((), device=p.device)
        values: list[Tensor] = list(parameters)
        gradients = [p.grad for p in parameters if p.grad is not None]
        first, second, steps = ([self.state[p][name] for p in parameters] for name in ("exp_avg", "exp_avg_sq", "step"))
        torch._foreach_add_(steps, 1)
        # as tensors, which a captured step reads anew
        (beta1, beta2), done = group["betas"], steps[0]
        torch._foreach_lerp_(first, gradients, 1 - beta1)
        torch._foreach_mul_(second, beta2)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - beta2)
        root = torch._foreach_sqrt(second)
        torch._foreach_div_(root, torch.sqrt(1 - beta2**done))
        torch._foreach_add_(root, group["eps"])
        moves = torch._foreach_div(first, root)
        torch._foreach_mul_(moves, group["lr"] / (1 - beta1**done))
        torch._foreach_sub_(values, moves)


def _lying(matrix: Tensor) -> Tensor:
    """A view (short side, long side), filters of a convolution as rows: Gram matrices are of the short side."""
    rows = matrix.flatten(1)
    return rows.T if rows.shape[0] > rows.shape[1] else rows


def orthogonalised(matrices: Tensor, iterations: int = 4) -> Tensor:
    """U Vᵀ of each matrix U S Vᵀ, nearly, by the Newton-Schulz iteration.

    After four, singular values above 0.006 of the matrix's norm have become 0.68 to 1.21; smaller ones stay smaller.
    It is computed in bfloat16 where the device multiplies that faster than float32, as the paper does.

    Args:
        matrices: (matrices, short side, long side).
    """
    x = matrices / (torch.linalg.matrix_norm(matrices, keepdim=True) + 1e-7)
    if multiplies_bfloat16_faster(matrices.device):
        x = x.bfloat16()
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.to(matrices.dtype)

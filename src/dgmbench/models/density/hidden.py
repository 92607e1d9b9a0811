"""A hidden layer in training, linear → batch norm → ReLU, as one function with compiled loops."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dgmbench.models.density.dense import product, weight_gradient
from dgmbench.models.density.kernels import normalisation


class HiddenRows(torch.autograd.Function):
    """out = ReLU(scale · unit + shift), unit = (a − mean a) / sqrt(var a + eps), a = x Wᵀ, over the rows of x.

    A bias of the linear layer would cancel against the mean: its gradient is exactly zero. Kept for the backward pass
    are x and a alone. float32 on the CPU only.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        """x (n, inputs), weight (outputs, inputs), bias, scale and shift (outputs,) → (n, outputs)."""
        rows = product(x, weight)
        mean, inverse, out = torch.empty_like(scale), torch.empty_like(scale), torch.empty_like(rows)
        normalisation.moments(rows.numpy(), eps, mean.numpy(), inverse.numpy())
        normalisation.normalise_relu(
            rows.numpy(), mean.numpy(), inverse.numpy(), scale.numpy(), shift.numpy(), out.numpy()
        )
        ctx.save_for_backward(x, weight, rows, mean, inverse, scale, shift)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, rows, mean, inverse, scale, shift = ctx.saved_tensors
        grad = grad.contiguous()
        grad_rows, grad_scale, grad_shift = torch.empty_like(rows), torch.empty_like(scale), torch.empty_like(shift)
        normalisation.normalise_relu_backward(
            *(t.numpy() for t in (grad, rows, mean, inverse, scale, shift, grad_scale, grad_shift, grad_rows))
        )
        grad_x = product(grad_rows, weight.t()) if ctx.needs_input_grad[0] else None
        return grad_x, weight_gradient(grad_rows, x), torch.zeros_like(shift), grad_scale, grad_shift, None

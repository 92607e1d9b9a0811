"""The ladder composition of what a hidden layer computes and what it reads from a memory (Li et al. 2016)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dgmbench.models.density.dense import is_compiled, product, weight_gradient
from dgmbench.models.density.kernels import ladder as kernels
from dgmbench.models.density.kernels.normalisation import moments


class Ladder(torch.autograd.Function):
    """out = ReLU(a1 + a2·h + a3·m + a4·h·m + b1·σ(c1 + c2·h + c3·m + c4·h·m)), rows of h and m.

    Written out because automatic differentiation keeps twice as many intermediate arrays. Float32 on the CPU goes
    through compiled loops that read each array once; anything else through the same formulas in PyTorch.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, m: Tensor, ladder: Tensor) -> Tensor:
        ctx.compiled = is_compiled(h)
        if ctx.compiled:
            h, m, ladder = h.contiguous(), m.contiguous(), ladder.contiguous()
            out = torch.empty_like(h)
            kernels.compose(h.numpy(), m.numpy(), ladder.numpy(), out.numpy())
            ctx.save_for_backward(h, m, out, ladder)
            return out
        a1, a2, a3, a4, b1, c1, c2, c3, c4 = ladder
        hm = h * m
        gate = torch.addcmul(c1, c2, h).addcmul_(c3, m).addcmul_(c4, hm).sigmoid_()
        out = torch.addcmul(a1, a2, h).addcmul_(a3, m).addcmul_(a4, hm).addcmul_(b1, gate).relu_()
        ctx.save_for_backward(h, m, out, ladder, gate)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.compiled:
            h, m, out, ladder = ctx.saved_tensors
            nothing = torch.zeros_like(out[:1])
            return _compiled_backward(grad, nothing[0], nothing, h, m, out, ladder)
        h, m, out, ladder, gate = ctx.saved_tensors
        _, a2, a3, a4, b1, _, c2, c3, c4 = ladder
        grad = torch.ops.aten.threshold_backward(grad, out, 0)
        inner = torch.ops.aten.sigmoid_backward(grad * b1, gate)
        hm = h * m
        columns = [grad, grad * h, grad * m, grad * hm, grad * gate, inner, inner * h, inner * m, inner * hm]
        grad_ladder = torch.stack([column.sum(0) for column in columns])
        grad_hm = (grad * a4).addcmul_(inner, c4)
        grad_h = (grad * a2).addcmul_(inner, c2).addcmul_(grad_hm, m)
        grad_m = (grad * a3).addcmul_(inner, c3).addcmul_(grad_hm, h)
        return grad_h, grad_m, grad_ladder


def _compiled_backward(
    grad: Tensor, slope: Tensor, constant: Tensor, h: Tensor, m: Tensor, out: Tensor, ladder: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    grad_h, grad_m, grad_ladder = torch.empty_like(h), torch.empty_like(m), torch.empty_like(ladder)
    arrays = (grad.contiguous(), slope, constant, h, m, out, ladder, grad_h, grad_m, grad_ladder)
    kernels.compose_backward(*(array.numpy() for array in arrays))
    return grad_h, grad_m, grad_ladder


class Read(torch.autograd.Function):
    """Attention, memory, ladder and the average of the normalised rows, as one function with compiled loops.

    a = σ(h Cᵀ + c), m = a Mᵀ, out = `Ladder` of h and m, and u_b = (mean over samples of out − μ) / s with
    μ, s² = the mean and variance (plus eps) of all rows of out. Since the average is linear in the normalised rows,
    these never are an array. With G = ∂C/∂u and n rows, out's row i of example b gets through u the gradient
    (G_b / k − Σ_b G_b / n − (out_i − μ) / s · Σ_b G_b u_b / n) / s, an affine function of out_i.
    """

    @staticmethod
    def forward(
        ctx: Any, h: Tensor, weight: Tensor, bias: Tensor, memory: Tensor, ladder: Tensor, batch: int, eps: float
    ) -> tuple[Tensor, Tensor]:
        """h (k · batch, width), weight (slots, width), memory (width, slots) → out like h, u (batch, width)."""
        attention = product(h, weight, bias).sigmoid_()
        m, out = product(attention, memory), torch.empty_like(h)
        kernels.compose(h.numpy(), m.numpy(), ladder.numpy(), out.numpy())
        mean, inverse, average = h.new_empty(h.shape[1]), h.new_empty(h.shape[1]), h.new_empty(batch, h.shape[1])
        moments(out.numpy(), eps, mean.numpy(), inverse.numpy())
        kernels.sum_samples(out.numpy(), average.numpy())
        average.mul_(batch / len(h)).sub_(mean).mul_(inverse)
        ctx.save_for_backward(h, weight, memory, ladder, attention, m, out, average, mean, inverse)
        return out, average

    @staticmethod
    def backward(ctx: Any, grad: Tensor, grad_average: Tensor) -> tuple[Tensor | None, ...]:
        h, weight, memory, ladder, attention, m, out, average, mean, inverse = ctx.saved_tensors
        n, batch = len(h), len(average)
        slope = (grad_average * average).sum(0).mul_(inverse).mul_(inverse).div_(-n)
        constant = (grad_average * (batch / n)).sub_(grad_average.sum(0).div_(n)).mul_(inverse).sub_(slope * mean)
        grad_h, grad_m, grad_ladder = _compiled_backward(grad, slope, constant, h, m, out, ladder)
        scores = product(grad_m, memory.t())
        scores = torch.ops.aten.sigmoid_backward(scores, attention)
        grad_h.add_(product(scores, weight.t()))
        grad_memory = weight_gradient(grad_m, attention)
        return grad_h, weight_gradient(scores, h), scores.sum(0), grad_memory, grad_ladder, None, None

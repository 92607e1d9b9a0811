"""The ladder composition of what a hidden layer computes and what it reads from a memory (Li et al. 2016)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Ladder(torch.autograd.Function):
    """out = ReLU(a1 + a2·h + a3·m + a4·h·m + b1·σ(c1 + c2·h + c3·m + c4·h·m)), rows of h and m.

    Written out because automatic differentiation keeps twice as many intermediate arrays.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, m: Tensor, ladder: Tensor) -> Tensor:
        a1, a2, a3, a4, b1, c1, c2, c3, c4 = ladder
        hm = h * m
        gate = torch.addcmul(c1, c2, h).addcmul_(c3, m).addcmul_(c4, hm).sigmoid_()
        out = torch.addcmul(a1, a2, h).addcmul_(a3, m).addcmul_(a4, hm).addcmul_(b1, gate).relu_()
        ctx.save_for_backward(h, m, out, ladder, gate)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
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

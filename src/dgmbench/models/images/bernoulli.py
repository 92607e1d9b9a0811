"""The log-likelihood of binary pixels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

HALF = (torch.bfloat16, torch.float16)


class _PixelRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(logits, x)
        linear = (logits * x).sub_(torch.relu(logits)).sum(-1)
        # Σ log σ(|l|) as the log of products of up to 16 factors, each in [1/2, 1): one logarithm for 16 pixels
        odds = logits.abs().sigmoid_()
        for _ in range(4):
            if odds.shape[-1] % 2:
                break
            half = odds.shape[-1] // 2
            odds = odds[..., :half] * odds[..., half:]
        return linear + odds.log_().sum(-1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        logits, x = ctx.saved_tensors
        return torch.sigmoid(logits).neg_().add_(x).mul_(grad.unsqueeze(-1)), None


def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    """log p(x) of independent Bernoulli pixels, Σ_d x_d l_d − softplus(l_d), in nats.

    Args:
        logits: (k, batch, pixels).
        x: (batch, pixels), binary; no gradient flows to it.

    Returns:
        (k, batch).
    """
    # in 16 bits a sum over pixels would be wrong by tenths of a nat
    logits = logits.float() if logits.dtype in HALF else logits
    return _PixelRows.apply(logits, x)

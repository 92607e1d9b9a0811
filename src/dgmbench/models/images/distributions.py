"""The distributions of the image models: a diagonal Gaussian posterior, Bernoulli pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sample(mean: Tensor, log_variance: Tensor, k: int, path_only: bool = False) -> tuple[Tensor, Tensor]:
    """k samples z ~ q = N(mean, exp(log_variance)), and log p(z) − log q(z) with p = N(0, I).

    Args:
        mean, log_variance: (batch, latent).
        path_only: leave the score out of the gradient: q's density keeps its value, but its parameters are reached
            through z alone (Roeder et al. 2017; Tucker et al. 2019).

    Returns:
        z (k, batch, latent) and the log-ratio (k, batch) in nats; the 2π terms of the densities cancel.
    """
    mean, log_variance = at_least_float32(mean), at_least_float32(log_variance)
    noise = torch.randn(k, *mean.shape, device=mean.device, dtype=mean.dtype)
    z = mean + torch.exp(0.5 * log_variance) * noise
    if path_only:
        mean, log_variance = mean.detach(), log_variance.detach()
        noise = (z - mean) * torch.exp(-0.5 * log_variance)
    return z, 0.5 * (noise.square() - z.square() + log_variance).sum(-1)


def log_bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """log p(x) of independent pixels, in nats: (batch, pixels), (k, batch, pixels) → (k, batch)."""
    logits = at_least_float32(logits)
    return -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)


def at_least_float32(values: Tensor) -> Tensor:
    """In 16 bits a sum over pixels or dimensions would be wrong by tenths of a nat."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values

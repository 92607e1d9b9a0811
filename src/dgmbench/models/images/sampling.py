"""Samples of a diagonal Gaussian posterior, with the densities that weigh them."""

from __future__ import annotations

import torch
from torch import Tensor

from dgmbench.models.images.bernoulli import HALF
from dgmbench.training.distributed import standard_normal


def sample(mean: Tensor, log_variance: Tensor, k: int, path_only: bool = False) -> tuple[Tensor, Tensor]:
    """z ~ N(mean, exp(log_variance)) and log p(z) − log q(z), p = N(0, I).

    Args:
        mean, log_variance: (batch, latent).
        path_only: see `VAE.training_terms`.

    Returns:
        z (k, batch, latent) and the log-ratio (k, batch); their 2π terms cancel.
    """
    if mean.dtype in HALF:
        mean, log_variance = mean.float(), log_variance.float()
    noise = standard_normal(k, len(mean), mean.shape[1], mean.device, mean.dtype)
    z = torch.addcmul(mean, noise, torch.exp(0.5 * log_variance))
    if path_only:
        mean, log_variance = mean.detach(), log_variance.detach()
        noise = (z - mean) * torch.exp(-0.5 * log_variance)
    squares = noise.square() - z.square()
    return z, 0.5 * (squares.sum(-1) + log_variance.sum(-1))

"""Samples of a diagonal Gaussian posterior, with the densities that weigh them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dgmbench.models.density.bernoulli import HALF
from dgmbench.models.density.dense import is_compiled
from dgmbench.models.density.distributed import standard_normal
from dgmbench.models.density.kernels import likelihood


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
    if is_compiled(mean) and not path_only:
        return _Samples.apply(mean, log_variance, noise)
    z = torch.addcmul(mean, noise, torch.exp(0.5 * log_variance))
    if path_only:
        mean, log_variance = mean.detach(), log_variance.detach()
        noise = (z - mean) * torch.exp(-0.5 * log_variance)
    squares = noise.square() - z.square()
    return z, 0.5 * (squares.sum(-1) + log_variance.sum(-1))


class _Samples(torch.autograd.Function):
    """z = μ + ε σ and r = ½ Σ_d (ε² − z² + log σ²).

    With t = ∂C/∂z − z · ∂C/∂r: ∂C/∂μ = Σ_i t_i and ∂C/∂log σ² = ½ Σ_i (t_i ε_i σ + ∂C/∂r_i), over the samples i.
    """

    @staticmethod
    def forward(ctx: Any, mean: Tensor, log_variance: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        deviation = torch.exp(0.5 * log_variance)
        z, log_ratio = torch.empty_like(noise), noise.new_empty(noise.shape[:2])
        arrays = (mean.contiguous(), log_variance.contiguous(), deviation.contiguous(), noise, z, log_ratio)
        likelihood.sample(*(array.numpy() for array in arrays))
        ctx.save_for_backward(deviation, noise, z)
        return z, log_ratio

    @staticmethod
    def backward(ctx: Any, grad: Tensor, grad_ratio: Tensor) -> tuple[Tensor | None, ...]:
        deviation, noise, z = ctx.saved_tensors
        grad_mean, grad_log_variance = torch.zeros_like(deviation), torch.zeros_like(deviation)
        arrays = (grad.contiguous(), grad_ratio.contiguous(), deviation, noise, z, grad_mean, grad_log_variance)
        likelihood.sample_backward(*(array.numpy() for array in arrays))
        return grad_mean, grad_log_variance, None

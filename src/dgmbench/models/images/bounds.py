"""The importance-weighted bound on log p(x), and the estimators of its gradient."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def iwae_bound(log_w: Tensor) -> Tensor:
    """The importance-weighted bound, L_k = log (1/k) Σ_i w_i (Burda, Grosse, Salakhutdinov 2016, eq. 8).

    Args:
        log_w: (k, batch) log p(x, z_i) − log q(z_i | x), in nats.

    Returns:
        (batch,) one bound per datum; k = 1 is the Monte Carlo ELBO.
    """
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])


def normalised_weights(log_w: Tensor) -> Tensor:
    """(k, batch) w_i / Σ_j w_j, normalised over the samples of each datum, without a gradient."""
    return torch.softmax(log_w.detach(), dim=0)


def mean_bound(log_w: Tensor, z: Tensor, estimator: str) -> Tensor:
    """The batch's mean bound, whose gradient is one of three estimators.

    ``iwae`` is plain differentiation; ``stl`` leaves out the score of q (Roeder et al. 2017; unbiased for k = 1 alone);
    ``dreg`` also weighs what passes through the samples by w_i once more (Tucker et al. 2019, eq. 8). For the last two
    the samples come with ``path_only`` (see `sample`). Batch norm couples the samples: ``dreg`` is biased there.

    Args:
        log_w: (k, batch).
        z: (k, batch, latent) the samples.
    """
    bound = iwae_bound(log_w).mean()
    if estimator != "dreg" or not torch.is_grad_enabled():
        return bound
    weights = normalised_weights(log_w)
    weighted = (weights * log_w).sum(0).mean()  # its gradient is that of the bound
    (through_z,) = torch.autograd.grad(weighted, z, retain_graph=True)
    correction = ((weights.unsqueeze(-1) - 1) * through_z * z).sum()
    return bound + (correction - correction.detach())

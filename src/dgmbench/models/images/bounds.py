"""Bounds on log p(x) as pure functions of log-weights."""

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

"""An auto-encoder with one latent dimension: a curve through the data, whose log p(x) is exact by quadrature."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from dgmbench.models.images.distributions import sample
from dgmbench.models.images.layers import linear

RANGE = 10.0
"""Quadrature goes from −RANGE to RANGE: beyond, the prior has 1e-23 of its mass."""
_CELLS = 4_000_000  # points times grid points at once, so that memory does not grow with their number


class VAE1D(nn.Module):
    """z ~ N(0, 1), x | z ~ N(μ(z), diag σ²(z)), q(z | x) = N(m(x), s²(x)) (Kingma, Welling 2014), by tanh networks.

    Example:
        >>> model = VAE1D(n_pixels=2)
        >>> model.log_weights(torch.zeros(7, 2), k=5).shape, model.log_prob(torch.zeros(7, 2)).shape
        (torch.Size([5, 7]), torch.Size([7]))
    """

    data = "points"

    def __init__(self, n_pixels: int, hidden: Sequence[int] = (50, 50), floor: float = 1e-3) -> None:
        """
        Args:
            n_pixels: dimensions of x.
            hidden: widths of the encoder's layers, next to x first; the decoder has the same in reverse.
            floor: variance that σ² never falls below, so that the density cannot grow without limit on a point.
        """
        super().__init__()
        if not floor > 0:
            raise ValueError(f"floor is {floor}; give a number above 0")
        self.floor = floor
        self.encoder = _network([n_pixels, *hidden, 2])
        self.decoder = _network([1, *reversed(hidden), 2 * n_pixels])

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, d) → mean and log-variance of q(z | x), each (batch, 1)."""
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        return mean, log_variance

    def decode(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(..., 1) → mean and variance of x, each (..., d)."""
        mean, log_variance = self.decoder(z).chunk(2, dim=-1)
        return mean, self.floor + log_variance.exp()

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, d) → (k, batch): log p(x, z) − log q(z | x) for k samples z ~ q(z | x), in nats."""
        z, log_ratio = sample(*self.encode(x), k)
        return _log_normal(x, *self.decode(z)) + log_ratio

    @torch.no_grad()
    def log_prob(self, x: Tensor | np.ndarray, grid: int = 10_001) -> Tensor:
        """(n, d) → (n,) float64: log ∫ N(z; 0, 1) p(x | z) dz in nats, by the trapezoidal rule over z in float64.

        Args:
            grid: points from −`RANGE` to `RANGE`. The integrand is smooth and vanishes at both ends, where the rule is
                exact up to terms that fall exponentially with the number of points.
        """
        network = _in_float64(self.decoder)
        z = torch.linspace(-RANGE, RANGE, grid, dtype=torch.float64, device=next(network.parameters()).device)
        mean, log_variance = network(z[:, None]).chunk(2, dim=-1)
        variance = self.floor + log_variance.exp()  # (grid, d)
        log_mass = -0.5 * z.square() - 0.5 * math.log(2 * math.pi) + math.log(2 * RANGE / (grid - 1))
        points = torch.as_tensor(x).to(z)
        blocks = points.split(max(1, _CELLS // (grid * points.shape[1])))
        # the two ends, whose weight is one half, have no mass
        return torch.cat(
            [torch.logsumexp(log_mass + _log_normal(block[:, None], mean, variance), dim=1) for block in blocks]
        )

    def sample(self, n: int, seed: int) -> Tensor:
        """(n, d)."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            mean, variance = self.decode(torch.randn(n, 1, generator=generator))
            return mean + variance.sqrt() * torch.randn(mean.shape, generator=generator)


def _network(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with tanh between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [linear(inputs, outputs), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def _in_float64(network: nn.Sequential) -> nn.Sequential:
    """A copy, so that the network itself keeps its precision."""
    return copy.deepcopy(network).double()


def _log_normal(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """log N(x; mean, diag variance), summed over the last axis."""
    return -0.5 * ((x - mean).square() / variance + variance.log() + math.log(2 * math.pi)).sum(-1)

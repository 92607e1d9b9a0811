"""The networks from a latent variable to an image that generators without a likelihood share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from dgmbench.models.images.layers import linear


class UniformGenerator(nn.Module):
    """z uniform on [low, high], ReLU layers, pixels by a sigmoid.

    Args:
        n_pixels: of an image.
        hidden: widths of the layers, next to z first.
        latent: dimensions of z.
        low, high: what z lies between.
        batch_norm: after each hidden layer's linear map.
    """

    def __init__(
        self,
        n_pixels: int,
        hidden: Sequence[int],
        latent: int,
        low: float = -1.0,
        high: float = 1.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if not hidden or latent < 1:
            raise ValueError("give at least one hidden layer and one latent dimension")
        self.latent, self.low, self.high = latent, low, high
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((latent, *hidden)):
            layers += [linear(inputs, outputs), *([nn.BatchNorm1d(outputs)] if batch_norm else []), nn.ReLU()]
        self.layers = nn.Sequential(*layers, linear(hidden[-1], n_pixels))

    def prior(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, latent), on the device of the weights."""
        device = next(self.parameters()).device
        z = torch.rand(n, self.latent, generator=generator, device=generator.device if generator else device)
        return (self.low + (self.high - self.low) * z).to(device)

    def generate(self, z: Tensor) -> Tensor:
        """(n, latent) → (n, pixels) from 0 to 1."""
        return torch.sigmoid(self.layers(z))

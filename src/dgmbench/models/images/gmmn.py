"""Generative moment matching networks: a generator that minimises the maximum mean discrepancy to the data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dgmbench.models.images.generator import UniformGenerator

WIDTHS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)


class GMMN(UniformGenerator):
    """Minimises (MMD²)^½ between a batch of images and as many generated ones (Li, Swersky, Zemel, ICML 2015).

    Example:
        >>> model = GMMN(n_pixels=128, hidden=(32, 64))
        >>> model.loss(torch.rand(50, 128))["loss"].shape
        torch.Size([])
    """

    def __init__(
        self,
        n_pixels: int,
        hidden: Sequence[int] = (64, 256, 256, 1024),
        latent: int = 10,
        widths: Sequence[float] = WIDTHS,
    ) -> None:
        """
        Args:
            n_pixels: of an image.
            hidden: widths of the layers, next to z first.
            latent: dimensions of z.
            widths: of the kernels, whose sum is taken.
        """
        super().__init__(n_pixels, hidden, latent)
        self.widths = tuple(widths)

    def loss(self, x: Tensor) -> dict[str, Tensor]:
        """(batch, pixels) from 0 to 1 → ``loss``, which is minimised."""
        squared = squared_mmd(self.generate(self.prior(len(x))), x, self.widths)
        return {"loss": torch.sqrt(squared.clamp(min=1e-12)), "mmd": squared.detach()}


def squared_mmd(x: Tensor, y: Tensor, widths: Sequence[float] = WIDTHS) -> Tensor:
    """MMD² of (n, width) and (m, width), with the pairs of an example and itself: biased, and never below 0."""
    return kernel(x, x, widths).mean() + kernel(y, y, widths).mean() - 2 * kernel(x, y, widths).mean()


def kernel(x: Tensor, y: Tensor, widths: Sequence[float]) -> Tensor:
    """(n, width), (m, width) → (n, m) Σ_σ exp(−‖x − y‖² / 2σ²)."""
    squared = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
    return sum((torch.exp(squared / (-2 * width**2)) for width in widths), torch.zeros_like(squared))

"""Features of images from a trained auto-encoder: the mean of its latent variables."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class PosteriorMean(nn.Module):
    """The mean of q(z | x), as in model M1 of Kingma, Rezende, Mohamed, Welling (NIPS 2014).

    Args:
        trained: has ``encode(x)`` → mean and log-variance, of binary pixels.
    """

    reads_binary = True

    def __init__(self, trained: Any) -> None:
        super().__init__()
        self.trained = trained.eval()

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """(n, pixels) of 0 and 1 → (n, latent)."""
        return self.trained.encode(x)[0]

"""What samples are measured beside: real images, and pixels that are independent of each other."""

from __future__ import annotations

import torch
from torch import Tensor


class TrainingImages:
    """Training images themselves: no model can be asked for more than another sample of the same images."""

    def fit(self, images: Tensor) -> TrainingImages:
        """(n, pixels) from 0 to 1."""
        self.images = images
        return self

    def sample(self, n: int, seed: int) -> Tensor:
        """(n, pixels), each image once before one comes again."""
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self.images), generator=generator)
        return self.images[order[torch.arange(n) % len(order)]]


class Noise:
    """Independent pixels, each 1 as often as its mean over the training images says."""

    def fit(self, images: Tensor) -> Noise:
        """(n, pixels) from 0 to 1."""
        self.means = images.double().mean(dim=0)
        return self

    def sample(self, n: int, seed: int) -> Tensor:
        """(n, pixels) of 0 and 1."""
        generator = torch.Generator().manual_seed(seed)
        return torch.bernoulli(self.means.expand(n, -1), generator=generator).float()

"""Images from density models that are trained: a latent variable from its prior, and the pixels' probabilities."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class DecodedPrior(nn.Module):
    """z ~ N(0, I) through the decoder of an auto-encoder.

    Args:
        trained: has ``encode(x)`` → mean and log-variance, and ``decode(z)`` → logits.
        n_pixels: of an image.
    """

    gives_probabilities = True

    def __init__(self, trained: Any, n_pixels: int) -> None:
        super().__init__()
        self.trained = trained.eval()
        with torch.no_grad():
            self.latent = trained.encode(torch.zeros(1, n_pixels))[0].shape[1]

    def prior(self, n: int, generator: torch.Generator) -> Tensor:
        """(n, latent)."""
        return torch.randn(n, self.latent, generator=generator)

    def generate(self, z: Tensor) -> Tensor:
        """(n, latent) → (n, pixels) probabilities."""
        return torch.sigmoid(self.trained.decode(z))


class ComponentMeans(nn.Module):
    """A component of a mixture, as often as its weight says, and the probabilities of its pixels.

    Args:
        trained: has ``weights`` (K,) and ``probabilities`` (K, pixels).
    """

    gives_probabilities = True

    def __init__(self, trained: Any) -> None:
        super().__init__()
        self.trained = trained

    def prior(self, n: int, generator: torch.Generator) -> Tensor:
        """(n, K), each row 1 at its component and 0 elsewhere."""
        component = torch.multinomial(self.trained.weights, n, replacement=True, generator=generator)
        return nn.functional.one_hot(component, len(self.trained.weights)).double()

    def generate(self, z: Tensor) -> Tensor:
        """(n, K) → (n, pixels) probabilities."""
        return (z @ self.trained.probabilities).float()

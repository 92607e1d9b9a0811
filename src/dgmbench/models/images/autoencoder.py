"""The auto-encoder with one hidden layer, and the denoising one, which sees its input through noise."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.images.corruption import KINDS, corrupt
from dgmbench.models.images.distributions import log_bernoulli
from dgmbench.models.images.layers import linear


class AutoEncoder(nn.Module):
    """h = s(W x + b), x' = s(W' h + b') with the logistic s; minimises the cross-entropy of x' and x.

    With ``noise`` the encoder sees a corrupted x, another one in every step, and x' is still compared with the clean x:
    the denoising auto-encoder (Vincent, Larochelle, Lajoie, Bengio, Manzagol, JMLR 2010).

    Example:
        >>> model = AutoEncoder(n_pixels=128, hidden=200, noise="masking")
        >>> model.decode(model.encode(torch.zeros(7, 128))).shape
        torch.Size([7, 128])
    """

    def __init__(
        self, n_pixels: int, hidden: int = 500, tied: bool = True, noise: str = "none", level: float = 0.25
    ) -> None:
        """
        Args:
            n_pixels: number of pixels, each from 0 to 1.
            hidden: width of h.
            tied: whether W' is W transposed.
            noise: ``none``, ``masking`` or ``salt-and-pepper``, see `corrupt`.
            level: the probability that a pixel is destroyed.
        """
        super().__init__()
        if noise not in KINDS:
            raise ValueError(f"unknown noise {noise!r}; choose one of {', '.join(KINDS)}")
        if not 0 <= level <= 1:
            raise ValueError(f"a level of {level}; give a probability from 0 to 1")
        self.noise, self.level = noise, level
        self.encoder = linear(n_pixels, hidden)
        self.decoder = None if tied else linear(hidden, n_pixels)
        self.bias = nn.Parameter(torch.zeros(n_pixels)) if tied else None  # b' where W' is W transposed

    def encode(self, x: Tensor) -> Tensor:
        """(batch, pixels) → (batch, hidden) h."""
        return torch.sigmoid(self.encoder(x))

    def decode(self, h: Tensor) -> Tensor:
        """(batch, hidden) → (batch, pixels) logits of x'."""
        return F.linear(h, self.encoder.weight.t(), self.bias) if self.decoder is None else self.decoder(h)

    def loss(self, x: Tensor) -> dict[str, Tensor]:
        """(batch, pixels) → ``loss``: the cross-entropy in nats per image, mean over the batch."""
        logits = self.decode(self.encode(corrupt(x, self.noise, self.level)))
        return {"loss": -log_bernoulli(x, logits).mean()}

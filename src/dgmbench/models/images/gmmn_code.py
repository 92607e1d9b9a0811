"""Moment matching in the code space of an auto-encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.images.generator import UniformGenerator
from dgmbench.models.images.gmmn import squared_mmd
from dgmbench.models.images.layers import linear


class CodeGMMN(UniformGenerator):
    """An auto-encoder, and a generator of its codes by moment matching (Li, Swersky, Zemel, ICML 2015, section 4).

    Of the epochs the first ones train the auto-encoder by cross-entropy, the others the generator in code space, whose
    codes the decoder makes into images. All layers of the auto-encoder are trained together, and not one by one first.

    Example:
        >>> model = CodeGMMN(n_pixels=128, widths_of_code=(32, 8), hidden=(16,))
        >>> model.generate(model.prior(7)).shape
        torch.Size([7, 128])
    """

    def __init__(
        self,
        n_pixels: int,
        widths_of_code: Sequence[int] = (1024, 32),
        hidden: Sequence[int] = (64, 256, 256, 1024),
        latent: int = 10,
        autoencoder_epochs: int = 10,
        widths: Sequence[float] = (1.0,),
    ) -> None:
        """
        Args:
            n_pixels: of an image.
            widths_of_code: of the encoder's sigmoid layers, next to x first; the last one is the code.
            hidden: widths of the generator's layers, next to z first.
            latent: dimensions of z.
            autoencoder_epochs: epochs before those of the generator.
            widths: of the kernels, whose sum is taken; codes are from 0 to 1.
        """
        between, code = widths_of_code
        super().__init__(code, hidden, latent)
        self.encoder = nn.Sequential(linear(n_pixels, between), nn.Sigmoid(), linear(between, code), nn.Sigmoid())
        self.decoder = nn.Sequential(linear(code, between), nn.Sigmoid(), linear(between, n_pixels))
        self.autoencoder_epochs, self.widths, self.of_codes = autoencoder_epochs, tuple(widths), False

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """Adam for each part."""
        parts = {"autoencoder": [*self.encoder.parameters(), *self.decoder.parameters()]}
        parts["generator"] = [*self.layers.parameters()]
        return {name: torch.optim.Adam(part, rate) for name, part in parts.items()}

    def begin(self, epoch: int, optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Which part learns in this epoch."""
        self.of_codes = epoch >= self.autoencoder_epochs

    def step(self, x: Tensor, optimisers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        """(batch, pixels): a step of the part that learns; cross-entropy in nats per image, and MMD of the codes."""
        none = torch.zeros((), device=x.device)
        if self.of_codes:
            with torch.no_grad():
                codes = self.encoder(x)
            squared = squared_mmd(super().generate(self.prior(len(x))), codes, self.widths)
            loss, noted = torch.sqrt(squared.clamp(min=1e-12)), {"cross_entropy": none, "mmd": squared.detach()}
        else:
            logits = self.decoder(self.encoder(x))
            loss = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
            noted = {"cross_entropy": loss.detach(), "mmd": none}
        optimiser = optimisers["generator" if self.of_codes else "autoencoder"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return noted

    def generate(self, z: Tensor) -> Tensor:
        """(n, latent) → (n, pixels) from 0 to 1, through a code."""
        return torch.sigmoid(self.decoder(super().generate(z)))

"""Generative adversarial networks: a generator and a discriminator that learn from each other in turns."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.images.generator import UniformGenerator
from dgmbench.models.images.layers import linear

PIECES = 5
OF_GENERATOR, OF_DISCRIMINATOR = 0.05, 0.005
"""First weights of the published game are uniform on [−a, a] with these a."""
DECAY = 1.000004
"""The published game divides its learning rate by this after every step."""
OF_CROSS_ENTROPIES = 0.5
"""Weight of both terms of the published game's discriminator."""
SPREAD = 3**0.5
"""The published game's z lies between ± this, and so has mean 0 and variance 1."""


class Maxout(nn.Module):
    """The largest of `PIECES` linear maps, unit by unit (Goodfellow et al., ICML 2013)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = linear(inputs, outputs * PIECES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs) → (n, outputs)."""
        return self.linear(x).view(len(x), -1, PIECES).amax(dim=2)


class GAN(UniformGenerator):
    """Goodfellow et al. (NIPS 2014): z uniform, the generator fools the discriminator (non-saturating loss).

    With ``penalty`` γ the discriminator also pays γ/2 E ‖∇_x D(x)‖² on images (R1; Mescheder, Geiger, Nowozin, ICML
    2018), and both learn by Adam. Without, it goes as in the authors' MNIST configuration: gradient steps with
    momentum and a rate that falls slowly, half of the discriminator's cross-entropies, dropout in it, small first
    weights, z with mean 0 and variance 1, and the generator's last biases from the mean image. Their code moves both
    networks at once; here the generator answers, by the same images, the discriminator that has just learned.

    Attributes:
        steps: that the average has followed.

    Example:
        >>> model = GAN(n_pixels=128, hidden=(64,), units=(16, 16))
        >>> model.generate(model.prior(7)).shape
        torch.Size([7, 128])
    """

    steps: Tensor

    def __init__(
        self,
        n_pixels: int,
        hidden: Sequence[int] = (1200, 1200),
        latent: int = 100,
        units: Sequence[int] = (240, 240),
        penalty: float = 0.0,
        decay: float = DECAY,
        averaging: float = 0.0,
        mean_image: np.ndarray | None = None,
    ) -> None:
        """
        Args:
            n_pixels: of an image.
            hidden: widths of the generator's layers, next to z first.
            latent: dimensions of z.
            units: maxout units of the discriminator's layers, next to x first.
            penalty: γ.
            decay: the learning rate is divided by this after every step, where there is no penalty.
            averaging: c of the polynomial-decay average of the generator's weights (Shamir, Zhang, ICML 2013), which
                moves by c/t towards them in step t: those of step t count about as t^(c − 1), and all are over about
                the last 1/c of the steps. The average is the generator then; where this is 0, the weights are.
            mean_image: (pixels,) from 0 to 1, what the generator gives at first, where there is no penalty.
        """
        low, high = (0.0, 1.0) if penalty else (-SPREAD, SPREAD)
        super().__init__(n_pixels, hidden, latent, low, high)
        if penalty < 0:
            raise ValueError(f"penalty is {penalty}; give 0 or more")
        if decay < 1:
            raise ValueError(f"decay is {decay}; the learning rate is divided by it: give 1 or more")
        if averaging and averaging < 1:
            raise ValueError(f"averaging is {averaging}; give 0, or 1 or more")
        self.penalty, self.decay, self.averaging = penalty, decay, averaging
        dropped = penalty == 0
        parts: list[nn.Module] = [nn.Dropout(0.2)] if dropped else []
        for inputs, outputs in zip((n_pixels, *units[:-1]), units, strict=True):
            parts += [Maxout(inputs, outputs), *([nn.Dropout(0.5)] if dropped else [])]
        self.discriminator = nn.Sequential(*parts, linear(units[-1], 1))
        if penalty == 0:
            self._begin_as_published(mean_image)
        self.average = copy.deepcopy(self.layers).requires_grad_(False) if averaging else None
        if averaging:
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def _begin_as_published(self, mean_image: np.ndarray | None) -> None:
        for network, largest in ((self.layers, OF_GENERATOR), (self.discriminator, OF_DISCRIMINATOR)):
            for name, weights in network.named_parameters():
                if name.endswith("weight"):
                    nn.init.uniform_(weights, -largest, largest)
        if mean_image is not None:
            last = self.layers[-1]
            assert isinstance(last, nn.Linear)
            with torch.no_grad():
                last.bias.copy_(torch.logit(torch.from_numpy(mean_image).float(), eps=1e-3))

    def generate(self, z: Tensor) -> Tensor:
        """(n, latent) → (n, pixels) from 0 to 1; by the average, where there is one and training is over."""
        return torch.sigmoid((self.layers if self.average is None or self.training else self.average)(z))

    @torch.no_grad()
    def _follow(self, average: nn.Module) -> None:
        self.steps += 1
        share = torch.clamp(self.averaging / self.steps, max=1.0)
        for mean, value in zip(average.parameters(), self.layers.parameters(), strict=True):
            mean.lerp_(value, share)

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """One for each of both networks, of this learning rate."""
        parts = {"generator": self.layers.parameters(), "discriminator": self.discriminator.parameters()}
        if self.penalty:
            return {name: torch.optim.Adam(part, rate, betas=(0.5, 0.99), fused=True) for name, part in parts.items()}
        return {name: torch.optim.SGD(part, rate, momentum=0.5, fused=True) for name, part in parts.items()}

    def begin(self, epoch: int, optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
        """The published momentum, from 0.5 to 0.7 over 250 epochs."""
        for optimiser in optimisers.values():
            for group in optimiser.param_groups:
                if "momentum" in group:
                    group["momentum"] = 0.5 + 0.2 * min(1.0, epoch / 250)

    def step(self, x: Tensor, optimisers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        """(batch, pixels): one step of the discriminator, then one of the generator; their losses before each."""
        images = self.generate(self.prior(len(x)))
        slope = torch.zeros(())
        if not self.penalty:
            of_real, of_generated = self.discriminator(torch.cat([x, images.detach()])).split(len(x))
        else:  # apart, or the penalty's gradient would run through the generated images, too
            of_real, of_generated = self.discriminator(x.requires_grad_()), self.discriminator(images.detach())
        told_apart = F.softplus(-of_real).mean() + F.softplus(of_generated).mean()
        if self.penalty:
            (gradient,) = torch.autograd.grad(of_real.sum(), x, create_graph=True)
            slope = gradient.square().sum(dim=1).mean()
        weight = 1.0 if self.penalty else OF_CROSS_ENTROPIES
        _descend(optimisers["discriminator"], weight * told_apart + self.penalty / 2 * slope)
        self.discriminator.requires_grad_(False)  # its gradients, which nothing here needs, take time
        fooled = F.softplus(-self.discriminator(images)).mean()
        _descend(optimisers["generator"], fooled)
        self.discriminator.requires_grad_(True)
        if self.average is not None:
            self._follow(self.average)
        if not self.penalty:
            for optimiser in optimisers.values():
                for group in optimiser.param_groups:
                    group["lr"] /= self.decay
        return {"discriminator": told_apart.detach(), "generator": fooled.detach(), "slope": slope.detach()}


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()

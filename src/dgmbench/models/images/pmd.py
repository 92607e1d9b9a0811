"""Population matching discrepancy: a generator learns from a matching of its images with real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from dgmbench.fast.images.matching import l1_distances
from dgmbench.models.images.generator import UniformGenerator
from dgmbench.models.images.matching import exact_matching, fast_matching

MATCHINGS = ("fast", "exact")


class PMD(UniformGenerator):
    """Minimises the mean L1 distance between matched images of two populations (Chen, Li, Ru, Zhu, NIPS 2017).

    A population of generated images is matched with as many real ones so that the sum of distances is small; the
    matching is kept for ``steps`` steps on these, and then both populations are drawn anew. With few images the
    distance of the populations is a biased estimate of that of the distributions.

    Example:
        >>> model = PMD(n_pixels=128, hidden=(32, 64))
        >>> model.generate(model.prior(7)).shape
        torch.Size([7, 128])
    """

    def __init__(
        self,
        n_pixels: int,
        hidden: Sequence[int] = (64, 256, 256, 1024),
        latent: int = 40,
        matching: str = "fast",
        steps: int = 5,
    ) -> None:
        """
        Args:
            n_pixels: of an image.
            hidden: widths of the layers, next to z first; batch norm after each.
            latent: dimensions of z.
            matching: one of `MATCHINGS`.
            steps: on each matching.
        """
        super().__init__(n_pixels, hidden, latent, batch_norm=True)
        if matching not in MATCHINGS:
            raise ValueError(f"matching is {matching!r}; choose {' or '.join(MATCHINGS)}")
        if steps < 1:
            raise ValueError(f"steps is {steps}; give at least 1")
        self.matching, self.steps = matching, steps

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """Adam."""
        return {"generator": torch.optim.Adam(self.parameters(), rate, fused=True)}

    def begin(self, epoch: int, optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
        """The published learning rate, rate · 10 / (10 + epoch); ``rate`` is kept beside it."""
        for group in optimisers["generator"].param_groups:
            group.setdefault("first_rate", group["lr"])
            group["lr"] = group["first_rate"] * 10 / (10 + epoch)

    def step(self, x: Tensor, optimisers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        """(batch, pixels), a population: match, and take the steps; the mean distance before the first one."""
        z = self.prior(len(x))
        with torch.no_grad():
            cost = _distances(self.generate(z), x)
        seed = int(torch.randint(2**31, ()))
        matched = exact_matching(cost) if self.matching == "exact" else fast_matching(cost, np.random.default_rng(seed))
        target, first = x[torch.from_numpy(matched).to(x.device)], None
        for _ in range(self.steps):
            distance = (self.generate(z) - target).abs().sum(dim=1).mean()
            first = distance.detach() if first is None else first
            optimisers["generator"].zero_grad(set_to_none=True)
            distance.backward()
            optimisers["generator"].step()
        assert first is not None
        return {"distance": first}


def _distances(x: Tensor, y: Tensor) -> np.ndarray:
    """(n, pixels), (m, pixels) → (n, m) Σ |x_i − y_j|, where they are."""
    if x.device.type != "cpu":
        return torch.cdist(x, y, p=1).cpu().numpy()
    return l1_distances(x.float().numpy(), y.float().numpy())

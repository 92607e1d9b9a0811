"""Reconstructions of test images, and samples from the prior."""

from __future__ import annotations

from typing import Any

import torch

from dgmbench.report.image_strips import Strips
from dgmbench.tasks.density.analysis.trained import Trained, binary_images, grey_images, shown_images

# The same latent samples for every model.
SEED = 0


@torch.no_grad()
def sample_blocks(models: list[Trained]) -> dict[str, Strips]:
    """An image of each class beside its reconstructions, and samples from the prior: decoder means."""
    spec = models[0].spec
    images = binary_images(spec)[shown_images(*grey_images(spec))]
    blocks: dict[str, Strips] = {"reconstructions": {"data": images}, "samples": {}}
    for each in models:
        model: Any = each.model
        device = next(model.parameters()).device
        mean, _ = model.encode(torch.as_tensor(images, device=device))
        z = torch.randn(mean.shape, generator=torch.Generator().manual_seed(SEED)).to(device)
        for title, latent in (("reconstructions", mean), ("samples", z)):
            blocks[title][each.spec.model] = torch.sigmoid(model.decode(latent)).cpu().numpy()
    return blocks

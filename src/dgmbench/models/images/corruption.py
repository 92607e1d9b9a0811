"""Noise that destroys pixels: what a denoising auto-encoder learns to undo (Vincent et al. 2010)."""

from __future__ import annotations

import torch
from torch import Tensor

KINDS = ("none", "masking", "salt-and-pepper")


def corrupt(x: Tensor, noise: str, level: float, generator: torch.Generator | None = None) -> Tensor:
    """Images with some pixels destroyed, each with probability ``level``, independently.

    ``masking`` sets them to 0, ``salt-and-pepper`` to 0 or 1 with equal chance, ``none`` leaves all as they are.

    Args:
        x: (..., pixels) from 0 to 1.
        noise: one of `KINDS`.
        generator: PyTorch's own where there is none.
    """
    if noise == "none":
        return x
    drawn = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    put = (drawn < level / 2).to(x.dtype) if noise == "salt-and-pepper" else torch.zeros_like(x)
    return torch.where(drawn < level, put, x)

"""Where the compiled passes apply."""

from __future__ import annotations

import torch
from torch import nn

# The compiled loops run on one thread; with more threads PyTorch's own, which use them, are the faster ones.
MOST_THREADS = 2


def is_float32_on_cpu(model: nn.Module) -> bool:
    """Whether a model computes in float32 on the CPU, without autocast."""
    plain = all(p.device.type == "cpu" and p.dtype == torch.float32 for p in model.parameters())
    return plain and not torch.is_autocast_enabled("cpu")

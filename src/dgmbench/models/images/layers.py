"""Layers that the image models share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from dgmbench.models.images.some_samples import Alike


def linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with Glorot-uniform weights and zero biases."""
    if min(inputs, outputs) < 1:
        raise ValueError(f"a layer from {inputs} to {outputs} units; give at least 1 of each")
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class HiddenLayer(nn.Module):
    """Linear → batch norm → ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs)  # what an evaluation normalises by is measured when the training is done

    def forward(self, x: Tensor, alike: Alike | None = None) -> Tensor:
        """(rows, inputs) → (rows, outputs).

        Args:
            alike: what all rows have in common, where these are some of them.
        """
        if alike is None:
            return torch.relu(self.norm(self.linear(x)))
        # the bias cancels against the mean: its gradient is zero, and not only on average
        rows = F.linear(x, self.linear.weight, self.linear.bias.detach())
        return torch.relu(alike.normalise(self.norm, rows))

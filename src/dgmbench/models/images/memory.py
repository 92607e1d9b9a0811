"""The decoder's external memory: attention over slots, and the ladder that merges what they hold (Li et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.images.layers import HiddenLayer, linear

if TYPE_CHECKING:
    from dgmbench.models.images.some_samples import Alike


class MemoryLayer(nn.Module):
    """A hidden decoder layer that reads from a memory.

    h = ReLU(BN(W z + b)); a = σ(h C + c); m = a M; the result is the ladder composition of h and m
    (``attention="sigmoid"``), or ReLU(h + m) with a = softmax(h C + c), the simpler variant for looking at slots.
    At initialisation the ladder passes h through unchanged, so M, C and c have no gradient in the first step.
    """

    elementwise = ("ladder",)  # nine vectors, for an optimiser that treats matrices apart

    def __init__(self, inputs: int, outputs: int, slots: int, attention: str = "sigmoid") -> None:
        super().__init__()
        if attention not in ("sigmoid", "softmax"):
            raise ValueError(f"attention is sigmoid or softmax, not {attention!r}")
        self.hidden = HiddenLayer(inputs, outputs)
        self.attention = linear(outputs, slots)
        self.memory = nn.Parameter(torch.randn(outputs, slots) * 0.01)  # Mᵀ, as nn.Linear keeps a weight
        self.soft = attention == "softmax"
        if not self.soft:
            coefficients = torch.zeros(9, outputs)
            coefficients[1] = coefficients[6] = 1.0  # a2 and c2
            self.ladder = nn.Parameter(coefficients)

    def weights(self, h: Tensor) -> Tensor:
        """(..., width) → (..., slots) attention."""
        scores = self.attention(h)
        return torch.softmax(scores, -1) if self.soft else torch.sigmoid(scores)

    def compose(self, h: Tensor, attention: Tensor) -> Tensor:
        """(..., width), (..., slots) → (..., width)."""
        m = F.linear(attention, self.memory)
        return torch.relu(h + m) if self.soft else ladder(h, m, self.ladder)

    def forward(self, x: Tensor, alike: Alike | None = None) -> Tensor:
        """(rows, inputs) → (rows, outputs); ``alike`` as for `HiddenLayer`."""
        h = self.hidden(x) if alike is None else self.hidden(x, alike)
        return self.compose(h, self.weights(h))


def ladder(h: Tensor, m: Tensor, coefficients: Tensor) -> Tensor:
    """ReLU(a1 + a2·h + a3·m + a4·h·m + b1·σ(c1 + c2·h + c3·m + c4·h·m)) for h and m (..., width).

    Args:
        coefficients: (9, width), from a1 to c4.
    """
    a1, a2, a3, a4, b1, c1, c2, c3, c4 = coefficients
    gate = torch.sigmoid(c1 + c2 * h + c3 * m + c4 * h * m)
    return torch.relu(a1 + a2 * h + a3 * m + a4 * h * m + b1 * gate)


class LocalError(nn.Module):
    """The local reconstruction error of one layer: mean over batch and units of (e − d)².

    e is the encoder's pre-activation and d the output of the decoder's layer, each normalised over all its rows, d then
    averaged over the samples of an image.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width, affine=False, track_running_stats=False)

    def forward(self, encoded: Tensor, decoded: Tensor, alike: Alike | None = None) -> Tensor:
        """(batch, width), (k · batch, width), the samples slowest → scalar; ``alike`` as for `HiddenLayer`."""
        if alike is None:
            average = self.norm(decoded).view(-1, *encoded.shape).mean(0)
        else:
            average = alike.average(self.norm, decoded, len(encoded))
        return F.mse_loss(average, self.norm(encoded))

"""The decoder's external memory: attention over slots, and the ladder that merges what they hold (Li et al. 2016)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.fast.images.dense import dense
from dgmbench.models.images.ladder import Ladder
from dgmbench.models.images.layers import HiddenLayer, Linear, normalise


class MemoryLayer(nn.Module):
    """A hidden decoder layer that reads from a memory.

    h = ReLU(BN(W z + b)); a = σ(h C + c); m = a M; the result is the ladder composition of h and m
    (``attention="sigmoid"``), or ReLU(h + m) with a = softmax(h C + c), the simpler variant for looking at slots.
    At initialisation the ladder passes h through unchanged, so M, C and c have no gradient in the first step.
    """

    def __init__(self, inputs: int, outputs: int, slots: int, attention: str = "sigmoid") -> None:
        super().__init__()
        if attention not in ("sigmoid", "softmax"):
            raise ValueError(f"attention is sigmoid or softmax, not {attention!r}")
        self.hidden = HiddenLayer(inputs, outputs)
        self.attention = Linear(outputs, slots)
        # stored as (width, slots): the rows of the product then are the slots, as in `Linear`
        self.memory = nn.Parameter(torch.randn(outputs, slots) * 0.01)
        self.soft = attention == "softmax"
        if not self.soft:
            ladder = torch.zeros(9, outputs)
            ladder[1] = ladder[6] = 1.0  # a2 and c2
            self.ladder = nn.Parameter(ladder)

    def weights(self, h: Tensor) -> Tensor:
        """(..., width) → (..., slots) attention."""
        scores = self.attention(h)
        return torch.softmax(scores, -1) if self.soft else torch.sigmoid(scores)

    def compose(self, h: Tensor, attention: Tensor) -> Tensor:
        """(..., width), (..., slots) → (..., width)."""
        read = read_memory(attention, self.memory)
        if self.soft:
            return torch.relu(h + read)
        width = h.shape[-1]
        return Ladder.apply(h.reshape(-1, width), read.reshape(-1, width), self.ladder).view_as(h)

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) → (..., outputs)."""
        h = self.hidden(x)
        return self.compose(h, self.weights(h))


def read_memory(attention: Tensor, memory: Tensor) -> Tensor:
    """a M, with M given as (width, slots)."""
    return dense(attention, memory, memory.new_zeros(memory.shape[0]))


def average_unit(decoded: Tensor) -> Tensor:
    """(k, batch, width) → (batch, width): all rows through a batch norm without parameters, then the mean over k."""
    rows = decoded.reshape(-1, decoded.shape[-1])
    return normalise(rows).view_as(decoded).mean(0)


def local_error(encoded: Tensor, average: Tensor) -> Tensor:
    """Local reconstruction error of one layer: mean over batch and units of (e − d)².

    Args:
        encoded: (batch, width) the encoder's normalised pre-activation.
        average: (batch, width) `average_unit` of the decoder layer's output.
    """
    return F.mse_loss(average, encoded)

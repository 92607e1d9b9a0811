"""The gradient of an importance-weighted bound through some of its samples.

The gradient of L_k = log (1/k) Σ_i w_i is Σ_i w̃_i ∇ log w_i, w̃ the normalised weights: the mean of ∇ log w_i over
draws i ~ w̃. So all k samples go through the network forward alone, for their weights, and some go forward and back.
Burda, Grosse, Salakhutdinov 2016 (section 3) take one draw; several, drawn systematically, come near the whole sum.

Batch norm makes it a little longer: its statistics are those of all samples, and through them every sample has a part
in the gradient. Before the weights are known the samples of an image are alike, so its first `CARRIERS` stand for all.
Where two batch norms follow each other the same samples stand for all in both, which leaves a small bias.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgmbench.fast.images.fused_layers import CARRIERS
from dgmbench.models.images.distributions import at_least_float32


class Alike:
    """What all samples have in common, from a pass of all without a gradient, for a pass of some with one.

    The first pass notes the values. In the second they are as they were, and their gradient goes through the last
    rows, `CARRIERS` of each image.
    """

    def __init__(self, batch: int) -> None:
        self._carried = CARRIERS * batch
        self._noted: dict[nn.Module, tuple[Tensor, ...]] = {}
        self.first = True

    def normalise(self, norm: nn.BatchNorm1d, rows: Tensor) -> Tensor:
        """Batch norm, of rows (n, width), by the statistics of all samples' rows."""
        if self.first:
            self._noted[norm] = moments(rows)
            return norm(rows)
        rows = at_least_float32(rows)
        mean, variance = self._statistics(norm, rows)
        unit = (rows - mean) / torch.sqrt(variance + norm.eps)
        return unit if norm.weight is None else unit * norm.weight + norm.bias

    def average(self, norm: nn.BatchNorm1d, rows: Tensor, images: int) -> Tensor:
        """(n, width), samples slowest → (images, width): the normalised rows' average over the samples of an image."""
        rows = at_least_float32(rows)
        if self.first:
            average = rows.unflatten(0, (-1, images)).mean(0)
            self._noted[norm] = *moments(rows), average
        else:
            average = by(rows[-self._carried :].unflatten(0, (-1, images)).mean(0), self._noted[norm][2])
        mean, variance = self._statistics(norm, rows)
        return (average - mean) / torch.sqrt(variance + norm.eps)

    def _statistics(self, norm: nn.BatchNorm1d, rows: Tensor) -> tuple[Tensor, Tensor]:
        mean, variance = self._noted[norm][:2]
        carried = rows[-self._carried :]
        return by(carried.mean(0), mean), by((carried - mean).square().mean(0), variance)


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """(n, width) → mean and variance, each (width,)."""
    variance, mean = torch.var_mean(at_least_float32(rows), 0, unbiased=False)
    return mean, variance


def by(estimate: Tensor, value: Tensor) -> Tensor:
    """A value whose gradient is that of an estimate of it."""
    return value + (estimate - estimate.detach())


def drawn(weights: Tensor, draws: int, places: Tensor | None = None) -> Tensor:
    """(k, batch) normalised weights → (draws, batch) samples, each as often as its weight says on average.

    Systematic: an image's draws are at (u + 0 … draws − 1) / draws of its cumulated weights.

    Args:
        places: (batch,) u in [0, 1); drawn here if None.
    """
    k, batch = weights.shape
    u = torch.rand(batch, device=weights.device, dtype=weights.dtype) if places is None else places
    steps = torch.arange(draws, device=weights.device, dtype=torch.float64)  # (u + draws - 1) / draws stays below 1
    cumulated = weights.double().cumsum(0).T.contiguous()
    cumulated = cumulated / cumulated[:, -1:]
    return torch.searchsorted(cumulated, (u[:, None].double() + steps) / draws, right=True).clamp_(max=k - 1).T

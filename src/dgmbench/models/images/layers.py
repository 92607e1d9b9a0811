"""Layers that all density networks share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.training import distributed
from dgmbench.fast.images.dense import dense, is_compiled
from dgmbench.fast.images.kernels import normalisation


class Linear(nn.Linear):
    """A linear layer with Glorot-uniform weights and zero biases."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return dense(x, self.weight, self.bias)


EPS = 1e-5


def normalise(rows: Tensor, scale: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
    """Batch norm by the batch's own mean and variance, over the rows of all processes that share the batch.

    Args:
        rows: (rows, width).
        scale, shift: (width,), or None for 1 and 0.
    """
    if distributed.is_shared():
        return distributed.batch_norm(rows, scale, shift, EPS)
    return F.batch_norm(rows, None, None, scale, shift, True, 0.0, EPS)


class BatchNorm(nn.Module):
    """Batch norm over rows whose evaluation statistics are an average over whole passes, not a running one.

    While training, a batch is normalised by its own mean and variance. `collect_statistics` fills ``mean`` and
    ``variance``; until then they are 0 and 1.
    """

    eps = EPS

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self.collecting = False

    mean: Tensor
    variance: Tensor
    batches: Tensor

    def forward(self, rows: Tensor) -> Tensor:
        """(..., width) → (..., width)."""
        flat = rows.reshape(-1, rows.shape[-1])
        if self.collecting:
            self.batches += 1
            variance, mean = torch.var_mean(flat, dim=0, correction=0)
            self.mean += (mean - self.mean) / self.batches
            self.variance += (variance - self.variance) / self.batches
        if self.training:
            return normalise(flat, self.scale, self.shift).view_as(rows)
        factor, offset = self.affine()
        return rows * factor + offset

    def affine(self) -> tuple[Tensor, Tensor]:
        """(factor, offset), each (width,): what evaluation does to a row."""
        factor = self.scale * torch.rsqrt(self.variance + self.eps)
        return factor, self.shift - self.mean * factor


class HiddenLayer(nn.Module):
    """Linear → batch norm → ReLU. At evaluation the batch norm is folded into the weights."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = Linear(inputs, outputs)
        self.norm = BatchNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) → (..., outputs)."""
        if self.training:
            return torch.relu(self.norm(self.linear(x)))
        return dense(x, *self._folded(x), "relu")

    def _folded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias that do what the linear layer and the batch norm do at evaluation."""
        linear, norm = self.linear, self.norm
        if is_compiled(x) and not torch.is_grad_enabled():
            weight, bias = torch.empty_like(linear.weight), torch.empty_like(linear.bias)
            given = (linear.weight, linear.bias, norm.scale, norm.shift, norm.mean, norm.variance + norm.eps)
            normalisation.fold(*(tensor.detach().numpy() for tensor in (*given, weight, bias)))
            return weight, bias
        factor, offset = norm.affine()
        return linear.weight * factor[:, None], linear.bias * factor + offset

    def normalised(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The layer's output and, beside it, its pre-activation after normalising, before scale and shift."""
        if not self.training:
            raise RuntimeError("the normalised pre-activation is a part of the training objective")
        pre = self.linear(x)
        unit = normalise(pre)
        if self.norm.collecting:
            self.norm(pre)
        return torch.relu(torch.addcmul(self.norm.shift, unit, self.norm.scale)), unit


def collect_statistics(model: nn.Module) -> None:
    """Begin a pass that replaces the statistics of every `BatchNorm`; `finish_statistics` ends it."""
    for module in model.modules():
        if isinstance(module, BatchNorm):
            module.collecting = True
            module.mean.zero_()
            module.variance.zero_()
            module.batches.zero_()


def finish_statistics(model: nn.Module) -> None:
    """End a pass begun by `collect_statistics`."""
    for module in model.modules():
        if isinstance(module, BatchNorm):
            module.collecting = False

"""One training over several processes: each takes its rows of every batch, and what all rows decide is shared.

Every process has a copy of the model and sees the same batches. Of each batch it computes its own rows; batch norm
takes its statistics from all rows, the noise of a row is the one that it has in a single process, and the gradient is
the sum over the processes of each one's share. Several processes so follow one, up to the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from dgmbench.fast import random as normal


@dataclass(frozen=True)
class _Batch:
    """The rows ``first`` to ``last`` of a batch of ``total`` are this process's; ``noise`` is the same in all."""

    first: int
    last: int
    total: int
    noise: torch.Generator


_batch: _Batch | None = None
# Apart from `_batch`, which is another one in every step: compiled code is compiled again when what it reads changes.
_shared = False


def processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if processes() > 1 else 0


def is_shared() -> bool:
    """Whether the rows at hand are a part of a batch that several processes share."""
    return _shared


@contextmanager
def own_rows(total: int, noise: torch.Generator) -> Iterator[slice]:
    """The rows of a batch that this process computes, within the body; all of them in a single process.

    Args:
        total: rows of the whole batch, at least one for each process.
        noise: in the same state in all processes; `standard_normal` draws from it.
    """
    global _batch, _shared
    count, number = processes(), rank()
    if count == 1:
        yield slice(0, total)
        return
    first, last = number * total // count, (number + 1) * total // count
    _batch, _shared = _Batch(first, last, total, noise), True
    try:
        yield slice(first, last)
    finally:
        _batch, _shared = None, False


def sum_over_processes(value: Tensor) -> Tensor:
    """Add up a tensor over all processes, in place; nothing happens in a single one."""
    if processes() > 1:
        dist.all_reduce(value)
    return value


def standard_normal(samples: int, rows: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(samples, rows, width) of N(0, 1); of a shared batch, the own rows of what a single process draws for all."""
    return _own_noise(samples, width, device, dtype) if _shared else _noise(samples, rows, width, device, dtype)


def _noise(
    samples: int,
    rows: int,
    width: int,
    device: torch.device,
    dtype: torch.dtype,
    generator: torch.Generator | None = None,
) -> Tensor:
    if device.type != "cpu" or dtype != torch.float32 or torch.compiler.is_compiling():
        return torch.randn(samples, rows, width, device=device, dtype=dtype, generator=generator)
    # the compiled generator takes half the time; what it starts from is PyTorch's, so one seed decides all
    seed = torch.empty(2, dtype=torch.int64).random_(generator=generator)
    noise = torch.empty(samples, rows, width)
    normal.standard_normal(normal.state_from(seed.numpy().tobytes()), noise.view(-1).numpy())
    return noise


def _own_noise(samples: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    assert _batch is not None
    whole = _noise(samples, _batch.total, width, device, dtype, _batch.noise)
    return whole[:, _batch.first : _batch.last]


def batch_norm(rows: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> Tensor:
    """Batch norm by mean and variance of the rows of all processes: (rows, width) → (rows, width).

    Args:
        scale, shift: (width,), or None for 1 and 0.
    """
    return _SharedBatchNorm.apply(rows, scale, shift, eps)


class _SharedBatchNorm(torch.autograd.Function):
    """y = (x − μ) / σ · scale + shift with μ and σ² over the rows of all processes.

    With g = ∂C/∂y of the cost C of all processes: ∂C/∂x = scale / σ · (g − mean(g) − x̂ · mean(g x̂)), means over all
    rows. The gradients of scale and shift are this process's part of the sum.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> Tensor:
        x = rows if rows.dtype in (torch.float32, torch.float64) else rows.float()
        variance, mean = torch.var_mean(x, dim=0, correction=0)
        own = torch.stack([mean, variance, torch.full_like(mean, len(x))])
        every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(every, own)
        means, variances, counts = torch.stack(every, dim=1)  # (processes, width) each
        total = counts.sum(0)
        mean = (counts * means).sum(0) / total
        variance = (counts * (variances + (means - mean).square())).sum(0) / total
        inverse = torch.rsqrt(variance + eps)
        unit = (x - mean).mul_(inverse)
        ctx.save_for_backward(unit, inverse, scale, total)
        out = unit.clone() if scale is None or shift is None else torch.addcmul(shift, unit, scale)
        return out.to(rows.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        unit, inverse, scale, total = ctx.saved_tensors
        g = grad.to(unit.dtype)
        own = torch.stack([g.sum(0), (g * unit).sum(0)])
        mean_grad, mean_product = sum_over_processes(own.clone()) / total
        factor = inverse if scale is None else inverse * scale
        grad_rows = (g - mean_grad).sub_(unit * mean_product).mul_(factor).to(grad.dtype)
        return grad_rows, None if scale is None else own[1], None if scale is None else own[0], None


def keep_uncompiled() -> None:
    """Before a model is compiled: what talks to other processes stays out of the compiled code."""
    global batch_norm, _own_noise
    batch_norm = torch.compiler.disable(batch_norm)
    _own_noise = torch.compiler.disable(_own_noise)

"""Layers that all density networks share, with the arithmetic that decides their speed."""

from __future__ import annotations

import platform
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.density import distributed


def _onednn() -> bool:
    """Whether oneDNN's float32 product can be called directly.

    PyTorch sends float32 products on x86 to MKL, which leaves half of an AMD core's vector width unused;
    oneDNN computes the same float32 product and uses it. Elsewhere PyTorch's own choice stands.
    """
    return (
        platform.machine() in ("x86_64", "AMD64")
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


DENSE_KERNEL = "onednn" if _onednn() else "torch"


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "")


class _Dense(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        rows, grad_rows = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
        grad_x = _product(grad, weight.t()) if ctx.needs_input_grad[0] else None
        return grad_x, _product(grad_rows.t(), rows.t()), grad_rows.sum(0)


def dense(x: Tensor, weight: Tensor, bias: Tensor, activation: str = "none") -> Tensor:
    """x Wᵀ + b over the last axis: (..., inputs) → (..., outputs); ``activation`` is none or relu.

    An activation is fused only without gradients, that is, at evaluation.
    """
    plain = x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu")
    if DENSE_KERNEL == "torch" or plain:
        out = F.linear(x, weight, bias)
        return torch.relu(out) if activation == "relu" else out
    if torch.is_grad_enabled():
        out = _Dense.apply(x, weight, bias)
        return torch.relu(out) if activation == "relu" else out
    return _product(x, weight, bias, activation)


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
        factor, offset = self.norm.affine()
        weight = self.linear.weight * factor[:, None]
        return dense(x, weight, self.linear.bias * factor + offset, "relu")

    def normalised(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The layer's output and, beside it, its pre-activation after normalising, before scale and shift."""
        if not self.training:
            raise RuntimeError("the normalised pre-activation is a part of the training objective")
        pre = self.linear(x)
        unit = normalise(pre)
        if self.norm.collecting:
            self.norm(pre)
        return torch.relu(torch.addcmul(self.norm.shift, unit, self.norm.scale)), unit


HALF = (torch.bfloat16, torch.float16)


class _BernoulliLogProb(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(logits, x)
        linear = (logits * x).sub_(torch.relu(logits)).sum(-1)
        # Σ log σ(|l|) as the log of products of up to 16 factors, each in [1/2, 1): one logarithm for 16 pixels
        odds = logits.abs().sigmoid_()
        for _ in range(4):
            if odds.shape[-1] % 2:
                break
            half = odds.shape[-1] // 2
            odds = odds[..., :half] * odds[..., half:]
        return linear + odds.log_().sum(-1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        logits, x = ctx.saved_tensors
        return torch.sigmoid(logits).neg_().add_(x).mul_(grad.unsqueeze(-1)), None


def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    """log p(x) of independent Bernoulli pixels, Σ_d x_d l_d − softplus(l_d), in nats.

    Args:
        logits: (k, batch, pixels).
        x: (batch, pixels), binary; no gradient flows to it.

    Returns:
        (k, batch).
    """
    # in 16 bits a sum over pixels would be wrong by tenths of a nat
    return _BernoulliLogProb.apply(logits.float() if logits.dtype in HALF else logits, x)


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

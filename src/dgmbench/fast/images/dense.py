"""Matrix products of the density networks, by whichever library is the faster one on this processor."""

from __future__ import annotations

import platform
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dgmbench.training import distributed


def _library() -> str:
    """What multiplies float32 matrices on the CPU: torch (PyTorch's own choice), mixed, or onednn.

    PyTorch sends float32 products on x86 to MKL, which leaves half of the vector width unused on an AMD core with
    AVX-512; oneDNN computes the same float32 product and uses it. Without AVX-512 each is the faster one at some
    shapes.
    """
    if not (
        platform.machine() in ("x86_64", "AMD64")
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    ):
        return "torch"
    return "onednn" if "AVX512" in torch.backends.cpu.get_cpu_capability() else "mixed"


DENSE_KERNEL = _library()
MANY_ROWS = 2000  # from here on oneDNN is the faster one for x Wᵀ without AVX-512, too
# The compiled loops run on one thread; with more threads PyTorch's own, which use them, are the faster ones.
COMPILED_THREADS = 2


def is_plain(x: Tensor) -> bool:
    """Whether ``x`` goes the plain PyTorch way: a GPU, another precision than float32, or autocast."""
    return x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu")


def is_compiled(x: Tensor) -> bool:
    """Whether ``x``, with all of its batch, goes through `kernels`."""
    shared = distributed.is_shared() or torch.compiler.is_compiling()
    return not (shared or is_plain(x)) and torch.get_num_threads() <= COMPILED_THREADS


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    """x Wᵀ + b for float32 on the CPU, without gradients: (..., inputs), (outputs, inputs) → (..., outputs)."""
    if DENSE_KERNEL == "onednn" or (DENSE_KERNEL == "mixed" and x.numel() >= MANY_ROWS * x.shape[-1]):
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "")
    out = F.linear(x, weight, bias)
    return out.relu_() if activation == "relu" else out


def weight_gradient(grad: Tensor, rows: Tensor) -> Tensor:
    """gᵀ x: (n, outputs), (n, inputs) → (outputs, inputs)."""
    if DENSE_KERNEL == "onednn":
        return torch.ops.mkldnn._linear_pointwise(grad.t(), rows.t(), None, "none", [], "")
    # MKL prefers the longer side last
    return grad.t() @ rows if grad.shape[1] < rows.shape[1] else (rows.t() @ grad).t()


class _Dense(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        rows, grad_rows = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
        grad_x = product(grad, weight.t()) if ctx.needs_input_grad[0] else None
        return grad_x, weight_gradient(grad_rows, rows), grad_rows.sum(0)


def dense(x: Tensor, weight: Tensor, bias: Tensor, activation: str = "none") -> Tensor:
    """x Wᵀ + b over the last axis: (..., inputs) → (..., outputs); ``activation`` is none or relu.

    An activation is fused only without gradients, that is, at evaluation.
    """
    if DENSE_KERNEL == "torch" or is_plain(x):
        out = F.linear(x, weight, bias)
        return torch.relu(out) if activation == "relu" else out
    if torch.is_grad_enabled():
        out = _Dense.apply(x, weight, bias)
        return torch.relu(out) if activation == "relu" else out
    return product(x, weight, bias, activation)

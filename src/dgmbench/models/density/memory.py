"""The decoder's external memory: attention over slots, and the ladder that merges what they hold (Li et al. 2016)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.density import kernels
from dgmbench.models.density.layers import HiddenLayer, Linear, normalise


class _Ladder(torch.autograd.Function):
    """out = ReLU(a1 + a2·h + a3·m + a4·h·m + b1·σ(c1 + c2·h + c3·m + c4·h·m)), rows of h and m.

    Written out because automatic differentiation keeps twice as many intermediate arrays. Float32 on the CPU goes
    through compiled loops that read each array once; anything else through the same formulas in PyTorch.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, m: Tensor, ladder: Tensor) -> Tensor:
        if _compiled(h):
            h, m, ladder = h.contiguous(), m.contiguous(), ladder.contiguous()
            gate, out = torch.empty_like(h), torch.empty_like(h)
            kernels.ladder_gate(h.numpy(), m.numpy(), ladder.numpy(), gate.numpy())
            gate.sigmoid_()
            kernels.ladder_out(h.numpy(), m.numpy(), gate.numpy(), ladder.numpy(), out.numpy())
        else:
            a1, a2, a3, a4, b1, c1, c2, c3, c4 = ladder
            hm = h * m
            gate = torch.addcmul(c1, c2, h).addcmul_(c3, m).addcmul_(c4, hm).sigmoid_()
            out = torch.addcmul(a1, a2, h).addcmul_(a3, m).addcmul_(a4, hm).addcmul_(b1, gate).relu_()
        ctx.save_for_backward(h, m, gate, out, ladder)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        h, m, gate, out, ladder = ctx.saved_tensors
        if _compiled(h):
            return _compiled_backward(grad.contiguous(), h, m, gate, out, ladder)
        _, a2, a3, a4, b1, _, c2, c3, c4 = ladder
        grad = torch.ops.aten.threshold_backward(grad, out, 0)
        inner = torch.ops.aten.sigmoid_backward(grad * b1, gate)
        hm = h * m
        columns = [grad, grad * h, grad * m, grad * hm, grad * gate, inner, inner * h, inner * m, inner * hm]
        grad_ladder = torch.stack([column.sum(0) for column in columns])
        grad_hm = (grad * a4).addcmul_(inner, c4)
        grad_h = (grad * a2).addcmul_(inner, c2).addcmul_(grad_hm, m)
        grad_m = (grad * a3).addcmul_(inner, c3).addcmul_(grad_hm, h)
        return grad_h, grad_m, grad_ladder


def _compiled_backward(
    grad: Tensor, h: Tensor, m: Tensor, gate: Tensor, out: Tensor, ladder: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    outer, inner, grad_h, grad_m = (torch.empty_like(h) for _ in range(4))
    grad_ladder = torch.empty_like(ladder)
    columns = grad_ladder.numpy()
    x, y, coefficients = h.numpy(), m.numpy(), ladder.numpy()
    kernels.gated_gradients(grad.numpy(), out.numpy(), gate.numpy(), coefficients, outer.numpy(), inner.numpy())
    kernels.weighted_sums(outer.numpy(), x, y, columns[:4])
    kernels.column_dot(outer.numpy(), gate.numpy(), columns[4])
    kernels.weighted_sums(inner.numpy(), x, y, columns[5:])
    kernels.ladder_inputs(outer.numpy(), y, x, inner.numpy(), coefficients, grad_h.numpy(), grad_m.numpy())
    return grad_h, grad_m, grad_ladder


def _compiled(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32


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
        out = _Ladder.apply(h.reshape(-1, width), read.reshape(-1, width), self.ladder)
        return out.view_as(h)

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) → (..., outputs)."""
        h = self.hidden(x)
        return self.compose(h, self.weights(h))


def read_memory(attention: Tensor, memory: Tensor) -> Tensor:
    """a M, with M given as (width, slots)."""
    from dgmbench.models.density.layers import dense

    return dense(attention, memory, memory.new_zeros(memory.shape[0]))


def local_error(encoded: Tensor, decoded: Tensor) -> Tensor:
    """Local reconstruction error of one layer: mean over batch and units of (e − d)².

    Args:
        encoded: (batch, width) the encoder's normalised pre-activation.
        decoded: (k, batch, width) the decoder layer's output; it is normalised over all its rows by a batch norm
            without parameters, then averaged over the k samples.
    """
    width = decoded.shape[-1]
    unit = normalise(decoded.reshape(-1, width))
    return F.mse_loss(unit.view_as(decoded).mean(0), encoded)

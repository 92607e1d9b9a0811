"""Layers of a written-out training step: forward and backward, block by block of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from dgmbench.fast.images.kernels import block as evaluation
from dgmbench.fast.images.kernels import ladder, normalisation
from dgmbench.fast.images.kernels.normalisation import Norm
from dgmbench.fast.products import dot

# Rows of a block: enough for the matrix products to run at full speed, few enough for the cache.
BLOCK = 1000

# Samples of an image that stand for all of them where the gradient goes through some: see `models.images.some_samples`.
CARRIERS = 2


def blocks(n: int) -> Iterator[slice]:
    """Consecutive slices of n rows, of nearly equal length, at most `BLOCK`."""
    count = -(-n // BLOCK)
    for i in range(count):
        yield slice(i * n // count, (i + 1) * n // count)


class Rows(NamedTuple):
    """What the backward pass knows of its rows beside what the layers keep.

    Attributes:
        images: (n,) the image of each row.
        shares: (n,) how many of all samples' rows it stands for, in what treats all of them alike: batch norm, and the
            average over an image's samples.
        chosen: (n,) which rows of the forward pass they are, rising; None: all.
    """

    images: np.ndarray
    shares: np.ndarray
    chosen: np.ndarray | None = None

    @classmethod
    def all(cls, batch: int, n: int) -> Rows:
        """Every row of so many images, (k · batch) of them."""
        return cls(np.arange(n) % batch, np.ones(n, np.float32))

    def of(self, array: np.ndarray) -> np.ndarray:
        """The chosen ones of the forward pass's rows, (n, ...)."""
        return array if self.chosen is None else array[self.chosen]

    def move(self, array: np.ndarray) -> None:
        """Put the chosen rows in the first places of the array."""
        if self.chosen is not None:
            array[: len(self.chosen)] = array[self.chosen]


class Weight:
    """A matrix (outputs, inputs) and its gradient, which grows block by block."""

    def __init__(self, parameter: Tensor) -> None:
        self.value, self.gradient = arrays(parameter)
        self._part = np.empty_like(self.value)

    def add_gradient(self, grad: np.ndarray, rows: np.ndarray, first: bool) -> None:
        """gᵀ x of a block: grad (n, outputs), rows (n, inputs)."""
        dot(grad.T, rows, out=self.gradient if first else self._part)
        if not first:
            self.gradient += self._part


class Hidden:
    """Linear → batch norm → ReLU: the rows before batch norm are kept, those after it computed when asked for.

    A bias of the linear layer would cancel against the mean: it is left out, and its gradient is exactly zero.
    """

    def __init__(self, layer: Any, rows: int) -> None:
        width = layer.linear.out_features
        self.weight = Weight(layer.linear.weight)
        self.bias_gradient = arrays(layer.linear.bias)[1]
        self.eps = layer.norm.eps
        units = np.empty((2, 2, width), np.float32)
        pairs = zip(units, arrays(layer.norm.weight), arrays(layer.norm.bias), strict=True)
        self._norm, self._gradients = (Norm(*pair) for pair in pairs)
        self.pre = np.empty((rows, width), np.float32)
        self._grad = np.empty((rows, width), np.float32)
        self._block = np.empty((min(rows, BLOCK), width), np.float32)
        self._grad_block = np.empty_like(self._block)
        self._sums = np.zeros((2, width))

    def linear(self, inputs: np.ndarray, block: slice) -> None:
        """Take in a block of inputs (n, inputs)."""
        pre = self.pre[block]
        dot(inputs, self.weight.value.T, out=pre)
        normalisation.add_moments(pre, self.pre[0], self._sums)

    def finish(self, n: int) -> None:
        """All n rows are in: batch norm is settled."""
        normalisation.finish_moments(n, self.pre[0], self._sums, self.eps, self._norm.unit)

    def output(self, block: slice) -> np.ndarray:
        """(n, outputs) of a block, valid until the next call."""
        out = self._block[: block.stop - block.start]
        normalisation.normalise_relu(self.pre[block], self._norm, out)
        return out

    def forward(self, block: slice, batch: int) -> np.ndarray:
        """As a decoder layer: what the next layer reads is what the hidden layer gives."""
        return self.output(block)

    def keep(self, rows: Rows) -> None:
        """The backward pass will be through these rows."""
        self._shares = rows.shares
        rows.move(self.pre)

    def unit(self, n: int) -> np.ndarray:
        """(n, outputs) the normalised rows before scale and shift."""
        mean, inverse = self._norm.unit
        return (self.pre[:n] - mean) * inverse

    def backward(self, grad: np.ndarray, block: slice) -> None:
        """Take in the gradient by a block of the output."""
        normalisation.add_relu_gradient(grad, self.pre[block], self._norm, self._sums, self._grad[block])

    def finish_gradient(self, n: int, own: np.ndarray | None = None) -> None:
        """All gradients are in; ``own`` (n, outputs) comes on top of them, by the normalised rows themselves.

        Args:
            n: rows of the forward pass.
        """
        self._own, total = own, np.zeros(self._norm.unit.shape, np.float32)
        if own is not None:
            total[:] = own.sum(0), (own * self.unit(n)).sum(0)
        normalisation.finish_gradient(n, self._sums, self._norm, total, self._gradients)
        self.bias_gradient[:] = 0

    def pre_gradient(self, block: slice) -> np.ndarray:
        """(n, outputs) the gradient by a block of the pre-activations, valid until the next call."""
        out = self._grad_block[: block.stop - block.start]
        norm, line = self._norm, self._gradients.unit
        normalisation.rows_gradient(self._grad[block], self.pre[block], norm, line, self._shares[block], out)
        if self._own is not None:
            out += self._norm.unit[1] * self._own[block]
        return out

    @property
    def hidden(self) -> Hidden:
        """As a decoder layer: itself."""
        return self


class Memory:
    """A decoder layer with memory: a = σ(h Cᵀ + c), m = a Mᵀ, out = ladder of h and m.

    Beside it the average over an example's samples of the normalised rows, u_b = (mean_b out − μ) / s with μ, s² the
    mean and variance (plus eps) of all rows of out. It is linear in them, so these never are an array. With G = ∂C/∂u
    and n rows, out's row i of example b gets through u the gradient
    (G_b / k − Σ_b G_b / n − (out_i − μ) / s · Σ_b G_b u_b / n) / s, an affine function of out_i.
    """

    def __init__(self, layer: Any, rows: int) -> None:
        self.hidden = Hidden(layer.hidden, rows)
        self._attention, self._memory = Weight(layer.attention.weight), Weight(layer.memory)
        self._bias, self._bias_gradient = arrays(layer.attention.bias)
        self._ladder, self._ladder_gradient = arrays(layer.ladder)
        slots, width = self._attention.value.shape
        self._weights = np.empty((rows, slots), np.float32)
        self._read, self._out = np.empty((2, rows, width), np.float32)
        block = min(rows, BLOCK)
        self._grad_h, self._grad_read, self._part = np.empty((3, block, width), np.float32)
        self._grad_scores = np.empty((block, slots), np.float32)
        self._ladder_sums, self._bias_sums = np.zeros((9, width)), np.zeros(slots)
        self._unit, self._moments = np.empty((2, width), np.float32), np.zeros((2, width))

    def forward(self, block: slice, batch: int) -> np.ndarray:
        """(n, outputs) of a block whose hidden layer is finished, of so many images."""
        if block.start == 0:
            self._sums = np.zeros((batch, self._out.shape[1]), np.float32)
        h, weights, read, out = self.hidden.output(block), self._weights[block], self._read[block], self._out[block]
        dot(h, self._attention.value.T, out=weights)
        evaluation.add_sigmoid(weights, self._bias)
        dot(weights, self._memory.value.T, out=read)
        ladder.compose(h, read, self._ladder, out)
        normalisation.add_moments(out, self._out[0], self._moments)
        ladder.add_samples(out, block.start, self._sums)
        return out

    def output(self, block: slice) -> np.ndarray:
        """What `forward` gave."""
        return self._out[block]

    def finish_average(self, n: int, encoded: np.ndarray, weight: float) -> tuple[float, np.ndarray]:
        """All rows are there: the local reconstruction error Σ (u − encoded)² / size, and its gradient by ``encoded``.

        Args:
            encoded: (batch, outputs) the encoder's normalised rows.
            weight: of the error in the cost.
        """
        normalisation.finish_moments(n, self._out[0], self._moments, self.hidden.eps, self._unit)
        mean, inverse = self._unit
        average = (self._sums * (len(encoded) / n) - mean) * inverse
        difference = average - encoded
        grad = difference * (2 * weight / difference.size)
        slope = (grad * average).sum(0) * inverse * inverse / -n
        constant = (grad * (len(encoded) / n) - grad.sum(0) / n) * inverse - slope * mean
        self._average = slope.astype(np.float32), constant.astype(np.float32)
        return float(np.mean(np.square(difference))), -grad

    def keep(self, rows: Rows) -> None:
        """The backward pass will be through these rows."""
        self._rows = rows
        self.hidden.keep(rows)
        for kept in (self._weights, self._read, self._out):
            rows.move(kept)

    def backward(self, grad: np.ndarray, block: slice) -> None:
        """Take in the gradient by a block of the output."""
        n, first = block.stop - block.start, block.start == 0
        h, weights = self.hidden.output(block), self._weights[block]
        grad_h, grad_read, part, grad_scores = (
            array[:n] for array in (self._grad_h, self._grad_read, self._part, self._grad_scores)
        )
        state, grads = (h, self._read[block], self._out[block]), (grad_h, grad_read)
        rows = self._rows.images[block], self._rows.shares[block]
        ladder.compose_backward(grad, self._average, state, self._ladder, rows, grads, self._ladder_sums)
        self._memory.add_gradient(grad_read, weights, first)
        dot(grad_read, self._memory.value, out=grad_scores)
        ladder.attend_backward(grad_scores, weights, self._bias_sums)
        self._attention.add_gradient(grad_scores, h, first)
        dot(grad_scores, self._attention.value, out=part)
        grad_h += part
        self.hidden.backward(grad_h, block)

    def finish_gradient(self, n: int) -> None:
        self.hidden.finish_gradient(n)
        for sums, gradient in ((self._ladder_sums, self._ladder_gradient), (self._bias_sums, self._bias_gradient)):
            gradient[:] = sums
            sums[:] = 0


class Heads:
    """Mean and log-variance of q(z | x), two linear layers on one input."""

    def __init__(self, mean: nn.Linear, log_variance: nn.Linear) -> None:
        self._weights = [Weight(layer.weight) for layer in (mean, log_variance)]
        self._biases = [arrays(layer.bias) for layer in (mean, log_variance)]

    def forward(self, h: np.ndarray) -> list[np.ndarray]:
        """(batch, width) → mean and log-variance, each (batch, latent)."""
        return [dot(h, weight.value.T) + bias for weight, (bias, _) in zip(self._weights, self._biases, strict=True)]

    def backward(self, grads: tuple[np.ndarray, np.ndarray], h: np.ndarray, first: bool) -> np.ndarray:
        """Gradients by both (n, latent) → by h (n, width)."""
        for grad, weight, (_, bias_gradient) in zip(grads, self._weights, self._biases, strict=True):
            weight.add_gradient(grad, h, first)
            bias_gradient[:] = grad.sum(0) if first else bias_gradient + grad.sum(0)
        return dot(grads[0], self._weights[0].value) + dot(grads[1], self._weights[1].value)


def arrays(parameter: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """A parameter and its gradient as arrays on the same memory."""
    if parameter.grad is None:
        raise ValueError("the parameters need gradients to write to")
    return parameter.detach().numpy(), parameter.grad.numpy()


def has_memory(layer: nn.Module) -> bool:
    """Whether a decoder layer reads from a memory."""
    return hasattr(layer, "memory")

"""A training step of the two-layer networks on the CPU, its passes written out.

Automatic differentiation goes through whole arrays, one operation after the other, so that every operation fetches from
memory what the one before has put there. Here the rows of all samples, (k · batch) of them, flow through a pass in
blocks that stay in the cache; only where batch norm needs sums over all rows does a pass end. What is kept for the
backward pass are the pre-activations (with memory also attention, what it read, and what the ladder made of it);
outputs of hidden layers are computed anew. Gradients go straight into their place. Same formulas, same numbers up to
rounding as the modules with autograd, which the tests compare.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from dgmbench.models.density.bounds import iwae_bound, normalised_weights
from dgmbench.models.density.dense import is_compiled
from dgmbench.models.density.distributed import standard_normal
from dgmbench.models.density.kernels import ladder, likelihood, normalisation
from dgmbench.models.density.layers import HiddenLayer
from dgmbench.models.density.memory import MemoryLayer
from dgmbench.models.density.vae import VAE

# Rows of a block: enough for the matrix products to run at full speed, few enough for the cache.
BLOCK = 500


def blocks(n: int) -> Iterator[slice]:
    """Consecutive slices of n rows, of nearly equal length, at most `BLOCK`."""
    count = -(-n // BLOCK)
    for i in range(count):
        yield slice(i * n // count, (i + 1) * n // count)


def fused_step(model: nn.Module, pixels: Tensor) -> FusedStep | None:
    """The written-out step of a model, or None for a model, a device, a precision or a number of threads without one."""
    if type(model) is not VAE or pixels.device.type != "cpu" or not is_compiled(model.output.weight):
        return None
    if any(isinstance(layer, MemoryLayer) and layer.soft for layer in (model.decoder1, model.decoder2)):
        return None
    return FusedStep(model)


class _Weight:
    """A matrix (outputs, inputs) and its gradient, which grows block by block."""

    def __init__(self, parameter: Tensor) -> None:
        self.value, self.gradient = _arrays(parameter)
        self._part = np.empty_like(self.value)

    def add_gradient(self, grad: np.ndarray, rows: np.ndarray, first: bool) -> None:
        """gᵀ x of a block: grad (n, outputs), rows (n, inputs)."""
        np.dot(grad.T, rows, out=self.gradient if first else self._part)
        if not first:
            self.gradient += self._part


class _Hidden:
    """Linear → batch norm → ReLU: the rows before batch norm are kept, those after it computed when asked for.

    A bias of the linear layer would cancel against the mean: it is left out, and its gradient is exactly zero.
    """

    def __init__(self, layer: HiddenLayer, rows: int) -> None:
        width = layer.linear.out_features
        self.weight = _Weight(layer.linear.weight)
        self.bias_gradient = _arrays(layer.linear.bias)[1]
        self.eps = layer.norm.eps
        self.scale, self.scale_gradient = _arrays(layer.norm.scale)
        self.shift, self.shift_gradient = _arrays(layer.norm.shift)
        self.pre = np.empty((rows, width), np.float32)
        self._grad = np.empty((rows, width), np.float32)
        self._block = np.empty((min(rows, BLOCK), width), np.float32)
        self._grad_block = np.empty_like(self._block)
        self._mean, self._inverse, self._slope, self._constant = np.empty((4, width), np.float32)
        self._first, self._second = np.zeros((2, width))
        self._nothing = np.zeros(width, np.float32)
        self._norm = (self._mean, self._inverse, self.scale, self.shift)

    def linear(self, inputs: np.ndarray, block: slice) -> None:
        """Take in a block of inputs (n, inputs)."""
        pre = self.pre[block]
        np.dot(inputs, self.weight.value.T, out=pre)
        normalisation.add_moments(pre, self.pre[0], self._first, self._second)

    def finish(self, n: int) -> None:
        """All n rows are in: batch norm is settled."""
        sums = (self._first, self._second)
        normalisation.finish_moments(n, self.pre[0], *sums, self.eps, self._mean, self._inverse)

    def output(self, block: slice) -> np.ndarray:
        """(n, outputs) of a block, valid until the next call."""
        out = self._block[: block.stop - block.start]
        normalisation.normalise_relu(self.pre[block], *self._norm, out)
        return out

    def unit(self, n: int) -> np.ndarray:
        """(n, outputs) the normalised rows before scale and shift."""
        return (self.pre[:n] - self._mean) * self._inverse

    def add_output_gradient(self, grad: np.ndarray, block: slice) -> None:
        """Take in the gradient by a block of the output."""
        sums = (self._first, self._second)
        normalisation.add_relu_gradient(grad, self.pre[block], *self._norm, *sums, self._grad[block])

    def finish_gradient(self, n: int, own: np.ndarray | None = None) -> None:
        """All gradients are in; ``own`` (n, outputs) comes on top of them, by the normalised rows themselves."""
        self._own = own
        sums = (self._nothing, self._nothing) if own is None else (own.sum(0), (own * self.unit(n)).sum(0))
        given = (n, self._first, self._second, self._mean, self._inverse, self.scale, *sums)
        found = (self.scale_gradient, self.shift_gradient, self._slope, self._constant)
        normalisation.finish_gradient(*given, *found)
        self.bias_gradient[:] = 0

    def pre_gradient(self, block: slice) -> np.ndarray:
        """(n, outputs) the gradient by a block of the pre-activations, valid until the next call."""
        out = self._grad_block[: block.stop - block.start]
        coefficients = (self._inverse, self.scale, self._slope, self._constant)
        normalisation.rows_gradient(self._grad[block], self.pre[block], *coefficients, out)
        if self._own is not None:
            out += self._inverse * self._own[block]
        return out


class _Plain:
    """A decoder layer without memory: what the next layer reads is what the hidden layer gives."""

    def __init__(self, layer: HiddenLayer, rows: int) -> None:
        self.hidden = _Hidden(layer, rows)

    def begin(self, batch: int) -> None:
        pass

    def forward(self, block: slice) -> np.ndarray:
        """(n, outputs) of a block whose hidden layer is finished."""
        return self.hidden.output(block)

    output = forward

    def backward(self, grad: np.ndarray, block: slice) -> None:
        """Take in the gradient by a block of the output."""
        self.hidden.add_output_gradient(grad, block)

    def finish_gradient(self, n: int) -> None:
        self.hidden.finish_gradient(n)


class _Memory:
    """A decoder layer with memory (see `MemoryLayer`): a = σ(h Cᵀ + c), m = a Mᵀ, out = ladder of h and m.

    Beside it the average over an example's samples of the normalised rows, u_b = (mean_b out − μ) / s with μ, s² the
    mean and variance (plus eps) of all rows of out. It is linear in them, so these never are an array. With G = ∂C/∂u
    and n rows, out's row i of example b gets through u the gradient
    (G_b / k − Σ_b G_b / n − (out_i − μ) / s · Σ_b G_b u_b / n) / s, an affine function of out_i.
    """

    def __init__(self, layer: MemoryLayer, rows: int) -> None:
        self.hidden = _Hidden(layer.hidden, rows)
        self._attention, self._memory = _Weight(layer.attention.weight), _Weight(layer.memory)
        self._bias, self._bias_gradient = _arrays(layer.attention.bias)
        self._ladder, self._ladder_gradient = _arrays(layer.ladder)
        slots, width = self._attention.value.shape
        self._weights = np.empty((rows, slots), np.float32)
        self._read, self._out = np.empty((2, rows, width), np.float32)
        block = min(rows, BLOCK)
        self._grad_h, self._grad_read, self._part = np.empty((3, block, width), np.float32)
        self._grad_scores = np.empty((block, slots), np.float32)
        self._ladder_sums, self._bias_sums = np.zeros((9, width)), np.zeros(slots)
        self._mean, self._inverse = np.empty((2, width), np.float32)
        self._first, self._second = np.zeros((2, width))

    def begin(self, batch: int) -> None:
        """Before the first block of a batch of so many images."""
        self._sums = np.zeros((batch, self._out.shape[1]), np.float32)

    def forward(self, block: slice) -> np.ndarray:
        """(n, outputs) of a block whose hidden layer is finished."""
        h, weights, read, out = self.hidden.output(block), self._weights[block], self._read[block], self._out[block]
        np.dot(h, self._attention.value.T, out=weights)
        ladder.attend(weights, self._bias)
        np.dot(weights, self._memory.value.T, out=read)
        ladder.compose(h, read, self._ladder, out)
        normalisation.add_moments(out, self._out[0], self._first, self._second)
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
        sums = (self._first, self._second)
        normalisation.finish_moments(n, self._out[0], *sums, self.hidden.eps, self._mean, self._inverse)
        average = (self._sums * (len(encoded) / n) - self._mean) * self._inverse
        difference = average - encoded
        grad = difference * (2 * weight / difference.size)
        slope = (grad * average).sum(0) * self._inverse * self._inverse / -n
        constant = (grad * (len(encoded) / n) - grad.sum(0) / n) * self._inverse - slope * self._mean
        self._slope, self._constant = slope.astype(np.float32), constant.astype(np.float32)
        return float(np.mean(np.square(difference))), -grad

    def backward(self, grad: np.ndarray, block: slice) -> None:
        """Take in the gradient by a block of the output."""
        n, first = block.stop - block.start, block.start == 0
        h, weights = self.hidden.output(block), self._weights[block]
        grad_h, grad_read, part, grad_scores = (
            array[:n] for array in (self._grad_h, self._grad_read, self._part, self._grad_scores)
        )
        given = (grad, self._slope, self._constant, h, self._read[block], self._out[block], self._ladder)
        ladder.compose_backward(*given, block.start, grad_h, grad_read, self._ladder_sums)
        self._memory.add_gradient(grad_read, weights, first)
        np.dot(grad_read, self._memory.value, out=grad_scores)
        ladder.attend_backward(grad_scores, weights, self._bias_sums)
        self._attention.add_gradient(grad_scores, h, first)
        np.dot(grad_scores, self._attention.value, out=part)
        grad_h += part
        self.hidden.add_output_gradient(grad_h, block)

    def finish_gradient(self, n: int) -> None:
        self.hidden.finish_gradient(n)
        for sums, gradient in ((self._ladder_sums, self._ladder_gradient), (self._bias_sums, self._bias_gradient)):
            gradient[:] = sums
            sums[:] = 0


class _Heads:
    """Mean and log-variance of q(z | x), two linear layers on one input."""

    def __init__(self, mean: nn.Linear, log_variance: nn.Linear) -> None:
        self._weights = [_Weight(layer.weight) for layer in (mean, log_variance)]
        self._biases = [_arrays(layer.bias) for layer in (mean, log_variance)]

    def forward(self, h: np.ndarray) -> list[np.ndarray]:
        """(batch, width) → mean and log-variance, each (batch, latent)."""
        return [np.dot(h, weight.value.T) + bias for weight, (bias, _) in zip(self._weights, self._biases, strict=True)]

    def backward(self, grads: tuple[np.ndarray, np.ndarray], h: np.ndarray, first: bool) -> np.ndarray:
        """Gradients by both (n, latent) → by h (n, width)."""
        for grad, weight, (_, bias_gradient) in zip(grads, self._weights, self._biases, strict=True):
            weight.add_gradient(grad, h, first)
            bias_gradient[:] = grad.sum(0) if first else bias_gradient + grad.sum(0)
        return np.dot(grads[0], self._weights[0].value) + np.dot(grads[1], self._weights[1].value)


class FusedStep:
    """Cost and gradient of a batch; the model's parameters must have gradients to write to.

    Example:
        >>> model = VAE(n_pixels=128, hidden=(200, 200), latent=50)
        >>> for p in model.parameters():
        ...     p.grad = torch.empty_like(p)
        >>> FusedStep(model)(torch.zeros(7, 128), k=5)[1].shape
        torch.Size([])
    """

    def __init__(self, model: VAE) -> None:
        self._model = model
        self._size = 0, 0

    def _make_room(self, batch: int, n: int) -> None:
        """Arrays for so many images and rows."""
        model = self._model
        self._size = batch, n
        self._encoder1, self._encoder2 = _Hidden(model.encoder1, batch), _Hidden(model.encoder2, batch)
        self._heads = _Heads(model.mean, model.log_variance)
        self._decoder2, self._decoder1 = (
            _Memory(layer, n) if isinstance(layer, MemoryLayer) else _Plain(layer, n)
            for layer in (model.decoder2, model.decoder1)
        )
        self._output = _Weight(model.output.weight)
        self._bias, self._bias_gradient = _arrays(model.output.bias)
        pixels = len(self._output.value)
        self._logits = np.empty((n, pixels), np.float32)
        self._log_p = np.empty(n, np.float32)
        self._grad_logits = np.empty((min(n, BLOCK), pixels), np.float32)
        self._grad = [np.empty((min(n, BLOCK), layer.hidden.pre.shape[1]), np.float32) for layer in self._decoders]
        self._z, self._grad_z = np.empty((2, n, model.mean.out_features), np.float32)
        self._bias_sums = np.zeros(pixels)

    def kept_bytes(self, batch: int, k: int) -> int:
        """The arrays of a step, in bytes: what it needs beside the model."""
        model, n = self._model, k * batch
        h1, h2, latent, pixels = (
            layer.out_features for layer in (model.encoder1.linear, model.encoder2.linear, model.mean, model.output)
        )
        row = 2 * (h1 + h2) + pixels + 3 * latent + 3  # pre-activations and gradients, logits, z and noise, weights
        for layer in (model.decoder1, model.decoder2):
            if isinstance(layer, MemoryLayer):
                row += layer.attention.out_features + 2 * layer.attention.in_features
        return 4 * (n * row + batch * 2 * (h1 + h2 + latent))

    @property
    def _decoders(self) -> tuple[_Plain | _Memory, _Plain | _Memory]:
        return self._decoder2, self._decoder1

    def __call__(self, x: Tensor, k: int, estimator: str = "iwae", local_error: float = 0.0) -> tuple[float, Tensor]:
        """Write the gradient of the cost into the parameters' gradients.

        Args:
            x: (batch, pixels) binary float32.
            k: importance samples.
            estimator: ``iwae``, ``stl`` or ``dreg``; see `DensityTraining`.
            local_error: weight of the local reconstruction error of memory layers.

        Returns:
            The local reconstruction error, 0 without memory, and the mean bound.
        """
        batch, n = len(x), k * len(x)
        if batch > self._size[0] or n > self._size[1]:
            self._make_room(batch, n)
        pixels = x.contiguous().numpy()
        mean, log_variance = self._encode(pixels)
        deviation = np.exp(np.float32(0.5) * log_variance)
        noise = standard_normal(k, batch, mean.shape[1], x.device, x.dtype).numpy()
        log_ratio = np.empty((k, batch), np.float32)
        z = self._z[:n].reshape(noise.shape)
        likelihood.sample(mean, log_variance, deviation, noise, z, log_ratio)
        self._decode(pixels, n)
        errors, own = self._average(batch, n, local_error)
        log_w = torch.from_numpy(self._log_p[:n].reshape(k, batch) + log_ratio)
        weights = normalised_weights(log_w)
        grad_log_w = weights.div(-batch).numpy()
        self._backward(pixels, n, grad_log_w.reshape(-1))
        through = weights.numpy() if estimator == "dreg" else np.ones_like(grad_log_w)
        grads = np.zeros_like(mean), np.zeros_like(mean)
        likelihood.sample_backward(
            self._grad_z[:n].reshape(noise.shape), through, grad_log_w, estimator != "iwae", deviation, noise, z, *grads
        )
        self._encode_backward(pixels, grads, own)
        return sum(errors), iwae_bound(log_w).mean()

    def _encode(self, x: np.ndarray) -> list[np.ndarray]:
        n = len(x)
        for block in blocks(n):
            self._encoder1.linear(x[block], block)
        self._encoder1.finish(n)
        for block in blocks(n):
            self._encoder2.linear(self._encoder1.output(block), block)
        self._encoder2.finish(n)
        parts = [self._heads.forward(self._encoder2.output(block)) for block in blocks(n)]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _decode(self, x: np.ndarray, n: int) -> None:
        for layer in self._decoders:
            layer.begin(len(x))
        for block in blocks(n):
            self._decoder2.hidden.linear(self._z[block], block)
        self._decoder2.hidden.finish(n)
        for block in blocks(n):
            self._decoder1.hidden.linear(self._decoder2.forward(block), block)
        self._decoder1.hidden.finish(n)
        for block in blocks(n):
            logits = self._logits[block]
            np.dot(self._decoder1.forward(block), self._output.value.T, out=logits)
            likelihood.add_bias(logits, self._bias)
            likelihood.bernoulli(logits, x, block.start, self._log_p[block])

    def _average(self, batch: int, n: int, weight: float) -> tuple[list[float], list[np.ndarray | None]]:
        """Local reconstruction errors of the layers next to x and next to z, and their gradients by the encoder."""
        errors = [0.0, 0.0]
        own: list[np.ndarray | None] = [None, None]
        pairs = ((self._decoder1, self._encoder1), (self._decoder2, self._encoder2))
        for i, (decoder, encoder) in enumerate(pairs):
            if isinstance(decoder, _Memory):
                errors[i], own[i] = decoder.finish_average(n, encoder.unit(batch), weight)
        return errors, own

    def _backward(self, x: np.ndarray, n: int, grad_log_w: np.ndarray) -> None:
        for block in blocks(n):
            size, first = block.stop - block.start, block.start == 0
            grad_logits, grad = self._grad_logits[:size], self._grad[1][:size]
            given = (grad_log_w[block], self._logits[block], x, block.start)
            likelihood.bernoulli_backward(*given, grad_logits, self._bias_sums)
            self._output.add_gradient(grad_logits, self._decoder1.output(block), first)
            np.dot(grad_logits, self._output.value, out=grad)
            self._decoder1.backward(grad, block)
        self._bias_gradient[:] = self._bias_sums
        self._bias_sums[:] = 0
        self._decoder1.finish_gradient(n)
        for block in blocks(n):
            grad, hidden = self._grad[0][: block.stop - block.start], self._decoder1.hidden
            pre_gradient = hidden.pre_gradient(block)
            hidden.weight.add_gradient(pre_gradient, self._decoder2.output(block), block.start == 0)
            np.dot(pre_gradient, hidden.weight.value, out=grad)
            self._decoder2.backward(grad, block)
        self._decoder2.finish_gradient(n)
        for block in blocks(n):
            hidden = self._decoder2.hidden
            pre_gradient = hidden.pre_gradient(block)
            hidden.weight.add_gradient(pre_gradient, self._z[block], block.start == 0)
            np.dot(pre_gradient, hidden.weight.value, out=self._grad_z[block])

    def _encode_backward(
        self, x: np.ndarray, grads: tuple[np.ndarray, np.ndarray], own: list[np.ndarray | None]
    ) -> None:
        n, first, second = len(x), self._encoder1, self._encoder2
        for block in blocks(n):
            grad = self._heads.backward((grads[0][block], grads[1][block]), second.output(block), block.start == 0)
            second.add_output_gradient(grad, block)
        second.finish_gradient(n, own[1])
        for block in blocks(n):
            pre_gradient = second.pre_gradient(block)
            second.weight.add_gradient(pre_gradient, first.output(block), block.start == 0)
            first.add_output_gradient(np.dot(pre_gradient, second.weight.value), block)
        first.finish_gradient(n, own[0])
        for block in blocks(n):
            first.weight.add_gradient(first.pre_gradient(block), x[block], block.start == 0)


def _arrays(parameter: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """A parameter and its gradient as arrays on the same memory."""
    if parameter.grad is None:
        raise ValueError("the parameters need gradients to write to")
    return parameter.detach().numpy(), parameter.grad.numpy()

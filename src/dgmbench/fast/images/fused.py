"""A training step of the two-layer networks on the CPU, its passes written out.

Automatic differentiation goes through whole arrays, one operation after the other, so that every operation fetches from
memory what the one before has put there. Here the rows of all samples, (k · batch) of them, flow through a pass in
blocks that stay in the cache; only where batch norm needs sums over all rows does a pass end. What is kept for the
backward pass are the pre-activations (with memory also attention, what it read, and what the ladder made of it);
outputs of hidden layers are computed anew. Gradients go straight into their place. Same formulas, same numbers up to
rounding as the modules with autograd, which the tests compare.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgmbench.fast.conditions import MOST_THREADS, is_float32_on_cpu
from dgmbench.fast.images.fused_layers import (
    BLOCK,
    CARRIERS,
    Heads,
    Hidden,
    Memory,
    Rows,
    Weight,
    arrays,
    blocks,
    has_memory,
)
from dgmbench.fast.images.kernels import likelihood
from dgmbench.fast.products import dot
from dgmbench.fast.random import standard_normal, state_from


def fused_step(model: Any) -> FusedStep | None:
    """The written-out step, or None where a device, a precision, a number of threads or an objective has none.

    Args:
        model: with the layers of the two-layer auto-encoder by their names there: ``encoder1``, ``encoder2``, ``mean``,
            ``log_variance``, ``decoder2``, ``decoder1``, ``output``, and ``k``, ``estimator``, ``local_error``.
    """
    if not is_float32_on_cpu(model) or torch.get_num_threads() > MOST_THREADS:
        return None
    with_memory = has_memory(model.decoder1)
    if with_memory and (model.decoder1.soft or model.estimator == "dreg"):
        return None
    return FusedStep(model)


class FusedStep:
    """Loss and gradient of a batch: (batch, pixels) → what the model's ``loss`` gives, the gradient written.

    Gradients go into the parameters' own where there are any, else into arrays made here.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._size = 0, 0
        for parameter in model.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self._gradients = [(parameter, parameter.grad) for parameter in model.parameters()]

    def _make_room(self, batch: int, n: int) -> None:
        """Arrays for so many images and rows."""
        model = self._model
        self._size = batch, n
        self._encoder1, self._encoder2 = Hidden(model.encoder1, batch), Hidden(model.encoder2, batch)
        self._heads = Heads(model.mean, model.log_variance)
        self._decoder2, self._decoder1 = (
            Memory(layer, n) if has_memory(layer) else Hidden(layer, n) for layer in (model.decoder2, model.decoder1)
        )
        self._output = Weight(model.output.weight)
        self._bias, self._bias_gradient = arrays(model.output.bias)
        pixels = len(self._output.value)
        self._logits = np.empty((n, pixels), np.float32)
        self._log_p = np.empty(n, np.float32)
        self._grad_logits = np.empty((min(n, BLOCK), pixels), np.float32)
        self._grad = [np.empty((min(n, BLOCK), layer.hidden.pre.shape[1]), np.float32) for layer in self._decoders]
        self._z, self._grad_z = np.empty((2, n, model.mean.out_features), np.float32)
        self._bias_sums = np.zeros(pixels)

    def kept_bytes(self, batch: int) -> int:
        """The arrays of a step, in bytes: what it needs beside the model."""
        model, n = self._model, self._model.k * batch
        h1, h2, latent, pixels = (
            layer.out_features for layer in (model.encoder1.linear, model.encoder2.linear, model.mean, model.output)
        )
        row = 2 * (h1 + h2) + pixels + 3 * latent + 3  # pre-activations and gradients, logits, z and noise, weights
        for layer in (model.decoder1, model.decoder2):
            if has_memory(layer):
                row += layer.attention.out_features + 2 * layer.attention.in_features
        return 4 * (n * row + batch * 2 * (h1 + h2 + latent))

    @property
    def _decoders(self) -> tuple[Hidden | Memory, Hidden | Memory]:
        return self._decoder2, self._decoder1

    @np.errstate(all="ignore")  # a training that diverges shows it in the bound
    def __call__(self, x: Tensor, noise: Tensor | None = None, places: Tensor | None = None) -> dict[str, Tensor]:
        """Write the gradient of the loss into the parameters' gradients.

        Args:
            x: (batch, pixels) binary float32.
            noise: (k, batch, latent) of N(0, 1); drawn here if None, as PyTorch's seed says.
            places: (batch,) in [0, 1), where samples are drawn that the gradient passes through; likewise.
        """
        model = self._model
        for parameter, gradient in self._gradients:  # gradients that were set to None are no views any more
            parameter.grad = gradient
        k, batch = model.k, len(x)
        n = k * batch
        if batch > self._size[0] or n > self._size[1]:
            self._make_room(batch, n)
        pixels = x.contiguous().numpy()
        mean, log_variance = self._encode(pixels)
        deviation = np.exp(np.float32(0.5) * log_variance)
        e = standard_noise(k, *mean.shape) if noise is None else noise.numpy()
        log_ratio = np.empty((k, batch), np.float32)
        z = self._z[:n].reshape(e.shape)
        likelihood.sample((mean, log_variance, deviation), e, z, log_ratio)
        self._decode(pixels, n)
        errors, own = self._average(batch, n, model.local_error)
        weights = np.empty_like(log_ratio)
        bound = likelihood.importance(self._log_p[:n].reshape(k, batch) + log_ratio, weights)
        grads = self._backward_to_posterior(pixels, weights, e, deviation, places)
        self._encode_backward(pixels, grads, own)
        found = {"loss": -bound, "bound": bound}
        if errors:
            found = {"loss": model.local_error * sum(errors) - bound, "bound": bound, "local_error": sum(errors)}
        return {name: torch.tensor(value, dtype=torch.float32) for name, value in found.items()}

    def _backward_to_posterior(
        self, x: np.ndarray, weights: np.ndarray, e: np.ndarray, deviation: np.ndarray, places: Tensor | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Back through the decoder: (k, batch) weights → gradients by mean and log variance, (batch, latent) each."""
        model, (k, batch) = self._model, weights.shape
        n, estimator = k * batch, model.estimator
        shares, rows = weights, Rows.all(batch, n)
        if 0 < model.backward_samples < k:
            shares = share_by_draws(weights, model.backward_samples, places)
            rows = rows_with_a_part(shares)
        through = weights if estimator == "dreg" else np.ones_like(weights)
        grad_log_w, through = rows.of(shares.reshape(n)) / np.float32(-batch), rows.of(through.reshape(n))
        e = rows.of(e.reshape(n, -1))
        self._decode_backward(x, n, rows, grad_log_w)
        grads = np.zeros_like(deviation), np.zeros_like(deviation)
        given = self._grad_z[: len(e)], through, grad_log_w, estimator != "iwae"
        likelihood.sample_backward(*given, (rows.images, deviation, e, self._z[: len(e)]), grads)
        return grads

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
        batch = len(x)
        for block in blocks(n):
            self._decoder2.hidden.linear(self._z[block], block)
        self._decoder2.hidden.finish(n)
        for block in blocks(n):
            self._decoder1.hidden.linear(self._decoder2.forward(block, batch), block)
        self._decoder1.hidden.finish(n)
        for block in blocks(n):
            logits = self._logits[block]
            dot(self._decoder1.forward(block, batch), self._output.value.T, out=logits)
            logits += self._bias
            likelihood.bernoulli(logits, x, block.start, self._log_p[block])

    def _average(self, batch: int, n: int, weight: float) -> tuple[list[float], list[np.ndarray | None]]:
        """Local reconstruction errors of the layers next to x and next to z, and their gradients by the encoder."""
        if not isinstance(self._decoder1, Memory) or not isinstance(self._decoder2, Memory):
            return [], [None, None]
        pairs = ((self._decoder1, self._encoder1), (self._decoder2, self._encoder2))
        found = [decoder.finish_average(n, encoder.unit(batch), weight) for decoder, encoder in pairs]
        return [error for error, _ in found], [gradient for _, gradient in found]

    def _decode_backward(self, x: np.ndarray, n: int, rows: Rows, grad_log_w: np.ndarray) -> None:
        """Through some of n rows, to the gradient by z."""
        for layer in self._decoders:
            layer.keep(rows)
        for kept in (self._logits, self._z):
            rows.move(kept)
        some = len(grad_log_w)
        for block in blocks(some):
            size, first = block.stop - block.start, block.start == 0
            grad_logits, grad = self._grad_logits[:size], self._grad[1][:size]
            given = (grad_log_w[block], self._logits[block], x, rows.images[block])
            likelihood.bernoulli_backward(*given, grad_logits, self._bias_sums)
            self._output.add_gradient(grad_logits, self._decoder1.output(block), first)
            dot(grad_logits, self._output.value, out=grad)
            self._decoder1.backward(grad, block)
        self._bias_gradient[:] = self._bias_sums
        self._bias_sums[:] = 0
        self._decoder1.finish_gradient(n)
        for block in blocks(some):
            grad, hidden = self._grad[0][: block.stop - block.start], self._decoder1.hidden
            pre_gradient = hidden.pre_gradient(block)
            hidden.weight.add_gradient(pre_gradient, self._decoder2.output(block), block.start == 0)
            dot(pre_gradient, hidden.weight.value, out=grad)
            self._decoder2.backward(grad, block)
        self._decoder2.finish_gradient(n)
        for block in blocks(some):
            hidden = self._decoder2.hidden
            pre_gradient = hidden.pre_gradient(block)
            hidden.weight.add_gradient(pre_gradient, self._z[block], block.start == 0)
            dot(pre_gradient, hidden.weight.value, out=self._grad_z[block])

    def _encode_backward(
        self, x: np.ndarray, grads: tuple[np.ndarray, np.ndarray], own: list[np.ndarray | None]
    ) -> None:
        n, first, second = len(x), self._encoder1, self._encoder2
        for layer in (first, second):
            layer.keep(Rows.all(n, n))
        for block in blocks(n):
            grad = self._heads.backward((grads[0][block], grads[1][block]), second.output(block), block.start == 0)
            second.backward(grad, block)
        second.finish_gradient(n, own[1])
        for block in blocks(n):
            pre_gradient = second.pre_gradient(block)
            second.weight.add_gradient(pre_gradient, first.output(block), block.start == 0)
            first.backward(dot(pre_gradient, second.weight.value), block)
        first.finish_gradient(n, own[0])
        for block in blocks(n):
            first.weight.add_gradient(first.pre_gradient(block), x[block], block.start == 0)


def share_by_draws(weights: np.ndarray, draws: int, places: Tensor | None) -> np.ndarray:
    """(k, batch) normalised weights → the share of each sample in so many draws by them; its mean is the weight."""
    counts = np.empty_like(weights)
    u = torch.rand(weights.shape[1]) if places is None else places
    likelihood.resample(weights, u.numpy(), draws, counts)
    return counts / np.float32(draws)


def rows_with_a_part(shares: np.ndarray) -> Rows:
    """The rows that a gradient of (k, batch) shares passes through: those drawn, and an image's first `CARRIERS`.

    The samples of an image are alike before their weights are known: its first ones stand for all of them in what
    batch norm and averages do to every row.
    """
    k, batch = shares.shape
    part = shares > 0
    part[:CARRIERS] = True
    chosen = np.flatnonzero(part)
    carried = np.where(chosen < CARRIERS * batch, np.float32(k / CARRIERS), np.float32(0))
    return Rows(chosen % batch, carried, chosen)


def standard_noise(k: int, batch: int, latent: int) -> np.ndarray:
    """(k, batch, latent) of N(0, 1); what the compiled generator starts from is PyTorch's, so one seed decides all."""
    seed = torch.empty(2, dtype=torch.int64).random_()
    noise = np.empty((k, batch, latent), np.float32)
    standard_normal(state_from(seed.numpy().tobytes()), noise.reshape(-1))
    return noise

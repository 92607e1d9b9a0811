"""A snapshot of the auto-encoder for evaluation on the processor, where one image has thousands of samples.

Batch norm is folded into the weights once; a block of samples goes through buffers that are allocated once and stay in
the cache; products are by the fastest of the libraries at hand at these shapes, numpy's (OpenBLAS) or oneDNN, and what
lies between two of them is one compiled pass over the block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor, nn

from dgmbench.fast.conditions import is_float32_on_cpu
from dgmbench.fast.images.fused_layers import has_memory
from dgmbench.fast.images.kernels import block
from dgmbench.fast.images.kernels.ladder import compose
from dgmbench.fast.products import dot
from dgmbench.fast.random import standard_normal, state_from

# Samples that go through the decoder at once: enough rows for the products to run at full speed, few enough that a
# layer's output is still in the cache when the next pass reads it.
ROWS = 500
REGISTER = 8  # float32 numbers of a vector register

Layer = Callable[[np.ndarray], np.ndarray]
"""(n, inputs) → (n, outputs), n ≤ ROWS; the result is a buffer that the next call overwrites."""


def frozen_vae(model: Any) -> FrozenVAE | None:
    """A snapshot of a model with the layers that `fused_step` names; None for other precisions and devices."""
    return FrozenVAE(model) if is_float32_on_cpu(model) else None


class FrozenVAE:
    """log p(x, z) − log q(z | x) of one image after another, as the model's ``log_weights`` gives it at evaluation.

    It keeps the weights that the model had when it was made. Because of its buffers only one thread can use it.
    """

    def __init__(self, model: Any) -> None:
        layers = (model.decoder2, model.decoder1)
        self.encoder = [folded(layer) for layer in (model.encoder1, model.encoder2)]
        self.mean, self.log_variance = (arrays(layer) for layer in (model.mean, model.log_variance))
        weight, self.bias = arrays(model.output)
        hidden = [layer.hidden if has_memory(layer) else layer for layer in layers]
        widest = max(weight.shape[1], *(layer.linear.out_features for layer in hidden))
        # few buffers in turn, rather than one for every product: the fewer, the more of them stay in the cache
        first, second, read = np.empty((3, ROWS * widest), np.float32)
        self.decoder = [
            frozen_memory(layer, room, read) if has_memory(layer) else frozen_hidden(layer, room)
            for layer, room in zip(layers, (first, second), strict=True)
        ]
        self.output = product(weight, first)
        self.noise = np.empty((ROWS, len(self.mean[1])), np.float32)

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(pixels,) → mean and log-variance of q(z | x), each (latent,)."""
        for weight, bias in self.encoder:
            x = np.maximum(x @ weight + bias, 0)
        return x @ self.mean[0] + self.mean[1], x @ self.log_variance[0] + self.log_variance[1]

    def given(self, x: np.ndarray) -> Callable[[int, bytes], np.ndarray]:
        """(pixels,) float32 → a function of a number of samples k and a seed, which gives their (k,) log-weights."""
        mean, log_variance = self.encode(x)

        def log_weights(k: int, seed: bytes) -> np.ndarray:
            state, log_w = state_from(seed), np.empty(k, np.float32)
            for start in range(0, k, ROWS):
                part = log_w[start : start + ROWS]
                rows = self.noise[: len(part)]
                standard_normal(state, rows.reshape(-1))
                block.sample(rows, mean, log_variance, part)
                for layer in self.decoder:
                    rows = layer(rows)
                block.bernoulli(self.output(rows), self.bias, x, part)
            return log_w

        return log_weights


def frozen_hidden(layer: Any, room: np.ndarray) -> Layer:
    """The layer with its batch norm folded in."""
    weight, bias = folded(layer)
    multiply = product(weight, room)

    def forward(x: np.ndarray) -> np.ndarray:
        h = multiply(x)
        block.add_relu(h, bias)
        return h

    return forward


def frozen_memory(layer: Any, room: np.ndarray, scratch: np.ndarray) -> Layer:
    """The layer with its memory, composed in the hidden layer's buffer."""
    hidden = frozen_hidden(layer.hidden, room)
    weight, bias = arrays(layer.attention)
    extra = -len(bias) % REGISTER  # slots that fill the last register, empty and without attention
    bias = np.pad(bias, (0, extra), constant_values=-1e30)
    attend = product(np.pad(weight, ((0, 0), (0, extra))), np.empty(ROWS * len(bias), np.float32))
    read = product(np.pad(contiguous(layer.memory.t()), ((0, extra), (0, 0))), scratch)
    ladder = None if layer.soft else contiguous(layer.ladder)

    def forward(x: np.ndarray) -> np.ndarray:
        h = hidden(x)
        attention = attend(h)
        if ladder is None:
            attention[:] = softmax(attention + bias, axis=1)
            return np.maximum(np.add(h, read(attention), out=h), 0, out=h)
        block.add_sigmoid(attention, bias)
        compose(h, read(attention), ladder, h)
        return h

    return forward


def product(weight: np.ndarray, room: np.ndarray) -> Layer:
    """x → x W for W (inputs, outputs), in the first ROWS · outputs numbers of ``room``."""
    out = room[: ROWS * weight.shape[1]].reshape(ROWS, -1)
    return lambda x: dot(x, weight, out[: len(x)])


def folded(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Weight (inputs, outputs) and bias that do what linear layer and batch norm do at evaluation."""
    linear, norm = layer.linear, layer.norm
    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    offset = norm.bias - norm.running_mean * factor
    return contiguous((linear.weight * factor[:, None]).t()), contiguous(linear.bias * factor + offset)


def arrays(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    """Weight (inputs, outputs) and bias."""
    return contiguous(layer.weight.t()), contiguous(layer.bias)


def contiguous(tensor: Tensor) -> np.ndarray:
    """A copy, in C order."""
    return tensor.detach().clone(memory_format=torch.contiguous_format).numpy()

"""A snapshot of the auto-encoder for evaluation on the processor, where one image has thousands of samples.

Batch norm is folded into the weights once; a block of samples goes through buffers that are allocated once and stay in
the cache; products are numpy's (OpenBLAS), the fastest of the libraries at hand at these shapes, and what lies between
two of them is one compiled pass over the block.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dgmbench.models.density.kernels import block, normal
from dgmbench.models.density.layers import HiddenLayer, Linear
from dgmbench.models.density.memory import MemoryLayer

# Samples that go through the decoder at once: enough rows for the products to run at full speed, few enough that a
# layer's output is still in the cache when the next pass reads it.
ROWS = 500

Layer = Callable[[np.ndarray], np.ndarray]
"""(n, inputs) → (n, outputs), n ≤ ROWS; the result is a buffer that the next call overwrites."""


class FrozenVAE:
    """log p(x, z) − log q(z | x) of one image after another, as `VAE.log_weights` gives it at evaluation.

    It keeps the weights that the model had when it was made. Its buffers make it one thread's own.
    """

    def __init__(
        self,
        encoder: tuple[HiddenLayer, HiddenLayer],
        moments: tuple[Linear, Linear],
        decoder: tuple[HiddenLayer | MemoryLayer, HiddenLayer | MemoryLayer],
        output: Linear,
    ) -> None:
        self.encoder = [folded(layer) for layer in encoder]
        self.mean, self.log_variance = (arrays(layer) for layer in moments)
        self.decoder = [frozen_memory(d) if isinstance(d, MemoryLayer) else frozen_hidden(d) for d in decoder]
        weight, self.bias = arrays(output)
        self.output = product(weight)
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
            state, log_w = normal.state_from(seed), np.empty(k, np.float32)
            for start in range(0, k, ROWS):
                part = log_w[start : start + ROWS]
                rows = self.noise[: len(part)]
                normal.standard_normal(state, rows.reshape(-1))
                block.sample(rows, mean, log_variance, part)
                for layer in self.decoder:
                    rows = layer(rows)
                block.bernoulli(self.output(rows), self.bias, x, part)
            return log_w

        return log_weights


def frozen_hidden(layer: HiddenLayer) -> Layer:
    """The layer with its batch norm folded in."""
    weight, bias = folded(layer)
    multiply = product(weight)

    def forward(x: np.ndarray) -> np.ndarray:
        h = multiply(x)
        block.add_relu(h, bias)
        return h

    return forward


def frozen_memory(layer: MemoryLayer) -> Layer:
    """The layer with its memory, composed in the hidden layer's buffer."""
    hidden = frozen_hidden(layer.hidden)
    weight, bias = arrays(layer.attention)
    attend, read = product(weight), product(contiguous(layer.memory.t()))
    normalise = block.add_softmax if layer.soft else block.add_sigmoid
    ladder = None if layer.soft else contiguous(layer.ladder)

    def forward(x: np.ndarray) -> np.ndarray:
        h = hidden(x)
        attention = attend(h)
        normalise(attention, bias)
        m = read(attention)
        if ladder is None:
            block.sum_relu(h, m)
        else:
            block.compose(h, m, ladder)
        return h

    return forward


def product(weight: np.ndarray) -> Layer:
    """x → x W for W (inputs, outputs)."""
    out = np.empty((ROWS, weight.shape[1]), np.float32)
    return lambda x: np.dot(x, weight, out=out[: len(x)])


def folded(layer: HiddenLayer) -> tuple[np.ndarray, np.ndarray]:
    """Weight (inputs, outputs) and bias that do what linear layer and batch norm do at evaluation."""
    factor, offset = layer.norm.affine()
    linear = layer.linear
    return contiguous((linear.weight * factor[:, None]).t()), contiguous(linear.bias * factor + offset)


def arrays(layer: Linear) -> tuple[np.ndarray, np.ndarray]:
    """Weight (inputs, outputs) and bias."""
    return contiguous(layer.weight.t()), contiguous(layer.bias)


def contiguous(tensor: Tensor) -> np.ndarray:
    """A copy, in C order."""
    return tensor.detach().clone(memory_format=torch.contiguous_format).numpy()

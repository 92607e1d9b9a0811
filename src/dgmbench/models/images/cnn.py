"""The auto-encoder with five-layer convolutional networks, plain or with a memory in its decoder, for 28 x 28 pixels.

A proxy of the published architecture, whose details were not all printed: kernels, channels, padding and pooling are
the protocol's; how latent variables and maps are joined, how maps are enlarged and where the memories stand is chosen
here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.images.bounds import mean_bound
from dgmbench.models.images.distributions import log_bernoulli, sample
from dgmbench.models.images.layers import HiddenLayer, linear
from dgmbench.models.images.memory import LocalError, MemoryLayer

SIDE, MAP, CHANNELS = 28, 5, 64  # pixels a side; the innermost map's side and channels


class Convolution(nn.Module):
    """A convolution of maps (n, height, width, channels), Glorot-uniform, without a bias.

    Channels come last, so that a batch norm or a memory takes a position of a map as it takes a row elsewhere.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, padding: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(outputs, inputs, kernel, kernel)))
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """(n, h, w, inputs) → (n, h', w', outputs)."""
        return F.conv2d(x.permute(0, 3, 1, 2), self.weight, padding=self.padding).permute(0, 2, 3, 1)


class ConvLayer(nn.Module):
    """Convolution → batch norm by channel → ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, padding: int) -> None:
        super().__init__()
        self.convolution = Convolution(inputs, outputs, kernel, padding)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(n, h, w, inputs) → (n, h', w', outputs)."""
        maps = self.convolution(x)
        return torch.relu(self.norm(positions(maps))).view(maps.shape)


class CNN(nn.Module):
    """x → five convolutions → (μ, log σ²); z → a dense layer → five convolutions → x.

    Sides of the maps: 28 → 24, halved to 12 → 12 → 10, halved to 5 → 5 → 5, and the way back by full padding and by
    repeating each pixel. With a memory, the dense layer next to z has one over its 1600 units and the last hidden
    convolution, next to x, one that every position of its map reads; each stands at the shape of an encoder layer
    (the fifth and the second), whose normalised pre-activation is the target of its local reconstruction error.

    Example:
        >>> CNN(n_pixels=784).log_weights(torch.zeros(7, 784), k=5).shape
        torch.Size([5, 7])
    """

    def __init__(
        self,
        n_pixels: int,
        latent: int = 100,
        memory: bool = False,
        slots: Sequence[int] = (70, 30),
        attention: str = "sigmoid",
        importance_samples: int = 1,
        estimator: str = "iwae",
        local_error: float = 0.1,
    ) -> None:
        """
        Args:
            n_pixels: number of binary pixels, 784.
            latent: dimensions of z.
            memory: whether two of the decoder's layers read from a memory.
            slots: memory slots of the layers next to x and next to z.
            attention: ``sigmoid`` with the ladder composition, or ``softmax`` with a sum.
            importance_samples, estimator, local_error: of the training loss, as in `VAE`.

        Raises:
            ValueError: another number of pixels.
        """
        super().__init__()
        if n_pixels != SIDE**2:
            raise ValueError(f"these convolutions fit images of 28 x 28 = 784 pixels, not of {n_pixels}")
        self.k, self.estimator, self.local_error = importance_samples, estimator, local_error
        self.memory = memory
        self.encoder1 = ConvLayer(1, 32, 5, padding=0)
        self.encoder2 = ConvLayer(32, 32, 3, padding=1)
        self.encoder3 = ConvLayer(32, 64, 3, padding=0)
        self.encoder4 = ConvLayer(64, 64, 3, padding=1)
        self.encoder5 = ConvLayer(64, 64, 3, padding=1)
        units = MAP * MAP * CHANNELS
        self.mean = linear(units, latent)
        self.log_variance = linear(units, latent)
        self.dense: HiddenLayer | MemoryLayer = HiddenLayer(latent, units)
        self.decoder1 = ConvLayer(64, 64, 3, padding=1)
        self.decoder2 = ConvLayer(64, 64, 3, padding=1)
        self.decoder3 = ConvLayer(64, 32, 3, padding=2)
        self.decoder4: ConvLayer | MemoryLayer = ConvLayer(32, 32, 3, padding=1)
        if memory:
            self.dense = MemoryLayer(latent, units, slots[1], attention)
            self.decoder4 = convolution_with_memory(self.decoder4, 32, slots[0], attention)
        self.output = Convolution(32, 1, 5, padding=4)
        self.output_bias = nn.Parameter(torch.zeros(1))
        if memory:
            self.error2, self.error5 = LocalError(32), LocalError(CHANNELS)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, pixels) → mean and log-variance of q(z | x), each (batch, latent)."""
        return self._encode(x)[:2]

    def _encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Mean, log-variance, and what layers two and five read: (batch, 12, 12, 32), (batch, 5, 5, 64)."""
        second = halve(self.encoder1(x.reshape(-1, SIDE, SIDE, 1)))
        fifth = self.encoder4(halve(self.encoder3(self.encoder2(second))))
        rows = self.encoder5(fifth).reshape(len(x), -1)
        return self.mean(rows), self.log_variance(rows), second, fifth

    def decode(self, z: Tensor) -> Tensor:
        """(..., latent) → (..., pixels) logits."""
        return self._decode(z)[0]

    def _decode(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (..., pixels) and the outputs of the layers that may hold a memory: next to x, and next to z."""
        rows = self.dense(z.reshape(-1, z.shape[-1]))
        maps = rows.view(-1, MAP, MAP, CHANNELS)
        maps = self.decoder3(double(self.decoder2(self.decoder1(maps))))  # (n, 12, 12, 32)
        last = self.decoder4(maps)
        logits = self.output(double(last)) + self.output_bias  # (n, 28, 28, 1)
        return logits.reshape(*z.shape[:-1], SIDE**2), last, rows

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, pixels) → (k, batch): log p(x, z) − log q(z | x) for k samples z ~ q(z | x), in nats."""
        z, log_ratio = sample(*self.encode(x), k)
        return log_bernoulli(x, self.decode(z)) + log_ratio

    def loss(self, x: Tensor) -> dict[str, Tensor]:
        """(batch, pixels) → what is minimised, ``loss`` = −bound + weight · local error, and its parts."""
        mean, log_variance, second, fifth = self._encode(x)
        z, log_ratio = sample(mean, log_variance, self.k, path_only=self.estimator != "iwae")
        logits, last, rows = self._decode(z)
        bound = mean_bound(log_bernoulli(x, logits) + log_ratio, z, self.estimator)
        if not self.memory:
            return {"loss": -bound, "bound": bound.detach()}
        # a position of a map is a row
        error = self.error2(positions(self.encoder2.convolution(second)), positions(last))
        error = error + self.error5(positions(self.encoder5.convolution(fifth)), rows.view(-1, CHANNELS))
        return {"loss": self.local_error * error - bound, "bound": bound.detach(), "local_error": error.detach()}


def convolution_with_memory(hidden: ConvLayer, channels: int, slots: int, attention: str) -> MemoryLayer:
    """A memory whose hidden layer is a convolution: every position of its map attends to the same slots."""
    layer = MemoryLayer(channels, channels, slots, attention)
    layer.hidden = hidden  # type: ignore[assignment]
    return layer


def positions(maps: Tensor) -> Tensor:
    """(n, h, w, channels) → (n · h · w, channels)."""
    return maps.reshape(-1, maps.shape[-1])


def halve(maps: Tensor) -> Tensor:
    """The largest of each 2 x 2 positions: (n, h, w, channels) → (n, h / 2, w / 2, channels)."""
    return F.max_pool2d(maps.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def double(maps: Tensor) -> Tensor:
    """Each position repeated 2 x 2 times: (n, h, w, channels) → (n, 2h, 2w, channels)."""
    return F.interpolate(maps.permute(0, 3, 1, 2), scale_factor=2, mode="nearest").permute(0, 2, 3, 1)

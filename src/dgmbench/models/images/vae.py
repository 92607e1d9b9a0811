"""The variational auto-encoder with two-layer networks, plain or with a memory in its decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from dgmbench.models.images.bernoulli import bernoulli_log_prob
from dgmbench.fast.images.dense import is_plain
from dgmbench.fast.images.frozen import FrozenVAE
from dgmbench.models.images.layers import BatchNorm, HiddenLayer, Linear
from dgmbench.models.images.memory import MemoryLayer, average_unit, local_error
from dgmbench.models.images.sampling import sample


@dataclass(frozen=True)
class Terms:
    """What one pass gives to the training objective.

    Attributes:
        log_w: (k, batch) log p(x, z) − log q(z | x), z ~ q, in nats.
        z: (k, batch, latent) the samples, for estimators that weigh the gradient passing through them.
        local_error: scalar, the summed local reconstruction error of the memory layers; 0 without memory.
    """

    log_w: Tensor
    z: Tensor
    local_error: Tensor


class VAE(nn.Module):
    """x → h1 → h2 → (μ, log σ²); z → h2 → h1 → x; prior N(0, I), Bernoulli pixels (Kingma, Welling 2014).

    Example:
        >>> model = VAE(n_pixels=128, hidden=(200, 200), latent=50)
        >>> model.log_weights(torch.zeros(7, 128), k=5).shape
        torch.Size([5, 7])
    """

    def __init__(
        self,
        n_pixels: int,
        hidden: Sequence[int] = (500, 500),
        latent: int = 100,
        memory: bool = False,
        slots: Sequence[int] = (70, 30),
        attention: str = "sigmoid",
    ) -> None:
        """
        Args:
            n_pixels: number of binary pixels.
            hidden: widths of h1 (next to x) and h2 (next to z).
            latent: dimensions of z.
            memory: whether the decoder's hidden layers read from a memory.
            slots: memory slots of the layers next to x and next to z.
            attention: ``sigmoid`` with the ladder composition, or ``softmax`` with a sum.
        """
        super().__init__()
        h1, h2 = hidden
        self.encoder1 = HiddenLayer(n_pixels, h1)
        self.encoder2 = HiddenLayer(h1, h2)
        self.mean = Linear(h2, latent)
        self.log_variance = Linear(h2, latent)
        self.memory = memory
        self.decoder2: HiddenLayer | MemoryLayer
        self.decoder1: HiddenLayer | MemoryLayer
        if memory:
            self.decoder2 = MemoryLayer(latent, h2, slots[1], attention)
            self.decoder1 = MemoryLayer(h2, h1, slots[0], attention)
        else:
            self.decoder2 = HiddenLayer(latent, h2)
            self.decoder1 = HiddenLayer(h2, h1)
        self.output = Linear(h1, n_pixels)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, pixels) → mean and log-variance of q(z | x), each (batch, latent)."""
        h = self.encoder2(self.encoder1(x))
        return self.mean(h), self.log_variance(h)

    def decode(self, z: Tensor) -> Tensor:
        """(..., latent) → (..., pixels) logits."""
        return self.output(self.decoder1(self.decoder2(z)))

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, pixels) → (k, batch): log p(x, z) − log q(z | x) for k samples z ~ q(z | x), in nats."""
        mean, log_variance = self.encode(x)
        z, log_ratio = sample(mean, log_variance, k)
        return bernoulli_log_prob(self.decode(z), x) + log_ratio

    def evaluation_snapshot(self) -> FrozenVAE | None:
        """The networks as they are now, for fast evaluation in float32 on the CPU; None elsewhere.

        None, too, for a class derived from this one, or with layers of other kinds: it may compute something else.
        """
        known = {VAE, HiddenLayer, MemoryLayer, Linear, BatchNorm}
        if not {type(module) for module in self.modules()} <= known or any(is_plain(p) for p in self.parameters()):
            return None
        encoder, decoder = (self.encoder1, self.encoder2), (self.decoder2, self.decoder1)
        return FrozenVAE(encoder, (self.mean, self.log_variance), decoder, self.output)

    def training_terms(self, x: Tensor, k: int, path_only: bool = False) -> Terms:
        """As `log_weights`, with the local reconstruction error beside it.

        Args:
            path_only: leave the score out of the gradient: q's density keeps its value, but its parameters are
                reached through z alone (Roeder et al. 2017; Tucker et al. 2019).
        """
        e1, unit1 = self.encoder1.normalised(x) if self.memory else (self.encoder1(x), None)
        e2, unit2 = self.encoder2.normalised(e1) if self.memory else (self.encoder2(e1), None)
        z, log_ratio = sample(self.mean(e2), self.log_variance(e2), k, path_only)
        if unit1 is None or unit2 is None:
            log_w = bernoulli_log_prob(self.decode(z), x) + log_ratio
            return Terms(log_w, z, log_w.new_zeros(()))
        d2 = self.decoder2(z)
        d1 = self.decoder1(d2)
        log_w = bernoulli_log_prob(self.output(d1), x) + log_ratio
        error = local_error(unit1, average_unit(d1)) + local_error(unit2, average_unit(d2))
        return Terms(log_w, z, error)


def prior_log_density(z: Tensor) -> Tensor:
    """log N(z; 0, I) over the last axis, in nats."""
    return -0.5 * (z.square().sum(-1) + z.shape[-1] * math.log(2 * math.pi))

"""The variational auto-encoder with two-layer networks, plain or with a memory in its decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dgmbench.fast.images.frozen import FrozenVAE, frozen_vae
from dgmbench.fast.images.fused import FusedStep, fused_step
from dgmbench.models.images.bounds import iwae_bound, mean_bound, normalised_weights
from dgmbench.models.images.distributions import log_bernoulli, sample
from dgmbench.models.images.layers import HiddenLayer, linear
from dgmbench.models.images.memory import LocalError, MemoryLayer
from dgmbench.models.images.some_samples import CARRIERS, Alike, by, drawn


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
        importance_samples: int = 1,
        estimator: str = "iwae",
        local_error: float = 0.1,
        backward_samples: int = 0,
    ) -> None:
        """
        Args:
            n_pixels: number of binary pixels.
            hidden: widths of h1 (next to x) and h2 (next to z).
            latent: dimensions of z.
            memory: whether the decoder's hidden layers read from a memory.
            slots: memory slots of the layers next to x and next to z.
            attention: ``sigmoid`` with the ladder composition, or ``softmax`` with a sum.
            importance_samples: k of the training bound.
            estimator: of the bound's gradient, see `mean_bound`.
            local_error: weight of the local reconstruction error of memory layers.
            backward_samples: draws of an image's samples that the gradient goes through, see `some_samples`; 0: all.

        Raises:
            ValueError: other than two hidden layers, slots of other than two, or a gradient through some samples by the
                estimator ``dreg``, which needs all.
        """
        super().__init__()
        if backward_samples and estimator == "dreg":
            raise ValueError("the estimator dreg passes through all samples; leave backward_samples at 0")
        if len(hidden) != 2:
            raise ValueError(f"hidden is the widths of two layers, as [200, 200], not {list(hidden)}")
        if memory and len(slots) != 2:
            raise ValueError(f"slots is the memory slots of two layers, as [70, 30], not {list(slots)}")
        h1, h2 = hidden
        self.backward_samples = backward_samples
        self.k, self.estimator, self.local_error = importance_samples, estimator, local_error
        self.encoder1 = HiddenLayer(n_pixels, h1)
        self.encoder2 = HiddenLayer(h1, h2)
        self.mean = linear(h2, latent)
        self.log_variance = linear(h2, latent)
        self.memory = memory
        self.decoder2 = MemoryLayer(latent, h2, slots[1], attention) if memory else HiddenLayer(latent, h2)
        self.decoder1 = MemoryLayer(h2, h1, slots[0], attention) if memory else HiddenLayer(h2, h1)
        self.output = linear(h1, n_pixels)
        if memory:
            self.error1, self.error2 = LocalError(h1), LocalError(h2)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, pixels) → mean and log-variance of q(z | x), each (batch, latent)."""
        h = self.encoder2(self.encoder1(x))
        return self.mean(h), self.log_variance(h)

    def decode(self, z: Tensor) -> Tensor:
        """(..., latent) → (..., pixels) logits."""
        rows = self.output(self.decoder1(self.decoder2(z.reshape(-1, z.shape[-1]))))
        return rows.view(*z.shape[:-1], -1)

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, pixels) → (k, batch): log p(x, z) − log q(z | x) for k samples z ~ q(z | x), in nats."""
        z, log_ratio = sample(*self.encode(x), k)
        return log_bernoulli(x, self.decode(z)) + log_ratio

    def loss(self, x: Tensor) -> dict[str, Tensor]:
        """(batch, pixels) → what is minimised, ``loss`` = −bound + weight · local error, and its parts."""
        e1 = self.encoder1(x)
        e2 = self.encoder2(e1)
        z, log_ratio = sample(self.mean(e2), self.log_variance(e2), self.k, path_only=self.estimator != "iwae")
        encoded = (self.encoder1.linear(x), self.encoder2.linear(e1)) if self.memory else ()
        if 0 < self.backward_samples < self.k:
            bound, error = self._bound_by_some(x, z, log_ratio, encoded)
        else:
            log_p, error = self._decode_with_error(x, z, encoded)
            bound = mean_bound(log_p + log_ratio, z, self.estimator)
        if not self.memory:
            return {"loss": -bound, "bound": bound.detach()}
        return {"loss": self.local_error * error - bound, "bound": bound.detach(), "local_error": error.detach()}

    def _decode_with_error(
        self, x: Tensor, z: Tensor, encoded: Sequence[Tensor], alike: Alike | None = None
    ) -> tuple[Tensor, Tensor]:
        """(batch, pixels), (samples, batch, latent) → log p(x | z) (samples, batch), and the local error."""
        more = () if alike is None else (alike,)  # layers of a derived class need not take it
        d2 = self.decoder2(z.flatten(0, 1), *more)  # (samples · batch, width)
        d1 = self.decoder1(d2, *more)
        logits = self.output(d1).view(*z.shape[:2], -1)  # (samples, batch, pixels)
        error = torch.zeros(())
        if encoded:
            error = self.error1(encoded[0], d1, *more) + self.error2(encoded[1], d2, *more)
        return log_bernoulli(x, logits), error

    def _bound_by_some(
        self, x: Tensor, z: Tensor, log_ratio: Tensor, encoded: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The bound of all samples and the local error, their gradients through some."""
        alike = Alike(len(x))
        with torch.no_grad():
            log_w = self._decode_with_error(x, z, encoded, alike)[0] + log_ratio
        chosen = drawn(normalised_weights(log_w), self.backward_samples)  # (draws, batch)
        alike.first = False
        some = torch.cat([z.gather(0, chosen.unsqueeze(-1).expand(-1, -1, z.shape[-1])), z[:CARRIERS]])
        log_p, error = self._decode_with_error(x, some, encoded, alike)
        estimate = (log_p[: len(chosen)] + log_ratio.gather(0, chosen)).mean()
        return by(estimate, iwae_bound(log_w).mean()), error

    def fast_step(self) -> FusedStep | None:
        """A training step that gives what `loss` gives and writes the gradient; None where there is none.

        None, too, for a class derived from this one, or with layers of other kinds: it may compute something else.
        """
        return fused_step(self) if self._is_as_written() else None

    def snapshot(self) -> FrozenVAE | None:
        """The networks as they are now, for fast evaluation in float32 on the CPU; None as for `fast_step`."""
        return frozen_vae(self) if self._is_as_written() else None

    def _is_as_written(self) -> bool:
        known = {VAE, HiddenLayer, MemoryLayer, LocalError, nn.Linear, nn.BatchNorm1d}
        return {type(module) for module in self.modules()} <= known

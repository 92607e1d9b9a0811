"""The auto-encoder of ZhuSuan's examples, by the one method that a density model needs."""

from __future__ import annotations

from torch import Tensor, nn

from dgmbench.models.images.distributions import log_bernoulli, sample
from dgmbench.models.images.layers import linear


class ZhuSuanVAE(nn.Module):
    """x → 500 → 500 → (μ, log σ), z → 500 → 500 → x, rectified, without batch norm; 40 latent dimensions.

    Shi et al., arXiv 1709.05870: ``vae.py`` and ``iwae.py`` of the library's examples are this network.

    Example:
        >>> ZhuSuanVAE(n_pixels=784).log_weights(torch.zeros(7, 784), k=5).shape
        torch.Size([5, 7])
    """

    def __init__(self, n_pixels: int, hidden: int = 500, latent: int = 40) -> None:
        """
        Args:
            n_pixels: number of binary pixels.
            hidden: width of the hidden layers.
            latent: dimensions of z.
        """
        super().__init__()
        self.q = nn.Sequential(linear(n_pixels, hidden), nn.ReLU(), linear(hidden, hidden), nn.ReLU())
        self.mean, self.log_scale = linear(hidden, latent), linear(hidden, latent)
        self.p = nn.Sequential(linear(latent, hidden), nn.ReLU(), linear(hidden, hidden), nn.ReLU())
        self.output = linear(hidden, n_pixels)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, pixels) → mean and log-variance of q(z | x), each (batch, latent)."""
        h = self.q(x)
        return self.mean(h), 2 * self.log_scale(h)

    def decode(self, z: Tensor) -> Tensor:
        """(..., latent) → (..., pixels) logits."""
        return self.output(self.p(z))

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, pixels) → (k, batch): log p(x, z) − log q(z | x) for k samples z ~ q(z | x), in nats."""
        z, log_ratio = sample(*self.encode(x), k)
        return log_bernoulli(x, self.decode(z)) + log_ratio

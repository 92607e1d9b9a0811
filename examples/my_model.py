"""User-defined density models: a linear decoder with an amortised Gaussian posterior, and a beta-VAE made of it."""

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence


class LinearVAE(nn.Module):
    """With log-weights alone, which are enough: it is trained by their importance-weighted bound."""

    def __init__(self, n_pixels: int, latent: int = 20) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_pixels, 100), nn.ReLU(), nn.Linear(100, 2 * latent))
        self.decoder = nn.Linear(latent, n_pixels)

    def posterior(self, x: Tensor) -> Normal:
        """(batch, pixels) → q(z | x), (batch, latent)."""
        mean, log_scale = self.encoder(x).chunk(2, dim=-1)
        return Normal(mean, log_scale.exp())

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, pixels) → (k, batch): log p(x, z) − log q(z | x) for k samples z ~ q(z | x)."""
        q = self.posterior(x)
        z = q.rsample(torch.Size([k]))
        log_likelihood = Bernoulli(logits=self.decoder(z)).log_prob(x).sum(-1)
        return log_likelihood + (Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)).sum(-1)


class BetaVAE(LinearVAE):
    """With an objective of its own (Higgins et al. 2017); ``curve.csv`` has what ``loss`` gives, by its names."""

    def __init__(self, n_pixels: int, latent: int = 20, beta: float = 4.0) -> None:
        super().__init__(n_pixels, latent)
        self.beta = beta

    def loss(self, x: Tensor) -> dict[str, Tensor]:
        """(batch, pixels) → scalars, of which ``loss`` is minimised."""
        q = self.posterior(x)
        reconstruction = Bernoulli(logits=self.decoder(q.rsample())).log_prob(x).sum(-1).mean()
        divergence = kl_divergence(q, Normal(0.0, 1.0)).sum(-1).mean()
        return {"loss": self.beta * divergence - reconstruction, "reconstruction": reconstruction, "kl": divergence}

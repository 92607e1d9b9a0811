"""A density model of one's own in 20 lines: a linear decoder with an amortised Gaussian posterior."""

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal


class LinearVAE(nn.Module):
    def __init__(self, n_pixels: int, latent: int = 20) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_pixels, 100), nn.ReLU(), nn.Linear(100, 2 * latent))
        self.decoder = nn.Linear(latent, n_pixels)

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, pixels) → (k, batch): log p(x, z) − log q(z | x) for k samples z ~ q(z | x)."""
        mean, log_scale = self.encoder(x).chunk(2, dim=-1)
        q = Normal(mean, log_scale.exp())
        z = q.rsample(torch.Size([k]))
        log_likelihood = Bernoulli(logits=self.decoder(z)).log_prob(x).sum(-1)
        return log_likelihood + (Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)).sum(-1)

"""A linear-Gaussian latent-variable model, whose log p(x) is exact: the oracle for every estimator."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LinearGaussian(nn.Module):
    """z ~ N(0, I), x | z ~ N(W z, s² I) (probabilistic PCA), so x ~ N(0, W Wᵀ + s² I).

    The proposal is the exact posterior N(M⁻¹ Wᵀ x, s² M⁻¹), M = Wᵀ W + s² I, with its mean moved by ``shift`` and its
    covariance scaled by ``spread``: with 0 and 1 every weight equals p(x), otherwise the bound is loose as a trained
    model's is.
    """

    def __init__(self, weight: Tensor, noise: float = 0.5, shift: float = 0.0, spread: float = 1.0) -> None:
        """
        Args:
            weight: (pixels, latent) W.
            noise: s.
            shift: added to every component of the proposal's mean.
            spread: factor on the proposal's covariance.
        """
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.noise = noise
        self.shift = nn.Parameter(torch.as_tensor(shift, dtype=weight.dtype))
        self.log_spread = nn.Parameter(torch.as_tensor(math.log(spread), dtype=weight.dtype))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, pixels) → the exact posterior's mean (batch, latent) and covariance (latent, latent)."""
        identity = torch.eye(self.weight.shape[1], dtype=self.weight.dtype, device=self.weight.device)
        precision = self.weight.T @ self.weight + self.noise**2 * identity
        return torch.linalg.solve(precision, self.weight.T @ x.T).T, self.noise**2 * torch.linalg.inv(precision)

    def proposal(self, x: Tensor) -> torch.distributions.MultivariateNormal:
        """q(z | x)."""
        mean, covariance = self.posterior(x)
        return torch.distributions.MultivariateNormal(mean + self.shift, covariance * torch.exp(self.log_spread))

    def log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """(k, batch) log p(x, z) for z (k, batch, latent)."""
        residual = (x - z @ self.weight.T) / self.noise
        pixels, latent = self.weight.shape
        constant = (pixels + latent) * math.log(2 * math.pi) + 2 * pixels * math.log(self.noise)
        return -0.5 * (residual.square().sum(-1) + z.square().sum(-1) + constant)

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, pixels) → (k, batch) log p(x, z) − log q(z | x), z ~ q(z | x)."""
        q = self.proposal(x)
        z = q.rsample((k,))
        return self.log_joint(x, z) - q.log_prob(z)

    def exact_log_likelihood(self, x: Tensor) -> Tensor:
        """(batch,) log p(x)."""
        identity = torch.eye(self.weight.shape[0], dtype=self.weight.dtype, device=self.weight.device)
        covariance = self.weight @ self.weight.T + self.noise**2 * identity
        return torch.distributions.MultivariateNormal(x.new_zeros(x.shape[1]), covariance).log_prob(x)

    def exact_elbo(self, x: Tensor) -> Tensor:
        """(batch,) log p(x) − KL(q(z | x) ‖ p(z | x)), what k = 1 estimates."""
        mean, covariance = self.posterior(x)
        exact = torch.distributions.MultivariateNormal(mean, covariance)
        return self.exact_log_likelihood(x) - torch.distributions.kl_divergence(self.proposal(x), exact)

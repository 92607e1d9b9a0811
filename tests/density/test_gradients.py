"""Gradient estimators of the importance-weighted bound against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgmbench.models.images.bounds import iwae_bound
from dgmbench.training.loop import DensityTraining, Images
from dgmbench.models.images.vae import Terms
from dgmbench.run.spec import DensitySettings


class Scalar(nn.Module):
    """z ~ N(0, 1), x | z ~ N(θ + z, 1), q(z | x) = N(φ, 1): every expectation has a closed form."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
        self.phi = nn.Parameter(torch.tensor(0.9, dtype=torch.float64))

    def log_weight(self, x: Tensor, z: Tensor, phi: Tensor) -> Tensor:
        squares = (x - self.theta - z).square() + z.square() - (z - phi).square()
        return -0.5 * squares - 0.5 * math.log(2 * math.pi)

    def training_terms(self, x: Tensor, k: int, path_only: bool = False) -> Terms:
        z = self.phi + torch.randn(k, len(x), dtype=torch.float64)
        phi = self.phi.detach() if path_only else self.phi
        z = z.unsqueeze(-1)
        log_w = self.log_weight(x, z, phi).squeeze(-1)
        return Terms(log_w, z, log_w.new_zeros(()))


def expected_bound(theta: Tensor, phi: Tensor, x: float, k: int, nodes: int = 60) -> Tensor:
    """E[L_k] for k = 1 or 2 by Gauss-Hermite quadrature, differentiable in both parameters."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    z = phi + torch.tensor(points, dtype=torch.float64)
    w = torch.tensor(weights / weights.sum(), dtype=torch.float64)
    log_w = -0.5 * ((x - theta - z).square() + z.square() - (z - phi).square()) - 0.5 * math.log(2 * math.pi)
    if k == 1:
        return (w * log_w).sum()
    pairs = torch.stack(torch.broadcast_tensors(log_w[:, None], log_w[None, :])).reshape(2, -1)
    return (torch.outer(w, w).reshape(-1) * iwae_bound(pairs)).sum()


def estimated(estimator: str, k: int, x: float = 1.5, draws: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error of the gradient of the bound by (θ, φ)."""
    settings = DensitySettings(importance_samples=k, estimator=estimator)
    model = Scalar()
    images = Images(np.zeros((4, 1), np.uint8), True, 4, 0, torch.device("cpu"))
    module = DensityTraining(model, images, settings, 0)
    torch.manual_seed(0)
    gradients = []
    for _ in range(40):
        cost, _ = module.cost(torch.full((draws // 40, 1), x, dtype=torch.float64))
        gradients.append([-g.item() for g in torch.autograd.grad(cost, (model.theta, model.phi))])
    values = np.array(gradients)
    return values.mean(0), values.std(0, ddof=1) / math.sqrt(len(values))


def exact(k: int, x: float = 1.5) -> np.ndarray:
    model = Scalar()
    return np.array(
        [g.item() for g in torch.autograd.grad(expected_bound(model.theta, model.phi, x, k), list(model.parameters()))]
    )


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("estimator", ["iwae", "dreg"])
def test_iwae_and_dreg_are_unbiased(estimator: str, k: int) -> None:
    mean, error = estimated(estimator, k)
    assert (np.abs(mean - exact(k)) < 4 * error + 1e-6).all(), (mean, error, exact(k))


def test_stl_is_unbiased_for_one_sample_and_biased_for_more() -> None:
    mean, error = estimated("stl", 1)
    assert (np.abs(mean - exact(1)) < 4 * error + 1e-6).all()
    mean, error = estimated("stl", 2)
    assert abs(mean[1] - exact(2)[1]) > 6 * error[1]


def test_dreg_varies_less_than_iwae_in_the_encoder() -> None:
    assert estimated("dreg", 2)[1][1] < estimated("iwae", 2)[1][1]


@pytest.mark.parametrize("estimator", ["iwae", "stl", "dreg"])
def test_the_bound_reported_is_the_bound_whatever_the_estimator(estimator: str) -> None:
    model = Scalar()
    images = Images(np.zeros((4, 1), np.uint8), True, 4, 0, torch.device("cpu"))
    module = DensityTraining(model, images, DensitySettings(importance_samples=5, estimator=estimator), 0)
    x = torch.linspace(-1, 2, 50, dtype=torch.float64).unsqueeze(1)
    torch.manual_seed(1)
    _, bound = module.cost(x)
    torch.manual_seed(1)
    torch.testing.assert_close(bound, iwae_bound(model.training_terms(x, 5).log_w).mean().detach())

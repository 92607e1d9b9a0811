"""Gradient estimators of the importance-weighted bound against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from dgmbench.models.images.bounds import iwae_bound, mean_bound, normalised_weights

THETA, PHI = 0.3, 0.9


def log_weight(x: float, z: Tensor, theta: Tensor, phi: Tensor) -> Tensor:
    """z ~ N(0, 1), x | z ~ N(θ + z, 1), q(z | x) = N(φ, 1): every expectation has a closed form."""
    return -0.5 * ((x - theta - z).square() + z.square() - (z - phi).square()) - 0.5 * math.log(2 * math.pi)


def parameters() -> tuple[Tensor, Tensor]:
    theta, phi = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (THETA, PHI))
    return theta, phi


def expected_bound(theta: Tensor, phi: Tensor, x: float, k: int, nodes: int = 60) -> Tensor:
    """E[L_k] for k = 1 or 2 by Gauss-Hermite quadrature, differentiable in both parameters."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    w = torch.tensor(weights / weights.sum(), dtype=torch.float64)
    log_w = log_weight(x, phi + torch.tensor(points, dtype=torch.float64), theta, phi)
    if k == 1:
        return (w * log_w).sum()
    pairs = torch.stack(torch.broadcast_tensors(log_w[:, None], log_w[None, :])).reshape(2, -1)
    return (torch.outer(w, w).reshape(-1) * iwae_bound(pairs)).sum()


def exact(k: int, x: float = 1.5) -> np.ndarray:
    given = parameters()
    return np.array([g.item() for g in torch.autograd.grad(expected_bound(*given, x, k), given)])


def drawn_bound(estimator: str, k: int, draws: int, given: tuple[Tensor, Tensor], x: float = 1.5) -> Tensor:
    theta, phi = given
    z = phi + torch.randn(k, draws, 1, dtype=torch.float64)
    density = phi.detach() if estimator != "iwae" else phi
    return mean_bound(log_weight(x, z, theta, density).squeeze(-1), z, estimator)


def estimated(estimator: str, k: int, draws: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error of the gradient of the bound by (θ, φ)."""
    torch.manual_seed(0)
    given = parameters()
    found = [torch.autograd.grad(drawn_bound(estimator, k, draws // 40, given), given) for _ in range(40)]
    values = np.array([[g.item() for g in gradient] for gradient in found])
    return values.mean(0), values.std(0, ddof=1) / math.sqrt(len(values))


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


def test_the_value_is_the_bound_whatever_the_estimator() -> None:
    values = []
    for estimator in ("iwae", "stl", "dreg"):
        torch.manual_seed(1)
        values.append(drawn_bound(estimator, 5, 50, parameters()).detach())
    torch.testing.assert_close(values, values[:1] * 3)


def test_the_bound_is_a_mean_within_each_datum() -> None:
    """Log-mean-exp over samples, never over the batch; weights sum to one over samples."""
    log_w = torch.tensor([[0.0, -3.0], [1.0, -2.0], [2.0, -6.0]], dtype=torch.float64)
    expected = torch.log(torch.exp(log_w).mean(0))
    torch.testing.assert_close(iwae_bound(log_w), expected)
    assert not torch.isclose(iwae_bound(log_w).mean(), torch.log(torch.exp(log_w.mean(1)).mean()))
    torch.testing.assert_close(normalised_weights(log_w).sum(0), torch.ones(2, dtype=torch.float64))

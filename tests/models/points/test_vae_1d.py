"""The auto-encoder with one latent dimension: quadrature against closed forms, and the evaluator against quadrature."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn

from dgmbench.data.load.points import load_points
from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.models.points.vae_1d import VAE1D

NAMES = ["two-moons", "rings", "old-faithful-like"]


def linear(slope: np.ndarray, offset: np.ndarray, variance: float) -> VAE1D:
    """x | z ~ N(slope z + offset, variance I), so x ~ N(offset, slope slopeᵀ + variance I)."""
    model = VAE1D(len(slope), hidden=())
    layer = nn.Linear(1, 2 * len(slope))
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(np.concatenate([slope, 0 * slope]))[:, None])
        layer.bias.copy_(
            torch.as_tensor(np.concatenate([offset, np.full(len(slope), math.log(variance - model.floor))]))
        )
    model.decoder = nn.Sequential(layer)
    return model


@pytest.mark.parametrize("variance", [0.003, 0.1, 2.0])
@pytest.mark.parametrize("slope", [(0.0, 0.0), (1.0, -0.5), (4.0, 3.0), (0.5, 0.2, -1.0)])
def test_quadrature_is_exact_where_the_curve_is_a_line(slope: tuple[float, ...], variance: float) -> None:
    along, offset = np.array(slope), np.linspace(-1, 2, len(slope))
    normal = torch.distributions.MultivariateNormal(
        torch.as_tensor(offset), torch.as_tensor(np.outer(along, along) + variance * np.eye(len(slope)))
    )
    x = normal.sample(torch.Size([50]))
    # the layer is float32, so that its variance and offset are right to 1e-7 of themselves
    found = linear(along, offset, variance).log_prob(x)
    torch.testing.assert_close(found, normal.log_prob(x), rtol=3e-6, atol=3e-6)


def test_quadrature_is_that_of_an_adaptive_rule() -> None:
    torch.manual_seed(0)
    model = VAE1D(2, hidden=(6,)).double()

    def joint(z: float, x: torch.Tensor) -> float:
        with torch.no_grad():
            mean, variance = model.decode(torch.tensor([z], dtype=torch.float64))
        log_p = torch.distributions.Normal(mean, variance.sqrt()).log_prob(x).sum()
        return math.exp(float(log_p) - z * z / 2) / math.sqrt(2 * math.pi)

    for x in torch.randn(3, 2, dtype=torch.float64):
        whole, _ = quad(joint, -8, 8, args=(x,), epsabs=1e-13, limit=200)
        assert float(model.log_prob(x[None])[0]) == pytest.approx(math.log(whole), abs=1e-9)


@pytest.fixture(scope="module")
def trained() -> Iterator[dict[str, VAE1D]]:
    """A model of each dataset, trained by the bound of one sample."""
    with torch.random.fork_rng():
        yield {name: _trained(name) for name in NAMES}


def _trained(name: str, steps: int = 100) -> VAE1D:
    torch.manual_seed(0)
    x, model = torch.as_tensor(load_points(name).train[:500]).float(), VAE1D(2)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimiser.zero_grad()
        (-model.log_weights(x, 1).mean()).backward()
        optimiser.step()
    return model


@pytest.mark.network  # the cache of datasets
@pytest.mark.parametrize("name", NAMES)
def test_importance_sampling_with_5000_samples_is_within_a_hundredth_of_a_nat(
    name: str, trained: dict[str, VAE1D]
) -> None:
    points, model = load_points(name).test[:60], trained[name]
    exact = model.log_prob(points).numpy()
    estimated = log_likelihood(model, points, 5000)
    assert abs(estimated.mean() - exact.mean()) < 0.01
    assert log_likelihood(model, points, 1).mean() < exact.mean()


@pytest.mark.network
@pytest.mark.parametrize("name", NAMES)
def test_twice_as_fine_a_grid_changes_nothing_and_the_network_keeps_its_precision(
    name: str, trained: dict[str, VAE1D]
) -> None:
    points, model = load_points(name).test[:20], trained[name]
    torch.testing.assert_close(model.log_prob(points), model.log_prob(points, grid=20_001), rtol=0, atol=1e-9)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.network
@pytest.mark.parametrize("name", NAMES)
def test_the_density_integrates_to_one(name: str, trained: dict[str, VAE1D]) -> None:
    middle, reach = load_points(name).train.mean(axis=0), 14
    sides = [torch.linspace(-reach, reach, 141, dtype=torch.float64) + centre for centre in middle]
    cell = float(sides[0][1] - sides[0][0]) ** 2
    mass = cell * float(trained[name].log_prob(torch.cartesian_prod(*sides), grid=401).exp().sum())
    assert mass == pytest.approx(1, abs=0.01)


def test_shapes_gradients_and_samples() -> None:
    torch.manual_seed(0)
    model = VAE1D(3, hidden=(5, 4))
    log_w = model.log_weights(torch.randn(7, 3), 5)
    assert log_w.shape == (5, 7)
    log_w.mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    torch.testing.assert_close(model.sample(9, seed=1), model.sample(9, seed=1), rtol=0, atol=0)
    assert model.sample(9, seed=1).shape == (9, 3)


@pytest.mark.parametrize(
    "options", [{"floor": 0.0}, {"floor": -1.0}, {"n_pixels": 0}, {"hidden": (0,)}, {"hidden": (5, -1)}]
)
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"floor|layer"):
        VAE1D(**{"n_pixels": 2} | options)  # type: ignore[arg-type]

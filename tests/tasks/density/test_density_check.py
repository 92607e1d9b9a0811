"""One check over every row, and over models with the usual mistakes."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from dgmbench.errors import UserError
from dgmbench.run.config import build_run
from dgmbench.run.rows import find_row
from dgmbench.tasks.density.check import findings
from dgmbench.tasks.density.rows import ROWS
from dgmbench.tasks.density.task import DENSITY

pytestmark = pytest.mark.network


def check(model: str, dataset: str = "ocr-letters") -> list[str]:
    spec = build_run(DENSITY, dataset, model, 0, [], "test")
    return list(findings(spec, find_row(DENSITY, model)))


@pytest.mark.parametrize("name", ROWS)
def test_every_row_fits(name: str) -> None:
    of_points = ("rings",) if ROWS[name].data == "points" else ()
    assert check(name, *(ROWS[name].datasets[:1] or of_points)) == []


def test_a_gradient_through_some_samples_fits() -> None:
    spec = build_run(DENSITY, "ocr-letters", "iwae-50", 0, [({"backward_samples": 16}, "test")], "test")
    assert list(findings(spec, find_row(DENSITY, "iwae-50"))) == []


@pytest.mark.parametrize("name", ["backward_samples", "local_error", "importance_samples"])
def test_a_setting_is_no_option(name: str) -> None:
    """Whose record would have two values, and no rule for the second."""
    with pytest.raises(UserError, match=f"set {name} itself"):
        build_run(DENSITY, "ocr-letters", "mem-iwae-5", 0, [({"options": {name: 2}}, "test")], "test")


class Good(torch.nn.Module):
    def __init__(self, n_pixels: int) -> None:
        super().__init__()
        self.mean = torch.nn.Linear(n_pixels, 2)
        self.output = torch.nn.Linear(2, n_pixels)

    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        mean = self.mean(x)
        noise = self.noise(k, mean)
        z = mean + noise
        logits = self.output(z)
        log_p = (x * logits - torch.nn.functional.softplus(logits)).sum(-1)
        return log_p + 0.5 * (noise.square() - z.square()).sum(-1)

    def noise(self, k: int, mean: torch.Tensor) -> torch.Tensor:
        return torch.randn(k, *mean.shape)


class BatchFirst(Good):
    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        return super().log_weights(x, k).T


class Deterministic(Good):
    def noise(self, k: int, mean: torch.Tensor) -> torch.Tensor:
        return torch.zeros(k, *mean.shape)


class Detached(Good):
    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        return super().log_weights(x, k).detach()


class Unused(Good):
    def __init__(self, n_pixels: int) -> None:
        super().__init__(n_pixels)
        self.forgotten = torch.nn.Linear(2, 2)


class WithLoss(Good):
    def loss(self, x: torch.Tensor) -> Any:
        return {"loss": -self.log_weights(x, 1).mean()}


class Density(Good):
    """Its values are densities, of real pixels."""

    above = 2000.0

    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        return super().log_weights(x, k) + self.above


class DensityOfPoints(Density):
    data = "points"


class FittedDensity(torch.nn.Module):
    def __init__(self, n_pixels: int) -> None:
        super().__init__()
        self.mean = torch.nn.Parameter(torch.zeros(n_pixels), requires_grad=False)

    def fit(self, x: torch.Tensor, held_out: torch.Tensor | None, **state: Any) -> Any:
        self.mean.copy_(x.double().mean(0))
        return types.SimpleNamespace(bounds=[-1.0], components=1, free_parameters=1, by_components={})

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.as_tensor(x)
        return 1.0 - (x - self.mean.to(x)).square().mean(1)


class FittedDensityOfPoints(FittedDensity):
    data = "points"

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x) + 100.0


class NumberBeside(WithLoss):
    def loss(self, x: torch.Tensor) -> Any:
        return super().loss(x) | {"elbo": 0.5, "single": torch.ones(1)}


class EachBeside(WithLoss):
    def loss(self, x: torch.Tensor) -> Any:
        return super().loss(x) | {"elbo": self.log_weights(x, 1)}


class NumberLoss(WithLoss):
    def loss(self, x: torch.Tensor) -> Any:
        return {"loss": 0.5}


class BareLoss(Good):
    def loss(self, x: torch.Tensor) -> Any:
        return -self.log_weights(x, 1).mean()


class LossOfEach(Good):
    def loss(self, x: torch.Tensor) -> Any:
        return {"loss": -self.log_weights(x, 1)}


class DetachedLoss(Good):
    def loss(self, x: torch.Tensor) -> Any:
        return {"loss": -self.log_weights(x, 1).mean().detach()}


MODELS = {
    Good: None,
    WithLoss: None,
    Density: "log_weights gave a mean log-likelihood of",
    FittedDensity: "log_prob gave a mean log-likelihood of 0.",
    NumberBeside: None,
    EachBeside: "no scalar for elbo",
    NumberLoss: "no tensor for loss but float",
    BatchFirst: "not (4, 6)",
    Deterministic: "sampled anew",
    Detached: "log_weights carries no gradient",
    Unused: "forgotten",
    BareLoss: "without 'loss'",
    LossOfEach: "no scalar for loss",
    DetachedLoss: "loss(x) carries no gradient",
}


@pytest.fixture(autouse=True)
def _importable() -> Iterator[None]:
    module = types.ModuleType("user_models")
    for cls in (*MODELS, DensityOfPoints, FittedDensityOfPoints):
        setattr(module, cls.__name__, cls)
    sys.modules[module.__name__] = module
    yield
    del sys.modules[module.__name__]


@pytest.mark.parametrize("name", ["DensityOfPoints", "FittedDensityOfPoints"])
def test_a_log_density_of_points_may_be_above_0(name: str) -> None:
    assert check(f"user_models:{name}", "rings") == []


@pytest.mark.parametrize(("cls", "says"), MODELS.items())
def test_usual_mistakes_are_named(cls: type[Good], says: str | None) -> None:
    found = check(f"user_models:{cls.__name__}")
    if says is None:
        assert found == []
    else:
        assert any(says in finding for finding in found), found

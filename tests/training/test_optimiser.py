"""Schedules of the learning rate, and the clips of the plain optimiser."""

from __future__ import annotations

import pytest
import torch

from dgmbench.fast.adam import ClippedAdam
from dgmbench.training.optimiser import build_optimiser, rate_factor
from dgmbench.training.settings import TrainingSettings


def test_published_schedule() -> None:
    factor = rate_factor(TrainingSettings(), 10)
    assert factor(0) == factor(10_009) == 1
    assert factor(10 * 1500) == pytest.approx(0.998**500)


def test_one_cycle_rises_and_falls() -> None:
    factor = rate_factor(TrainingSettings(schedule="one-cycle", epochs=10, warm_up=0.3), 10)
    rates = [factor(step) for step in range(100)]
    assert rates.index(max(rates)) == 30 and max(rates) == 1
    assert rates[0] < 0.1 and rates[-1] < 0.01


def test_the_gradient_is_clipped_by_norm_then_by_value_on_every_way() -> None:
    settings = TrainingSettings(learning_rate=0.1, clip_norm=5.0, clip_value=0.5)
    found = []
    for dtype, kind in ((torch.float32, ClippedAdam), (torch.float64, torch.optim.Adam)):
        module = torch.nn.Linear(2, 1, bias=False).to(dtype)
        module.weight.data.zero_()
        module.weight.grad = torch.tensor([[300.0, 30.0]], dtype=dtype)  # clipped to 4.975, 0.4975, then to 0.5, 0.4975
        optimiser = build_optimiser(module, settings)
        assert type(optimiser) is kind
        optimiser.step()
        found.append(module.weight.detach().double())
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-8)
    clipped = torch.tensor([[0.5, 0.4975]], dtype=torch.float64)
    torch.testing.assert_close(found[1], -0.1 * clipped / (clipped + 1e-4), rtol=1e-4, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gradient_that_is_not_a_number_shows_in_the_weights(dtype: torch.dtype) -> None:
    module = torch.nn.Linear(2, 1, bias=False).to(dtype)
    module.weight.grad = torch.tensor([[float("nan"), 1.0]], dtype=dtype)
    build_optimiser(module, TrainingSettings()).step()
    assert module.weight.isnan().any()

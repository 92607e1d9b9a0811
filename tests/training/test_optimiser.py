"""Schedules of the learning rate, and the clips of the plain optimiser."""

from __future__ import annotations

import pytest
import torch

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


def stepped(gradient: list[float]) -> torch.Tensor:
    """Weights of zero after a step at a rate of 0.1."""
    module = torch.nn.Linear(2, 1, bias=False)
    module.weight.data.zero_()
    module.weight.grad = torch.tensor([gradient])
    build_optimiser(module, TrainingSettings(learning_rate=0.1, clip_norm=5.0, clip_value=0.5)).step()
    return module.weight.detach()


def test_the_gradient_is_clipped_by_norm_then_by_value() -> None:
    # 300 and 30 are scaled to 4.975 and 0.4975
    for gradient, clipped in (([300.0, 30.0], [0.5, 0.4975]), ([0.7, 0.1], [0.5, 0.1])):
        expected = torch.tensor([clipped])
        torch.testing.assert_close(stepped(gradient), -0.1 * expected / (expected + 1e-4), rtol=1e-4, atol=0)


def test_a_gradient_that_is_not_a_number_shows_in_the_weights() -> None:
    assert stepped([float("nan"), 1.0]).isnan().any()

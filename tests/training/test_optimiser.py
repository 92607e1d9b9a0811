"""Schedules of the learning rate, and the clips of the plain optimiser."""

from __future__ import annotations

import pytest
import torch

from dgmbench.fast.adam import ClippedAdam
from dgmbench.models.images.memory import MemoryLayer
from dgmbench.training.muon import Muon
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


@pytest.mark.parametrize("shape", [(20, 20), (30, 12), (12, 30), (7, 1, 3, 3)])
def test_muon_turns_a_gradient_into_an_orthogonal_step_of_adams_size(shape: tuple[int, ...]) -> None:
    matrix = torch.nn.Parameter(torch.zeros(shape))
    matrix.grad = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 1e-3
    Muon([matrix], [], lr=0.1).step()
    moved, gradient = -matrix.detach().flatten(1) / 0.1, matrix.grad.flatten(1)
    u, _, v = torch.linalg.svd(gradient, full_matrices=False)
    turned = u.T @ moved @ v.T / (0.2 * max(moved.shape) ** 0.5)
    assert turned.diag().min() > 0.4 and turned.diag().max() < 1.3  # singular values near 1
    assert (turned - turned.diag().diag()).abs().max() < 0.05  # and the directions as they were
    assert moved.square().mean().sqrt() == pytest.approx(0.2, rel=0.3)


@pytest.mark.parametrize("weight_decay", [0.0, 0.7])
def test_muon_moves_as_pytorchs_does(weight_decay: float) -> None:
    ours, theirs = (torch.nn.Linear(24, 16, bias=False) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    first = Muon([ours.weight], [], lr=0.02, momentum=0.95, iterations=5, weight_decay=weight_decay)
    second = torch.optim.Muon([theirs.weight], lr=0.02, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
    before = ours.weight.detach().clone()
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        ours.weight.grad = torch.randn(16, 24, generator=generator)
        theirs.weight.grad = ours.weight.grad.clone()
        first.step()
        second.step()
    # PyTorch's iterates in bfloat16
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=0, atol=5 * 0.02 * 0.2 * 5 * 0.02)
    lost = before.abs().mean() * (1 - (1 - 0.02 * weight_decay) ** 5)
    assert lost == 0 or lost > 5 * 0.02 * 0.2 * 5 * 0.02 / 3  # a decay that is left out would show


def test_muon_takes_adams_steps_for_what_is_no_matrix() -> None:
    layer, same = MemoryLayer(6, 12, 10), MemoryLayer(6, 12, 10)
    same.load_state_dict(layer.state_dict())
    settings = TrainingSettings(learning_rate=0.01)
    muon = build_optimiser(layer, settings.model_copy(update={"optimizer": "muon"}))
    adam = build_optimiser(same, settings)
    for step in range(3):
        for a, b in zip(layer.parameters(), same.parameters(), strict=True):
            a.grad = torch.full_like(a, 0.01 * (step + 1))
            b.grad = a.grad.clone()
        muon.step()
        adam.step()
    alike = {name for name, p in layer.named_parameters() if torch.allclose(p, same.get_parameter(name), atol=1e-6)}
    matrices = {"memory", "hidden.linear.weight", "attention.weight"}
    assert alike == {name for name, _ in layer.named_parameters()} - matrices

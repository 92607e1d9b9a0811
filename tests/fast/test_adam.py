"""Adam with both clips as one compiled loop: the library's step, the library's state."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from dgmbench.fast.adam import ClippedAdam


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(30, 70), nn.ReLU(), nn.Linear(70, 30))


def plain_step(module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
    torch.nn.utils.clip_grad_value_(module.parameters(), 0.5)
    optimiser.step()


def give_gradients(module: nn.Module, scale: float, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in module.parameters():
        parameter.grad = scale * torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("scale", [0.01, 1.0, 1000.0])
def test_it_is_the_library_s_after_both_clips_and_its_state_goes_on_with_either(scale: float) -> None:
    ours, theirs = network(), network()
    adam = ClippedAdam(list(ours.parameters()), 1e-3, 1e-4, 5.0, 0.5)
    reference = torch.optim.Adam(theirs.parameters(), lr=1e-3, eps=1e-4)
    for step in range(6):
        if step == 3:  # both go on from the other one's state
            states = copy.deepcopy(adam.state_dict()), copy.deepcopy(reference.state_dict())
            adam.load_state_dict(states[1])
            reference.load_state_dict(states[0])
        for optimiser in (adam, reference):
            optimiser.param_groups[0]["lr"] = 1e-3 * (step + 1)
        for module in (ours, theirs):
            give_gradients(module, scale, step)
        adam.step()
        plain_step(theirs, reference)
    torch.testing.assert_close(list(ours.parameters()), list(theirs.parameters()), rtol=1e-5, atol=1e-6)


def test_gradients_of_backward_accumulate_in_place_and_start_at_zero() -> None:
    module = network()
    adam = ClippedAdam(list(module.parameters()), 1e-3, 1e-4, 5.0, 0.5)
    x = torch.randn(5, 30)
    for reset in (adam.zero_grad, module.zero_grad):
        reset()
        module(x).square().sum().backward()
        found = [p.grad.clone() for p in module.parameters() if p.grad is not None]
        assert torch.autograd.grad(module(x).square().sum(), list(module.parameters()))[0].equal(found[0])
        adam.step()


def test_a_gradient_that_is_not_a_number_shows_in_the_weights() -> None:
    module = network()
    adam = ClippedAdam(list(module.parameters()), 1e-3, 1e-4, 5.0, 0.5)
    give_gradients(module, 1.0, 0)
    assert module[0].weight.grad is not None  # type: ignore[index]
    module[0].weight.grad[3, 4] = float("nan")  # type: ignore[index]
    adam.step()
    assert any(p.isnan().any() for p in module.parameters())

"""The gradient through some samples: how they are drawn, and that on average it is the gradient through all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dgmbench.fast.images.kernels import likelihood
from dgmbench.models.images import some_samples, vae
from dgmbench.models.images.some_samples import drawn
from dgmbench.models.images.vae import VAE

KINDS = {"plain": {}, "sigmoid": {"memory": True}, "softmax": {"memory": True, "attention": "softmax"}}


def weights(k: int, batch: int) -> Tensor:
    scores = 2 * torch.randn(k, batch, generator=torch.Generator().manual_seed(0))
    return torch.softmax(scores, 0)


def counts(chosen: Tensor, k: int) -> Tensor:
    """(draws, batch) samples → (k, batch) how often each is there."""
    return torch.nn.functional.one_hot(chosen, k).sum(0).T


@pytest.mark.parametrize(("k", "draws"), [(2, 1), (5, 3), (50, 8), (50, 49)])
def test_a_sample_is_drawn_as_often_as_its_weight_says(k: int, draws: int) -> None:
    w, steps = weights(k, 6).double(), 2000
    found = [counts(drawn(w, draws, torch.full((6,), (i + 0.5) / steps).double()), k) for i in range(steps)]
    mean = torch.stack(found).double().mean(0) / draws
    torch.testing.assert_close(mean, w, rtol=0, atol=2 / steps)
    # systematic: a number of draws next to the expected one, every time
    assert all(((count - draws * w).abs() < 1).all() for count in found)


@pytest.mark.parametrize(("k", "draws"), [(2, 1), (5, 3), (50, 8), (50, 49)])
def test_the_compiled_loop_draws_the_same_samples(k: int, draws: int) -> None:
    w, places = weights(k, 40), torch.rand(40, generator=torch.Generator().manual_seed(1))
    found = np.empty((k, 40), np.float32)
    likelihood.resample(w.numpy(), places.numpy(), draws, found)
    np.testing.assert_array_equal(found, counts(drawn(w.double(), draws, places.double()), k))


def test_every_draw_is_made_where_one_sample_has_all_the_weight_and_where_rounding_leaves_some() -> None:
    w = torch.zeros(4, 3)
    w[0, 0] = w[3, 1] = 1
    w[:, 2] = 0.2499999
    places = torch.full((3,), 0.9999999)
    found = np.empty((4, 3), np.float32)
    likelihood.resample(w.numpy(), places.numpy(), 7, found)
    assert found.sum(0).tolist() == [7, 7, 7]
    assert found[0, 0] == found[3, 1] == 7
    w = torch.tensor([[0.0, 0.5], [1.0, 0.4999999], [0.0, 0.0]])
    assert (counts(drawn(w, 2, torch.full((2,), 0.99999994)), 3)[2] == 0).all()  # nothing of no weight


def network(kind: str, **options: object) -> VAE:
    torch.manual_seed(0)
    model = VAE(12, (8, 7), 3, slots=(4, 3), local_error=2.0, **KINDS[kind], **options).double()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.4 * torch.randn_like(parameter)
    return model


def images(n: int) -> Tensor:
    return (torch.rand(n, 12, generator=torch.Generator().manual_seed(1)) < 0.4).double()


def gradient(model: VAE, x: Tensor) -> dict[str, Tensor]:
    """By parameter, but for the biases that batch norm cancels."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(model.loss(x)["loss"], parameters, materialize_grads=True)
    return {n: g for n, g in zip(names, found, strict=True) if not n.endswith("linear.bias")}


def relative_distance(found: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, float]:
    return {n: float((found[n] - expected[n]).norm() / expected[n].norm()) for n in expected}


def mean_of(found: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {n: torch.stack([gradient[n] for gradient in found]).mean(0) for n in found[0]}


@pytest.mark.parametrize("estimator", ["iwae", "stl"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_over_the_draws_is_the_gradient_through_all(
    monkeypatch: pytest.MonkeyPatch, kind: str, estimator: str
) -> None:
    """Here every sample stands for itself, so that nothing but the draws is random; they are gone through evenly."""
    x, noise, steps = images(20), torch.randn(9, 20, 3, generator=torch.Generator().manual_seed(5)).double(), 200
    for module in (some_samples, vae):
        monkeypatch.setattr(module, "CARRIERS", 9)
    whole = network(kind, importance_samples=9, estimator=estimator)
    model = network(kind, importance_samples=9, estimator=estimator, backward_samples=2)
    monkeypatch.setattr(torch, "randn", lambda *shape, device, dtype: noise)
    expected, found = gradient(whole, x), []
    for i in range(steps):
        with monkeypatch.context() as patch:
            patch.setattr(torch, "rand", lambda n, device, dtype, i=i: torch.full((n,), (i + 0.5) / steps, dtype=dtype))
            found.append(gradient(model, x))
    assert max(relative_distance(mean_of(found), expected).values()) < 0.01
    assert min(relative_distance(found[0], expected).values()) > 0.01  # one of them is another gradient


@pytest.mark.parametrize("kind", ["plain", "sigmoid"])
def test_a_few_samples_stand_for_all_in_batch_norm_up_to_a_small_bias(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The samples of each image in another order every time: which of them stand for all is random, too."""
    x, noise, turns = images(160), torch.randn(9, 160, 3, generator=torch.Generator().manual_seed(5)).double(), 300
    order = torch.Generator().manual_seed(6)
    given = [noise]
    through_all, model = (network(kind, importance_samples=9, backward_samples=some) for some in (0, 2))
    monkeypatch.setattr(torch, "randn", lambda *shape, device, dtype: given[0])
    expected, found = gradient(through_all, x), []
    torch.manual_seed(7)
    for _ in range(turns):
        places = torch.rand(9, 160, generator=order).argsort(0)
        given[0] = noise.gather(0, places[..., None].expand(-1, -1, 3))
        found.append(gradient(model, x))
    mean = mean_of(found)
    whole, of = (torch.cat([g.flatten() for g in part.values()]) for part in (mean, expected))
    assert (whole - of).norm() < 0.03 * of.norm()
    for name, distance in relative_distance(mean, expected).items():
        spread = torch.stack([gradient[name] for gradient in found]).std(0).norm() / expected[name].norm()
        assert distance < 0.05 + 3 * float(spread) / turns**0.5, name


@pytest.mark.parametrize("kind", KINDS)
def test_value_and_statistics_are_those_of_all_samples(kind: str) -> None:
    x, found = images(20), []
    for some in (0, 2):
        model = network(kind, importance_samples=9, backward_samples=some)
        torch.manual_seed(3)
        values = {name: value.detach() for name, value in model.loss(x).items()}
        found.append((values, {name: b for name, b in model.named_buffers() if b.is_floating_point()}))
    torch.testing.assert_close(found[0], found[1])


def test_dreg_passes_through_all() -> None:
    with pytest.raises(ValueError, match="dreg passes through all samples"):
        network("plain", estimator="dreg", backward_samples=2)

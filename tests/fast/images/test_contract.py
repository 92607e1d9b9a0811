"""What is written out for speed gives what the plain model gives, and steps aside where it would not."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgmbench.fast.images import frozen, fused, fused_layers
from dgmbench.fast.products import float32_products
from dgmbench.metrics.likelihood import BLOCK, log_likelihood
from dgmbench.models.images.vae import VAE

KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "sigmoid": {"memory": True},
    "softmax": {"memory": True, "attention": "softmax"},
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network(kind: str, **options: object) -> VAE:
    """With every parameter and statistic away from its initial value, biases too."""
    torch.manual_seed(0)
    model = VAE(30, (24, 20), 6, slots=(7, 3), **KINDS[kind], **options)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
            parameter.grad = torch.full_like(parameter, float("nan"))  # every element has to be written
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d) and module.track_running_stats:
                assert module.running_mean is not None and module.running_var is not None
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    return model


def images(n: int) -> Tensor:
    return (torch.rand(n, 30, generator=torch.Generator().manual_seed(1)) < 0.4).float()


def normal(*shape: int, seed: int = 7) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def give_noise(patch: pytest.MonkeyPatch, noise: Tensor) -> None:
    """To the plain model."""
    patch.setattr(torch, "randn", lambda *shape, device, dtype: noise.view(shape).to(dtype))


def set_block(patch: pytest.MonkeyPatch, rows: int) -> None:
    for module in (fused, fused_layers):
        patch.setattr(module, "BLOCK", rows)


@pytest.mark.parametrize(
    ("k", "some", "batch", "block"),
    [
        *((1, 0, 40, 37), (5, 0, 33, 37), (5, 0, 33, 1000), (50, 0, 30, 1000)),
        *((5, 1, 33, 37), (5, 4, 33, 1000), (50, 8, 30, 1000), (5, 5, 33, 1000)),
    ],
)
@pytest.mark.parametrize("estimator", ["iwae", "stl", "dreg"])
@pytest.mark.parametrize("kind", ["plain", "sigmoid"])
def test_a_step_gives_the_loss_and_its_gradient(
    monkeypatch: pytest.MonkeyPatch, kind: str, estimator: str, k: int, some: int, batch: int, block: int
) -> None:
    if some and estimator == "dreg":
        pytest.skip("goes through all samples")
    set_block(monkeypatch, block)
    noise, x, places = normal(k, batch, 6), images(batch), normal(batch, seed=8).sigmoid()
    model = network(kind, importance_samples=k, estimator=estimator, backward_samples=some)
    exact = copy.deepcopy(model).double()
    exact.zero_grad()
    with monkeypatch.context() as patch:
        give_noise(patch, noise)
        patch.setattr(torch, "rand", lambda *shape, device, dtype: places.view(shape).to(dtype))
        expected = exact.loss(x.double())
    expected["loss"].backward()
    step = model.fast_step()
    if kind == "sigmoid" and estimator == "dreg":
        assert step is None
        return
    assert step is not None
    found = step(x, noise, places)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value.double(), expected[name].detach(), rtol=1e-5, atol=1e-4)
    for ours, theirs in zip(model.parameters(), exact.parameters(), strict=True):
        assert ours.grad is not None
        expected_grad = torch.zeros_like(theirs) if theirs.grad is None else theirs.grad  # a bias that is cancelled
        size = float(expected_grad.abs().max())
        torch.testing.assert_close(ours.grad.double(), expected_grad, rtol=2e-4, atol=2e-5 * size + 1e-6)


@pytest.mark.parametrize("kind", ["plain", "sigmoid"])
def test_products_of_rounded_factors_give_nearly_the_gradient(kind: str) -> None:
    model, x, noise = network(kind, importance_samples=5), images(64), normal(5, 64, 6)
    step, found = model.fast_step(), []
    assert step is not None
    for precision in ("32", "bf16"):
        with float32_products(precision):
            bound = float(step(x, noise)["bound"])
        found.append((bound, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).clone()))
    (bound, exact), (rounded_bound, rounded) = found
    assert rounded_bound == pytest.approx(bound, rel=5e-3)
    assert (rounded - exact).norm() < 0.1 * exact.norm()


@pytest.mark.parametrize("some", [0, 2])
@pytest.mark.parametrize("kind", ["plain", "sigmoid"])
def test_a_step_repeats_bit_for_bit_whatever_came_before(kind: str, some: int) -> None:
    model = network(kind, importance_samples=4, backward_samples=some)
    step = model.fast_step()
    assert step is not None
    found = []
    for batch in (33, 40, 33):
        if batch == 40:
            model.zero_grad()  # sets gradients to None
        values = step(images(batch), normal(4, batch, 6), normal(batch).sigmoid())
        found.append([*values.values(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)])
    assert all(torch.equal(a, b) for a, b in zip(found[0], found[2], strict=True))


@pytest.mark.parametrize("some", [0, 2])
@pytest.mark.parametrize("kind", ["plain", "sigmoid"])
def test_noise_that_is_not_a_number_shows_in_the_bound(kind: str, some: int) -> None:
    noise = normal(3, 20, 6)
    noise[1, 4, 2] = float("nan")
    step = network(kind, importance_samples=3, backward_samples=some).fast_step()
    assert step is not None and step(images(20), noise)["bound"].isnan()


@pytest.mark.parametrize("kind", ["plain", "sigmoid"])
def test_what_a_step_keeps_is_predicted(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    set_block(monkeypatch, 10)
    model = network(kind)
    step = model.fast_step()
    assert step is not None
    held, predicted = [], []
    for model.k in (4, 8):
        step(images(40))
        held.append(sum({id(_owner(array)): _owner(array).nbytes for array in _arrays_in(step)}.values()))
        predicted.append(step.kept_bytes(40))
    assert 0.8 * (predicted[1] - predicted[0]) < held[1] - held[0] <= predicted[1] - predicted[0]


def _arrays_in(thing: object) -> Iterator[np.ndarray]:
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, (list, tuple)):
        for value in thing:
            yield from _arrays_in(value)
    elif type(thing).__module__ in (fused.__name__, fused_layers.__name__):
        for value in vars(thing).values():
            yield from _arrays_in(value)


def _owner(array: np.ndarray) -> np.ndarray:
    return array if array.base is None or not isinstance(array.base, np.ndarray) else _owner(array.base)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 5, frozen.ROWS + 7])
def test_a_snapshot_gives_the_log_weights(monkeypatch: pytest.MonkeyPatch, kind: str, k: int) -> None:
    model, noise = network(kind).eval(), normal(k, 6)
    drawn = iter(noise.view(-1).split(6 * frozen.ROWS) * 3)
    snapshot = model.snapshot()
    assert snapshot is not None
    monkeypatch.setattr(frozen, "standard_normal", lambda state, out: np.copyto(out, next(drawn).numpy()))
    give_noise(monkeypatch, noise)
    exact = copy.deepcopy(model).double()
    for row in images(3):
        with torch.no_grad():
            expected = exact.log_weights(row[None].double(), k)[:, 0]
        np.testing.assert_allclose(snapshot.given(row.numpy())(k, b"seed"), expected, rtol=1e-5, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_evaluation_takes_the_snapshot_and_agrees_with_float64(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    model, x = network(kind), images(150)
    double = log_likelihood(network(kind).double(), x, 100)
    monkeypatch.setattr(VAE, "log_weights", None)
    difference = log_likelihood(model, x, 100) - double
    assert abs(difference.mean()) < 4 * difference.std(ddof=1) / math.sqrt(len(x))
    assert difference.std() < double.std()


def test_what_computes_something_else_is_left_to_the_model() -> None:
    class Other(VAE):
        """Might decode in another way."""

    softmax, double, changed = network("softmax"), network("plain").double(), network("plain")
    changed.decoder1 = nn.Sequential(changed.decoder1, nn.Tanh())  # type: ignore[assignment]
    for model in (Other(30, (24, 20), 6), double, changed):
        assert model.fast_step() is None and model.snapshot() is None
    assert softmax.fast_step() is None and softmax.snapshot() is not None
    with torch.autocast("cpu", torch.bfloat16):
        assert network("plain").fast_step() is None
    torch.set_num_threads(fused.MOST_THREADS + 1)
    assert network("plain").fast_step() is None


def test_a_value_depends_on_nothing_but_the_image_bit_for_bit() -> None:
    model, x = network("sigmoid"), images(9)
    whole = log_likelihood(model, x, BLOCK + 30)
    np.testing.assert_array_equal(log_likelihood(model, x.flip(0), BLOCK + 30)[::-1], whole)
    torch.set_num_threads(3)
    np.testing.assert_array_equal(log_likelihood(model, x, BLOCK + 30), whole)
    assert (log_likelihood(model, x, BLOCK + 30, seed=1) != whole).all()


def test_fewer_samples_are_the_first_of_more() -> None:
    snapshot = network("plain").snapshot()
    assert snapshot is not None
    log_weights = snapshot.given(images(1)[0].numpy())
    many = log_weights(2 * frozen.ROWS, b"seed")
    for k in (1, 33, frozen.ROWS, frozen.ROWS + 5):
        # rounding of a product depends on the number of its rows
        np.testing.assert_allclose(log_weights(k, b"seed"), many[:k], rtol=1e-5, atol=1e-4)
    assert len(np.unique(many)) > len(many) / 2 and (log_weights(1, b"another") != many[0]).all()


def test_weights_changed_between_two_evaluations_count() -> None:
    model, x = network("plain"), images(3)
    before = log_likelihood(model, x, 50)
    with torch.no_grad():
        model.output.bias += 1
        model.encoder1.norm.running_mean += 1  # type: ignore[operator]
    after = log_likelihood(model, x, 50)
    assert (before != after).all()
    fresh = network("plain")
    fresh.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(log_likelihood(fresh, x, 50), after)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["decoder1", "mean", "output"])
def test_weights_that_are_not_a_number_show_in_the_evaluation(kind: str, name: str) -> None:
    model = network(kind)
    with torch.no_grad():
        next(getattr(model, name).parameters()).view(-1)[0] = float("nan")
    assert np.isnan(log_likelihood(model, images(2), 5)).all()

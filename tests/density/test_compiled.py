"""The compiled loops of float32 on the CPU against the same layers in float64 by plain PyTorch and its autograd."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numba import njit
from torch import Tensor, nn

from dgmbench.models.density import sampling
from dgmbench.models.density.bernoulli import bernoulli_log_prob
from dgmbench.models.density.dense import COMPILED_THREADS, is_compiled, product, weight_gradient
from dgmbench.models.density.kernels.exponential import exp_negative, sigmoid
from dgmbench.models.density.layers import HiddenLayer
from dgmbench.models.density.memory import MemoryLayer, average_unit
from dgmbench.models.density.vae import VAE


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def disturbed(layer: nn.Module) -> nn.Module:
    """With every parameter away from its initial value, biases too."""
    for i, parameter in enumerate(layer.parameters()):
        parameter.data += 0.3 * normal(*parameter.shape, seed=100 + i)
    return layer.train()


def gradients(outputs: list[Tensor], wanted: list[Tensor]) -> list[Tensor]:
    """Of a fixed linear function of the outputs; zeros where an output does not depend on an input."""
    weights = [normal(*out.shape, seed=200 + i).to(out.dtype) for i, out in enumerate(outputs)]
    total = torch.stack([(out * weight).sum() for out, weight in zip(outputs, weights, strict=True)]).sum()
    found = torch.autograd.grad(total, wanted, allow_unused=True, materialize_grads=True)
    return [gradient.double() for gradient in found]


def assert_close(ours: list[Tensor], reference: list[Tensor]) -> None:
    for mine, exact in zip(ours, reference, strict=True):
        size = float(exact.abs().max())
        torch.testing.assert_close(mine.double(), exact, rtol=2e-4, atol=2e-5 * size + 1e-4)


@pytest.mark.parametrize("rows", [3, 64, 65, 2500])
def test_hidden_layer(rows: int) -> None:
    layer = disturbed(HiddenLayer(9, 21))
    exact = copy.deepcopy(layer).double()
    x = normal(2, rows, 9, seed=1)
    x32, x64 = x.clone().requires_grad_(), x.double().requires_grad_()
    assert is_compiled(x32) and not is_compiled(x64)
    out, expected = layer(x32), exact(x64)
    torch.testing.assert_close(out.double(), expected, rtol=1e-4, atol=1e-4)
    assert_close(gradients([out], [x32, *layer.parameters()]), gradients([expected], [x64, *exact.parameters()]))


def test_a_mean_of_many_deviations_does_not_drown_the_variance() -> None:
    layer = disturbed(HiddenLayer(9, 21))
    x = normal(500, 9, seed=1) + 50
    torch.testing.assert_close(layer(x).double(), copy.deepcopy(layer).double()(x.double()), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("k", "batch"), [(1, 40), (4, 33), (50, 60)])
def test_memory_layer_with_its_average(k: int, batch: int) -> None:
    layer = disturbed(MemoryLayer(8, 19, slots=6))
    assert isinstance(layer, MemoryLayer)
    exact = copy.deepcopy(layer).double()
    x = normal(k, batch, 8, seed=2)
    x32, x64 = x.clone().requires_grad_(), x.double().requires_grad_()
    out, average = layer.averaged(x32)
    torch.testing.assert_close(layer(x32), out)
    expected = exact(x64)
    torch.testing.assert_close(out.double(), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(average.double(), average_unit(expected), rtol=1e-4, atol=1e-4)
    reference = gradients([expected, average_unit(expected)], [x64, *exact.parameters()])
    assert_close(gradients([out, average], [x32, *layer.parameters()]), reference)


@pytest.mark.parametrize("pixels", [1, 63, 64, 65, 784])
def test_bernoulli(pixels: int) -> None:
    logits = normal(5, 7, pixels, seed=3) * 20
    x = (normal(7, pixels, seed=4) > 0).float()
    l32, l64 = logits.clone().requires_grad_(), logits.double().requires_grad_()
    ours, exact = bernoulli_log_prob(l32, x), bernoulli_log_prob(l64, x.double())
    torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=1e-4)
    assert_close(gradients([ours], [l32]), gradients([exact], [l64]))


def test_zero_logits_of_many_pixels_do_not_overflow() -> None:
    value = bernoulli_log_prob(torch.zeros(1, 1, 1000), torch.ones(1, 1000))
    torch.testing.assert_close(value, torch.full((1, 1), -1000 * float(np.log(2))))


def test_logits_that_are_not_finite_do_not_pass_for_finite() -> None:
    logits = torch.zeros(1, 2, 8)
    logits[0, 1, 3] = float("nan")
    assert bernoulli_log_prob(logits, torch.ones(2, 8)).isfinite().tolist() == [[True, False]]


def test_layers_pass_on_what_is_not_a_number() -> None:
    layer = disturbed(MemoryLayer(8, 19, slots=6))
    assert isinstance(layer, MemoryLayer)
    x = normal(3, 20, 8, seed=8)
    x[1, 4, 2] = float("nan")
    assert layer.hidden(x).isnan().all()  # every column's mean is
    out, average = layer.averaged(x)
    assert out.isnan().all() and average.isnan().all()


def test_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [normal(7, 5, seed=9), normal(7, 5, seed=10)]
    single, double = ([m.to(dtype).requires_grad_() for m in moments] for dtype in (torch.float32, torch.float64))
    noise = normal(6, 7, 5, seed=11)
    monkeypatch.setattr(sampling, "standard_normal", lambda *shape_device_dtype: noise.to(shape_device_dtype[-1]))
    ours, exact = (list(sampling.sample(*inputs, 6)) for inputs in (single, double))
    assert_close([out.detach() for out in ours], [out.detach() for out in exact])
    assert_close(gradients(ours, single), gradients(exact, double))


@njit
def apply_both(x: np.ndarray, exponential: np.ndarray, logistic: np.ndarray) -> None:
    for i in range(len(x)):
        exponential[i] = exp_negative(-abs(x[i]))
        logistic[i] = sigmoid(x[i])


def test_exponential_and_logistic_function() -> None:
    x = np.concatenate([np.linspace(-86, 86, 100_001), [0.0, -0.0, 1e-30, -1e-30]]).astype(np.float32)
    exponential, logistic = np.empty_like(x), np.empty_like(x)
    apply_both(x, exponential, logistic)
    wide = np.abs(x.astype(np.float64))
    assert (np.abs(exponential / np.exp(-wide) - 1) < 1.2e-7 * (2 + wide)).all()
    np.testing.assert_allclose(logistic, 1 / (1 + np.exp(-x.astype(np.float64))), rtol=1e-5, atol=2e-7)
    apply_both(np.array([-1e30, 1e30], np.float32), exponential[:2], logistic[:2])
    assert exponential[0] < 1e-37 and logistic[0] < 1e-37 and logistic[1] == 1


@pytest.mark.parametrize("rows", [10, 2500])
def test_products(rows: int) -> None:
    x, w, b, g = (normal(*s, seed=5 + i) for i, s in enumerate(((rows, 13), (7, 13), (7,), (rows, 7))))
    torch.testing.assert_close(product(x, w, b), x @ w.t() + b)
    torch.testing.assert_close(product(x, w, b, "relu"), torch.relu(x @ w.t() + b))
    torch.testing.assert_close(weight_gradient(g, x), g.t() @ x, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(weight_gradient(x, g), x.t() @ g, rtol=1e-4, atol=1e-3)


def test_other_precisions_and_more_threads_go_the_plain_way() -> None:
    x = torch.zeros(2, 3)
    assert is_compiled(x) and not is_compiled(x.double()) and not is_compiled(x.bfloat16())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not is_compiled(x)
    torch.set_num_threads(COMPILED_THREADS + 1)
    assert not is_compiled(x)


@pytest.mark.parametrize("memory", [False, True])
def test_a_pass_repeats_bit_for_bit_and_agrees_with_float64(memory: bool) -> None:
    model = disturbed(VAE(30, (16, 12), 5, memory, slots=(7, 3)))
    exact = copy.deepcopy(model).double()
    x = (normal(40, 30, seed=6) > 0).float()
    results = []
    for network, pixels in ((model, x), (model, x), (exact, x.double())):
        assert isinstance(network, VAE)
        mean, log_variance = network.encode(pixels)
        noise = normal(4, *mean.shape, seed=7).to(mean.dtype)
        z = mean + noise * torch.exp(0.5 * log_variance)
        outputs = [bernoulli_log_prob(network.decode(z), pixels)]
        if isinstance(network.decoder2, MemoryLayer):
            outputs.append(network.decoder2.averaged(z)[1])
        results.append([out.detach().double() for out in outputs] + gradients(outputs, list(network.parameters())))
    first, second, reference = results
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert_close(first, reference)

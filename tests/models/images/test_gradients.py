"""The gradient of a network's whole loss: bound and local error, by encoder, decoder and memory, of each estimator."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dgmbench.models.images.bounds import normalised_weights
from dgmbench.models.images.cnn import CNN
from dgmbench.models.images.distributions import log_bernoulli, sample
from dgmbench.models.images.layers import HiddenLayer
from dgmbench.models.images.vae import VAE

KINDS = ("plain", "sigmoid", "softmax")
MEMORIES = ("sigmoid", "softmax", "cnn")
ESTIMATORS = ("iwae", "stl", "dreg")
K = 5
Network = VAE | CNN


def network(kind: str, local_error: float = 0.3, batch_norm: bool = True) -> Network:
    """A small network in double precision whose memory is in use."""
    torch.manual_seed(0)
    options = {"importance_samples": K, "local_error": local_error, "slots": (7, 3)}
    if kind == "cnn":
        model: Network = CNN(784, 4, memory=True, **options)  # type: ignore[arg-type]
    else:
        attention = "softmax" if kind == "softmax" else "sigmoid"
        model = VAE(30, (16, 12), 5, kind != "plain", attention=attention, **options)  # type: ignore[arg-type]
    model = model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += (0.02 if kind == "cnn" else 0.3) * torch.randn_like(parameter)
    if not batch_norm:
        for layer in model.modules():
            if isinstance(layer, HiddenLayer):
                layer.norm = nn.Identity()  # type: ignore[assignment]
    return model


def images(model: Network, n: int) -> Tensor:
    pixels = 784 if isinstance(model, CNN) else 30
    return (torch.rand(n, pixels, generator=torch.Generator().manual_seed(1)) < 0.4).double()


def is_encoder(name: str) -> bool:
    return name.startswith(("encoder", "mean", "log_variance"))


def gradient(model: Network, x: Tensor, estimator: str = "iwae", seed: int = 1) -> dict[str, Tensor]:
    """Of the loss, by the name of the parameter; the same noise for the same seed."""
    model.estimator = estimator
    torch.manual_seed(seed)
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(model.loss(x)["loss"], parameters)
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_that_of_finite_differences(kind: str) -> None:
    """Of the plain estimator, by every parameter, in a random direction."""
    model = network(kind)
    x, step = images(model, 6), 1e-5
    exact = gradient(model, x)
    for name, parameter in model.named_parameters():
        direction = torch.randn_like(parameter)
        values = []
        for sign in (1, -2, 1):  # forward, back, and back to where it was
            with torch.no_grad():
                parameter += sign * step * direction
            torch.manual_seed(1)
            values.append(float(model.loss(x)["loss"].detach()))
        expected = (values[0] - values[1]) / (2 * step)
        assert float((exact[name] * direction).sum()) == pytest.approx(expected, rel=1e-4, abs=2e-6), name


@pytest.mark.parametrize("kind", MEMORIES)
@pytest.mark.parametrize("estimator", ["stl", "dreg"])
def test_the_local_error_s_gradient_does_not_depend_on_the_estimator(kind: str, estimator: str) -> None:
    """By every parameter: encoder, decoder and memory."""
    with_error, without = network(kind, 1.0), network(kind, 0.0)
    x = images(with_error, 4)

    def own(name: str) -> dict[str, Tensor]:
        first, second = gradient(with_error, x, name), gradient(without, x, name)
        return {key: first[key] - second[key] for key in first}

    expected, found = own("iwae"), own(estimator)
    for part in ("encoder", "decoder", "memory"):
        assert max(float(g.abs().max()) for key, g in expected.items() if part in key) > 1e-4
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", [*KINDS, "cnn"])
@pytest.mark.parametrize("estimator", ["stl", "dreg"])
def test_decoder_and_memory_have_the_plain_gradient_by_every_estimator(kind: str, estimator: str) -> None:
    model = network(kind)
    x = images(model, 4)
    expected, found = gradient(model, x), gradient(model, x, estimator)
    for name, value in expected.items():
        if not is_encoder(name):
            torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)


def derived(model: VAE, x: Tensor) -> dict[str, Tensor]:
    """The gradient of the loss as Tucker et al. (2019, eq. 8) write it, for a network without batch norm.

    By the encoder it is Σ_i w_i² ∂log w_i/∂z_i ∂z_i/∂φ, the density's own parameters held fixed, by the decoder
    Σ_i w_i ∂log w_i/∂θ; the local error's gradient comes on top of both.
    """
    torch.manual_seed(1)
    e1 = model.encoder1(x)
    e2 = model.encoder2(e1)
    mean, log_variance = model.mean(e2), model.log_variance(e2)
    z, _ = sample(mean, log_variance, K)
    leaf = z.detach().requires_grad_()
    noise = (leaf - mean.detach()) * torch.exp(-0.5 * log_variance.detach())
    log_ratio = 0.5 * (noise.square() - leaf.square() + log_variance.detach()).sum(-1)
    log_w = log_bernoulli(x, model.decode(leaf)) + log_ratio
    weights = normalised_weights(log_w)
    (by_z,) = torch.autograd.grad(log_w.sum(), leaf, retain_graph=True)
    surrogate = (weights.unsqueeze(-1).square() * by_z * z).sum() + (weights * log_w).sum()
    d2 = model.decoder2(z.flatten(0, 1))
    d1 = model.decoder1(d2)
    error = torch.zeros((), dtype=z.dtype)
    if model.memory:
        error = model.error1(model.encoder1.linear(x), d1) + model.error2(model.encoder2.linear(e1), d2)
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(model.local_error * error - surrogate / len(x), parameters)
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_dreg_is_what_its_paper_derives(kind: str) -> None:
    model = network(kind, batch_norm=False)
    assert isinstance(model, VAE)
    x = images(model, 8)
    expected, found = derived(model, x), gradient(model, x, "dreg")
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-11)


def difference(model: Network, draws: int) -> tuple[Tensor, Tensor]:
    """Mean over draws of the encoder's gradient by ``dreg`` minus that by ``iwae``, and its standard error.

    In 20 random directions, with the same noise for both.
    """
    x = images(model, 24)
    values = []
    for seed in range(draws):
        plain, other = (gradient(model, x, estimator, seed) for estimator in ("iwae", "dreg"))
        values.append(torch.cat([(other[name] - plain[name]).reshape(-1) for name in plain if is_encoder(name)]))
    directions = torch.randn(len(values[0]), 20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    along = torch.stack(values) @ directions
    return along.mean(0), along.std(0) / draws**0.5


@pytest.mark.parametrize("kind", KINDS)
def test_dreg_has_the_expectation_of_iwae_without_batch_norm(kind: str) -> None:
    mean, error = difference(network(kind, batch_norm=False), 120)
    assert (mean.abs() < 4 * error).all(), mean / error


@pytest.mark.parametrize("kind", KINDS)
def test_batch_norm_couples_the_samples_so_that_dreg_is_biased(kind: str) -> None:
    mean, error = difference(network(kind), 120)
    assert (mean / error).abs().max() > 5


@pytest.mark.parametrize("kind", [*KINDS, "cnn"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_no_gradient_is_asked_of_an_evaluation(kind: str, estimator: str) -> None:
    model = network(kind)
    model.estimator = estimator
    with torch.no_grad():
        assert model.loss(images(model, 4))["loss"].isfinite()

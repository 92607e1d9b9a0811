"""ZhuSuan's network: its sizes, its log-weights against torch's densities, and cases whose likelihood is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal

from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.models.images.zhusuan import ZhuSuanVAE


def images(n: int, pixels: int = 30) -> Tensor:
    return (torch.rand(n, pixels, generator=torch.Generator().manual_seed(0)) < 0.4).float()


def small() -> ZhuSuanVAE:
    torch.manual_seed(0)
    return ZhuSuanVAE(30, hidden=16, latent=5)


def test_the_sizes_are_those_of_the_examples() -> None:
    layers = [(784, 500), (500, 500), (500, 40), (500, 40), (40, 500), (500, 500), (500, 784)]
    model = ZhuSuanVAE(784)
    assert sum(p.numel() for p in model.parameters()) == sum((i + 1) * o for i, o in layers) == 1_346_864
    assert {type(module) for module in model.modules()} == {ZhuSuanVAE, nn.Sequential, nn.Linear, nn.ReLU}


@pytest.mark.parametrize("k", [1, 3])
def test_log_weights_are_the_joint_over_the_proposal(k: int) -> None:
    model, x = small(), images(4)
    torch.manual_seed(7)
    found = model.log_weights(x, k)
    torch.manual_seed(7)
    h = model.q(x)
    q = Normal(model.mean(h), model.log_scale(h).exp())
    z = q.loc + q.scale * torch.randn(k, 4, 5)
    log_p = Bernoulli(logits=model.decode(z)).log_prob(x).sum(-1) + Normal(0.0, 1.0).log_prob(z).sum(-1)
    torch.testing.assert_close(found, log_p - q.log_prob(z).sum(-1))


@pytest.mark.parametrize("k", [1, 50])
def test_the_likelihood_where_pixels_do_not_depend_on_z(k: int) -> None:
    """With a constant decoder and q = p, every log-weight is the log-likelihood of independent pixels."""
    model, x = small(), images(6)
    with torch.no_grad():
        for layer in (model.mean, model.log_scale):
            layer.weight.zero_()
        model.output.weight.zero_()
        model.output.bias.copy_(torch.linspace(-2, 2, 30))
    p = torch.sigmoid(torch.linspace(-2, 2, 30, dtype=torch.float64))
    exact = (x * p.log() + (1 - x) * (1 - p).log()).sum(-1).numpy()
    np.testing.assert_allclose(log_likelihood(model, x, k), exact, atol=1e-5)


def test_the_likelihood_where_one_pixel_copies_the_sign_of_z() -> None:
    """A steep decoder makes x a coin: p(x = 1) = p(z > 0) = 1/2, whatever the proposal's width."""
    model = ZhuSuanVAE(1, hidden=2, latent=1)
    sides, copy = torch.tensor([[1.0], [-1.0]]), torch.eye(2)
    with torch.no_grad():
        for layer, weight in zip((model.p[0], model.p[2]), (sides, copy), strict=True):
            layer.weight.copy_(weight)
            layer.bias.zero_()
        model.output.weight.copy_(torch.tensor([[1e4, -1e4]]))
        for layer in (model.mean, model.log_scale):
            layer.weight.zero_()
        model.log_scale.bias.fill_(0.4)
    found = log_likelihood(model, torch.tensor([[0.0], [1.0]]), 20_000)
    np.testing.assert_allclose(found, math.log(0.5), atol=0.02)

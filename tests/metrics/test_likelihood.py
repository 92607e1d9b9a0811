"""The evaluator against a model whose log-likelihood is exact, and against every way to get it wrong."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from dgmbench.metrics.likelihood import BLOCK, log_likelihood
from dgmbench.models.images.bounds import iwae_bound, normalised_weights
from dgmbench.models.images.linear_gaussian import LinearGaussian
from dgmbench.models.images.vae import VAE


def oracle(dtype: torch.dtype = torch.float32, **options: float) -> LinearGaussian:
    generator = torch.Generator().manual_seed(3)
    return LinearGaussian(torch.randn(12, 4, generator=generator, dtype=torch.float64).to(dtype), **options)


def data(n: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    model = oracle(torch.float64)
    generator = torch.Generator().manual_seed(4)
    z = torch.randn(n, 4, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, 12, generator=generator, dtype=torch.float64)
    return (z @ model.weight.detach().T + 0.5 * noise).to(dtype)


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


@pytest.mark.parametrize("k", [1, 7, 1000, 2500])
def test_the_exact_posterior_gives_the_exact_value_for_any_k(k: int) -> None:
    x = data(20, torch.float64)
    model = oracle(torch.float64)
    np.testing.assert_allclose(log_likelihood(model, x, k), model.exact_log_likelihood(x).detach(), rtol=1e-10)


def test_a_loose_proposal_comes_within_its_standard_error_at_5000_samples() -> None:
    x = data(100)
    model = oracle(shift=0.05, spread=1.5)
    difference, error = mean_and_error(log_likelihood(model, x, 5000) - model.exact_log_likelihood(x).detach().numpy())
    assert error < 0.01
    assert abs(difference) < 3 * error + 1e-3


def test_one_sample_is_the_evidence_lower_bound() -> None:
    x = data(1500)
    model = oracle(shift=0.1, spread=1.3)
    difference, error = mean_and_error(log_likelihood(model, x, 1) - model.exact_elbo(x).detach().numpy())
    assert abs(difference) < 4 * error
    gap = float((model.exact_log_likelihood(x) - model.exact_elbo(x)).mean().detach())
    assert gap > 15 * error  # so that the test could tell the bound from the likelihood


def test_the_bound_tightens_with_k_and_never_passes_the_truth() -> None:
    x = data(600)
    model = oracle(shift=0.2, spread=2.0)
    exact = model.exact_log_likelihood(x).detach().numpy()
    values = [log_likelihood(model, x, k) for k in (1, 2, 5, 20, 100)]
    for looser, tighter in itertools.pairwise(values):
        gain, error = mean_and_error(tighter - looser)
        assert gain > 3 * error
    gap, error = mean_and_error(exact - values[-1])
    assert gap > -4 * error


def test_an_image_s_value_depends_on_nothing_but_the_image() -> None:
    x = data(30)
    model = oracle(spread=1.5)
    whole = log_likelihood(model, x, 1200)
    assert log_likelihood(model, x[11:12], 1200)[0] == whole[11]
    np.testing.assert_array_equal(log_likelihood(model, x.flip(0), 1200)[::-1], whole)
    assert (log_likelihood(model, x, 1200, seed=1) != whole).all()


def test_blocks_hold_every_sample_and_no_more_than_memory_allows() -> None:
    sizes: list[int] = []

    class Counting(torch.nn.Module):
        def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
            sizes.append(k)
            # weight i of the whole run is i + 1, so a dropped or repeated sample changes the mean
            start = sum(sizes[:-1])
            return torch.log(torch.arange(start + 1, start + k + 1, dtype=torch.float64)).unsqueeze(1)

    k = 2 * BLOCK + 17
    value = log_likelihood(Counting(), torch.zeros(1, 3), k)
    assert sum(sizes) == k and max(sizes) <= BLOCK
    assert value[0] == pytest.approx(math.log((k + 1) / 2), rel=1e-12)


def test_more_samples_extend_fewer() -> None:
    """With one block's samples shared, two blocks differ only by what the second adds."""
    x = data(4, torch.float64)
    model = oracle(torch.float64, spread=1.5)
    one, two = log_likelihood(model, x, BLOCK), log_likelihood(model, x, 2 * BLOCK)
    second = np.log(2 * np.exp(two) - np.exp(one))
    assert np.isfinite(second).all() and np.abs(second - one).max() < 0.5


def test_float32_agrees_with_float64() -> None:
    x = data(200)
    single = log_likelihood(oracle(spread=1.2), x, 300)
    double = log_likelihood(oracle(torch.float64, spread=1.2), x.double(), 300)
    difference, error = mean_and_error(single - double)
    assert abs(difference) < 4 * error + 1e-4


def test_the_model_s_mode_and_the_caller_s_random_numbers_are_left_alone() -> None:
    model = VAE(12, (8, 8), 3)
    model.train()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    log_likelihood(model, (torch.rand(5, 12, generator=torch.Generator().manual_seed(0)) > 0.5).float(), 3)
    assert model.training
    assert torch.equal(torch.rand(3), expected)


def test_wrong_shapes_are_refused() -> None:
    class Summing(torch.nn.Module):
        def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
            return torch.zeros(k)

    with pytest.raises(ValueError, match="not \\(10, 1\\)"):
        log_likelihood(Summing(), torch.zeros(2, 3), 10)
    with pytest.raises(ValueError, match="at least 1"):
        log_likelihood(oracle(), data(1), 0)


def test_the_bound_is_a_mean_within_each_datum() -> None:
    """Log-mean-exp over samples, never over the batch; weights sum to one over samples."""
    log_w = torch.tensor([[0.0, -3.0], [1.0, -2.0], [2.0, -6.0]], dtype=torch.float64)
    expected = torch.log(torch.exp(log_w).mean(0))
    torch.testing.assert_close(iwae_bound(log_w), expected)
    assert not torch.isclose(iwae_bound(log_w).mean(), torch.log(torch.exp(log_w.mean(1)).mean()))
    torch.testing.assert_close(normalised_weights(log_w).sum(0), torch.ones(2, dtype=torch.float64))

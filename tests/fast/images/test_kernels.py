"""The compiled loops one by one, against numpy and PyTorch in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dgmbench.fast.images import fused_layers
from dgmbench.fast.images.kernels import block, likelihood, normalisation
from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.models.images.distributions import log_bernoulli
from dgmbench.models.images.vae import VAE


def pixel_log_likelihood(logits: np.ndarray, x: np.ndarray) -> np.ndarray:
    out = np.empty(len(logits), np.float32)
    likelihood.bernoulli(logits.astype(np.float32), x.astype(np.float32), 0, out)
    return out


@pytest.mark.parametrize("pixels", [1, 63, 64, 65, block.FACTORS, block.FACTORS + 1, 784])
@pytest.mark.parametrize("scale", [0, 1, 60])
def test_pixels(pixels: int, scale: float) -> None:
    rng = np.random.default_rng(3)
    logits = (scale * rng.standard_normal((35, pixels))).astype(np.float32)
    x = (rng.random((7, pixels)) < 0.5).astype(np.float32)
    exact = log_bernoulli(torch.from_numpy(x).double(), torch.from_numpy(logits).double().view(5, 7, -1)).view(-1)
    np.testing.assert_allclose(pixel_log_likelihood(logits, x), exact, rtol=1e-5, atol=1e-4)
    log_w, bias = np.ones(35, np.float32), rng.standard_normal(pixels).astype(np.float32)
    block.bernoulli(logits.copy(), bias, x[0], log_w)
    wide = logits.astype(np.float64) + bias
    np.testing.assert_allclose(log_w, 1 + (wide * x[0] - np.logaddexp(0, wide)).sum(1), rtol=2e-6, atol=1e-5)


def test_logits_that_are_not_finite_do_not_pass_for_finite() -> None:
    logits = np.zeros((2, 8))
    logits[1, 3] = np.nan
    assert np.isfinite(pixel_log_likelihood(logits, np.ones((2, 8)))).tolist() == [True, False]


def test_blocks_cover_all_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_layers, "BLOCK", 10)
    for n in (1, 9, 10, 11, 95):
        rows = [i for part in fused_layers.blocks(n) for i in range(part.start, part.stop)]
        assert rows == list(range(n))
        assert max(part.stop - part.start for part in fused_layers.blocks(n)) <= 10


def test_a_mean_of_many_deviations_does_not_drown_the_variance() -> None:
    rows = (np.random.default_rng(1).standard_normal((500, 9)) + 5000).astype(np.float32)
    sums, unit = np.zeros((2, 9)), np.empty((2, 9), np.float32)
    for part in (rows[:130], rows[130:]):
        normalisation.add_moments(part, rows[0], sums)
    normalisation.finish_moments(500, rows[0], sums, 1e-5, unit)
    mean, inverse = unit
    np.testing.assert_allclose(mean, rows.astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(inverse, 1 / np.sqrt(rows.astype(np.float64).var(0) + 1e-5), rtol=1e-3)


@pytest.mark.parametrize("slots", [1, 30])
def test_attention(slots: int) -> None:
    scores = (20 * np.random.default_rng(4).standard_normal((50, slots))).astype(np.float32)
    bias = np.linspace(-3, 3, slots, dtype=np.float32)
    wide = torch.from_numpy(scores + bias).double()
    block.add_sigmoid(scores, bias)
    np.testing.assert_allclose(scores, wide.sigmoid(), rtol=1e-5, atol=1e-7)


def test_numpy_s_threads_are_put_back_even_after_an_error() -> None:
    from threadpoolctl import threadpool_info

    before = threadpool_info()

    def stop(done: int, of: int) -> None:
        assert {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} <= {1}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_likelihood(VAE(30, (24, 20), 6), torch.zeros(3, 30), 5, progress=stop)
    assert threadpool_info() == before

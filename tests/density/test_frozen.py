"""The snapshot that evaluates an auto-encoder on the CPU, against the model itself."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info
from torch import Tensor, nn

from dgmbench.metrics.likelihood import BLOCK, log_likelihood
from dgmbench.fast.images import frozen
from dgmbench.models.images import sampling
from dgmbench.fast.images.kernels import block
from dgmbench.fast.images.kernels import normal
from dgmbench.models.images.layers import BatchNorm
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


def trained(kind: str, pixels: int = 30) -> VAE:
    """A model with every parameter and statistic away from its initial value."""
    torch.manual_seed(0)
    model = VAE(pixels, (24, 20), 6, slots=(7, 3), **KINDS[kind])  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
        for module in model.modules():
            if isinstance(module, BatchNorm):
                module.mean.normal_()
                module.variance.uniform_(0.5, 2)
    return model.eval()


def images(n: int, pixels: int = 30) -> Tensor:
    return (torch.rand(n, pixels, generator=torch.Generator().manual_seed(1)) < 0.4).float()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, frozen.ROWS + 7])
def test_the_same_random_numbers_give_the_model_s_log_weights(
    kind: str, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = trained(kind), images(3)
    noise = torch.randn(k, 6, generator=torch.Generator().manual_seed(2))
    drawn = iter(noise.view(-1).split(6 * frozen.ROWS) * len(x))
    monkeypatch.setattr(normal, "standard_normal", lambda state, out: np.copyto(out, next(drawn).numpy()))
    monkeypatch.setattr(sampling, "standard_normal", lambda *shape_device_dtype: noise[:, None].to(model.mean.weight))
    snapshot = model.evaluation_snapshot()
    assert snapshot is not None
    for row in x:
        ours = snapshot.given(row.numpy())(k, b"seed")
        with torch.no_grad():
            single = model.float().log_weights(row[None], k)[:, 0]
            double = model.double().log_weights(row[None].double(), k)[:, 0]
        np.testing.assert_allclose(ours, single, rtol=1e-5, atol=2e-4)
        np.testing.assert_allclose(ours, double, rtol=1e-5, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_evaluation_takes_it_and_agrees_with_float64(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = trained(kind), images(150)
    double = log_likelihood(trained(kind).double(), x, 200)
    monkeypatch.setattr(VAE, "log_weights", None)
    difference = log_likelihood(model, x, 200) - double
    assert abs(difference.mean()) < 4 * difference.std(ddof=1) / math.sqrt(len(x))
    assert difference.std() < double.std()


def test_other_models_go_through_their_own_log_weights() -> None:
    class Constant(VAE):
        def log_weights(self, x: Tensor, k: int) -> Tensor:
            return torch.full((k, len(x)), 7.0)

    assert Constant(30, (24, 20), 6).evaluation_snapshot() is None
    np.testing.assert_allclose(log_likelihood(Constant(30, (24, 20), 6), images(2), 5), 7.0)
    model = trained("plain")
    model.decoder1 = nn.Sequential(model.decoder1, nn.Tanh())  # type: ignore[assignment]
    assert model.evaluation_snapshot() is None
    assert trained("plain").double().evaluation_snapshot() is None


def test_a_value_depends_on_nothing_but_the_image_bit_for_bit() -> None:
    model, x = trained("sigmoid"), images(9)
    whole = log_likelihood(model, x, BLOCK + 30)
    np.testing.assert_array_equal(log_likelihood(model, x.flip(0), BLOCK + 30)[::-1], whole)
    assert log_likelihood(model, x[4:5], BLOCK + 30)[0] == whole[4]
    torch.set_num_threads(3)
    np.testing.assert_array_equal(log_likelihood(model, x, BLOCK + 30), whole)
    assert (log_likelihood(model, x, BLOCK + 30, seed=1) != whole).all()


def test_fewer_samples_are_the_first_of_more() -> None:
    snapshot = trained("plain").evaluation_snapshot()
    assert snapshot is not None
    log_weights = snapshot.given(images(1)[0].numpy())
    many = log_weights(2 * frozen.ROWS, b"seed")
    for k in (1, 33, frozen.ROWS, frozen.ROWS + 5):
        # rounding of a product depends on the number of its rows
        np.testing.assert_allclose(log_weights(k, b"seed"), many[:k], rtol=1e-5, atol=1e-4)
    assert len(np.unique(many)) > len(many) / 2 and (log_weights(1, b"another") != many[0]).all()


def test_weights_changed_between_two_evaluations_count() -> None:
    model, x = trained("plain"), images(3)
    before = log_likelihood(model, x, 50)
    with torch.no_grad():
        model.output.bias += 1
        model.decoder2.norm.mean += 1  # type: ignore[union-attr,operator]
    after = log_likelihood(model, x, 50)
    assert (before != after).all()
    fresh = trained("plain")
    fresh.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(log_likelihood(fresh, x, 50), after)


def test_what_is_not_a_number_shows() -> None:
    for kind, name in itertools.product(KINDS, ("decoder1", "mean", "output")):
        model = trained(kind)
        with torch.no_grad():
            next(getattr(model, name).parameters()).view(-1)[0] = float("nan")
        assert np.isnan(log_likelihood(model, images(2), 5)).all()


def test_the_threads_of_numpy_s_products_are_put_back_even_after_an_error() -> None:
    before = threadpool_info()

    def stop(done: int, of: int) -> None:
        assert {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"} <= {1}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_likelihood(trained("plain"), images(3), 5, progress=stop)
    assert threadpool_info() == before


@pytest.mark.parametrize("pixels", [1, block.FACTORS - 1, block.FACTORS, block.FACTORS + 1, 784])
@pytest.mark.parametrize("scale", [0, 1, 60])
def test_pixels(pixels: int, scale: float) -> None:
    generator = np.random.default_rng(3)
    rows = (scale * generator.standard_normal((5, pixels))).astype(np.float32)
    bias, x = generator.standard_normal(pixels).astype(np.float32), (generator.random(pixels) < 0.5).astype(np.float32)
    log_w = np.ones(5, np.float32)
    block.bernoulli(rows, bias, x, log_w)
    logits = rows.astype(np.float64) + bias
    expected = 1 + (logits * x - np.logaddexp(0, logits)).sum(1)
    np.testing.assert_allclose(log_w, expected, rtol=2e-6, atol=1e-5)


@pytest.mark.parametrize("slots", [1, 30])
def test_attention(slots: int) -> None:
    scores = (20 * np.random.default_rng(4).standard_normal((50, slots))).astype(np.float32)
    bias = np.linspace(-3, 3, slots, dtype=np.float32)
    wide = torch.from_numpy(scores + bias).double()
    for kernel, expected in ((block.add_sigmoid, wide.sigmoid()), (block.add_softmax, wide.softmax(-1))):
        ours = scores.copy()
        kernel(ours, bias)
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)

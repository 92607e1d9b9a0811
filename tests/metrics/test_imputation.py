"""Imputation: masks, what stays and what changes, and a model whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dgmbench.metrics.imputation import impute, left_mask, random_mask, square_mask, square_side
from dgmbench.models.images.vae import VAE


class Constant:
    """Decodes to the same probability everywhere, whatever it encodes."""

    def __init__(self, probability: float) -> None:
        self.logit = float(torch.logit(torch.tensor(probability)))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros(len(x), 2), torch.zeros(len(x), 2)

    def decode(self, z: Tensor) -> Tensor:
        return torch.full((len(z), 30), self.logit)


class Shrinking(Constant):
    """Tells the mean pixel of its input again, halved: the missing pixels shrink by a known factor in each pass."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean(1, keepdim=True), torch.full((len(x), 1), -80.0)

    def decode(self, z: Tensor) -> Tensor:
        return torch.logit(0.5 * z).expand(len(z), 30)


def grey(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 30), dtype=np.float32)


def trained_vae() -> VAE:
    torch.manual_seed(0)
    return VAE(30, (16, 12), 5)


def test_masks_cover_what_they_say() -> None:
    square = square_mask((28, 28)).reshape(28, 28)
    assert square.sum() == 144 and square[8:20, 8:20].all()
    left = left_mask((28, 28)).reshape(28, 28)
    assert left[:, :14].all() and not left[:, 14:].any()
    random = random_mask(2000, 100, 0.6, seed=1)
    assert random.mean() == pytest.approx(0.6, abs=0.01)
    np.testing.assert_array_equal(random_mask(10, 100, 0.6, seed=1), random[:10])
    assert (random_mask(10, 100, 0.6, seed=2) != random[:10]).any()


def test_the_square_keeps_its_share_of_smaller_images_and_must_fit() -> None:
    assert (square_side((28, 28)), square_side((16, 8))) == (12, 4)
    with pytest.raises(ValueError, match="does not fit an image of 16 x 8"):
        square_mask((16, 8), 12)


def test_the_error_is_over_missing_pixels_only() -> None:
    images, missing = grey(50), random_mask(50, 30)
    result = impute(Constant(0.25), images, missing, passes=2)
    expected = ((images - 0.25) ** 2)[missing].mean()
    assert result.errors[1] == pytest.approx(expected, rel=1e-5)
    assert result.errors[2] == pytest.approx(expected, rel=1e-5)
    assert result.image_errors.mean() == pytest.approx(result.errors[-1], rel=1e-12)


def test_it_starts_from_uniform_noise() -> None:
    images = np.zeros((3000, 30), np.float32)
    result = impute(Constant(0.5), images, np.ones(30, bool), passes=1)
    assert result.errors[0] == pytest.approx(1 / 3, abs=0.01)  # the second moment of U[0, 1]


def test_observed_pixels_stay_and_missing_ones_follow_the_model_in_every_pass() -> None:
    images, missing = np.full((4, 30), 0.8, np.float32), np.arange(30) < 15
    result = impute(Shrinking(0.5), images, missing, passes=60)
    assert (result.completed[:, ~missing] == np.float32(0.8)).all()
    # the fixed point of m = (0.8 + m) / 4
    np.testing.assert_allclose(result.completed[:, missing], 0.8 / 3, atol=1e-5)
    assert np.abs(np.diff(result.errors[:4])).min() > 1e-3  # the passes build on each other


def test_a_sharper_posterior_is_sampled_not_its_mean() -> None:
    class Wide(Constant):
        def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return torch.zeros(len(x), 1), torch.full((len(x), 1), 2 * np.log(3.0))

        def decode(self, z: Tensor) -> Tensor:
            return z.expand(len(z), 30)

    completed = impute(Wide(0.5), grey(4000), np.ones(30, bool), passes=1).completed
    z = torch.logit(torch.as_tensor(completed[:, 0], dtype=torch.float64))
    assert float(z.std()) == pytest.approx(3, rel=0.05)


def test_neither_the_batch_size_nor_further_images_change_an_image() -> None:
    model, images, missing = trained_vae(), grey(23), random_mask(23, 30)
    whole = impute(model, images, missing, passes=3)
    small = impute(model, images, missing, passes=3, batch_size=4)
    np.testing.assert_allclose(small.completed, whole.completed, atol=1e-5)
    fewer = impute(model, images[:9], missing[:9], passes=3)
    np.testing.assert_allclose(fewer.completed, whole.completed[:9], atol=1e-5)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    model, images, missing = trained_vae(), grey(8), left_mask((5, 6))
    first, second = (impute(model, images, missing, passes=2, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.completed, second.completed)
    assert (impute(model, images, missing, passes=2, seed=4).completed != first.completed).any()


def test_batch_statistics_are_an_offer_that_leaves_the_model_alone() -> None:
    model, images, missing = trained_vae(), grey(40), left_mask((5, 6))
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stored = impute(model, images, missing, passes=2)
    batch = impute(model, images, missing, passes=2, statistics="batch")
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not np.allclose(stored.completed, batch.completed, atol=1e-3)
    np.testing.assert_array_equal(impute(model.eval(), images, missing, passes=2).completed, stored.completed)


@pytest.mark.parametrize(
    ("images", "missing", "passes", "message"),
    [
        (grey(3), np.ones((3, 30)), 1, "bool"),
        (grey(3), np.ones((2, 30), bool), 1, "mask"),
        (grey(3) * 255, np.ones(30, bool), 1, "from 0 to 1"),
        (grey(3), np.zeros(30, bool), 1, "at least one"),
        (grey(3), np.ones(30, bool), 0, "at least one"),
    ],
)
def test_what_cannot_be_imputed_is_refused(images: np.ndarray, missing: np.ndarray, passes: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        impute(Constant(0.5), images, missing, passes)

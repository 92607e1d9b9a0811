"""Memory slots: preferences by hand, summaries with known answers, and what a model's slots draw."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dgmbench.metrics.memory_slots import class_preferences, summarise
from dgmbench.models.images.slots import memory_attention, slot_images
from dgmbench.models.images.vae import VAE
from dgmbench.run.registry import DENSITY, load_factory
from dgmbench.tasks.density.analysis.published_slots import published_preferences, published_summary


def memory_model(attention: str = "softmax") -> VAE:
    torch.manual_seed(0)
    model = VAE(30, (16, 12), 5, True, slots=(7, 3), attention=attention)
    with torch.no_grad():
        for layer in (model.decoder1, model.decoder2):
            layer.memory.normal_()
            layer.attention.weight.mul_(3)
    return model.eval()


def test_preferences_are_normalised_by_image_and_then_averaged_by_class() -> None:
    attention = np.array([[2.0, 2.0, 0.0], [0.1, 0.0, 0.3], [5.0, 0.0, 0.0]])
    found = class_preferences(attention, np.array([1, 1, 0]), 2)
    np.testing.assert_allclose(found, [[1, 0, 0], [0.375, 0.25, 0.375]])


@pytest.mark.parametrize(
    ("attention", "labels", "message"),
    [
        (np.ones((3, 2)), np.array([0, 1]), "a label each"),
        (np.ones((2, 2)), np.array([0, 0]), "each of the 2 classes"),
        (np.ones((2, 2)), np.array([0, 2]), "each of the 2 classes"),
        (np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([0, 1]), "zero on all slots"),
        (np.array([[1.0, 1.0], [2.0, -1.0]]), np.array([0, 1]), "negative"),
    ],
)
def test_attention_without_a_meaning_is_refused(attention: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_preferences(attention, labels, 2)


def test_entropy_and_sparsity_of_even_and_single_preferences() -> None:
    even, single = np.full((1, 70), 1 / 70), np.eye(70)[:1]
    both = summarise(np.concatenate([even, single]))
    np.testing.assert_allclose(both.entropies, [math.log(70), 0], atol=1e-12)
    assert both.mean_entropy == pytest.approx(math.log(70) / 2)
    assert both.active == 70
    assert summarise(np.concatenate([single, single])).active == 1


def test_the_summary_does_not_depend_on_the_order_of_the_slots() -> None:
    rng = np.random.default_rng(0)
    preferences = rng.dirichlet(np.full(20, 0.3), size=5)
    one, other = summarise(preferences), summarise(preferences[:, rng.permutation(20)])
    np.testing.assert_allclose(one.entropies, other.entropies)
    np.testing.assert_allclose(one.correlation, other.correlation)
    assert one.active == other.active


def test_classes_that_share_slots_are_the_closest() -> None:
    preferences = np.array([[0.6, 0.3, 0.1, 0.0], [0.0, 0.1, 0.3, 0.6], [0.5, 0.4, 0.1, 0.0], [0.25] * 4])
    (a, b, r), (_, _, second), *_ = summarise(preferences).closest()
    assert (a, b) == (0, 2) and r > 0.9 > second
    assert len(summarise(preferences).closest(99)) == 3  # the class without preferences has no correlation


@pytest.mark.parametrize("attention", ["softmax", "sigmoid"])
def test_a_model_s_attention_is_that_of_decoding_next_to_x_first(attention: str) -> None:
    model = memory_model(attention)
    z = torch.randn(9, 5, generator=torch.Generator().manual_seed(1))
    (near_x, at_x), (near_z, at_z) = memory_attention(model, z)
    assert near_x is model.decoder1 and near_z is model.decoder2
    assert at_x.shape == (9, 7) and at_z.shape == (9, 3)
    with torch.no_grad():
        torch.testing.assert_close(at_x, model.decoder1.weights(model.decoder1.hidden(model.decoder2(z))))
    before = model.decode(z)
    memory_attention(model, z)
    torch.testing.assert_close(model.decode(z), before)  # no hook stays behind


def test_a_model_without_memory_has_none_to_show() -> None:
    assert memory_attention(VAE(30, (16, 12), 5).eval(), torch.zeros(2, 5)) == []


def test_a_slot_s_image_is_its_row_of_the_memory_decoded_alone() -> None:
    model = memory_model()
    with torch.no_grad():
        rows = torch.relu(model.decoder1.memory.T)  # h = 0 and all attention on one slot: ReLU(0 + M_i)
        expected = torch.sigmoid(model.output(rows))
        torch.testing.assert_close(slot_images(model, model.decoder1, 5), expected)
        rows = torch.relu(model.decoder2.memory.T)
        expected = torch.sigmoid(model.output(model.decoder1(rows)))
        torch.testing.assert_close(slot_images(model, model.decoder2, 5), expected)
        ordinary = model.decode(torch.zeros(7, 5))
    assert not torch.allclose(torch.sigmoid(ordinary), slot_images(model, model.decoder1, 5))
    torch.testing.assert_close(model.decode(torch.zeros(7, 5)), ordinary)


def test_the_softmax_variant_is_a_model_of_its_own_name() -> None:
    entry = DENSITY["mem-vae-softmax"]
    model = load_factory(entry.factory)(n_pixels=784, **entry.options, **entry.by_dataset["mnist"])
    assert model.decoder1.soft and model.decoder1.memory.shape == (500, 70)


def test_the_published_numbers_agree_with_each_other() -> None:
    preferences, summary = published_preferences(), published_summary()
    assert preferences.shape == (3, 10)
    assert (preferences.sum(0) <= 1).all()  # a class's preferences for all slots sum to 1
    assert summary["mean_entropy"] < math.log(summary["slots"])
    assert summary["active_slots"] <= summary["slots"]

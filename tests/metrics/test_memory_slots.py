"""Memory slots: preferences by hand, and summaries with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dgmbench.metrics.memory_slots import class_preferences, summarise


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

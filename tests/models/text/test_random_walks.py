"""Gaussian walks over slices of time: their precision, exact draws, and Langevin steps against quadrature."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import log_expit, logsumexp, softmax

from dgmbench.models.text.random_walks import Walk, draw_means, precision, step_documents, step_topics


@pytest.mark.parametrize(
    ("walk", "slices"),
    [(Walk(1, 1), 1), (Walk(2, 0.5), 2), (Walk(0.3, 4), 3), (Walk(6, 0.6), 7), (Walk(4, 0.2), 12)],
)
def test_the_precision_is_that_of_independent_steps(walk: Walk, slices: int) -> None:
    x = np.random.default_rng(slices).standard_normal(slices)
    expected = x[0] ** 2 / walk.start**2 + sum((b - a) ** 2 for a, b in pairwise(x)) / walk.step**2
    assert x @ precision(walk, slices) @ x == pytest.approx(expected)
    covariance = np.linalg.inv(precision(walk, slices))
    np.testing.assert_allclose(np.diag(covariance), walk.start**2 + walk.step**2 * np.arange(slices))


@pytest.mark.parametrize("documents", [(3,), (0, 4), (5, 1, 2), (1, 0, 0, 7), (100, 200, 50, 3, 1)])
def test_means_are_drawn_from_their_gaussian_given_the_documents(documents: tuple[int, ...]) -> None:
    """Against the joint Gaussian of means and documents, conditioned the long way."""
    walk, spread, K, rng = Walk(2.0, 0.6), 1.5, 4000, np.random.default_rng(0)
    slice_of = np.repeat(np.arange(len(documents)), documents)
    eta = rng.standard_normal(len(slice_of))
    prior = np.linalg.inv(precision(walk, len(documents)))
    of_documents = prior[np.ix_(slice_of, slice_of)] + spread**2 * np.eye(len(slice_of))
    gain = prior[:, slice_of] @ np.linalg.inv(of_documents)
    mean, covariance = gain @ eta, prior - gain @ prior[slice_of]
    sums = np.array([eta[slice_of == t].sum() for t in range(len(documents))])
    drawn = draw_means(np.tile(sums[:, None], K), np.array(documents), spread, walk, rng)  # K copies of one topic
    deviations = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(drawn.mean(axis=1) - mean), 4 * deviations / np.sqrt(K))
    np.testing.assert_allclose(np.cov(drawn), covariance, atol=0.08 * deviations.max() ** 2)


@pytest.mark.parametrize("counts", [(0, 0), (0, 3), (2, 1), (10, 1), (0, 8)])
def test_topics_of_one_slice_visit_their_words_as_often_as_quadrature_says(counts: tuple[int, int]) -> None:
    """Two words: the difference of their φ is N(0, 2 s²) before the tokens are seen; K copies of the topic."""
    K, start, rng = 2000, 1.5, np.random.default_rng(1)
    phi, table = start * rng.standard_normal((1, 2, K)), np.tile(np.array(counts, float)[None, :, None], (1, 1, K))
    for _ in range(300):
        step_topics(phi, table, 0.2, Walk(start, 0.2), rng)
    x = np.linspace(-15, 15, 3001)
    log_p = -(x**2) / (4 * start**2) + counts[0] * log_expit(x) + counts[1] * log_expit(-x)
    mean, deviation = _moments(x, log_p)
    found = phi[0, 0] - phi[0, 1]
    assert found.mean() == pytest.approx(mean, abs=0.12 * deviation)
    assert found.std() == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize(
    "counts", [((0, 0), (0, 0)), ((5, 0), (0, 5)), ((3, 3), (0, 0)), ((0, 0), (8, 1)), ((20, 2), (2, 20))]
)
def test_topics_of_two_slices_are_held_together_by_the_walk(counts: tuple[tuple[int, int], ...]) -> None:
    K, walk, rng = 2000, Walk(1.2, 0.5), np.random.default_rng(2)
    phi, table = rng.standard_normal((2, 2, K)), np.tile(np.array(counts, float)[:, :, None], (1, 1, K))
    for _ in range(150):
        step_topics(phi, table, 0.2, walk, rng)
    x = np.linspace(-8, 8, 321)
    first, second = np.meshgrid(x, x, indexing="ij")
    log_p = -(first**2) / (4 * walk.start**2) - (second - first) ** 2 / (4 * walk.step**2)
    for value, (one, other) in zip((first, second), counts, strict=True):
        log_p += one * log_expit(value) + other * log_expit(-value)
    found = phi[:, 0] - phi[:, 1]
    for value, exact in ((found[0], first), (found[1], second), (found[1] - found[0], second - first)):
        mean, deviation = _moments(exact, log_p)
        assert value.mean() == pytest.approx(mean, abs=0.12 * deviation)
        assert value.std() == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize("counts", [(0, 0), (0, 1), (3, 0), (2, 2), (10, 1)])
def test_documents_visit_their_vectors_as_often_as_quadrature_says(counts: tuple[int, int]) -> None:
    """Many copies of one document with two topics; η_1 − η_2 is N(0.5, 2 · 1.5²) before its tokens are seen."""
    copies, spread, rng = 2000, 1.5, np.random.default_rng(3)
    means, table = np.tile([0.3, -0.2], (copies, 1)), np.tile(np.array(counts, float), (copies, 1))
    eta = means + spread * rng.standard_normal((copies, 2))
    for _ in range(200):
        step_documents(eta, table, means, spread, 0.1, rng)
    x = np.linspace(-20, 20, 4001)
    log_p = -((x - 0.5) ** 2) / (4 * spread**2) + counts[0] * log_expit(x) + counts[1] * log_expit(-x)
    mean, deviation = _moments(x, log_p)
    found = eta[:, 0] - eta[:, 1]
    assert found.mean() == pytest.approx(mean, abs=0.12 * deviation)
    assert found.std() == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize("scale", [1, 3, 10, 1000, 100_000])
def test_long_steps_of_topics_come_to_the_tokens_from_far_away(scale: int) -> None:
    """From φ that has nothing to do with the tokens, with the longest steps that are made."""
    rng = np.random.default_rng(4)
    table = scale * rng.integers(0, 3, (4, 30, 5)).astype(float)
    phi = 2 * rng.standard_normal((4, 30, 5))
    for _ in range(60):
        step_topics(phi, table, 1.9, Walk(4.0, 0.2), rng)
    found, seen = softmax(phi, axis=1), (table + 1) / (table + 1).sum(axis=1, keepdims=True)
    assert 0.5 * np.abs(found - seen).sum(axis=1).max() < 0.5


def _moments(x: np.ndarray, log_p: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of a value by its unnormalised log density on a grid."""
    p = np.exp(log_p - logsumexp(log_p))
    mean = float((p * x).sum())
    return mean, float(np.sqrt((p * (x - mean) ** 2).sum()))

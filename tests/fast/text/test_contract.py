"""Fast equals plain: each compiled algorithm against its readable form, from the same random stream if it has one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

from dgmbench.fast.random import Stream
from dgmbench.fast.special import digamma, exp
from dgmbench.fast.text import coordinates, expectation, left_to_right, proportions, supervised
from dgmbench.metrics.linear_svm import plain_sweep_coordinates
from dgmbench.metrics.topics import plain_left_to_right
from dgmbench.models.text import LDA, LFTM, SLDA, GaussianLDA, TopicVec, gaussian_lda, lftm, slda, topicvec
from dgmbench.models.text.proportion_model import ProportionModel, fold_in
from tests.planted import draw_corpus, embeddings, planted_topics

WORDS = embeddings(60, dim=5)
TOPICS = planted_topics(4, 60, concentration=0.3)
CORPUS = draw_corpus(TOPICS, documents=40, length=25, labelled=True)
ALPHA = np.array([0.3, 0.7, 0.15, 0.4])
K = 20  # more than a block of a vector register


@pytest.mark.parametrize(
    ("kind", "hook", "plain", "options"),
    [
        (GaussianLDA, "_sweep", gaussian_lda.sweep, {"embeddings": WORDS, "n_sweeps": 4}),
        (LFTM, "_sweep", lftm.sweep, {"embeddings": WORDS, "n_sweeps": 4, "initial_sweeps": 2}),
        (SLDA, "_infer", slda.infer, {"n_iterations": 2}),
        (TopicVec, "_expectation", topicvec.expectation, {"embeddings": WORDS, "iterations": 15}),
    ],
)
def test_a_model_learns_the_same_through_its_plain_form(
    kind: Any, hook: str, plain: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = kind(K, seed=1, **options).fit(CORPUS)
    monkeypatch.setattr(kind, hook, staticmethod(plain))
    slow = kind(K, seed=1, **options).fit(CORPUS)
    assert getattr(kind, hook) is plain
    np.testing.assert_allclose(fast.topics_, slow.topics_, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(fast.transform(CORPUS), slow.transform(CORPUS), rtol=2e-3, atol=1e-5)


def test_proportions_of_new_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = TOPICS.copy()
    topics[:, 7] = 0  # a word that no topic has
    precise: Any = {"tolerance": 1e-6}
    plain = fold_in(topics, ALPHA, CORPUS.counts, **precise)
    np.testing.assert_allclose(proportions.fold_in(topics, ALPHA, CORPUS.counts, **precise), plain, atol=1e-4)
    lda = LDA(4, n_sweeps=5).fit(CORPUS)
    fast = lda.transform(CORPUS)
    monkeypatch.setattr(ProportionModel, "_fold_in", staticmethod(fold_in))
    np.testing.assert_allclose(lda.transform(CORPUS), fast, atol=5e-3)


@pytest.mark.parametrize("labelled", [True, False])
def test_inference_of_supervised_documents(labelled: bool) -> None:
    eta, labels = 6 * np.random.default_rng(0).standard_normal((3, 4)), CORPUS.labels if labelled else None
    found = []
    for infer in (supervised.infer, slda.infer):
        gamma = np.zeros((len(CORPUS), 4), np.float32)
        found.append(infer(CORPUS.counts, labels, (TOPICS, ALPHA, eta), gamma, 30, tolerance=1e-6))
    fast, plain = found
    np.testing.assert_allclose(fast.means, plain.means, atol=1e-4)
    assert fast.bound == pytest.approx(plain.bound, rel=1e-5)
    if labelled:
        np.testing.assert_allclose(fast.covariances, plain.covariances, atol=1e-5)
        np.testing.assert_allclose(fast.word_counts, plain.word_counts, atol=3e-3)


@pytest.mark.parametrize("passes", [1, 3])
def test_expectation_step(passes: int) -> None:
    scores, found = np.random.default_rng(1).standard_normal((60, 4)), []
    for step in (expectation.expectation, topicvec.expectation):
        theta = np.full((len(CORPUS), 4), 6.0)
        found.append((*step(CORPUS.counts, scores, theta, 0.1, passes), theta))
    for fast, plain in zip(*found, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-9)


def test_left_to_right() -> None:
    words = np.random.default_rng(0).integers(0, 60, 30)
    arguments = TOPICS, ALPHA, words, np.array([0, 9, 9, 10, 30]), 7, 5
    np.testing.assert_allclose(left_to_right.left_to_right(*arguments), plain_left_to_right(*arguments), rtol=1e-6)


def test_coordinate_descent() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 8))
    X[:, 5] = 0  # a feature that never occurs
    H, start = X.T @ X, 20 * rng.standard_normal(8)
    found = []
    for sweep in (coordinates.sweep_coordinates, plain_sweep_coordinates):
        slope, u = start.copy(), rng.permutation(np.zeros(8))
        sweep(H, slope, u, 5)
        found.append((slope, u))
        assert 0 < np.count_nonzero(u) < 8
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)


def test_a_stream_is_uniform_and_named_by_its_numbers() -> None:
    numbers = np.array([[Stream(seed, first).random() for seed in range(40)] for first in range(40)])
    assert len(np.unique(numbers)) == numbers.size
    stream = Stream(1, 2, 3)
    drawn = np.sort([stream.random() for _ in range(4000)])
    assert np.abs(drawn - np.arange(4000) / 4000).max() < 1.63 / np.sqrt(4000)  # Kolmogorov, 1 %
    topics = [stream.draw(np.array([1.0, 0.0, 3.0])) for _ in range(4000)]
    assert np.bincount(topics)[1] == 0 and np.mean(topics) == pytest.approx(1.5, abs=0.05)


def test_special_functions() -> None:
    for x in (1e-3, 0.1, 0.5, 1.0, 5.9, 6.0, 50.0, 1e5):
        assert digamma(x) == pytest.approx(special.digamma(x), rel=1e-9)
    x = np.linspace(-79, 79, 301).astype(np.float32)
    np.testing.assert_allclose([exp(value) for value in x], np.exp(x.astype(np.float64)), rtol=1e-5)

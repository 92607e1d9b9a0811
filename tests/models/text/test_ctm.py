"""The correlated topic model: Pólya-Gamma draws, one document against quadrature, planted parameters, its peer."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.special import logsumexp, softmax

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.random import Stream
from dgmbench.fast.text import fixed_proportions, logistic_normal
from dgmbench.fast.text.dense import padded_rows
from dgmbench.fast.text.layout import Tokens, WordTokens, word_order
from dgmbench.metrics.documents import LogisticNormal, complete
from dgmbench.models.text.ctm import CTM, polya_gamma, polya_gamma_moments, resample_eta, resample_prior, sweep
from tests.planted import corpus_of, draw_corpus, planted_topics


@pytest.mark.parametrize(("n", "z"), [(1, 0.0), (1, 1.0), (2, 20.0), (3, -4.0), (50, 0.3), (50, 8.0), (400, 0.0)])
def test_polya_gamma_has_its_moments_and_its_laplace_transform(n: int, z: float) -> None:
    """E exp(−tx) = (cosh(z/2) / cosh √(z²/4 + t/2))^n; the series has the third central moment 2 n Σ c³."""
    size, rng = 20_000, np.random.default_rng(n)
    drawn = np.array([polya_gamma(n, z, rng) for _ in range(size)])
    mean, variance = polya_gamma_moments(n, z)
    c = 1 / (2 * np.pi**2 * ((np.arange(1, 100_000) - 0.5) ** 2 + z**2 / (4 * np.pi**2)))
    assert (mean, variance) == pytest.approx((n * c.sum(), n * (c**2).sum()), rel=1e-4)
    assert drawn.min() > 0 and drawn.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / size))
    assert drawn.var() == pytest.approx(variance, rel=0.08)
    skewness = 2 * n * (c**3).sum() / variance**1.5
    assert ((drawn - mean) ** 3).mean() / variance**1.5 == pytest.approx(skewness, abs=0.25)
    for t in (0.5 / mean, 2 / mean):
        exact = (np.cosh(z / 2) / np.cosh(np.sqrt(z**2 / 4 + t / 2))) ** n
        assert np.exp(-t * drawn).mean() == pytest.approx(exact, abs=2 / np.sqrt(size))


@pytest.mark.parametrize("counts", [(0, 0), (0, 1), (3, 0), (2, 2), (10, 1), (1, 30)])
def test_a_document_visits_its_vectors_as_often_as_quadrature_says(counts: tuple[int, int]) -> None:
    """Many copies of one document with two topics, after enough sweeps: mean and variance of η_1 − η_2."""
    mean, covariance = np.array([0.3, -0.2]), np.array([[1.2, 0.5], [0.5, 0.8]])
    copies, rng = 4000, np.random.default_rng(0)
    eta, table = rng.multivariate_normal(mean, covariance, copies), np.tile(np.array(counts, float), (copies, 1))
    for _ in range(40):
        logistic_normal.resample(eta, table, mean, np.linalg.inv(covariance), rng)
    found = eta[:, 0] - eta[:, 1]
    x = np.linspace(-12, 12, 4001)  # the difference is N(0.5, 1) before the document is seen
    log_p = -0.5 * (x - 0.5) ** 2 - counts[0] * np.logaddexp(0, -x) - counts[1] * np.logaddexp(0, x)
    p = np.exp(log_p - logsumexp(log_p))
    exact = (p * x).sum()
    spread = (p * (x - exact) ** 2).sum()
    assert found.mean() == pytest.approx(exact, abs=4 * np.sqrt(spread / copies))
    assert found.var() == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_compiled_vectors_are_the_plain_ones(seed: int) -> None:
    rng, K = np.random.default_rng(seed), 5
    root, eta = rng.standard_normal((K, K)), 3 * rng.standard_normal((6, K))
    eta[0, 0] = 40  # all others are lost to rounding beside it
    counts = rng.integers(0, 4, (6, K)).astype(float)
    counts[1] = 0
    plain, compiled, precision = eta.copy(), eta.copy(), np.linalg.inv(root @ root.T + np.eye(K))
    resample_eta(plain, counts, root[0], precision, np.random.default_rng(9))
    logistic_normal.resample(compiled, counts, root[0], precision, np.random.default_rng(9))
    np.testing.assert_allclose(compiled, plain, rtol=1e-6)
    assert (plain != eta).all()


@pytest.mark.parametrize("documents", [1, 5, 50, 500, 5000])
def test_the_prior_is_drawn_around_what_the_documents_say(documents: int) -> None:
    """The posterior's means: of μ that of η shrunk to 0, of Σ (scale) / (ν − K − 1)."""
    rng, K, strength = np.random.default_rng(documents), 3, 20.0
    eta = rng.multivariate_normal([1.0, 0.0, -1.0], np.diag([0.5, 1.0, 2.0]), documents)
    drawn = [resample_prior(eta, strength, rng) for _ in range(600)]
    means, covariances = np.array([mean for mean, _ in drawn]), np.array([covariance for _, covariance in drawn])
    average = eta.mean(axis=0)
    shrunk = strength * documents / (strength + documents) * np.outer(average, average)
    scale = strength * np.eye(K) + (eta - average).T @ (eta - average) + shrunk
    errors = means.std(axis=0) / np.sqrt(600) + covariances.std(axis=0) / np.sqrt(600)
    expected = scale / (strength + documents - K - 1)
    np.testing.assert_array_less(np.abs(covariances.mean(axis=0) - expected), 5 * errors)
    np.testing.assert_allclose(means.mean(axis=0), documents / (strength + documents) * average, atol=5 * errors.max())


@pytest.mark.parametrize("seed", range(5))
def test_the_compiled_sweep_is_the_plain_one(seed: int) -> None:
    K, V = 20, 12  # more than a block of a vector register
    corpus = draw_corpus(planted_topics(3, V, seed=seed, concentration=0.5), documents=15, length=9, seed=seed)
    theta = np.random.default_rng(seed).dirichlet(np.ones(K), len(corpus))
    order = word_order(corpus)
    plain, compiled = (np.random.default_rng(1).integers(0, K, corpus.n_tokens).astype(np.uint16) for _ in range(2))
    sweep(Tokens(order.documents, order.words, plain), theta, 0.1, V, Stream(seed, 2))
    given = WordTokens(order.offsets, order.documents, compiled, np.bincount(compiled, minlength=K))
    fixed_proportions.sweep(given, padded_rows(theta), 0.1, seed, 2)
    np.testing.assert_array_equal(plain, compiled)
    np.testing.assert_array_equal(given.sizes, np.bincount(plain, minlength=K))


COVARIANCE = np.array([[2, 1, 0, 0], [1, 2, 0, 0], [0, 0, 2, -1], [0, 0, -1, 2]], float)


def correlated(
    documents: int, length: int, seed: int, covariance: np.ndarray = COVARIANCE
) -> tuple[Corpus, np.ndarray]:
    """Documents of the model itself; topics 0 and 1 go together, 2 and 3 avoid each other."""
    rng, topics = np.random.default_rng(seed), planted_topics(4, 80, seed=seed, concentration=0.1)
    theta = softmax(rng.multivariate_normal(np.zeros(4), covariance, documents), axis=1)
    return corpus_of([rng.choice(80, length, p=row @ topics).tolist() for row in theta], 80), topics


def matched(found: np.ndarray, topics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Total variation of each planted topic to the found one, and which that is."""
    cost = 0.5 * np.abs(topics[:, None] - found[None]).sum(axis=2)
    rows, columns = linear_sum_assignment(cost)
    return cost[rows, columns], columns


@pytest.mark.parametrize("seed", range(5))
def test_planted_topics_and_their_correlations_come_back(seed: int) -> None:
    corpus, topics = correlated(500, 60, seed)
    model, drawn = CTM(4, strength=10, n_sweeps=100, seed=seed), []
    for done in model.passes(corpus):
        if done > 60:
            drawn.append(model.covariance_)
    distances, order = matched(model.topics_, topics)
    assert distances.max() < 0.12
    covariance = np.mean(drawn, axis=0)[np.ix_(order, order)]
    # softmax does not know a constant that is added to all: compare differences of topics
    contrasts = np.array([[1, -1, 0, 0], [0, 0, 1, -1], [1, 1, -1, -1]])
    expected, found = (np.diag(contrasts @ each @ contrasts.T) for each in (COVARIANCE, covariance))
    assert found == pytest.approx(expected, rel=0.4)


@pytest.mark.skipif(importlib.util.find_spec("tomotopy") is None, reason="tomotopy is not installed")
def test_its_peer_finds_the_same_topics_less_exactly() -> None:
    import tomotopy

    corpus, topics = correlated(500, 80, 1)
    peer: Any = tomotopy.CTModel(k=4, eta=0.01, seed=1)
    for d in range(len(corpus)):
        peer.add_doc([str(word) for word in corpus.document(d)])
    peer.train(100, workers=1)
    theirs = np.zeros((4, 80))
    theirs[:, [int(word) for word in peer.used_vocabs]] = [peer.get_topic_word_dist(k) for k in range(4)]
    ours = CTM(4, strength=10, n_sweeps=100, seed=1).fit(corpus).topics_
    assert matched(ours, theirs)[0].max() < 0.25
    assert matched(ours, topics)[0].max() < matched(theirs, topics)[0].max() < 0.25


@pytest.mark.parametrize("seed", range(5))
def test_correlated_proportions_predict_held_out_documents_better_than_independent_ones(seed: int) -> None:
    covariance = np.array([[2, 1.8, 0, 0], [1.8, 2, 0, 0], [0, 0, 2, -1.8], [0, 0, -1.8, 2]])
    corpus, topics = correlated(300, 10, seed, covariance)
    documents = [corpus.document(d) for d in range(len(corpus))]
    values = [
        complete(LogisticNormal(topics, np.zeros(4), each), documents).log_likelihood.sum()
        for each in (covariance, np.diag(np.diag(covariance)))
    ]
    assert values[0] > values[1]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"n_topics": 1}, "n_topics is 1; it must be at least 2"),
        ({"n_sweeps": 0}, "n_sweeps is 0; it must be at least 1"),
        ({"beta": 0.0}, "beta is 0.0; it must be above 0"),
        ({"strength": 0.0}, "strength is 0.0; it must be above 0"),
        ({"n_topics": 5, "strength": 1.0}, "2 documents are too few for the covariance of 5 topics"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line) as caught:
        CTM(**options).fit(corpus_of([[0, 1, 2, 0], [2, 1]], 3))
    assert "\n" not in str(caught.value)


def test_a_seed_names_the_result() -> None:
    corpus = draw_corpus(planted_topics(3, 20), documents=40, length=10)
    one, again, other = (CTM(3, n_sweeps=5, seed=seed).fit(corpus) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.topics_, again.topics_)
    np.testing.assert_array_equal(one.covariance_, again.covariance_)
    assert not np.array_equal(one.topics_, other.topics_)

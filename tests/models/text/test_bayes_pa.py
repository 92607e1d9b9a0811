"""Online max-margin topics: the augmentation by quadrature, conditionals by enumeration, updates, planted classes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.random import Stream
from dgmbench.fast.text import max_margin as fast
from dgmbench.fast.text.max_margin import Batch, Response
from dgmbench.models.text import bayes_pa
from dgmbench.models.text.bayes_pa import BayesPA, expected_square, inverse_gaussian, learned, log_factors
from tests.planted import assignments, corpus_of, log_dirichlet_multinomial, normalised, planted_topics

SEEDS = pytest.mark.parametrize("seed", range(5))


@pytest.mark.parametrize(("c", "zeta"), [(1, 0.3), (1, -0.3), (0.5, 4), (2, -3), (1, 6), (3, 0.01)])
def test_the_hinge_loss_is_a_scale_mixture_of_gaussians(c: float, zeta: float) -> None:
    """exp(−2c max(0, ζ)) by quadrature over λ = r², and 1/λ has the mean 1 / (c |ζ|) then."""

    def density(r: float) -> float:
        return 2 / np.sqrt(2 * np.pi) * np.exp(-((r**2 + c * zeta) ** 2) / (2 * r**2)) if r > 0 else 0.0

    total, _ = quad(density, 0, np.inf, epsabs=1e-12, limit=200)
    assert total == pytest.approx(np.exp(-2 * c * max(0.0, zeta)), rel=1e-8)
    inverse, _ = quad(lambda r: density(r) / max(r, 1e-300) ** 2, 0, np.inf, epsabs=1e-12, limit=200)
    assert inverse / total == pytest.approx(1 / (c * abs(zeta)), rel=1e-6)


@pytest.mark.parametrize("mean", [1 / 164, 0.1, 1.0, 3.0, 10.0])
def test_inverse_gaussian_draws_have_their_moments_and_their_laplace_transform(mean: float) -> None:
    """E x = m, Var x = m³, E 1/x = 1/m + 1, and E exp(−t x) = exp((1 − √(1 + 2 m² t)) / m)."""
    rng, size = Stream(3, 0), 20_000
    drawn = np.array([inverse_gaussian(mean, rng) for _ in range(size)])
    error = np.sqrt(mean**3 / size)
    assert drawn.min() > 0 and drawn.mean() == pytest.approx(mean, abs=4 * error)
    spread = np.sqrt(1 / mean + 2)  # of 1/x
    assert (1 / drawn).mean() == pytest.approx(1 / mean + 1, abs=4 * spread / np.sqrt(size))
    assert (1 / drawn).var() == pytest.approx(spread**2, rel=0.1)
    for t in (0.5 / mean, 2 / mean):
        exact = np.exp((1 - np.sqrt(1 + 2 * mean**2 * t)) / mean)
        assert np.exp(-t * drawn).mean() == pytest.approx(exact, abs=2 / np.sqrt(size))


def response_of(L: int, K: int, seed: int, c: float = 0.7, margin: float = 3.0, scale: float = 2.0) -> Response:
    """Random Gaussian weights."""
    rng = np.random.default_rng(seed)
    mean, root = scale * rng.standard_normal((L, K)), rng.standard_normal((L, K, K))
    return Response(mean, root @ root.transpose(0, 2, 1) + mean[:, :, None] * mean[:, None, :], c, margin)


@SEEDS
def test_the_conditional_of_a_topic_is_that_of_the_augmented_joint(seed: int) -> None:
    """E log p(z, w, λ, y | η) under q(η), with E ζ² by the points of a rule that is exact for squares."""
    rng, L, K, N = np.random.default_rng(seed), 3, 4, 6
    response, signs, x = response_of(L, K, seed), rng.choice([-1.0, 1.0], L), rng.gamma(2, 0.2, L)
    phi, alpha, z = rng.dirichlet(np.ones(5), K), 0.4, rng.integers(0, K, N)
    words, at = rng.integers(0, 5, N), int(rng.integers(N))
    covariance = response.second - response.mean[:, :, None] * response.mean[:, None, :]
    steps = np.sqrt(K) * np.linalg.cholesky(covariance)  # (L, K, K), columns
    points = np.concatenate([response.mean[:, None] + sign * steps.transpose(0, 2, 1) for sign in (1, -1)], axis=1)

    def log_joint(topics: np.ndarray) -> float:
        counts = np.bincount(topics, minlength=K)
        zeta = response.margin - signs[:, None] * (points @ (counts / N))
        augmented = -(((1 / x[:, None] + response.c * zeta) ** 2).mean(axis=1) * x) / 2
        return log_dirichlet_multinomial(counts, np.full(K, alpha)) + np.log(phi[topics, words]).sum() + augmented.sum()

    exact = normalised([log_joint(np.where(np.arange(N) == at, k, z)) for k in range(K)])
    others = np.bincount(np.delete(z, at), minlength=K)
    weights = (others + alpha) * phi[:, words[at]] * np.exp(log_factors(others, x, signs, response, N))
    np.testing.assert_allclose(weights / weights.sum(), exact, rtol=1e-9)
    share = np.bincount(z, minlength=K) / N
    direct = ((response.margin - signs[:, None] * (points @ share)) ** 2).mean(axis=1)
    np.testing.assert_allclose(expected_square(share, signs, response), direct, rtol=1e-9)


def batch_of(documents: list[list[int]], n_topics: int, seed: int) -> Batch:
    words = np.concatenate(documents)
    offsets = np.concatenate([[0], np.cumsum([len(document) for document in documents])])
    topics = np.random.default_rng(seed).integers(0, n_topics, len(words))
    return Batch(words, offsets, topics, np.arange(len(documents), dtype=np.uint64))


@pytest.mark.parametrize(("L", "K"), [(1, 2), (1, 3), (2, 2), (3, 2), (0, 3)])
def test_documents_visit_their_topics_as_often_as_enumeration_says(L: int, K: int) -> None:
    """With λ summed out, p(z) ∝ p(z) φ Π exp(−c E ζ − c √E ζ²), which without uncertainty is exp(−2c max(0, ζ))."""
    document, copies = [0, 1, 1], 6000
    response, phi = response_of(L, K, seed=K + L), np.random.default_rng(L).dirichlet(np.ones(2), K)
    signs, alpha = np.where(np.arange(L) % 2, -1.0, 1.0), 0.6
    batch = batch_of([document] * copies, K, seed=0)
    for number in range(15):
        fast.sweep(batch, np.tile(signs, (copies, 1)), phi.T, alpha, response, 0, number)
    states = list(assignments(len(document), K))
    exact = []
    for z in states:
        counts = np.bincount(z, minlength=K)
        share = counts / len(document)
        loss = response.c * (response.margin - signs * (response.mean @ share))
        loss += response.c * np.sqrt(expected_square(share, signs, response))
        prior = log_dirichlet_multinomial(counts, np.full(K, alpha))
        exact.append(prior + np.log(phi[z, document]).sum() - loss.sum())
    numbers = batch.topics.reshape(copies, -1) @ K ** np.arange(len(document))[::-1]
    found, expected = np.bincount(numbers, minlength=len(states)) / copies, normalised(exact)
    np.testing.assert_array_less(np.abs(found - expected), 4.5 * np.sqrt(expected * (1 - expected) / copies) + 1e-3)


@SEEDS
def test_the_posterior_of_the_weights_is_that_of_least_squares(seed: int) -> None:
    """−(λ + c (l − y η·z̄))² / 2λ is a squared residual: its minimum by NumPy, and its curvature."""
    rng, S, D, K, c, margin = np.random.default_rng(seed), 2, 7, 3, 0.6, 5.0
    z, x, signs = rng.dirichlet(np.ones(K), (S, D)), rng.gamma(2, 0.3, (S, D, 2)), rng.choice([-1.0, 1.0], (D, 2))
    root = rng.standard_normal((2, K, K)) + 2 * np.eye(K)
    before = root.transpose(0, 2, 1) @ root
    shift = rng.standard_normal((2, K))
    precision, shifted = learned(before, shift, z, x, signs, c, margin)
    for y in range(2):
        weight = np.sqrt(x[:, :, y] / S).ravel()
        rows = c * weight[:, None] * z.reshape(-1, K)
        target = weight * ((1 / x[:, :, y] + c * margin) * signs[:, y]).ravel()
        prior_target = np.linalg.solve(root[y].T, shift[y])
        direct = np.linalg.lstsq(np.vstack([root[y], rows]), np.concatenate([prior_target, target]), rcond=None)[0]
        np.testing.assert_allclose(np.linalg.solve(precision[y], shifted[y]), direct, rtol=1e-8)
        np.testing.assert_allclose(precision[y], before[y] + rows.T @ rows, rtol=1e-10)


@SEEDS
def test_the_compiled_sweep_is_the_plain_one(seed: int) -> None:
    rng, K, L = np.random.default_rng(seed), 20, 3
    documents = [rng.integers(0, 12, rng.integers(1, 15)).tolist() for _ in range(12)]
    signs, phi = rng.choice([-1.0, 1.0], (12, L)), rng.dirichlet(np.ones(12), K).T
    response, batches = response_of(L, K, seed), [batch_of(documents, K, seed) for _ in range(2)]
    for batch in batches:
        batch.topics[5:9] = -1  # tokens that have no topic yet
    found = [
        each(batch, signs, phi, 0.3, response, seed, 4)
        for each, batch in zip((bayes_pa.sweep, fast.sweep), batches, strict=True)
    ]
    np.testing.assert_array_equal(batches[0].topics, batches[1].topics)
    for plain, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-3)


def planted(classes: int, documents: int, seed: int) -> Corpus:
    """Every class has topics of its own, and half of the tokens are from topics that all classes share."""
    rng, topics = np.random.default_rng([7, seed]), planted_topics(2 * classes + 3, 100, seed=9, concentration=0.1)
    labels = np.arange(documents) % classes
    drawn = []
    for label in labels:
        theta = np.zeros(len(topics))
        theta[[2 * label, 2 * label + 1]] = 0.5 * rng.dirichlet([1, 1])
        theta[2 * classes :] = 0.5 * rng.dirichlet([0.5] * 3)
        drawn.append(rng.choice(100, 40, p=theta @ topics).tolist())
    return corpus_of(drawn, 100, labels.tolist())


@pytest.mark.parametrize("classes", [2, 4])
@SEEDS
def test_planted_classes_are_told_apart_after_one_pass(classes: int, seed: int) -> None:
    train, test = planted(classes, 400, seed), planted(classes, 200, seed + 50)
    model = BayesPA(3 * classes, batch=50, beta=0.1, seed=seed).fit(train)
    scores = model.transform(test)
    assert scores.shape == (200, classes) and model.weights_.shape == (1 if classes == 2 else classes, 3 * classes)
    assert np.mean(scores.argmax(axis=1) == test.labels) > 0.93
    if classes == 2:
        np.testing.assert_array_equal(scores[:, 0], -scores[:, 1])


@SEEDS
def test_a_model_learns_the_same_through_its_plain_form(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = planted(2, 10, seed)
    options: dict[str, Any] = {"batch": 6, "rounds": 1, "sweeps": 2, "seed": seed}
    compiled = BayesPA(3, **options).fit(corpus)
    monkeypatch.setattr(BayesPA, "_sweep", staticmethod(bayes_pa.sweep))
    plain = BayesPA(3, **options).fit(corpus)
    np.testing.assert_allclose(compiled.weights_, plain.weights_, rtol=1e-3)
    np.testing.assert_allclose(compiled.topics_, plain.topics_, rtol=1e-6)


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 8.0, 64.0])
def test_a_common_scale_of_weights_margin_and_cost_changes_nothing(factor: float) -> None:
    train, test = planted(3, 60, 0), planted(3, 30, 1)
    one = BayesPA(5, batch=30).fit(train)
    other = BayesPA(5, batch=30, c=1 / factor, margin=164 * factor, variance=100 * factor**2).fit(train)
    np.testing.assert_array_equal(other.topics_, one.topics_)
    np.testing.assert_allclose(other.transform(test), factor * one.transform(test), rtol=1e-9)


@pytest.mark.parametrize(("batch", "parts"), [(1, 23), (5, 5), (8, 3), (23, 1), (512, 1)])
def test_every_document_is_seen_once(batch: int, parts: int) -> None:
    corpus = planted(2, 23, 0)
    model = BayesPA(3, batch=batch, seed=4)
    before, tokens = 0, 0.0
    for number, seen in enumerate(model.minibatches(corpus), 1):
        assert seen == min(number * batch, 23) and seen > before
        before, counted = seen, model._counts.sum()
        assert counted > tokens
        tokens = counted
    assert number == parts and tokens == pytest.approx(corpus.n_tokens)
    np.testing.assert_allclose(model._counts.sum(axis=1), np.bincount(corpus.words, minlength=100))


def test_more_documents_leave_less_doubt_of_the_weights() -> None:
    corpus, doubts = planted(2, 200, 0), []
    model = BayesPA(4, batch=20)
    for _ in model.minibatches(corpus):
        doubts.append(np.linalg.eigvalsh(model.covariances_[0]))
    assert all((later <= earlier + 1e-9).all() for earlier, later in pairwise(doubts))
    assert doubts[-1].max() < 100 and doubts[-1].min() > 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"n_topics": 0}, "n_topics is 0; it must be at least 1"),
        ({"batch": 0}, "batch is 0; it must be at least 1"),
        ({"rounds": 0}, "rounds is 0; it must be at least 1"),
        ({"sweeps": 0}, "sweeps is 0; it must be at least 1"),
        ({"margin": 0}, "margin is 0; it must be above 0"),
        ({"c": -1}, "c is -1; it must be above 0"),
        ({"variance": 0.0}, "variance is 0.0; it must be above 0"),
        ({"alpha": 0}, "alpha is 0; it must be above 0"),
        ({"beta": 0}, "beta is 0; it must be above 0"),
        ({"n_topics": 2.5}, "n_topics is 2.5; it must be a whole number"),
        ({"n_topics": "five"}, "n_topics is 'five'; it must be a whole number"),
        ({"batch": 1.5}, "batch is 1.5; it must be a whole number"),
        ({"rounds": None}, "rounds is None; it must be a whole number"),
        ({"variance": "x"}, "variance is 'x'; it must be a number"),
        ({"margin": float("nan")}, "margin is nan; it must be above 0"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=f"^BayesPA: {line}$"):
        BayesPA(**{"n_topics": 3, **options})


@pytest.mark.parametrize(
    ("corpus", "line"),
    [
        (corpus_of([[0, 1, 1]], 2), "the corpus has no labels: give them to fit"),
        (corpus_of([[0, 1], [1, 0]], 2, [0, 0]), "all documents have the same class"),
        (corpus_of([], 2, []), "the corpus has no documents"),
        (corpus_of([[0, 1], []], 2, [0, 1]), "1 documents, number 1 the first, have no words"),
        (corpus_of([[0], [1]], 2, [0, 1]), "3 topics but only 2 tokens"),
    ],
)
def test_documents_that_nothing_is_learned_from_are_refused_in_one_line(corpus: Corpus, line: str) -> None:
    with pytest.raises(UserError, match=line) as caught:
        BayesPA(3).fit(corpus)
    assert "\n" not in str(caught.value)

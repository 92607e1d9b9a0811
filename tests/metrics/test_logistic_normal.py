"""Documents under a logistic normal prior, against quadrature over the Gaussian vector of tiny documents."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import sparse
from scipy.special import logsumexp, softmax

from dgmbench.errors import UserError
from dgmbench.fast.text import logistic_normal_documents as fast
from dgmbench.fast.text.dense import padded_rows
from dgmbench.metrics.documents import LogisticNormal, complete, log_marginal
from dgmbench.metrics.halves import flat, halves
from dgmbench.metrics.logistic_normal import mean_proportions, plain_left_to_right, plain_mean_proportions
from tests.planted import planted_topics

WORDS, K = 5, 3
TOPICS = planted_topics(K, WORDS, seed=4, concentration=0.8)
MEAN = np.array([0.8, -0.5, 0.0])
COVARIANCES = {
    "apart": np.diag([1.0, 0.5, 2.0]),
    "together": np.array([[2.0, 1.7, 0.3], [1.7, 2.0, 0.2], [0.3, 0.2, 1.0]]),
    "against": np.array([[3.0, -2.5, 0.0], [-2.5, 3.0, 0.0], [0.0, 0.0, 0.3]]),
    "narrow": 0.01 * np.eye(3),
    "wide": 9.0 * np.eye(3) + 4.0,
}
named = pytest.mark.parametrize("covariance", COVARIANCES.values(), ids=COVARIANCES.keys())


def grid(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(points, K) proportions and the log-weights of a grid over two standard normals: η_1 − η_3 and η_2 − η_3."""
    x = np.linspace(-6, 6, 81)
    normals = np.array(list(product(x, x)))
    contrast = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    root = np.linalg.cholesky(contrast @ covariance @ contrast.T)
    differences = contrast @ MEAN + normals @ root.T
    log_weights = -0.5 * (normals**2).sum(axis=1)
    return softmax(np.column_stack([differences, np.zeros(len(x) ** 2)]), axis=1), log_weights - logsumexp(log_weights)


def exact_marginal(covariance: np.ndarray, document: np.ndarray) -> float:
    theta, log_weights = grid(covariance)
    return float(logsumexp(log_weights + np.log(theta @ TOPICS[:, document]).sum(axis=1)))


def exact_theta(covariance: np.ndarray, given: np.ndarray) -> np.ndarray:
    theta, log_weights = grid(covariance)
    log_p = log_weights + np.log(theta @ TOPICS[:, given]).sum(axis=1)
    return np.exp(log_p - logsumexp(log_p)) @ theta


def counts_of(documents: list[list[int]]) -> sparse.csr_matrix:
    return sparse.csr_matrix([np.bincount(np.array(words, int), minlength=WORDS) for words in documents])


@named
def test_proportions_are_the_means_given_the_words(covariance: np.ndarray) -> None:
    """The mean over many copies of a document, each sampled for itself, is exact; one is near it."""
    for words in ([], [2], [0, 1, 4], [3, 3, 3, 1, 0, 2], [4] * 40):
        found = mean_proportions(TOPICS, MEAN, covariance, counts_of([words] * 100))
        exact, spread = exact_theta(covariance, np.array(words, int)), found.std(axis=0)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        np.testing.assert_array_less(np.abs(found.mean(axis=0) - exact), 4 * spread / np.sqrt(100) + 2e-3)
        assert spread.max() < 0.15


@named
def test_completion_is_near_quadrature(covariance: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    documents = [rng.integers(0, WORDS, n) for n in (1, 2, 4, 8, 16, 32, 64) * 6]
    found = complete(LogisticNormal(TOPICS, MEAN, covariance), documents, 1)
    given, scored = halves(*flat(TOPICS, MEAN, documents), WORDS, 1)
    expected = [
        np.log(exact_theta(covariance, np.repeat(np.arange(WORDS), row.toarray().ravel())) @ TOPICS[:, held]).sum()
        for row, held in zip(given, scored, strict=True)
    ]
    per_scored = (found.log_likelihood - np.array(expected)) / found.tokens
    assert np.abs(per_scored).max() < 0.2 and abs(per_scored.mean()) < 0.02


@named
@pytest.mark.parametrize(("particles", "length"), [(1, 3), (2, 6), (5, 12)])
def test_left_to_right_estimates_a_probability_without_bias(
    covariance: np.ndarray, particles: int, length: int
) -> None:
    document = np.random.default_rng(length).integers(0, WORDS, length)
    model, repeats = LogisticNormal(TOPICS, MEAN, covariance), 1000
    found = np.exp(log_marginal(model, [document] * repeats, particles, seed=particles))
    error = found.std(ddof=1) / np.sqrt(repeats)
    exact = np.exp(exact_marginal(covariance, document))
    assert abs(found.mean() - exact) < 4 * error and error < 0.08 * exact


def test_probabilities_of_all_documents_sum_to_one() -> None:
    model = LogisticNormal(TOPICS, MEAN, COVARIANCES["together"])
    every = [np.array(words) for words in product(range(WORDS), repeat=2)]
    assert np.exp(log_marginal(model, every, 400)).sum() == pytest.approx(1, abs=0.01)
    assert log_marginal(model, [np.array([], int)]) == [0.0]


@named
def test_compiled_documents_are_the_plain_ones(covariance: np.ndarray) -> None:
    rng, topics, many = np.random.default_rng(2), planted_topics(20, WORDS, seed=3, concentration=0.5), np.zeros(20)
    wide = np.kron(covariance[:1, :1], np.eye(20)) + 0.1  # more topics than a block of a vector register
    words, by_word, precision = rng.integers(0, WORDS, 9), np.ascontiguousarray(topics.T), np.linalg.inv(wide)
    start = rng.standard_normal((4, 20))
    proportions = [
        step(words, given, many, precision, (3, 5), (1, 2), np.random.default_rng(0))
        for step, given in ((fast.mean_proportions, padded_rows(by_word)), (plain_mean_proportions, by_word))
    ]
    np.testing.assert_allclose(*proportions, rtol=1e-5)
    compiled = fast.left_to_right(
        words, by_word, padded_rows(by_word), many, precision, start.copy(), (3, 4), np.random.default_rng(1)
    )
    plain = plain_left_to_right(words, by_word, many, precision, start.copy(), (3, 4), np.random.default_rng(1))
    assert compiled == pytest.approx(plain, rel=1e-6)


def test_a_document_depends_on_no_other_and_threads_change_nothing() -> None:
    counts = counts_of([[0, 1], [2, 2, 3], [4], [1, 1, 1, 0]])
    alone = mean_proportions(TOPICS, MEAN, COVARIANCES["apart"], counts)
    np.testing.assert_array_equal(alone, mean_proportions(TOPICS, MEAN, COVARIANCES["apart"], counts, threads=3))
    changed = counts_of([[0, 1], [2, 2, 3], [4, 4, 4, 4, 4], [1, 1, 1, 0]])
    np.testing.assert_array_equal(
        alone[[0, 1, 3]], mean_proportions(TOPICS, MEAN, COVARIANCES["apart"], changed)[[0, 1, 3]]
    )


def test_a_word_that_no_topic_has_is_minus_infinity_and_says_nothing_of_its_document() -> None:
    topics = np.concatenate([TOPICS[:, :4] / TOPICS[:, :4].sum(axis=1, keepdims=True), np.zeros((K, 1))], axis=1)
    model = LogisticNormal(topics, MEAN, COVARIANCES["apart"])
    documents = [np.array([4]), np.array([4, 4, 4]), np.array([0, 1])]
    for found in (complete(model, documents).log_likelihood, log_marginal(model, documents)):
        assert np.isneginf(found[:2]).all() and np.isfinite(found[2])
    seen, with_it = (mean_proportions(topics, MEAN, COVARIANCES["apart"], counts_of([w])) for w in ([0, 1], [0, 1, 4]))
    np.testing.assert_array_equal(seen, with_it)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["topics", "mean", "covariance"])
def test_what_is_not_finite_has_no_number(field: str, bad: float) -> None:
    arrays = {"topics": TOPICS.copy(), "mean": MEAN.copy(), "covariance": np.eye(3)}
    arrays[field].flat[0] = bad
    model, documents = LogisticNormal(**arrays), [np.array([0, 1])]
    assert np.isnan(complete(model, documents).log_likelihood).all() and np.isnan(log_marginal(model, documents)).all()


@pytest.mark.parametrize(
    ("model", "document", "line"),
    [
        (LogisticNormal(TOPICS, MEAN[:2], np.eye(2)), [0], "do not fit"),
        (LogisticNormal(TOPICS[0], MEAN, np.eye(3)), [0], "do not fit"),
        (LogisticNormal(TOPICS, MEAN, np.eye(3)), [0, WORDS], "word numbers run from 0 to 5"),
        (LogisticNormal(TOPICS, MEAN, np.eye(3)), [-1], "word numbers run from -1"),
        (LogisticNormal(TOPICS, np.zeros(4), np.eye(4)), [1], "do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(model: LogisticNormal, document: list[int], line: str) -> None:
    for measure in (complete, log_marginal):
        with pytest.raises(UserError, match=line) as caught:
            measure(model, [np.array(document)])
        assert "\n" not in str(caught.value)

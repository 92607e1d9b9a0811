"""Both measures of held-out documents against enumeration of all states of tiny documents."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import logsumexp

from dgmbench.errors import UserError
from dgmbench.metrics.documents import Admixture, DocumentModel, Mixture, complete, log_marginal
from dgmbench.metrics.halves import flat, halves, per_token
from dgmbench.metrics.topics import document_completion, left_to_right
from tests.planted import assignments, log_dirichlet_multinomial, planted_topics

WORDS = 5
TOPICS = planted_topics(3, WORDS, seed=4, concentration=0.8)
ALPHA = np.array([0.3, 0.7, 0.15])
WEIGHTS = np.array([0.2, 0.5, 0.3])
ADMIXTURE, MIXTURE = Admixture(TOPICS, ALPHA), Mixture(TOPICS, WEIGHTS)


def drawn(lengths: tuple[int, ...], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, WORDS, n) for n in lengths]


def states(model: DocumentModel, document: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of every state of a document, log p(state, w) and the (states, K) proportions of its next token's topic."""
    if isinstance(model, Mixture):
        return np.log(WEIGHTS) + np.log(TOPICS[:, document]).sum(axis=1), np.eye(3)
    joint, following = [], []
    for z in assignments(len(document), 3):
        counts = np.bincount(z, minlength=3)
        joint.append(log_dirichlet_multinomial(counts, ALPHA) + np.log(TOPICS[z, document]).sum())
        following.append((counts + ALPHA) / (len(document) + ALPHA.sum()))
    return np.array(joint), np.array(following)


def exact_marginal(model: DocumentModel, document: np.ndarray) -> float:
    return float(logsumexp(states(model, document)[0])) if len(document) else 0.0


def exact_completion(model: DocumentModel, given: np.ndarray, scored: np.ndarray) -> float:
    """Σ_n log p(w_n | given)."""
    joint, following = states(model, given)
    theta = np.exp(joint - logsumexp(joint)) @ following
    return float(np.log(theta @ TOPICS[:, scored]).sum())


def halves_of(documents: list[np.ndarray], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    found = halves(*flat(TOPICS, ALPHA, documents), WORDS, seed)
    given = [np.repeat(np.arange(WORDS), row.toarray().ravel()) for row in found.given]
    return list(zip(given, found.scored, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_completion_of_a_mixture_is_exact(seed: int) -> None:
    documents = drawn((1, 2, 5, 9), seed)
    found = complete(MIXTURE, documents, seed)
    expected = [exact_completion(MIXTURE, *parts) for parts in halves_of(documents, seed)]
    np.testing.assert_allclose(found.log_likelihood, expected, rtol=1e-12)
    np.testing.assert_array_equal(found.tokens, [1, 1, 3, 5])


@pytest.mark.parametrize("seed", range(5))
def test_completion_of_an_admixture_is_near_enumeration(seed: int) -> None:
    documents = drawn((2, 4, 6, 8, 10, 12) * 5, seed)
    found = complete(ADMIXTURE, documents, seed)
    expected = np.array([exact_completion(ADMIXTURE, *parts) for parts in halves_of(documents, seed)])
    per_scored = (found.log_likelihood - expected) / found.tokens
    assert np.abs(per_scored).max() < 0.2 and abs(per_scored.mean()) < 0.03


@pytest.mark.parametrize("alpha", [0.01, 0.2, 1.0, 5.0, 100.0])
def test_completion_of_an_admixture_is_exact_where_topics_share_no_word(alpha: float) -> None:
    topics = np.array([[0.5, 0.5, 0, 0, 0], [0, 0, 0.2, 0.3, 0.5]])
    documents, prior = drawn((1, 4, 7, 20), 3), np.array([alpha, 2 * alpha])
    found = complete(Admixture(topics, prior), documents, 0)
    for (given, scored), value in zip(halves_of(documents, 0), found.log_likelihood, strict=True):
        of_first = (given < 2).sum()
        theta = (prior + np.array([of_first, len(given) - of_first])) / (prior.sum() + len(given))
        assert value == pytest.approx(np.log(theta @ topics[:, scored]).sum(), rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_the_marginal_of_a_mixture_is_exact_and_sums_to_one(seed: int) -> None:
    documents = drawn((0, 1, 3, 30), seed)
    expected = [exact_marginal(MIXTURE, document) for document in documents]
    np.testing.assert_allclose(log_marginal(MIXTURE, documents), expected, rtol=1e-12, atol=1e-12)
    every = [np.array(words) for words in product(range(WORDS), repeat=3)]
    assert np.exp(log_marginal(MIXTURE, every)).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("particles", "length"), [(1, 3), (1, 6), (2, 5), (3, 4), (5, 6)])
def test_left_to_right_estimates_a_probability_without_bias(particles: int, length: int) -> None:
    """The mean of p over many runs is p, however few particles there are."""
    (document,) = drawn((length,), length)
    repeats = 4000
    found = np.exp(log_marginal(ADMIXTURE, [document] * repeats, particles, seed=particles))
    error = found.std(ddof=1) / np.sqrt(repeats)
    exact = np.exp(exact_marginal(ADMIXTURE, document))
    assert abs(found.mean() - exact) < 4 * error and error < 0.03 * exact


@pytest.mark.parametrize("seed", range(5))
def test_with_one_topic_mixture_and_admixture_are_the_same(seed: int) -> None:
    documents = drawn((0, 1, 2, 5, 12), seed)
    mixture, admixture = Mixture(TOPICS[:1], np.ones(1)), Admixture(TOPICS[:1], np.array([0.4]))
    ours, theirs = (complete(model, documents, seed) for model in (mixture, admixture))
    np.testing.assert_allclose(ours.log_likelihood, theirs.log_likelihood)
    np.testing.assert_allclose(log_marginal(mixture, documents), log_marginal(admixture, documents))


@pytest.mark.parametrize("seed", range(5))
def test_no_token_is_both_given_and_scored_and_every_model_has_the_same_halves(seed: int) -> None:
    documents = drawn((0, 1, 2, 7, 40), seed)
    for document, (given, scored) in zip(documents, halves_of(documents, seed), strict=True):
        assert len(given) == len(document) // 2 and len(scored) == len(document) - len(given)
        np.testing.assert_array_equal(np.sort([*given, *scored]), np.sort(document))
    other = halves_of(documents, seed + 1)[-1]
    assert not np.array_equal(np.sort(other[1]), np.sort(halves_of(documents, seed)[-1][1]))
    same = document_completion(TOPICS, ALPHA, documents, seed)
    np.testing.assert_array_equal(same.log_likelihood, complete(ADMIXTURE, documents, seed).log_likelihood)
    np.testing.assert_array_equal(
        left_to_right(TOPICS, ALPHA, documents, 3, seed), log_marginal(ADMIXTURE, documents, 3, seed)
    )


@pytest.mark.parametrize("model", [MIXTURE, ADMIXTURE], ids=["mixture", "admixture"])
def test_a_word_that_nothing_has_is_minus_infinity(model: DocumentModel) -> None:
    topics = np.concatenate([TOPICS[:, :4] / TOPICS[:, :4].sum(axis=1, keepdims=True), np.zeros((3, 1))], axis=1)
    without = type(model)(topics, model.prior)
    documents = [np.array([4]), np.array([4, 4, 4]), np.array([0, 1])]
    found = complete(without, documents)
    assert np.isneginf(found.log_likelihood[:2]).all() and np.isfinite(found.log_likelihood[2])


@pytest.mark.parametrize("documents", [2, 5, 20, 300, 1000])
def test_values_by_document_have_the_mean_and_the_error_of_the_ratio(documents: int) -> None:
    rng = np.random.default_rng(documents)
    tokens = rng.integers(1, 200, documents)
    log_likelihood = -8.0 * tokens + 5 * rng.standard_normal(documents) * np.sqrt(tokens)
    values = per_token(log_likelihood, tokens)
    assert values.mean() == pytest.approx(log_likelihood.sum() / tokens.sum(), rel=1e-12)
    left_out = (log_likelihood.sum() - log_likelihood) / (tokens.sum() - tokens)  # the jackknife
    jackknife = np.sqrt((documents - 1) / documents * np.square(left_out - left_out.mean()).sum())
    error = values.std(ddof=1) / np.sqrt(documents)
    if documents >= 300:
        assert error == pytest.approx(jackknife, rel=0.05)
        plain = log_likelihood * documents / tokens.sum()  # the same mean, the spread of the lengths
        assert plain.std(ddof=1) / np.sqrt(documents) > 5 * error


@pytest.mark.parametrize(
    ("model", "document", "line"),
    [
        (Mixture(TOPICS, WEIGHTS[:2]), [0], "do not fit"),
        (Admixture(TOPICS, ALPHA[:2]), [0], "do not fit"),
        (Mixture(TOPICS[0], WEIGHTS), [0], "do not fit"),
        (MIXTURE, [0, WORDS], "word numbers run from 0 to 5"),
        (ADMIXTURE, [-1], "word numbers run from -1"),
    ],
)
def test_what_does_not_fit_is_refused(model: DocumentModel, document: list[int], line: str) -> None:
    for measure in (complete, log_marginal):
        with pytest.raises(UserError, match=line) as caught:
            measure(model, [np.array(document)])
        assert "\n" not in str(caught.value)

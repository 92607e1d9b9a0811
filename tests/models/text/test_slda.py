"""Supervised LDA: its bound against enumeration, its response against the formula, planted topics and classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import digamma as scipy_digamma
from scipy.special import gammaln

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.text.supervised import infer
from dgmbench.models.text import SLDA
from dgmbench.models.text.slda import fit_response
from tests.planted import assignments, corpus_of, distances_to_planted, log_dirichlet_multinomial, planted_topics

ETA = np.array([[12.0, -6.0, 0.0, 2.0], [-4.0, 10.0, 1.0, 0.0]])  # three classes, the last one the reference


def planted_corpus(seed: int, documents: int = 300) -> tuple[np.ndarray, Corpus]:
    """Topics, and documents of the model's own process: class ~ softmax(eta · z̄)."""
    rng = np.random.default_rng(seed)
    topics = planted_topics(4, 120, seed=3)
    words, labels = [], []
    for theta in rng.dirichlet(np.full(4, 0.3), size=documents):
        z = rng.choice(4, size=40, p=theta)
        words.append([int(rng.choice(120, p=topics[k])) for k in z])
        logits = np.append(ETA @ np.bincount(z, minlength=4) / 40, 0)
        labels.append(int(rng.choice(3, p=np.exp(logits - np.logaddexp.reduce(logits)))))
    return topics, corpus_of(words, 120, labels)


def infer_one(words: list[int], label: int, topics: np.ndarray, eta: np.ndarray, iterations: int) -> float:
    """The bound of one document of different words; −1 is no label."""
    corpus, K = corpus_of([words], topics.shape[1]), len(topics)
    labels, gamma = None if label < 0 else np.array([label]), np.zeros((1, K), np.float32)
    return infer(corpus.counts, labels, (topics, np.full(K, 0.5), eta), gamma, iterations, tolerance=0.0).bound


def evidence_lower_bound(x: np.ndarray, words: list[int], label: int, topics: np.ndarray) -> float:
    """The bound as a function of log gamma and of phi's logits, from its definition."""
    K, alpha = len(topics), np.full(len(topics), 0.5)
    gamma, phi = np.exp(x[:K]), np.exp(x[K:].reshape(len(words), K))
    phi /= phi.sum(axis=1, keepdims=True)
    log_theta = scipy_digamma(gamma) - scipy_digamma(gamma.sum())
    bound = gammaln(alpha.sum()) - gammaln(alpha).sum() + (alpha - 1) @ log_theta
    bound += np.sum(phi * (log_theta + np.log(topics[:, words].T) - np.log(phi)))
    bound -= gammaln(gamma.sum()) - gammaln(gamma).sum() + (gamma - 1) @ log_theta
    if label >= 0:
        eta = np.vstack([ETA, np.zeros(K)])
        bound += eta[label] @ phi.mean(axis=0)
        bound -= np.log(sum(np.prod(phi @ np.exp(row / len(words))) for row in eta))
    return float(bound)


@pytest.mark.parametrize("label", [-1, 0, 2])
def test_bound_rises_to_its_maximum_below_the_exact_log_likelihood(label: int) -> None:
    topics, words = planted_topics(4, 7, seed=1, concentration=0.6), [0, 2, 3, 5, 6]
    terms = []
    for z in assignments(5, 4):
        counts = np.bincount(z, minlength=4)
        logits = np.append(ETA @ counts / 5, 0)
        response = logits[label] - np.logaddexp.reduce(logits) if label >= 0 else 0
        terms.append(log_dirichlet_multinomial(counts, np.full(4, 0.5)) + np.log(topics[z, words]).sum() + response)
    bounds = [infer_one(words, label, topics, ETA, iterations) for iterations in (1, 2, 3, 5, 10, 1000)]
    assert np.all(np.diff(bounds) > -1e-5)
    assert bounds[-1] < np.logaddexp.reduce(terms)
    rng = np.random.default_rng(0)
    starts = [0.3 * rng.standard_normal(24) for _ in range(2)]
    best = min(minimize(lambda x: -evidence_lower_bound(x, words, label, topics), start).fun for start in starts)
    assert bounds[-1] == pytest.approx(-best, abs=1e-4)


def test_response_is_where_the_gradient_vanishes() -> None:
    rng = np.random.default_rng(0)
    n, K, L, penalty = 40, 3, 2, 0.05
    means = rng.dirichlet(np.ones(K), size=n).astype(np.float32)
    roots = 0.1 * rng.standard_normal((n, K, K))
    covariances = (roots @ roots.transpose(0, 2, 1)).astype(np.float32)
    classes = rng.integers(0, L + 1, n)

    def objective(eta: np.ndarray) -> float:
        total = -penalty * np.sum(eta**2)
        for m, C, y in zip(means.astype(float), covariances.astype(float), classes, strict=True):
            expected = [np.exp(row @ m) * (1 + 0.5 * row @ C @ row) for row in eta]
            total += (eta[y] @ m if y < L else 0) - np.log(1 + sum(expected))
        return total

    eta = np.zeros((L, K), np.float32)
    for _ in range(5):
        eta = fit_response(means, covariances, classes, eta, penalty)
    best = objective(eta.astype(float))
    for step in 0.05 * np.vstack([np.eye(L * K), -np.eye(L * K)]):
        assert objective(eta + step.reshape(L, K)) < best


def test_planted_topics_come_back_and_tell_the_class() -> None:
    topics, corpus = planted_corpus(0)
    slda = SLDA(4, n_iterations=8).fit(corpus)
    assert distances_to_planted(slda.topics_, topics).max() < 0.15
    assert np.all(np.diff(slda.bound_) > -1e-3)
    _, fresh = planted_corpus(1)
    logits = np.hstack([slda.transform(fresh) @ slda.eta_.T, np.zeros((len(fresh), 1))])
    z_bar_bayes_rate = 0.75  # the classes are drawn, not determined
    assert np.mean(logits.argmax(axis=1) == fresh.labels) > z_bar_bayes_rate


def test_labels_draw_topics_apart_that_words_leave_together() -> None:
    rng = np.random.default_rng(0)
    # Two halves of a vocabulary that always come together; the proportion of the first tells the class.
    share = rng.choice([0.3, 0.7], size=200)
    words = [np.where(rng.random(50) < p, rng.integers(0, 10, 50), rng.integers(10, 20, 50)).tolist() for p in share]
    corpus = corpus_of(words, 20, (share > 0.5).astype(int).tolist())
    features = SLDA(2, alpha=1.0).fit(corpus).transform(corpus)
    agreement = np.mean((features[:, 0] > np.median(features[:, 0])) == (share > 0.5))
    assert max(agreement, 1 - agreement) > 0.9


def test_threads_change_little() -> None:
    _, corpus = planted_corpus(0, documents=80)
    one, two = (SLDA(4, n_iterations=2, threads=threads).fit(corpus) for threads in (1, 2))
    np.testing.assert_allclose(one.transform(corpus), two.transform(corpus), atol=1e-3)


def test_mistakes() -> None:
    with pytest.raises(UserError, match="no labels"):
        SLDA(2).fit(corpus_of([[0, 1]], 2))
    with pytest.raises(UserError, match="same class"):
        SLDA(2).fit(corpus_of([[0, 1], [1]], 2, [0, 0]))
    with pytest.raises(UserError, match="fewer topics"):
        SLDA(9).fit(corpus_of([[0, 1], [1]], 2, [0, 1]))
    with pytest.raises(UserError, match="penalty"):
        SLDA(2, penalty=-1)

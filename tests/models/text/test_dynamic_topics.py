"""The dynamic topic model: topics of tokens against their exact distribution, planted drift, and no drift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.random import Stream
from dgmbench.fast.text import dated_tokens
from dgmbench.fast.text.dated_tokens import DatedTokens
from dgmbench.models.text.dynamic_topics import DynamicTopics, document_rate, sweep, topic_rate
from tests.planted import corpus_of, draw_corpus, planted_topics

T, K, V = 4, 3, 40


def tokens_of(corpus: Corpus, slices: np.ndarray, topics: np.ndarray) -> DatedTokens:
    return DatedTokens(np.argsort(slices, kind="stable"), slices, corpus.offsets, corpus.words, topics)


@pytest.mark.parametrize("seed", range(5))
def test_the_compiled_sweep_is_the_plain_one(seed: int) -> None:
    rng, pairs = np.random.default_rng(seed), 1 + seed % 3
    corpus = draw_corpus(planted_topics(3, 12, seed=seed, concentration=0.5), documents=20, length=9, seed=seed)
    slices, theta = rng.integers(0, T, len(corpus)), rng.dirichlet(np.ones(7), len(corpus))
    psi = rng.dirichlet(np.ones(12), (T, 7)).transpose(0, 2, 1)
    first = rng.integers(0, 7, corpus.n_tokens)
    plain, compiled = tokens_of(corpus, slices, first.copy()), tokens_of(corpus, slices, first.copy())
    sweep(plain, theta, psi, pairs, Stream(seed, 3))
    dated_tokens.sweep(compiled, theta, psi, pairs, seed, 3)
    np.testing.assert_array_equal(plain.topics, compiled.topics)
    assert (first != compiled.topics).any()


@pytest.mark.parametrize("concentration", [0.1, 0.3, 1.0, 3.0, 10.0])
def test_tokens_have_topics_as_often_as_their_distribution_says(concentration: float) -> None:
    """p(z = k) ∝ θ_dk ψ_tkw, from a start that is all one topic: each slice has one document, many times each word."""
    rng, copies, topics = np.random.default_rng(0), 1000, 5
    theta = rng.dirichlet(np.full(topics, concentration), 2) + 1e-4
    psi = rng.dirichlet(np.full(3, concentration), (2, topics)).transpose(0, 2, 1) + 1e-4
    corpus = corpus_of([[0] * copies + [1] * copies + [2] * copies] * 2, 3)
    found = tokens_of(corpus, np.array([1, 0]), np.zeros(corpus.n_tokens, np.int64))
    for number in range(40):
        dated_tokens.sweep(found, theta, psi, 1, 0, number)
    for d, t in ((0, 1), (1, 0)):
        for w in range(3):
            exact = theta[d] * psi[t, w] / (theta[d] * psi[t, w]).sum()
            start = (3 * d + w) * copies
            shares = np.bincount(found.topics[start : start + copies], minlength=topics) / copies
            np.testing.assert_allclose(shares, exact, atol=4 * np.sqrt(0.25 / copies))


def dated(seed: int, moves: float, documents: int = 80, length: int = 40) -> tuple[Corpus, np.ndarray, np.ndarray]:
    """Documents of the model in four slices, the slices, and its (slices, K, V) topics, which drift by ``moves``."""
    rng = np.random.default_rng(seed)
    start = np.log(planted_topics(K, V, seed=seed, concentration=0.3) + 1e-3)
    steps = moves * rng.standard_normal((T - 1, K, V))
    topics = softmax(np.concatenate([start[None], start + np.cumsum(steps, axis=0)]), axis=2)
    slices = np.arange(T * documents) % T
    theta = softmax(2 * rng.standard_normal((len(slices), K)), axis=1)
    texts = [rng.choice(V, length, p=row @ topics[t]).tolist() for row, t in zip(theta, slices, strict=True)]
    return corpus_of(texts, V), slices, topics


def fitted(corpus: Corpus, slices: np.ndarray | None, seed: int = 0, **options: Any) -> DynamicTopics:
    given = {"spread": 2.0, "n_sweeps": 210, **options}
    return DynamicTopics(K, seed=seed, **given).fit(corpus, None, slices)


def order_of(found: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """The found topic of each planted one, by their means over the slices."""
    cost = np.abs(planted.mean(axis=0)[:, None] - found.mean(axis=0)[None]).sum(axis=2)
    return np.asarray(linear_sum_assignment(cost)[1])


@pytest.mark.parametrize("seed", range(5))
def test_planted_topics_come_back_and_drift_as_planted(seed: int) -> None:
    corpus, slices, planted = dated(seed, 0.8, documents=120)
    model = fitted(corpus, slices, seed, word_step=0.5, n_sweeps=330)
    found = model.topics_by_slice_[:, order_of(model.topics_by_slice_, planted)]
    assert 0.5 * np.abs(found - planted).sum(axis=2).max() < 0.25
    drift, expected = found[-1] - found[0], planted[-1] - planted[0]
    assert np.corrcoef(drift.ravel(), expected.ravel())[0, 1] > 0.9
    # the last slice is nearest to what is expected of the next one
    ahead = np.abs(planted - model.topics_[order_of(model.topics_by_slice_, planted)]).sum(axis=(1, 2))
    assert ahead.argmin() == T - 1


@pytest.mark.parametrize("seed", range(5))
def test_a_static_corpus_gives_static_topics(seed: int) -> None:
    corpus, slices, planted = dated(seed, 0.0)
    found = fitted(corpus, slices, seed).topics_by_slice_
    still = 0.5 * np.abs(found[-1] - found[0]).sum(axis=1).max()
    assert still < 0.1
    assert 0.5 * np.abs(found[:, order_of(found, planted)] - planted).sum(axis=2).max() < 0.15


@pytest.mark.parametrize("seed", range(5))
def test_shares_follow_the_documents_of_a_slice(seed: int) -> None:
    """Topic k is planted in slice k alone."""
    topics, rng = planted_topics(K, V, seed=seed), np.random.default_rng(seed)
    slices = np.arange(90) % K
    corpus = corpus_of([rng.choice(V, 30, p=topics[t]).tolist() for t in slices], V)
    model = fitted(corpus, slices, seed, n_sweeps=90)
    np.testing.assert_allclose(model.shares_.sum(axis=1), 1)
    best = model.shares_[:, order_of(model.topics_by_slice_, np.tile(topics, (K, 1, 1)))]
    assert np.diag(best).min() > 0.6 and model.mean_.argmax() == model.shares_[-1].argmax()


def test_without_slices_all_documents_are_in_one() -> None:
    corpus = draw_corpus(planted_topics(3, 20), documents=40, length=10)
    one, none = (fitted(corpus, slices, n_sweeps=8) for slices in (np.zeros(40, int), None))
    np.testing.assert_array_equal(one.topics_, none.topics_)
    assert one.topics_by_slice_.shape == (1, 3, 20) and one.shares_.shape == (1, 3)


def test_a_seed_names_the_result_and_the_passes_are_told() -> None:
    corpus, slices, _ = dated(0, 0.5, documents=10)
    one, again, other = (fitted(corpus, slices, seed, n_sweeps=10) for seed in (0, 0, 1))
    for name in ("topics_", "mean_", "covariance_", "topics_by_slice_", "shares_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert not np.array_equal(one.topics_, other.topics_)
    assert list(DynamicTopics(K, n_sweeps=10).passes(corpus, None, slices)) == [7, 8, 9, 10]
    np.testing.assert_allclose(one.topics_.sum(axis=1), 1)
    np.testing.assert_allclose(one.topics_by_slice_.sum(axis=2), 1)


@pytest.mark.parametrize("documents", [1, 2, 20])
def test_the_next_slice_is_less_certain_than_the_last(documents: int) -> None:
    """The variance of η there: within a slice, a step of the walk, and what is not known of the last mean."""
    corpus, slices, _ = dated(0, 0.5, documents=documents)
    variance = fitted(corpus, slices, n_sweeps=4, spread=2.0, share_step=0.6).covariance_
    np.testing.assert_allclose(variance, np.diag(np.diag(variance)))
    assert 2.0**2 + 0.6**2 < variance[0, 0] < 2.0**2 + 0.6**2 + 2.0**2 / documents


@pytest.mark.parametrize(
    ("name", "rate", "values"),
    [("topics", topic_rate, (1.9099, 1.3412)), ("documents", document_rate, (0.01256, 0.00722))],
)
def test_steps_become_shorter(name: str, rate: Any, values: tuple[float, float]) -> None:
    assert [rate(0), rate(100)] == pytest.approx(values, rel=1e-3), name


@pytest.mark.parametrize(
    ("options", "slices", "line"),
    [
        ({"n_topics": 1}, None, "n_topics is 1; it must be at least 2"),
        ({"n_sweeps": 0}, None, "n_sweeps is 0; it must be at least 1"),
        ({"pairs": 0}, None, "pairs is 0; it must be at least 1"),
        ({"spread": 0.0}, None, "spread is 0.0; it must be above 0"),
        ({"word_step": -0.2}, None, "word_step is -0.2; it must be above 0"),
        ({}, [0], "give each of the 2 documents the number of its slice"),
        ({}, [0.0, 1.0], "give each of the 2 documents the number of its slice"),
        ({}, [-1, 0], "give each of the 2 documents the number of its slice"),
        ({}, [0, 2], "slice 1 has no document"),
        ({"n_topics": 50}, None, "50 topics but only 6 tokens"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options: dict[str, Any], slices: Any, line: str) -> None:
    given = None if slices is None else np.array(slices)
    with pytest.raises(UserError, match=line) as caught:
        DynamicTopics(**{"n_topics": 2, **options}).fit(corpus_of([[0, 1, 2, 0], [2, 1]], 3), None, given)
    assert "\n" not in str(caught.value)

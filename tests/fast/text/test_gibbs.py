"""The exact sampler of LDA: its stationary distribution is the posterior, its counts stay those of its topics."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from dgmbench.data.corpora import Corpus
from dgmbench.fast.random import Stream
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.layout import Tokens, random_topics, word_order
from dgmbench.models.text.gibbs import sweep
from dgmbench.models.text.likelihood import document_topic_counts, joint_log_likelihood
from tests.planted import assignments, corpus_of, draw_corpus, log_joint, normalised, planted_topics

Dense, Lists = partial(Gibbs, dense=True), partial(Gibbs, dense=False)


class Plain:
    """The plain sweep, from the topics and the random numbers that the compiled sampler begins with."""

    def __init__(self, corpus: Corpus, n_topics: int, beta: float, seed: int) -> None:
        self.beta, self.seed, self.sweeps, self.n_words = beta, seed, 0, corpus.n_words
        self.order = word_order(corpus)
        self.tokens = Tokens(self.order.documents, self.order.words, random_topics(corpus, n_topics, seed))

    def sweep(self, alpha: np.ndarray) -> None:
        sweep(self.tokens, alpha, self.beta, self.n_words, Stream(self.seed, self.sweeps))
        self.sweeps += 1

    @property
    def topics(self) -> np.ndarray:
        return self.tokens.topics[self.order.positions]


def test_dense_rows_visit_the_states_of_the_plain_form() -> None:
    corpus, alpha = draw_corpus(planted_topics(4, 60), documents=40, length=25), np.full(20, 0.25)
    plain, fast = Plain(corpus, 20, beta=0.01, seed=3), Dense(corpus, 20, beta=0.01, seed=3)
    for _ in range(5):
        plain.sweep(alpha)
        fast.sweep(alpha)
        np.testing.assert_array_equal(fast.topics, plain.topics)


@pytest.mark.parametrize(
    ("kind", "sweeps", "distance"), [(Dense, 20_000, 0.03), (Lists, 20_000, 0.03), (Plain, 3_000, 0.08)]
)
def test_visits_each_assignment_as_often_as_the_posterior_says(kind: Any, sweeps: int, distance: float) -> None:
    corpus = corpus_of([[0, 0, 1], [1, 2], [2, 0]], 3)
    alpha, beta = np.array([0.3, 1.1]), 0.4
    posterior = normalised([log_joint(corpus, z, alpha, beta) for z in assignments(7, 2)])
    sampler = kind(corpus, 2, beta=beta, seed=3)
    visits = np.zeros(len(posterior))
    for _ in range(sweeps):
        sampler.sweep(alpha)
        visits[int(sampler.topics @ (1 << np.arange(6, -1, -1)))] += 1
    assert 0.5 * np.abs(visits / visits.sum() - posterior).sum() < distance


@pytest.mark.parametrize("dense", [True, False])
def test_counts_follow_the_topics(dense: bool) -> None:
    corpus = draw_corpus(planted_topics(6, 50), documents=60, length=40)
    K, alpha = 37, np.full(37, 0.2)
    sampler = Gibbs(corpus, K, beta=0.05, dense=dense)
    for _ in range(5):
        sampler.sweep(alpha)
    topics, sizes = sampler.topics, sampler._tokens.sizes
    expected = document_topic_counts(corpus, topics, K).toarray()
    np.testing.assert_array_equal(sizes, expected.sum(axis=0))
    if dense:
        np.testing.assert_array_equal(sampler._rows[:, :K], expected)
        assert not sampler._rows[:, K:].any()
    else:
        starts, listed, counts, used = sampler._lists
        for d, row in enumerate(expected):
            places = slice(starts[d], starts[d] + used[d])
            assert dict(zip(listed[places].tolist(), counts[places].tolist(), strict=True)) == {
                int(k): int(row[k]) for k in np.flatnonzero(row)
            }


def test_dense_and_sparse_reach_the_same_likelihood() -> None:
    corpus = draw_corpus(planted_topics(5, 80), documents=150, length=50)
    alpha, levels = np.full(8, 0.1), []
    for dense in (True, False):
        sampler = Gibbs(corpus, 8, beta=0.05, dense=dense)
        trace = []
        for number in range(120):
            sampler.sweep(alpha)
            if number >= 60:
                trace.append(joint_log_likelihood(corpus, sampler.topics, alpha, 0.05))
        levels.append(np.mean(trace))
    assert levels[0] == pytest.approx(levels[1], abs=0.02)


def test_one_topic_and_more_topics_than_a_document_has_words() -> None:
    corpus = corpus_of([[0], [1, 1, 2], [2]], 3)
    for K in (1, 5):
        for dense in (True, False):
            sampler = Gibbs(corpus, K, beta=0.1, dense=dense)
            for _ in range(20):
                sampler.sweep(np.full(K, 0.5))
            assert sampler.topics.max() < K


@pytest.mark.parametrize("dense", [True, False])
def test_goes_on_exactly_from_a_saved_state(dense: bool) -> None:
    corpus = draw_corpus(planted_topics(4, 40), documents=40, length=30)
    alpha = np.full(6, 0.1)
    whole, first, second = (Gibbs(corpus, 6, beta=0.05, seed=5, dense=dense) for _ in range(3))
    for _ in range(8):
        whole.sweep(alpha)
    for _ in range(5):
        first.sweep(alpha)
    second.restore({name: values.copy() for name, values in first.state().items()})
    for _ in range(3):
        second.sweep(alpha)
    np.testing.assert_array_equal(whole.topics, second.topics)

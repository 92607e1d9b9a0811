"""LF-LDA: its sampler against enumeration, its topic vectors against the gradient, planted topics."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from dgmbench.errors import UserError
from dgmbench.fast.text.latent_features import sweep
from dgmbench.fast.text.layout import Tokens, word_order
from dgmbench.models.text import LFTM
from dgmbench.models.text.lftm import fit_features
from tests.planted import (
    corpus_of,
    distances_to_planted,
    draw_corpus,
    embeddings,
    log_dirichlet_multinomial,
    normalised,
    planted_topics,
)

WORDS = embeddings(60, dim=6, seed=1)


def test_visits_topics_and_switches_as_often_as_the_posterior_says() -> None:
    corpus = corpus_of([[0, 1, 1], [2, 0]], 3)
    alpha, beta, mixture, features = np.array([0.4, 0.9]), 0.5, 0.6, planted_topics(2, 3, concentration=1.0)
    order = word_order(corpus)
    words = order.words
    states = list(product(product(range(2), repeat=5), product((False, True), repeat=5)))
    log_p = []
    for z, s in ((np.array(z), np.array(s)) for z, s in states):
        total = sum(
            log_dirichlet_multinomial(np.bincount(z[order.documents == d], minlength=2), alpha) for d in range(2)
        )
        total += np.log(mixture * features[z[s], words[s]]).sum() + np.log(1 - mixture) * np.sum(~s)
        for k in range(2):
            counts = np.bincount(words[(z == k) & ~s], minlength=3)
            total += log_dirichlet_multinomial(counts, np.full(3, beta))
        log_p.append(total)
    posterior = normalised(log_p)

    topics, switches, visits = np.zeros(5, np.int32), np.zeros(5, bool), dict.fromkeys(states, 0)
    tokens = Tokens(order.documents, words, topics)
    for number in range(30_000):
        sweep(tokens, switches, alpha, beta, mixture, features, 0, number)
        visits[tuple(topics.tolist()), tuple(switches.tolist())] += 1
    found = np.array([visits[state] for state in states]) / 30_000
    # 1,024 states: sampling noise alone leaves about sqrt(1024 / 30000) / 2 = 0.09
    assert 0.5 * np.abs(found - posterior).sum() < 0.12
    topic_of_first = [sum(p for p, (z, _) in zip(ps, states, strict=True) if z[0] == 0) for ps in (found, posterior)]
    switch_of_last = [sum(p for p, (_, s) in zip(ps, states, strict=True) if s[4]) for ps in (found, posterior)]
    assert topic_of_first[0] == pytest.approx(topic_of_first[1], abs=0.015)
    assert switch_of_last[0] == pytest.approx(switch_of_last[1], abs=0.015)


def test_topic_vectors_are_where_the_gradient_vanishes() -> None:
    counts, penalty = np.random.default_rng(0).integers(0, 9, (60, 3)), 0.5
    tau, objective = np.zeros((3, 6)), []
    for _ in range(30):
        tau, softmax, value = fit_features(WORDS.vectors, counts, tau, penalty)
        objective.append(value - penalty * np.sum(tau**2))
    logits = tau @ WORDS.vectors.T.astype(float)
    expected = np.exp(logits - np.logaddexp.reduce(logits, axis=1)[:, None])
    np.testing.assert_allclose(softmax, expected, rtol=1e-4)
    gradient = counts.T @ WORDS.vectors - counts.sum(axis=0)[:, None] * (expected @ WORDS.vectors) - 2 * penalty * tau
    assert np.abs(gradient).max() < 1e-3 * counts.sum(axis=0).max()
    assert np.all(np.diff(objective) > -1e-2)


def test_planted_topics_of_the_features_come_back() -> None:
    rng = np.random.default_rng(2)
    tau = rng.standard_normal((4, 6))
    tau *= 2.5 / np.linalg.norm(tau, axis=1, keepdims=True)
    topics = np.exp(tau @ WORDS.vectors.T.astype(float))
    topics /= topics.sum(axis=1, keepdims=True)
    corpus = draw_corpus(topics, documents=300, length=50, seed=1)
    lftm = LFTM(4, embeddings=WORDS, initial_sweeps=60, n_sweeps=30, seed=2).fit(corpus)
    assert distances_to_planted(lftm.topics_, topics).max() < 0.15
    np.testing.assert_allclose(lftm.topics_.sum(axis=1), 1)
    assert lftm.feature_share_ > 0.6  # the features explain these words


def test_mistakes() -> None:
    corpus = corpus_of([[0, 1], [1]], 60)
    with pytest.raises(UserError, match="mixture"):
        LFTM(2, embeddings=WORDS, mixture=1.0)
    with pytest.raises(UserError, match="fewer topics"):
        LFTM(9, embeddings=WORDS).fit(corpus)
    with pytest.raises(UserError, match="no embedding"):
        LFTM(2, embeddings=embeddings(30)).fit(corpus)

"""WarpLDA: the posterior that enumeration gives, the same result for any number of threads."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from dgmbench.data.corpora import Corpus
from dgmbench.fast.random import Stream
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.layout import Tokens
from dgmbench.fast.text.warp import Warp, alias_table
from dgmbench.models.text.likelihood import joint_log_likelihood
from dgmbench.models.text.warp import sweep
from tests.planted import assignments, corpus_of, draw_corpus, log_joint, normalised, planted_topics

ALPHA, BETA = np.array([0.05, 0.1, 0.2, 0.1, 0.1, 0.15, 0.1, 0.3]), 0.05


def level(sampler: Gibbs | Warp, corpus: Corpus, sweeps: int) -> float:
    """Mean joint log-likelihood per token over the second half of the sweeps."""
    trace = []
    for number in range(sweeps):
        sampler.sweep(ALPHA)
        if number >= sweeps // 2:
            trace.append(joint_log_likelihood(corpus, sampler.topics, ALPHA, BETA))
    return float(np.mean(trace))


@pytest.mark.parametrize("proposals", [1, 3])
def test_visits_each_assignment_as_often_as_the_posterior_says(proposals: int) -> None:
    # Many words never used: V beta keeps the delayed totals of the topics, which are tiny here, from mattering.
    corpus, alpha, beta = corpus_of([[0, 0, 1], [1, 2], [2, 0]], 100), np.array([0.3, 1.1]), 0.4
    posterior = normalised([log_joint(corpus, z, alpha, beta) for z in assignments(7, 2)])
    sampler = Warp(corpus, 2, beta=beta, seed=3, proposals=proposals)
    visits = np.zeros(len(posterior))
    for _ in range(12_000):
        sampler.sweep(alpha)
        visits[int(sampler.topics.astype(int) @ (1 << np.arange(6, -1, -1)))] += 1
    # Proposals drawn independently of each other from the row's counts give 0.04 and, three a token, 0.08.
    assert 0.5 * np.abs(visits / visits.sum() - posterior).sum() < 0.03


def test_the_plain_form_visits_each_assignment_as_often_as_the_posterior_says() -> None:
    corpus, alpha, beta = corpus_of([[0, 0, 1], [1, 2], [2, 0]], 100), np.array([0.3, 1.1]), 0.4
    posterior = normalised([log_joint(corpus, z, alpha, beta) for z in assignments(7, 2)])
    documents, topics = np.repeat(np.arange(3), corpus.lengths), np.zeros(7, int)
    proposed, visits, rng = np.zeros((7, 2), int), np.zeros(len(posterior)), Stream(1, 0)
    for _ in range(4_000):
        sweep(Tokens(documents, corpus.words, topics), proposed, alpha, beta, 100, rng)
        visits[topics @ (1 << np.arange(6, -1, -1))] += 1
    assert 0.5 * np.abs(visits / visits.sum() - posterior).sum() < 0.06


@pytest.mark.parametrize("proposals", [1, 3])
def test_stays_at_the_likelihood_of_the_exact_sampler(proposals: int) -> None:
    corpus = draw_corpus(planted_topics(5, 80, concentration=0.3), documents=200, length=100)
    exact = Gibbs(corpus, 8, beta=BETA)
    settled = level(exact, corpus, 300)
    warp = Warp(corpus, 8, beta=BETA, proposals=proposals)
    warp.restore({"tokens": exact.topics[:, None], "sweeps": np.array(0)})  # proposals that change nothing
    assert level(warp, corpus, 300) == pytest.approx(settled, abs=0.02)


def test_threads_change_nothing() -> None:
    corpus = draw_corpus(planted_topics(5, 300), documents=120, length=30)
    runs = [Warp(corpus, 8, beta=BETA, seed=2, proposals=2, threads=threads) for threads in (1, 3)]
    for _ in range(6):
        for run in runs:
            run.sweep(ALPHA)
    np.testing.assert_array_equal(runs[0].topics, runs[1].topics)


def test_goes_on_exactly_from_a_saved_state() -> None:
    corpus = draw_corpus(planted_topics(5, 60), documents=50, length=30)
    whole, first, second = (Warp(corpus, 8, beta=BETA, seed=4) for _ in range(3))
    for _ in range(9):
        whole.sweep(ALPHA)
    for _ in range(4):
        first.sweep(ALPHA)
    second.restore({name: values.copy() for name, values in first.state().items()})
    for _ in range(5):
        second.sweep(ALPHA)
    np.testing.assert_array_equal(whole.topics, second.topics)


def test_rows_longer_than_the_first_room_and_rows_of_one_token() -> None:
    corpus = corpus_of([[0, 1, 2] * 900, [2], [1, 1]], 3)
    warp = Warp(corpus, 8, beta=BETA)
    for _ in range(3):
        warp.sweep(ALPHA)
    assert warp.topics.max() < 8
    np.testing.assert_array_equal(np.bincount(warp.topics, minlength=8), warp._sizes)


def test_memory_follows_the_tokens_not_the_topics() -> None:
    corpus = draw_corpus(planted_topics(5, 2000), documents=2000, length=20)
    peaks = []
    for n_topics in (8, 4000):
        alpha = np.full(n_topics, 0.1)
        tracemalloc.start()
        warp = Warp(corpus, n_topics, beta=BETA)
        for _ in range(2):
            warp.sweep(alpha)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # some arrays of length K; a table of documents or words by topics would hold 8 million counts
    assert peaks[1] - peaks[0] < 400 * 4000


@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_alias_table_holds_the_weights(n: int) -> None:
    weights = np.random.default_rng(n).gamma(0.3, size=n)
    thresholds, aliases = alias_table(weights)
    probabilities = thresholds / n
    np.add.at(probabilities, aliases, (1 - thresholds) / n)
    np.testing.assert_allclose(probabilities, weights / weights.sum(), atol=1e-12)

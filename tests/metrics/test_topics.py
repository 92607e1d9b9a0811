"""Held-out likelihood against enumeration, completion and word measures against hand calculation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from dgmbench.errors import UserError
from dgmbench.metrics.topics import (
    document_completion,
    left_to_right,
    npmi_coherence,
    top_words,
    topic_diversity,
)
from tests.planted import assignments, corpus_of, draw_corpus, log_dirichlet_multinomial, planted_topics

TOPICS = planted_topics(3, 5, seed=4, concentration=0.8)
ALPHA = np.array([0.3, 0.7, 0.15])


def exact_log_likelihood(document: np.ndarray) -> float:
    """log p(w | phi, alpha), the sum over all assignments."""
    terms = [
        log_dirichlet_multinomial(np.bincount(z, minlength=3), ALPHA) + np.log(TOPICS[z, document]).sum()
        for z in assignments(len(document), 3)
    ]
    return float(np.logaddexp.reduce(terms))


@pytest.mark.parametrize("seed", range(3))
def test_left_to_right_agrees_with_enumeration(seed: int) -> None:
    document = np.random.default_rng(seed).integers(0, 5, 6)
    estimate = left_to_right(TOPICS, ALPHA, [document], particles=5_000, seed=seed)
    assert estimate[0] == pytest.approx(exact_log_likelihood(document), abs=0.03)


def test_left_to_right_is_exact_for_one_word_and_for_one_topic() -> None:
    one_word = left_to_right(TOPICS, ALPHA, [np.array([w]) for w in range(5)], particles=1)
    np.testing.assert_allclose(one_word, np.log(ALPHA / ALPHA.sum() @ TOPICS))
    document = np.array([0, 3, 3, 1])
    one_topic = left_to_right(TOPICS[:1], ALPHA[:1], [document], particles=1)
    assert one_topic[0] == pytest.approx(np.log(TOPICS[0, document]).sum())


def test_left_to_right_probabilities_of_all_documents_sum_to_one() -> None:
    documents = [np.array(words) for words in product(range(5), repeat=2)]
    assert np.exp(left_to_right(TOPICS, ALPHA, documents, particles=5000)).sum() == pytest.approx(1, abs=0.01)


def test_left_to_right_needs_only_few_particles_on_average() -> None:
    documents = [np.random.default_rng(i).integers(0, 5, 6) for i in range(40)]
    exact = np.array([exact_log_likelihood(document) for document in documents])
    assert left_to_right(TOPICS, ALPHA, documents).mean() == pytest.approx(exact.mean(), abs=0.03)


def test_left_to_right_repeats_by_seed_and_accepts_empty_documents() -> None:
    documents = [np.array([1, 2, 3, 3]), np.array([], np.int64), np.array([0])]
    first, again, other = (left_to_right(TOPICS, ALPHA, documents, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first[0] != other[0]
    assert first[1] == 0


def test_completion_scores_half_of_each_document_once() -> None:
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 5, n) for n in (1, 2, 7, 40)]
    scores = document_completion(TOPICS, ALPHA, documents)
    np.testing.assert_array_equal(scores.tokens, [1, 1, 4, 20])
    assert scores.log_likelihood[0] == pytest.approx(np.log(ALPHA / ALPHA.sum() @ TOPICS)[documents[0][0]])
    np.testing.assert_array_equal(scores.log_likelihood, document_completion(TOPICS, ALPHA, documents).log_likelihood)
    constant = document_completion(TOPICS[:1], ALPHA[:1], [np.full(9, 2)])
    assert constant.log_likelihood[0] == pytest.approx(5 * np.log(TOPICS[0, 2]))


def test_completion_of_separate_topics_is_known() -> None:
    topics = np.array([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])
    scores = document_completion(topics, np.array([0.2, 0.6]), [np.array([0, 0, 0, 0, 0, 0])])
    theta = (0.2 + 3) / (0.8 + 3)  # three tokens, all of the first topic
    assert scores.log_likelihood[0] == pytest.approx(3 * np.log(theta * 0.5), rel=1e-3)


def test_completion_prefers_the_true_topics() -> None:
    topics = planted_topics(4, 100)
    corpus = draw_corpus(topics, documents=100, length=40)
    documents = [corpus.document(d) for d in range(len(corpus))]
    alpha = np.full(4, 0.1)
    true = document_completion(topics, alpha, documents).log_likelihood.sum()
    blurred = document_completion(0.7 * topics + 0.3 / 100, alpha, documents).log_likelihood.sum()
    assert true > blurred


def test_shapes_and_word_numbers_are_checked() -> None:
    for measure in (left_to_right, document_completion):
        with pytest.raises(UserError, match="do not fit"):
            measure(TOPICS, ALPHA[:2], [np.array([0])])
        with pytest.raises(UserError, match="word numbers"):
            measure(TOPICS, ALPHA, [np.array([0, 5])])
    with pytest.raises(UserError, match="particles"):
        left_to_right(TOPICS, ALPHA, [np.array([0])], particles=0)


def test_top_words_and_diversity() -> None:
    topics = np.array([[0.5, 0.3, 0.1, 0.1], [0.1, 0.5, 0.3, 0.1]])
    assert top_words(topics, ["a", "b", "c", "d"], 2) == [["a", "b"], ["b", "c"]]
    assert topic_diversity(topics, 1) == 1
    assert topic_diversity(topics, 2) == 0.75


def test_coherence_by_hand() -> None:
    # Words 0 and 1 always together in half of the documents, 2 never with 0, 3 in every document.
    corpus = corpus_of([[0, 1, 3], [0, 1, 3, 3], [2, 3], [3]], 4)
    topics = np.array([[0.4, 0.3, 0.2, 0.1], [0.3, 0.1, 0.4, 0.2], [0.4, 0.1, 0.2, 0.3]])
    found = npmi_coherence(topics, corpus, 2)
    np.testing.assert_allclose(found, [1.0, -1.0, 0.0], atol=1e-12)
    with pytest.raises(UserError, match="two words"):
        npmi_coherence(topics, corpus, 1)
    with pytest.raises(UserError, match="vocabulary"):
        npmi_coherence(topics, corpus_of([[0]], 3))

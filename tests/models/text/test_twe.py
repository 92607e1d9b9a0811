"""TWE-1: context counts, the concave fit of topic vectors, planted topics, inference that leaves the model alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from dgmbench.errors import UserError
from dgmbench.models.text import TWE
from dgmbench.models.text.twe import NEGATIVES, count_contexts, fit_topic_vectors, most_probable_topics
from tests.planted import corpus_of, draw_corpus

OPTIONS: dict[str, Any] = {"n_topics": 3, "dim": 6, "epochs": 30}


def three_subjects() -> tuple[np.ndarray, Any]:
    """Topics over disjoint thirds of 60 words, and documents that mix them."""
    topics = np.zeros((3, 60))
    for k in range(3):
        topics[k, 20 * k : 20 * (k + 1)] = 1 / 20
    return topics, draw_corpus(topics, documents=150, length=40, labelled=True)


def test_planted_topic_vectors_come_back() -> None:
    """A topic vector t explains counts ∝ q_c exp(u_c·t) exactly, given a column of ones to norm them."""
    rng = np.random.default_rng(0)
    outputs = np.hstack([rng.standard_normal((400, 4)), np.ones((400, 1))])
    noise = rng.dirichlet(np.ones(400))
    planted = np.hstack([rng.standard_normal((5, 4)), np.zeros((5, 1))])
    contexts = noise * np.exp(planted @ outputs.T)
    planted[:, -1] = -np.log(NEGATIVES * contexts.sum(axis=1))
    contexts *= 1000 * rng.random((5, 1)) + 10
    found = fit_topic_vectors(contexts, outputs, noise, 1e-9, np.zeros((5, 5), np.float32))
    np.testing.assert_allclose(found, planted, atol=0.02)


def test_the_fit_is_better_than_its_start_and_than_its_neighbours() -> None:
    rng = np.random.default_rng(1)
    outputs, noise = rng.standard_normal((50, 3)), rng.dirichlet(np.ones(50))
    contexts, start = rng.integers(0, 30, (2, 50)).astype(float), rng.standard_normal((2, 3)).astype(np.float32)
    ridge = 0.01

    def objective(t: np.ndarray) -> float:
        total = 0.0
        for k in range(2):
            for c in range(50):
                logit = outputs[c] @ t[k]
                total += contexts[k, c] / contexts[k].sum() * -np.log1p(np.exp(-logit))
                total += NEGATIVES * noise[c] * -np.log1p(np.exp(logit))
        return total - ridge / 2 * float(np.sum(t**2))

    found = fit_topic_vectors(contexts, outputs, noise, ridge, start)
    assert objective(found) > objective(start)
    for _ in range(20):
        assert objective(found) >= objective(found + 0.03 * rng.standard_normal((2, 3)))


def test_a_topic_without_contexts_keeps_its_start() -> None:
    start = np.array([[1, 2], [3, 4]], np.float32)
    contexts = np.array([[0, 0, 0], [1, 2, 3]], float)
    found = fit_topic_vectors(contexts, np.eye(3, 2), np.full(3, 1 / 3), 0.01, start)
    np.testing.assert_array_equal(found[0], start[0])
    assert not np.array_equal(found[1], start[1])


def test_contexts_are_counted_within_documents_and_over_rare_words() -> None:
    # the rare word -1 is passed over: 0 and 2 are neighbours; the second document has no pair
    documents, words, topics = np.array([0, 0, 0, 0, 1]), np.array([0, -1, 2, 1, 2]), np.array([0, 1, 1, 0, 1])
    contexts = count_contexts(documents, words, topics, 1, (2, 3))
    assert contexts.tolist() == [[0, 0, 2], [1, 1, 0]]


def test_a_token_has_its_most_probable_topic() -> None:
    theta, phi = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.1, 0.1], [0.5, 2.0]])
    assert most_probable_topics(np.array([0, 2, 3]), np.array([0, 1, 0]), theta, phi).tolist() == [0, 1, 1]


def test_topic_vectors_lie_among_the_words_of_their_planted_topic() -> None:
    topics, corpus = three_subjects()
    fitted = TWE(seed=1, **OPTIONS).fit(corpus)
    overlap = topics @ fitted.lda_.topics_.T
    _, matched = linear_sum_assignment(-overlap)
    words, found = fitted.word_vectors_, fitted.topic_vectors_[matched]
    cosines = (found @ words.T) / np.linalg.norm(found, axis=1)[:, None] / np.linalg.norm(words, axis=1)
    for k in range(3):
        own = np.argsort(-cosines[k])[:20] // 20 == k
        assert own.mean() > 0.9


def test_features_are_means_of_word_and_topic_vectors() -> None:
    _, corpus = three_subjects()
    fitted = TWE(**OPTIONS).fit(corpus)
    features = fitted.transform(corpus)
    tokens = corpus.document(4)
    np.testing.assert_allclose(features[4, :6], fitted.word_vectors_[tokens].mean(axis=0), atol=1e-5)
    theta = fitted.lda_.transform(corpus)[4]
    assigned = np.argmax(theta[:, None] * fitted.lda_.topics_[:, tokens], axis=0)
    np.testing.assert_allclose(features[4, 6:], fitted.topic_vectors_[assigned].mean(axis=0), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"n_topics": 90}, "90 topics but only 3 tokens"),
        ({"min_count": 5}, "occur 5 times"),
        ({"ridge": 0.0}, "ridge is 0.0; it must be above 0"),
        ({"dim": 0}, "at least 1"),
    ],
)
def test_bad_input(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        TWE(**(OPTIONS | options)).fit(corpus_of([[0, 1], [1]], 2))

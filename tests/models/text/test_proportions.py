"""Proportions of new documents against their optimum."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from dgmbench.fast.text.proportions import fold_in
from tests.planted import corpus_of, draw_corpus, planted_topics


def test_proportions_maximise_the_posterior() -> None:
    alpha, document = np.array([0.5, 1.0, 0.2]), corpus_of([[0, 0, 1, 3, 3, 3, 5]], 6)
    topics = planted_topics(3, 6, concentration=0.7)

    def loss(x: np.ndarray) -> float:
        theta = np.exp(x - np.logaddexp.reduce(x))
        return -np.sum(alpha * np.log(theta)) - np.sum(np.log(theta @ topics)[document.words])

    best = minimize(loss, np.zeros(3), tol=1e-12).x
    found = fold_in(topics, alpha, document.counts, tolerance=1e-7)
    np.testing.assert_allclose(found[0], np.exp(best - np.logaddexp.reduce(best)), atol=2e-4)
    several = draw_corpus(topics, documents=30, length=20)
    np.testing.assert_array_equal(
        fold_in(topics, alpha, several.counts, threads=3), fold_in(topics, alpha, several.counts)
    )

"""The mean word vector."""

from __future__ import annotations

import numpy as np

from dgmbench.models.text import MeanWordVectors
from tests.planted import corpus_of, embeddings


def test_it_is_the_mean_over_tokens() -> None:
    vectors = embeddings(4, dim=3)
    corpus = corpus_of([[0, 0, 3], [2]], 4)
    features = MeanWordVectors(embeddings=vectors).fit(corpus).transform(corpus)
    v = vectors.vectors.astype(np.float64)
    np.testing.assert_allclose(features, [(2 * v[0] + v[3]) / 3, v[2]], rtol=1e-6)


def test_word_order_and_repeating_a_document_change_nothing() -> None:
    vectors = embeddings(6)
    corpus = corpus_of([[0, 1, 5, 2], [5, 2, 1, 0], [0, 0, 1, 1, 5, 5, 2, 2]], 6)
    features = MeanWordVectors(embeddings=vectors).fit(corpus).transform(corpus)
    np.testing.assert_allclose(features, np.repeat(features[:1], 3, axis=0), rtol=1e-12)

"""Word counts, mean word vectors, and features side by side."""

from __future__ import annotations

import numpy as np
import pytest

from dgmbench.models import text
from dgmbench.models.text import BagOfWords, MeanWordVectors, TopicVec
from dgmbench.models.text.topicvec_mean_wv import TopicVecMeanWV
from tests.planted import corpus_of, embeddings


def test_counts_are_the_features() -> None:
    corpus = corpus_of([[0, 2, 0], [1]], 3)
    features = BagOfWords().fit(corpus).transform(corpus)
    assert features.toarray().tolist() == [[2, 0, 1], [0, 1, 0]]


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


def test_features_of_topics_and_words_stand_side_by_side() -> None:
    corpus, options = corpus_of([[0, 2, 0], [1, 1, 2]], 3), {"embeddings": embeddings(3, dim=2), "iterations": 5}
    both, topics = (kind(3, **options).fit(corpus) for kind in (TopicVecMeanWV, TopicVec))
    means = MeanWordVectors(embeddings=embeddings(3, dim=2)).fit(corpus).transform(corpus)
    np.testing.assert_array_equal(both.transform(corpus), np.hstack([topics.transform(corpus), means]))
    assert both.feature_set == "topic counts + mean word vector"


def test_every_exported_name_is_a_class_of_that_name() -> None:
    for name in ("BagOfWords", "Doc2Vec", "LDA", "MeanWordVectors", "TWE", "TopicVec"):
        assert getattr(text, name).__name__ == name
    with pytest.raises(AttributeError):
        text.NoSuchMethod  # noqa: B018

"""The preparation that all document methods share."""

from __future__ import annotations

import numpy as np
import pytest

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text import MeanWordVectors
from dgmbench.models.text.preparation import prepare, word_vectors
from tests.planted import Vectors, corpus_of, embeddings


def test_preparation_drops_words_then_documents_and_counts_them() -> None:
    vocabulary = ["known", "other", "strange"]
    train = Corpus.from_tokens([["strange", "known", "other"], ["strange"]], ["a", "b"], vocabulary=vocabulary)
    test = Corpus.from_tokens([["strange"], [], ["other"]], ["a", "a", "b"], vocabulary=vocabulary)
    vectors = Vectors("two words", ("other", "known"), np.array([[1, 2], [3, 4]], np.float32))
    prepared = prepare(train, test, vectors)
    assert prepared.train.vocabulary == prepared.test.vocabulary == ("known", "other")
    assert [prepared.train.document(0).tolist(), prepared.test.document(0).tolist()] == [[0, 1], [1]]
    assert (prepared.dropped_train, prepared.dropped_test) == (1, 2)
    assert prepared.train.labels.tolist() == [0] and prepared.test.labels.tolist() == [1]
    np.testing.assert_array_equal(prepared.vectors, [[3, 4], [1, 2]])
    np.testing.assert_array_equal(word_vectors(prepared.train, vectors), prepared.vectors)


def test_preparation_refuses_a_corpus_without_any_embedding() -> None:
    corpus = corpus_of([[0, 1]], 2)
    with pytest.raises(UserError, match="none of the 2 words"):
        prepare(corpus, corpus, Vectors("elsewhere", ("x",), np.ones((1, 2), np.float32)))


def test_a_word_without_an_embedding_is_named() -> None:
    corpus = corpus_of([[0, 1]], 2)
    with pytest.raises(UserError, match="'w1' the first"):
        MeanWordVectors(embeddings=embeddings(1)).fit(corpus)

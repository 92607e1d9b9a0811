"""Word counts, the preparation that all methods share, and features side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models import text as topics
from dgmbench.models.text import BagOfWords, Concatenation, MeanWordVectors
from dgmbench.models.text.preparation import prepare, word_vectors
from tests.planted import Vectors, corpus_of, embeddings


class Splits(NamedTuple):
    train: Corpus
    test: Corpus


def test_counts_are_the_features() -> None:
    corpus = corpus_of([[0, 2, 0], [1]], 3)
    features = BagOfWords().fit(corpus).transform(corpus)
    assert features.toarray().tolist() == [[2, 0, 1], [0, 1, 0]]


def test_preparation_drops_words_then_documents_and_counts_them() -> None:
    vocabulary = ["known", "other", "strange"]
    train = Corpus.from_tokens([["strange", "known", "other"], ["strange"]], ["a", "b"], vocabulary=vocabulary)
    test = Corpus.from_tokens([["strange"], [], ["other"]], ["a", "a", "b"], vocabulary=vocabulary)
    vectors = Vectors("two words", ("other", "known"), np.array([[1, 2], [3, 4]], np.float32))
    prepared = prepare(Splits(train, test), vectors)
    assert prepared.train.vocabulary == prepared.test.vocabulary == ("known", "other")
    assert [prepared.train.document(0).tolist(), prepared.test.document(0).tolist()] == [[0, 1], [1]]
    assert (prepared.dropped_train, prepared.dropped_test) == (1, 2)
    assert prepared.train.labels.tolist() == [0] and prepared.test.labels.tolist() == [1]
    np.testing.assert_array_equal(prepared.vectors, [[3, 4], [1, 2]])
    np.testing.assert_array_equal(word_vectors(prepared.train, vectors), prepared.vectors)


def test_preparation_refuses_a_corpus_without_any_embedding() -> None:
    corpus = corpus_of([[0, 1]], 2)
    with pytest.raises(UserError, match="none of the 2 words"):
        prepare(Splits(corpus, corpus), Vectors("elsewhere", ("x",), np.ones((1, 2), np.float32)))


def test_a_word_without_an_embedding_is_named() -> None:
    corpus = corpus_of([[0, 1]], 2)
    with pytest.raises(UserError, match="'w1' the first"):
        MeanWordVectors(embeddings=embeddings(1)).fit(corpus)


@pytest.mark.parametrize("documents", [[], [[0], []]])
def test_no_documents_and_empty_ones_are_refused(documents: list[list[int]]) -> None:
    with pytest.raises(UserError, match=r"no documents|no words"):
        BagOfWords().fit(corpus_of(documents, 2))


def test_another_vocabulary_is_refused() -> None:
    fitted = BagOfWords().fit(corpus_of([[0, 1]], 2))
    with pytest.raises(UserError, match="vocabulary of 3 words"):
        fitted.transform(corpus_of([[0, 1]], 3))


def test_features_stand_side_by_side() -> None:
    corpus, vectors = corpus_of([[0, 2, 0], [1]], 3), embeddings(3, dim=2)
    mean = MeanWordVectors(embeddings=vectors)
    dense = Concatenation([mean, mean]).fit(corpus).transform(corpus)
    alone = mean.transform(corpus)
    np.testing.assert_array_equal(dense, np.hstack([alone, alone]))
    mixed = Concatenation([BagOfWords(), mean]).fit(corpus).transform(corpus)
    assert sparse.issparse(mixed)
    np.testing.assert_array_equal(mixed.toarray(), np.hstack([[[2, 0, 1], [0, 1, 0]], alone]))


def test_a_concatenation_is_transductive_as_soon_as_one_method_is() -> None:
    class SawTheTest(BagOfWords):
        transductive = True

    assert not Concatenation([BagOfWords()]).transductive
    assert Concatenation([BagOfWords(), SawTheTest()]).transductive
    with pytest.raises(UserError, match="at least one method"):
        Concatenation([])


def test_every_exported_name_is_a_class_of_that_name() -> None:
    for name in ("BagOfWords", "Doc2Vec", "LDA", "MeanWordVectors", "TWE", "TopicVec"):
        assert getattr(topics, name).__name__ == name
    with pytest.raises(AttributeError):
        topics.NoSuchMethod  # noqa: B018

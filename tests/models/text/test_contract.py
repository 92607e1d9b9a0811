"""What every document method keeps to, whatever it learns."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from dgmbench.errors import UserError
from dgmbench.models.text import (
    LDA,
    LFTM,
    SLDA,
    TWE,
    BagOfWords,
    Doc2Vec,
    GaussianLDA,
    MeanWordVectors,
    TopicVec,
)
from dgmbench.models.text.bayes_pa import BayesPA
from dgmbench.models.text.naive_bayes import NaiveBayes
from dgmbench.models.text.topicvec_mean_wv import TopicVecMeanWV
from dgmbench.tasks.classification.rows import ROWS
from tests.planted import corpus_of, draw_corpus, embeddings

WORDS = embeddings(40, dim=6)
TOPICS = np.kron(np.eye(2), np.full(20, 0.05))
TRAIN, FRESH = (draw_corpus(TOPICS, documents=60, length=30, seed=seed, labelled=True) for seed in (1, 2))
K = 3
METHODS: dict[str, Callable[..., Any]] = {
    "bow": lambda seed=0: BagOfWords(),
    "mean-wv": lambda seed=0: MeanWordVectors(embeddings=WORDS),
    "doc2vec": lambda seed=0, **options: Doc2Vec(dim=6, epochs=3, seed=seed, **options),
    "twe": lambda seed=0, **options: TWE(K, dim=6, epochs=2, seed=seed, **options),
    "lda": lambda seed=0, **options: LDA(K, n_sweeps=20, seed=seed, **options),
    "lda-warp": lambda seed=0, **options: LDA(K, n_sweeps=5, seed=seed, engine="warp", **options),
    "lda-esca": lambda seed=0, **options: LDA(K, n_sweeps=5, seed=seed, engine="esca", **options),
    "slda": lambda seed=0, **options: SLDA(K, n_iterations=2, seed=seed, **options),
    "lftm": lambda seed=0, **options: LFTM(K, embeddings=WORDS, initial_sweeps=5, n_sweeps=2, seed=seed, **options),
    "gaussian-lda": lambda seed=0, **options: GaussianLDA(K, embeddings=WORDS, n_sweeps=3, seed=seed, **options),
    "topicvec": lambda seed=0, **options: TopicVec(K, embeddings=WORDS, iterations=10, seed=seed, **options),
    "topicvec+mean-wv": lambda seed=0, **options: TopicVecMeanWV(
        K, embeddings=WORDS, iterations=10, seed=seed, **options
    ),
    "naive-bayes": lambda seed=0: NaiveBayes(),
    "bayes-pa": lambda seed=0, **options: BayesPA(K, seed=seed, **options),
}


def test_every_row_of_the_table_is_held_to_it() -> None:
    assert set(ROWS) <= set(METHODS)


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if hasattr(method(), "warm_up")])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_warm_up_changes_no_fit(name: str, labelled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = TRAIN if labelled else dataclasses.replace(TRAIN, labels=None)
    cold, warm = METHODS[name](), METHODS[name]()
    if not labelled and name in ("slda", "bayes-pa"):
        return  # they need labels
    before = set(vars(warm))
    warm.warm_up(corpus)
    assert set(vars(warm)) == before
    found = [method.fit(corpus, corpus.labels).transform(FRESH) for method in (cold, warm)]
    np.testing.assert_array_equal(*found)


def test_a_derived_class_with_other_arguments_warms_up_too() -> None:
    class Mine(SLDA):
        """With a number of topics of its own."""

        def __init__(self) -> None:
            super().__init__(K, n_iterations=1)

    mine = Mine()
    mine.warm_up(TRAIN)
    assert mine.n_topics == K and not hasattr(mine, "topics_")
    mine.warm_up(TRAIN.select_documents(np.arange(0)))  # what is wrong is said by the fit


def test_what_is_warmed_up() -> None:
    compiled = {"slda", "lftm", "gaussian-lda", "topicvec", "bayes-pa"}
    assert compiled <= {name for name, method in METHODS.items() if hasattr(method(), "warm_up")}


DETERMINISTIC = ("bow", "mean-wv", "naive-bayes")
PROPORTIONS = ("lda", "slda", "lftm", "gaussian-lda")


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    return {name: method().fit(TRAIN, TRAIN.labels) for name, method in METHODS.items()}


def dense(features: Any) -> np.ndarray:
    return features.toarray() if sparse.issparse(features) else features


@pytest.mark.parametrize("name", METHODS)
def test_features_are_finite_rows_that_depend_on_their_own_document(name: str, fitted: dict[str, Any]) -> None:
    features = dense(fitted[name].transform(FRESH))
    assert features.ndim == 2 and len(features) == len(FRESH)
    assert features.shape[1] == fitted[name].transform(TRAIN).shape[1]
    assert np.isfinite(features).all() and features.std(axis=0).any()
    chosen = np.array([17, 3, 40])
    np.testing.assert_allclose(dense(fitted[name].transform(FRESH.select_documents(chosen))), features[chosen], 1e-5)
    assert isinstance(fitted[name].feature_set, str)


@pytest.mark.parametrize("name", METHODS)
def test_a_seed_names_the_result(name: str, fitted: dict[str, Any]) -> None:
    again, other = (METHODS[name](seed=seed).fit(TRAIN, TRAIN.labels).transform(FRESH) for seed in (0, 1))
    expected = dense(fitted[name].transform(FRESH))
    np.testing.assert_array_equal(dense(again), expected)
    assert np.array_equal(dense(other), expected) == (name in DETERMINISTIC)


@pytest.mark.parametrize("name", METHODS)
def test_transform_leaves_the_method_as_it_is_and_so_does_pickling(name: str, fitted: dict[str, Any]) -> None:
    model = fitted[name]
    features = dense(model.transform(FRESH))
    before = pickle.dumps(model)
    model.transform(TRAIN)
    assert pickle.dumps(model) == before
    np.testing.assert_array_equal(dense(pickle.loads(before).transform(FRESH)), features)


@pytest.mark.parametrize("name", METHODS)
def test_a_clone_is_unfitted_with_the_same_arguments(name: str, fitted: dict[str, Any]) -> None:
    model, copy = fitted[name], clone(fitted[name])
    assert type(copy) is type(model) and not hasattr(copy, "vocabulary_")
    plain = {key: value for key, value in model.get_params().items() if key not in ("embeddings", "checkpoint")}
    assert {key: copy.get_params()[key] for key in plain} == plain
    assert plain.get("seed", 0) == 0 and plain.get("n_topics", K) == K


@pytest.mark.parametrize("name", METHODS)
def test_it_prints_as_a_short_call(name: str, fitted: dict[str, Any]) -> None:
    text = repr(fitted[name])
    assert text.startswith(f"{type(fitted[name]).__name__}(") and len(text) < 120 and "object at" not in text
    assert name != "lda" or text == repr(clone(fitted[name])) == "LDA(n_topics=3, n_sweeps=20)"
    assert name != "topicvec" or text == "TopicVec(n_topics_per_class=3, embeddings=<made-up>, iterations=10)"


@pytest.mark.parametrize("name", ["bow", "mean-wv", "lda", "slda", "topicvec"])
def test_a_pipeline_fits_it_before_a_classifier(name: str) -> None:
    pipeline = make_pipeline(METHODS[name](), LinearSVC()).fit(TRAIN, TRAIN.labels)
    again = clone(pipeline).fit(TRAIN, TRAIN.labels)
    found = pipeline.predict(FRESH)
    assert np.mean(found == FRESH.labels) > 0.9
    np.testing.assert_array_equal(again.predict(FRESH), found)


@pytest.mark.parametrize(
    ("name", "params", "wrong"),
    [
        ("lda", {"n_topics": 5}, {"n_topics": 0}),
        ("lda", {"alpha": 0.5}, {"engine": "fast"}),
        ("slda", {"e_steps": 2}, {"penalty": -1}),
        ("doc2vec", {"dim": 4}, {"epochs": 0}),
        ("topicvec", {"alpha": 1.0}, {"features": "none"}),
        ("bayes-pa", {"batch": 16}, {"variance": 0}),
    ],
)
def test_arguments_are_changed_by_name_and_checked(name: str, params: dict[str, Any], wrong: dict[str, Any]) -> None:
    model = METHODS[name]()
    assert model.set_params(**params) is model
    assert {key: model.get_params()[key] for key in params} == params
    with pytest.raises(UserError):
        model.set_params(**wrong)
    with pytest.raises(ValueError, match="Invalid parameter 'nothing'"):
        model.set_params(nothing=1)


def test_changed_arguments_are_those_of_the_next_fit() -> None:
    changed = METHODS["lda"]().set_params(n_topics=2, alpha=0.7, seed=3).fit(TRAIN)
    expected = LDA(2, alpha=0.7, n_sweeps=20, seed=3).fit(TRAIN)
    np.testing.assert_array_equal(changed.topics_, expected.topics_)
    np.testing.assert_array_equal(changed.alpha_, [0.7, 0.7])


def test_a_default_that_depends_on_another_argument_follows_it() -> None:
    changed = METHODS["gaussian-lda"]().set_params(n_topics=2).fit(TRAIN)
    np.testing.assert_array_equal(changed.alpha_, [0.5, 0.5])


def test_the_top_words_of_a_topic_are_its_most_probable(fitted: dict[str, Any]) -> None:
    for model in (model for model in fitted.values() if hasattr(model, "topics_")):
        for words, topic in zip(model.top_words(4), model.topics_, strict=True):
            numbers = [model.vocabulary_.index(word) for word in words]
            assert len(set(numbers)) == 4
            np.testing.assert_array_equal(topic[numbers], np.sort(topic)[::-1][:4])


@pytest.mark.parametrize("name", METHODS)
def test_bad_documents_are_refused_in_one_line(name: str, fitted: dict[str, Any]) -> None:
    mistakes = [(corpus_of([[0, 1], []], 40), "have no words"), (corpus_of([[0, 1]], 3), "vocabulary")]
    for corpus, complaint in mistakes:
        with pytest.raises(UserError, match=complaint) as raised:
            fitted[name].transform(corpus)
        assert "\n" not in str(raised.value)
    for corpus in (corpus_of([], 40, []), corpus_of([[0, 1], []], 40, [0, 1])):
        with pytest.raises(UserError, match=r"no documents|no words|no labels|same class"):
            METHODS[name]().fit(corpus, corpus.labels)


def test_topics_are_distributions_over_words(fitted: dict[str, Any]) -> None:
    with_topics = [model for model in fitted.values() if hasattr(model, "alpha_")]
    assert len(with_topics) == 9
    for model in with_topics:
        assert model.topics_.shape == (len(model.alpha_), 40)
        np.testing.assert_allclose(model.topics_.sum(axis=1), 1)
        assert (model.topics_ >= 0).all() and (model.alpha_ > 0).all()
    assert fitted["topicvec"].topic_vectors_.shape == (len(fitted["topicvec"].alpha_), 6)


@pytest.mark.parametrize("name", PROPORTIONS)
def test_features_are_the_proportions_or_their_square_roots(name: str, fitted: dict[str, Any]) -> None:
    theta = fitted[name].transform(FRESH)
    np.testing.assert_allclose(theta.sum(axis=1), 1, rtol=1e-5)
    rooted = METHODS[name](features="root-proportions").fit(TRAIN, TRAIN.labels)
    np.testing.assert_array_equal(rooted.transform(FRESH), np.sqrt(theta))
    np.testing.assert_array_equal(rooted.proportions(FRESH), theta)
    assert fitted[name].feature_set == "topic proportions"
    assert rooted.feature_set == "square roots of topic proportions"
    with pytest.raises(UserError, match="features is 'counts'; it must be one of proportions, root-proportions"):
        METHODS[name](features="counts")

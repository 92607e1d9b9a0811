"""Unigram, naive Bayes, mixture of unigrams, and LDA by engines: closed forms, bounds, planted parameters."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import numpy as np
import pytest

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text.lda import LDA
from dgmbench.models.text.lda_engines import ENGINES, LDAByEngine
from dgmbench.models.text.mixture_of_unigrams import MixtureOfUnigrams, step
from dgmbench.models.text.naive_bayes import NaiveBayes
from dgmbench.models.text.unigram import Unigram
from dgmbench.models.text.word_distributions import SMOOTHING, log_marginal
from tests.planted import corpus_of, distances_to_planted, draw_corpus, planted_topics

WORDS = 40
INSTALLED = [name for name in ENGINES if name != "tomotopy" or importlib.util.find_spec("tomotopy")]


def clusters(documents: int, length: int, K: int = 4, seed: int = 0, apart: bool = False) -> tuple[Corpus, np.ndarray]:
    """Documents of a mixture of unigrams with K components, which are the labels; with ``apart`` they share no word."""
    rng = np.random.default_rng(seed)
    topics = planted_topics(K, WORDS, seed=seed, concentration=0.3)
    if apart:
        topics = np.kron(np.eye(K), np.ones((1, WORDS // K)))
        topics *= rng.uniform(0.5, 1.5, topics.shape)
        topics /= topics.sum(axis=1, keepdims=True)
    labels = np.concatenate([np.arange(K), rng.integers(0, K, documents - K)])
    tokens = [rng.choice(WORDS, length, p=topics[c]).tolist() for c in labels]
    return corpus_of(tokens, WORDS, labels.tolist()), topics


@pytest.mark.parametrize("beta", [0.01, 0.1, 0.5, 1.0, 3.0])
def test_unigram_and_naive_bayes_by_hand(beta: float) -> None:
    corpus = corpus_of([[0, 0, 1], [2], [2, 2, 1, 0]], 4, [0, 1, 1])
    one = Unigram(beta).fit(corpus)
    np.testing.assert_allclose(one.topics_, [(np.array([3, 2, 3, 0]) + beta) / (8 + 4 * beta)])
    both = NaiveBayes(beta).fit(corpus, corpus.labels)
    expected = [(np.array([2, 1, 0, 0]) + beta) / (3 + 4 * beta), (np.array([1, 1, 3, 0]) + beta) / (5 + 4 * beta)]
    np.testing.assert_allclose(both.topics_, expected)
    np.testing.assert_allclose(both.weights_, [2 / 5, 3 / 5])
    joint = np.log([2 / 5, 3 / 5]) + np.log(np.array(expected))[:, [0, 0, 1]].sum(axis=1)
    np.testing.assert_allclose(both.transform(corpus)[0], joint - np.logaddexp(*joint))


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_never_falls_and_is_what_it_says(seed: int) -> None:
    corpus, _ = clusters(150, 12, seed=seed)
    model = MixtureOfUnigrams([5], [0.1], tolerance=0.0, iterations=60, seed=seed)
    before: float = -np.inf
    for done in model.passes(corpus):
        assert len(model.bounds_) == done and model.bounds_[-1] >= before - 1e-12
        before = model.bounds_[-1]
    assert len(model.bounds_) > 3
    # it is that of the parameters before a step
    objective = log_marginal(corpus.counts, model.topics_, model.weights_).sum()
    objective += 0.1 * np.log(model.topics_).sum() + np.log(model.weights_).sum()
    _, bound = step(corpus.counts, (model.topics_, model.weights_), 0.1)
    assert bound == pytest.approx(objective, rel=1e-12) and bound / corpus.n_tokens >= before - 1e-12


@pytest.mark.parametrize("beta", [0.01, 0.1, 0.3, 1.0, 3.0])
def test_one_component_is_the_unigram(beta: float) -> None:
    corpus, _ = clusters(60, 10)
    mixture, one = MixtureOfUnigrams([1], [beta]).fit(corpus), Unigram(beta).fit(corpus)
    np.testing.assert_allclose(mixture.topics_, one.topics_, rtol=1e-12)
    np.testing.assert_allclose(mixture.weights_, one.weights_)


@pytest.mark.parametrize("seed", range(5))
def test_as_many_components_as_classes_that_share_no_word_are_naive_bayes(seed: int) -> None:
    """Whoever knows the labels and whoever has to find them end at the same distributions."""
    corpus, _ = clusters(80, 25, K=2, seed=seed, apart=True)
    mixture = MixtureOfUnigrams([2], [0.1], starts=10, seed=seed).fit(corpus)
    known = NaiveBayes(0.1).fit(corpus, corpus.labels)
    order = np.argsort(mixture.topics_[:, 0])[::-1]
    np.testing.assert_allclose(mixture.topics_[order], known.topics_, rtol=1e-6)
    np.testing.assert_allclose(mixture.weights_[order], known.weights_, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_planted_components_come_back(seed: int) -> None:
    corpus, topics = clusters(600, 60, K=3, seed=seed)
    found = MixtureOfUnigrams([3], [0.1], starts=10, seed=seed).fit(corpus)
    assert distances_to_planted(found.topics_, topics).max() < 0.08


@pytest.mark.parametrize(("K", "seed"), [(2, 0), (2, 1), (4, 0), (4, 1), (4, 2)])
def test_held_out_documents_choose_the_number_of_components(K: int, seed: int) -> None:
    corpus, _ = clusters(300, 40, K=K, seed=seed, apart=True)
    assert len(MixtureOfUnigrams([1, K, 40], [0.1], starts=8, seed=seed).fit(corpus).topics_) == K


@pytest.mark.parametrize(("length", "high"), [(2, True), (3, True), (5, True), (60, False), (120, False)])
def test_held_out_documents_choose_the_smoothing(length: int, high: bool) -> None:
    """Of even words and few documents much smoothing is best; of uneven ones and many documents little."""
    rng = np.random.default_rng(length)
    p = np.full(WORDS, 1 / WORDS) if high else rng.dirichlet(np.full(WORDS, 0.05))
    documents = 20 if high else 200
    corpus = corpus_of([rng.choice(WORDS, length, p=p).tolist() for _ in range(documents)], WORDS, [0] * documents)
    for model in (Unigram().fit(corpus), NaiveBayes().fit(corpus, corpus.labels)):
        assert (model.beta_ >= 1.0) == high and model.beta_ in SMOOTHING


@pytest.mark.parametrize("engine", ["gibbs", "warp", "esca"])
def test_an_engine_is_that_of_the_library_bit_by_bit_and_shows_each_sweep(engine: str) -> None:
    corpus = draw_corpus(planted_topics(3, 30), documents=60, length=15)
    ours = LDAByEngine(4, engine=engine, n_sweeps=7, seed=3)
    seen = [(done, ours.topics_) for done in ours.passes(corpus)]
    assert [done for done, _ in seen] == list(range(1, 8)) == list(range(1, ours.passes_ + 1))
    for n in (3, 7):
        library = LDA(4, engine=engine, n_sweeps=n, seed=3).fit(corpus)
        np.testing.assert_array_equal(seen[n - 1][1], library.topics_)
    np.testing.assert_array_equal(ours.alpha_, library.alpha_)


@pytest.mark.parametrize("engine", INSTALLED)
def test_planted_topics_come_back_from_every_engine(engine: str) -> None:
    topics = planted_topics(3, 40, seed=2)
    corpus = draw_corpus(topics, documents=300, length=40)
    # of online variational Bayes three of four seeds end in a worse mode
    model = LDAByEngine(3, alpha_sum=0.3, engine=engine, n_sweeps=60, seed=0)
    model.warm_up(corpus)
    model.fit(corpus)
    assert distances_to_planted(model.topics_, topics).max() < 0.1
    np.testing.assert_allclose(model.topics_.sum(axis=1), 1)


@pytest.mark.parametrize("engine", INSTALLED)
def test_every_engine_has_the_vocabulary_and_repeats_by_seed(engine: str) -> None:
    """Also words that no document has, in the order of the vocabulary."""
    counts = draw_corpus(planted_topics(2, 12, concentration=1.0), documents=40, length=10).counts.toarray()
    texts = [np.repeat(np.arange(12) + 1, row).tolist() for row in counts]  # words 0 and 13 are in none
    corpus = corpus_of(texts, 14)
    options = {"alpha_sum": 1.0, "engine": engine, "n_sweeps": 4}
    one, again, other = (LDAByEngine(2, seed=seed, **options).fit(corpus).topics_ for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert one.shape == (2, 14) and not np.array_equal(one, other)
    assert one[:, [0, 13]].max() < one[:, 1:13].max(axis=0).min()
    frequencies = counts.sum(axis=0) / counts.sum()
    assert np.corrcoef(one.mean(axis=0)[1:13], frequencies)[0, 1] > 0.5


def test_what_an_engine_cannot_do_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomotopy", None)
    with pytest.raises(UserError, match=r"takes priors up to 1 only, not 2.5"):
        LDAByEngine(2, engine="scikit-learn").fit(corpus_of([[0, 1], [1]], 2))
    with pytest.raises(UserError, match=r"it is not installed; pip install 'dgmbench\[peers\]'") as caught:
        LDAByEngine(2, engine="tomotopy").fit(corpus_of([[0, 1], [1]], 2))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("factory", "options", "line"),
    [
        (Unigram, {"beta": 0}, "give a number above 0"),
        (NaiveBayes, {"beta": -1.0}, "give a number above 0"),
        (MixtureOfUnigrams, {"components": []}, "give a list of whole numbers"),
        (MixtureOfUnigrams, {"components": [0]}, "give a list of whole numbers"),
        (MixtureOfUnigrams, {"betas": [0.0]}, "give a list of numbers above 0"),
        (MixtureOfUnigrams, {"starts": 0}, "at least 1"),
        (LDAByEngine, {"engine": "swift"}, "must be one of gibbs, warp"),
        (LDAByEngine, {"n_topics": 0}, "must be at least 1"),
        (LDAByEngine, {"beta": 0.0}, "must be above 0"),
    ],
)
def test_options_that_cannot_be_are_refused(factory: Any, options: dict[str, Any], line: str) -> None:
    with pytest.raises((UserError, ValueError), match=line) as caught:
        factory(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", [Unigram(), NaiveBayes(), MixtureOfUnigrams(), LDAByEngine(2), NaiveBayes(0.1)])
def test_what_cannot_be_fitted_is_refused_in_one_line(model: Any) -> None:
    corpus = corpus_of([[0, 1], [2]], 3, [0, 1])
    nothing = corpus.select_documents(np.array([], int))
    with pytest.raises(UserError, match="no documents"):
        model.fit(nothing, nothing.labels)
    with pytest.raises(UserError, match="have no words"):
        model.fit(corpus_of([[0], []], 3, [0, 1]), np.array([0, 1]))
    if isinstance(model, NaiveBayes):
        with pytest.raises(UserError, match="have no labels"):
            model.fit(corpus, None)

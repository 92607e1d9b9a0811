"""LDA as its users see it: planted topics, estimated priors, saving, progress, mistakes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import gammaln

from dgmbench.errors import UserError
from dgmbench.models.text import LDA
from dgmbench.models.text.likelihood import document_topic_counts, fitted_alpha, joint_log_likelihood
from tests.planted import corpus_of, distances_to_planted, draw_corpus, log_joint, planted_topics

TOPICS = planted_topics(6, 200)
CORPUS = draw_corpus(TOPICS, documents=400, length=60)


@pytest.mark.parametrize("engine", ["gibbs", "warp", "esca"])
def test_planted_topics_come_back(engine: str) -> None:
    lda = LDA(6, alpha=0.1, engine=engine, n_sweeps=150, seed=1).fit(CORPUS)
    assert distances_to_planted(lda.topics_, TOPICS).max() < 0.1
    np.testing.assert_allclose(lda.topics_.sum(axis=1), 1)
    assert lda.engine_ == engine


def test_auto_chooses_an_engine_and_says_which() -> None:
    assert LDA(3, n_sweeps=2).fit(CORPUS).engine_ == "gibbs"
    assert LDA(3, n_sweeps=2, threads=4).fit(CORPUS).engine_ == "warp"


def test_joint_log_likelihood_is_that_of_the_formula() -> None:
    corpus, alpha = corpus_of([[0, 0, 1], [1, 2, 3, 3]], 4), np.array([0.3, 0.8, 0.1])
    z = np.array([0, 2, 1, 1, 1, 0, 0])
    assert joint_log_likelihood(corpus, z, alpha, 0.2) == pytest.approx(log_joint(corpus, z, alpha, 0.2) / 7)


def test_fitted_alpha_is_the_maximum() -> None:
    rng = np.random.default_rng(0)
    theta = rng.dirichlet([0.8, 0.2, 0.05], size=len(CORPUS))
    drawn = np.concatenate([rng.choice(3, size=60, p=row) for row in theta])
    counts = document_topic_counts(CORPUS, drawn, 3)
    dense, lengths = counts.toarray(), CORPUS.lengths

    def loss(x: np.ndarray) -> float:
        a = np.exp(x)
        ratio = np.sum(gammaln(dense + a) - gammaln(a))
        return -float(ratio + np.sum(gammaln(a.sum()) - gammaln(a.sum() + lengths)))

    found = fitted_alpha(counts, np.ones(3), iterations=2000)
    assert loss(np.log(found)) <= loss(minimize(loss, np.zeros(3)).x) + 1e-3


def test_optimised_alpha_finds_the_frequent_topics() -> None:
    rng = np.random.default_rng(0)
    theta = rng.dirichlet([1.0, 0.1, 0.1], size=400)
    topics = planted_topics(3, 100)
    corpus = corpus_of([rng.choice(100, 60, p=row @ topics).tolist() for row in theta], 100)
    lda = LDA(3, alpha=0.5, n_sweeps=120, optimise_alpha=True).fit(corpus)
    np.testing.assert_allclose(np.sort(lda.alpha_), [0.1, 0.1, 1.0], rtol=0.35)
    assert lda.joint_log_likelihood_ > LDA(3, alpha=0.5, n_sweeps=120).fit(corpus).joint_log_likelihood_


@pytest.mark.parametrize("engine", ["gibbs", "warp", "esca"])
def test_saved_and_resumed_equals_one_longer_fit(tmp_path: Path, engine: str) -> None:
    options = {"alpha": 0.3, "engine": engine, "optimise_alpha": True, "features": "root-proportions", "seed": 3}
    whole = LDA(5, n_sweeps=72, **options).fit(CORPUS)
    LDA(5, n_sweeps=55, **options).fit(CORPUS).save(tmp_path / "lda.npz")
    loaded = LDA.load(tmp_path / "lda.npz")
    np.testing.assert_allclose((loaded.transform(CORPUS) ** 2).sum(axis=1), np.ones(len(CORPUS)), rtol=1e-5)
    loaded.save(tmp_path / "again.npz")
    resumed = LDA.load(tmp_path / "again.npz").resume(CORPUS, 17)
    np.testing.assert_array_equal(whole.topics_, resumed.topics_)
    np.testing.assert_array_equal(whole.alpha_, resumed.alpha_)
    assert whole.joint_log_likelihood_ == resumed.joint_log_likelihood_
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.npz", "lda.npz"]


def test_resumes_only_with_its_own_documents(tmp_path: Path) -> None:
    lda = LDA(4, n_sweeps=2)
    with pytest.raises(UserError, match="nothing to resume"):
        lda.resume(CORPUS, 1)
    lda.fit(CORPUS)
    with pytest.raises(UserError, match="not the documents"):
        lda.resume(CORPUS.select_documents(np.arange(10)), 1)


@pytest.mark.parametrize("damage", ["missing", "text", "truncated", "other arrays"])
def test_a_damaged_file_is_said_to_be_one(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "lda.npz"
    if damage == "text":
        path.write_text("not an archive")
    elif damage == "truncated":
        LDA(4, n_sweeps=1).fit(CORPUS).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif damage == "other arrays":
        np.savez(path, x=np.zeros(3))
    with pytest.raises(UserError, match="not a saved LDA model"):
        LDA.load(path)


def test_progress_is_told() -> None:
    calls: list[tuple[int, int]] = []
    LDA(3, n_sweeps=4, progress=lambda sweep, of, seconds: calls.append((sweep, of))).fit(CORPUS)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_bar_counts_the_sweeps_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (True, False):
        screen = io.StringIO()
        screen.isatty = lambda shown=terminal: shown  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stderr", screen)
        monkeypatch.setenv("TERM", "xterm")
        LDA(3, n_sweeps=4, progress=True).fit(CORPUS)
        assert ("4/4" in screen.getvalue()) == terminal
    assert screen.getvalue() == ""


@pytest.mark.parametrize(
    "options",
    [
        {"n_topics": 0},
        {"n_topics": 3, "alpha": 0.0},
        {"n_topics": 3, "alpha": [1.0, 2.0]},
        {"n_topics": 3, "alpha": float("nan")},
        {"n_topics": 3, "beta": -1.0},
        {"n_topics": 3, "engine": "fast"},
        {"n_topics": 3, "n_sweeps": 0},
    ],
)
def test_impossible_settings(options: dict[str, object]) -> None:
    with pytest.raises(UserError) as raised:
        LDA(**options)
    assert "\n" not in str(raised.value)


def test_impossible_corpora() -> None:
    with pytest.raises(UserError, match="fewer topics"):
        LDA(50).fit(corpus_of([[0, 1, 2]], 3))

"""The classifier behind the table: its optimum, its scores, what it refuses."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import precision_recall_fscore_support
from sklearn.svm import LinearSVC

from dgmbench.errors import UserError
from dgmbench.metrics.classification import classify, score_decisions
from dgmbench.metrics.linear_svm import fit_linear_svm


def documents(n: int = 400, features: int = 10, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features of very different scales, as unscaled topic counts are, and overlapping classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    centres = 1.5 * rng.standard_normal((classes, features))
    mixed = (centres[labels] + rng.standard_normal((n, features))) @ rng.standard_normal((features, features))
    return mixed * rng.gamma(1, 3, features), labels


def objective(weights: np.ndarray, intercept: float, X: np.ndarray, y: np.ndarray) -> float:
    slack = np.maximum(0, 1 - y * (X @ weights + intercept))
    return float(np.abs(weights).sum() + abs(intercept) + slack @ slack)


@pytest.mark.parametrize("seed", [0, 1])
def test_dense_solver_and_liblinear_share_an_optimum(seed: int) -> None:
    X, labels = documents(seed=seed)
    ours = fit_linear_svm(X, labels, tolerance=1e-8)
    theirs = LinearSVC(penalty="l1", dual=False, tol=1e-9, max_iter=1_000_000, random_state=0).fit(X, labels)
    assert ours.converged
    for k, c in enumerate(ours.classes):
        y = np.where(labels == c, 1.0, -1.0)
        reached = objective(ours.weights[k], ours.intercepts[k], X, y)
        assert reached == pytest.approx(ours.objectives[k])
        assert reached <= objective(theirs.coef_[k], theirs.intercept_[k], X, y) * (1 + 1e-7)
    scale = np.abs(theirs.coef_).max()
    np.testing.assert_allclose(ours.weights, theirs.coef_, atol=1e-3 * scale)
    np.testing.assert_allclose(ours.intercepts, theirs.intercept_, atol=1e-3 * scale)


def test_the_gap_bounds_the_distance_to_the_optimum_at_every_stop() -> None:
    X, labels = documents()
    optimum = fit_linear_svm(X, labels, tolerance=1e-10).objectives
    for stop in range(1, 6):
        stopped = fit_linear_svm(X, labels, tolerance=1e-10, max_iterations=stop)
        assert (stopped.objectives - optimum <= stopped.gaps + 1e-6 * optimum).all()
        assert (stopped.objectives >= optimum * (1 - 1e-9)).all()


def test_dependent_features_do_not_stop_it() -> None:
    X, labels = documents()
    once = fit_linear_svm(X, labels, tolerance=1e-7)
    twice = fit_linear_svm(np.hstack([X, X, 0 * X[:, :2]]), labels, tolerance=1e-7)
    assert twice.converged
    np.testing.assert_allclose(twice.objectives, once.objectives, rtol=1e-6)
    assert not twice.weights[:, -2:].any()


def test_threads_change_nothing() -> None:
    X, labels = documents()
    np.testing.assert_array_equal(fit_linear_svm(X, labels).weights, fit_linear_svm(X, labels, threads=3).weights)


def test_scores_are_scikit_learn_s_macro_averages() -> None:
    X, labels = documents(600)
    result = classify(X[:400], labels[:400], X[400:], labels[400:])
    expected = precision_recall_fscore_support(labels[400:], result.predictions, average="macro")[:3]
    np.testing.assert_allclose([result.precision, result.recall, result.f1], 100 * np.array(expected))
    assert result.accuracy == pytest.approx(100 * np.mean(result.predictions == labels[400:]))
    assert result.converged and result.solver == "newton"
    assert result.f1 > 60


def test_a_case_counted_by_hand() -> None:
    # one feature tells a from the rest; c is never predicted, so its precision, recall and F1 are 0
    train = np.array([[5.0, 0], [5, 0], [0, 5], [0, 5]])
    test = np.array([[5.0, 0], [5, 0], [0, 5], [5, 0]])
    result = classify(train, np.array(list("aabb")), test, np.array(list("aabc")))
    assert result.predictions.tolist() == ["a", "a", "b", "a"]
    assert result.precision == pytest.approx(100 * (2 / 3 + 1 + 0) / 3)
    assert result.recall == pytest.approx(100 * 2 / 3)
    assert result.f1 == pytest.approx(100 * (0.8 + 1 + 0) / 3)
    assert result.accuracy == 75


def test_sparse_features_are_classified_as_dense_ones_are() -> None:
    X, labels = documents(600)
    X /= np.abs(X).max(axis=0)
    dense = classify(X[:400], labels[:400], X[400:], labels[400:])
    split = sparse.csr_matrix(X[:400]), labels[:400], sparse.csr_matrix(X[400:]), labels[400:]
    as_sparse = classify(*split)
    assert as_sparse.solver == "liblinear" and as_sparse.converged
    assert np.mean(dense.predictions == as_sparse.predictions) > 0.98


def test_stopping_early_is_said(caplog: pytest.LogCaptureFixture) -> None:
    X, labels = documents()
    X = sparse.csr_matrix(X)
    with caplog.at_level(logging.WARNING, "dgmbench"):
        result = classify(X, labels, X, labels, max_iterations=1)
    assert not result.converged
    assert "before converging" in caplog.text


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"train_labels": np.zeros(400, int)}, "one class"),
        ({"train_labels": np.zeros(399, int)}, "one row a label"),
        ({"test_features": np.ones((400, 9))}, "9 in test"),
        ({"train_features": np.full((400, 10), np.nan)}, "NaN"),
        ({"test_features": np.ones((0, 10)), "test_labels": np.ones(0, int)}, "no test documents"),
    ],
)
def test_bad_input_is_one_clear_line(change: dict[str, np.ndarray], complaint: str) -> None:
    X, labels = documents()
    arguments = {"train_features": X, "train_labels": labels, "test_features": X, "test_labels": labels}
    with pytest.raises(UserError, match=complaint) as caught:
        classify(**(arguments | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("n", "classes", "seed"), [(1, 2, 0), (10, 2, 1), (50, 3, 2), (200, 20, 3), (60, 5, 4)])
def test_own_decisions_are_scored_as_they_are(n: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(classes, size=n).astype(np.int32), rng.standard_normal((n, classes))
    scores[np.arange(n), labels] += 1.0
    found = score_decisions(labels, scores)
    np.testing.assert_array_equal(found.predictions, scores.argmax(axis=1))
    expected = precision_recall_fscore_support(labels, scores.argmax(axis=1), average="macro", zero_division=0)
    assert (found.precision, found.recall, found.f1) == pytest.approx([100 * share for share in expected[:3]])
    assert found.accuracy == pytest.approx(100 * np.mean(labels == scores.argmax(axis=1)))
    assert (found.solver, found.converged) == ("none", True)


@pytest.mark.parametrize("scores", [np.zeros((3, 2)), np.zeros(4), np.full((4, 2), np.nan), np.full((4, 2), -np.inf)])
def test_scores_that_cannot_decide_are_refused(scores: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"do not match|NaN or infinity") as caught:
        score_decisions(np.array([0, 1, 1, 0]), scores)
    assert "\n" not in str(caught.value)
